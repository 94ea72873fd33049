"""Classifying by a network that the operator names.

It takes one picture, square, in RGB, and gives one number a class: confidences, or logits. Which of both is found out
once, when it is loaded, by showing it pictures: if all of its numbers are 0–1 it has its own softmax or sigmoid.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgproxy_py.engine.classification.settings import ClassificationSettings, Layout, Normalization
from imgproxy_py.engine.detection.port import Pixels
from imgproxy_py.engine.detection.runtime import Session, computed, open_session, read_model
from imgproxy_py.errors import ImgproxyError
from imgproxy_py.kinds import UnusableSetting

_Array = NDArray[np.float32]

_MEAN, _DEVIATION = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
"""Of ImageNet's pictures, samples being 0–1."""

NORMALIZATIONS: dict[Normalization, tuple[Any, Any]] = {
    "none": (1.0, 0.0),
    "half": (1 / 255, 0.0),
    "full": (1 / 127.5, -1.0),
    "imagenet": (1 / (255 * _DEVIATION), -_MEAN / _DEVIATION),
}
"""What samples of 0–255 are multiplied by, and what is added then."""

_SAMPLES: dict[str, Any] = {"tensor(float)": np.float32, "tensor(float16)": np.float16, "tensor(uint8)": np.uint8}
"""The kinds of numbers that a network may take."""

_ROUNDING = 1e-3
"""By how much a confidence may miss 0–1; half floats do."""

_NET = "classification_net"


class OnnxClassifier:
    """Knows the classes of the operator's network.

    The network is loaded and tried at once; raises `UnusableSetting`, which names the setting that does not fit it.
    """

    def __init__(self, path: Path, settings: ClassificationSettings, *, classes: tuple[str, ...]) -> None:
        model, digest = read_model(path)
        self.classes, self.side = classes, settings.classification_net_size
        self.identity = f"{digest} {','.join(classes)}"
        self._session: Session = open_session(model)
        declared = self._session.get_inputs()[0]
        self._name: str = declared.name
        self._layout = _layout(declared.shape, settings)
        self._samples = _samples(path, declared.type, settings)
        self._scale, self._offset = NORMALIZATIONS[settings.classification_normalization]
        self._gives_logits = self._tried(settings)

    def __repr__(self) -> str:
        return f"<OnnxClassifier of {len(self.classes)} classes, {self.side} {self._layout}>"

    def classify(self, pixels: Pixels) -> tuple[float, ...]:
        """Give the confidence of every class; raises `ImgproxyError` if the network fails."""
        numbers = self._output(np.frombuffer(pixels.data, np.uint8).reshape(self.side, self.side, 3))
        if self._gives_logits:
            numbers = _confidences(numbers)
        elif not _are_confidences(numbers):
            raise ImgproxyError("the network failed", private="it gave confidences before, and now other numbers")
        return tuple(np.clip(numbers, 0, 1).tolist())

    def _output(self, image: NDArray[np.uint8]) -> _Array:
        tensor = (image * np.float32(self._scale) + np.float32(self._offset)).astype(self._samples)
        if self._layout == "nchw":
            tensor = tensor.transpose(2, 0, 1)
        outputs = computed(self._session, self._name, np.ascontiguousarray(tensor[None]))
        output = np.asarray(next(iter(outputs.values())))
        if not (np.issubdtype(output.dtype, np.floating) and np.isfinite(output).all()):
            raise ImgproxyError("the network failed", private=f"it gave {output.dtype} that are no finite numbers")
        return output.astype(np.float32).reshape(-1)

    def _tried(self, settings: ClassificationSettings) -> bool:
        """Tell whether the network gives logits."""
        outputs = [self._output(one) for one in _trials(self.side)]
        if len(outputs[0]) != len(self.classes):
            raise UnusableSetting(
                "classification_classes",
                settings.classification_classes,
                f"a file of {len(outputs[0])} classes, as the network has, not {len(self.classes)}",
            )
        return not all(_are_confidences(one) for one in outputs)


def _layout(shape: Sequence[Any], settings: ClassificationSettings) -> Layout:
    """Give the layout of the network's input; raises `UnusableSetting` if it declares what the settings deny."""
    if len(shape) != 4:
        raise ImgproxyError("it does not take pictures", private=f"its input has the shape {list(shape)}")
    first, last = shape[1] == 3, shape[3] == 3
    told: Layout | None = None if first == last else "nchw" if first else "nhwc"
    wanted = settings.classification_layout
    if told and wanted and told != wanted:
        raise UnusableSetting("classification_layout", wanted, f"{told}, as the network declares")
    layout = told or wanted or "nhwc"
    _check_side(shape[2:] if layout == "nchw" else shape[1:3], settings.classification_net_size)
    return layout


def _check_side(sides: Sequence[Any], side: int) -> None:
    fixed = [one for one in sides if isinstance(one, int)]
    if any(one != side for one in fixed):
        shown = " × ".join(map(str, fixed))
        raise UnusableSetting("classification_net_size", side, f"{shown}, as the network declares")


def _samples(path: Path, kind: str, settings: ClassificationSettings) -> Any:
    if kind not in _SAMPLES:
        raise UnusableSetting(_NET, path, f"a network that takes one of {' '.join(_SAMPLES)}, not {kind}")
    normalization = settings.classification_normalization
    if kind == "tensor(uint8)" and normalization != "none":
        raise UnusableSetting("classification_normalization", normalization, "none, as the network takes whole numbers")
    return _SAMPLES[kind]


def _trials(side: int) -> Iterator[NDArray[np.uint8]]:
    for color in ((0, 0, 0), (255, 255, 255), (255, 0, 0), (0, 255, 0), (0, 0, 255)):
        yield np.full((side, side, 3), color, np.uint8)
    yield np.random.default_rng(0).integers(0, 256, (side, side, 3), np.uint8)


def _are_confidences(numbers: _Array) -> bool:
    return bool((numbers >= -_ROUNDING).all() and (numbers <= 1 + _ROUNDING).all())


def _confidences(logits: _Array) -> _Array:
    """Give the softmax; of a single class, which has no other to compare with, the logistic function."""
    if len(logits) == 1:
        return np.asarray(1 / (1 + np.exp(-np.clip(logits, -80, 80))), np.float32)
    raised = np.exp(logits.astype(np.float64) - logits.max())
    return np.asarray(raised / raised.sum(), np.float32)
