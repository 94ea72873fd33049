"""The classifier from settings."""

from __future__ import annotations

from imgproxy_py.engine.classification.images import ImageClassification
from imgproxy_py.engine.classification.settings import ClassificationSettings
from imgproxy_py.engine.detection import runtime
from imgproxy_py.engine.detection.class_files import class_lines
from imgproxy_py.errors import ImgproxyError
from imgproxy_py.kinds import UnusableSetting

NET, CLASSES = "classification_net", "classification_classes"
"""The settings that name files."""


def open_classification(settings: ClassificationSettings) -> ImageClassification:
    """Give what classifies pictures here, with the operator's network if one is named.

    Raises `UnusableSetting` if the network, or the file of its classes, cannot be used.
    """
    path = settings.classification_net
    if path is None:
        return ImageClassification()
    runtime.require(NET, path)
    from imgproxy_py.engine.classification.onnx import OnnxClassifier

    classes = tuple(class_lines(CLASSES, settings.classification_classes))
    try:
        classifier = OnnxClassifier(path, settings, classes=classes)
    except (OSError, ImgproxyError) as error:
        raise UnusableSetting(NET, path, f"a network that can be used: {runtime.reason(error)}") from error
    return ImageClassification(classifier, threshold=settings.classification_threshold)
