"""Detectors from settings."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from imgproxy_py.engine.detection import runtime
from imgproxy_py.engine.detection.class_files import class_lines
from imgproxy_py.engine.detection.objects import ObjectDetection
from imgproxy_py.engine.detection.port import Detector
from imgproxy_py.engine.detection.settings import DetectionSettings
from imgproxy_py.errors import ImgproxyError
from imgproxy_py.kinds import UnusableSetting

NET, CLASSES = "object_detection_net", "object_detection_classes"
"""The settings that name files."""


def open_detection(settings: DetectionSettings) -> ObjectDetection:
    """Give what finds objects here: with the operator's network, if one is named, and faces, if the extra is installed.

    The operator's network goes before: if it knows a class `face`, nothing else looks for faces. Raises `UnusableSetting`
    if the network or the names of its classes cannot be used.
    """
    detectors: list[Detector] = []
    weights: dict[str, float] = {}
    if settings.object_detection_net is not None:
        network, weights = _operators_network(settings, settings.object_detection_net)
        detectors.append(network)
    detectors += _faces(settings, known=[name for one in detectors for name in one.classes])
    return ObjectDetection(detectors, max_bytes=settings.object_detection_cache_bytes, weights=weights)


def warnings(settings: DetectionSettings) -> Iterator[str]:
    """Tell what an operator should know of detection as it is set up."""
    if settings.face_detection and not _can_find_faces():
        yield f"no faces are found without the extra `{runtime.EXTRA}`: cuts by objects fall back, blurring them is refused"


def _can_find_faces() -> bool:
    return runtime.is_installed() and runtime.face_weights() is not None


def _operators_network(settings: DetectionSettings, path: Path) -> tuple[Detector, dict[str, float]]:
    runtime.require(NET, path)
    from imgproxy_py.engine.detection.onnx import OnnxDetector

    weights = _classes(settings)
    try:
        network = OnnxDetector(
            path,
            classes=tuple(weights),
            kind=settings.object_detection_net_type,
            side=settings.object_detection_net_size,
            confidence=settings.object_detection_confidence_threshold,
            overlap=settings.object_detection_nms_threshold,
            swap_colors=settings.object_detection_swap_rb,
        )
    except (OSError, ImgproxyError) as error:
        raise UnusableSetting(NET, path, f"a network that can be used: {runtime.reason(error)}") from error
    return network, {name: weight for name, weight in weights.items() if weight != 1}


def _faces(settings: DetectionSettings, *, known: list[str]) -> list[Detector]:
    if not (settings.face_detection and _can_find_faces()):
        return []
    from imgproxy_py.engine.detection.faces import FACE, FaceDetector

    path = runtime.face_weights()
    if path is None or FACE in known:
        return []
    return [FaceDetector(path, confidence=settings.face_detection_confidence_threshold, class_id=len(known))]


def _classes(settings: DetectionSettings) -> dict[str, float]:
    """Read the names of the classes, in the order of their numbers, each with its weight."""
    path = settings.object_detection_classes
    lines = class_lines(CLASSES, path)
    classes = dict(_class(path, line) for line in lines)
    if len(classes) != len(lines):
        raise UnusableSetting(CLASSES, path, "a file that names no class twice")
    return classes


def _class(path: Path | None, line: str) -> tuple[str, float]:
    name, _, weight = line.partition("=")
    try:
        return name.strip(), float(weight or 1)
    except ValueError:
        raise UnusableSetting(CLASSES, path, f"a file of lines as name=weight, not {line!r}") from None
