"""Objects of other classes, found by a network of the YOLO family that the operator names.

The kinds differ in what they take and give (N candidates, C classes):

========  =====================  ==================================================================================
kind      input                  output
========  =====================  ==================================================================================
yolox     BGR, 0–255             1 × N × (5 + C): middle in cells, logarithms of sides, objectness, classes' scores
yolov5    RGB, 0–1               1 × N × (5 + C): middle and sides in pixels, objectness, classes' scores; also YOLOv7
yolov8    RGB, 0–1               1 × (4 + C) × N: middle and sides in pixels, classes' scores; also YOLO9, 11, 12
yolov10   RGB, 0–1               1 × N × 6: left, top, right, bottom in pixels, score, class; also other kinds that
                                 were exported with their own suppression of doubles
========  =====================  ==================================================================================
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from imgproxy_py.engine.detection.boxes import Array, detections, distinct, fitted
from imgproxy_py.engine.detection.port import Detection, Pixels
from imgproxy_py.engine.detection.runtime import Session, computed, open_session, read_model
from imgproxy_py.engine.detection.settings import NetType
from imgproxy_py.errors import ImgproxyError

_MARGIN = 114
"""The grey around pictures that these networks were trained with."""

_STRIDES = (8, 16, 32)


class Candidates(NamedTuple):
    """Rows of one length: boxes (left, top, right, bottom in pixels of the input), their class and its score."""

    boxes: Array
    scores: Array
    classes: NDArray[np.intp]


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """What tells one kind of network from the others. `columns` is the length of its rows for a number of classes."""

    read: Callable[[Array, int], Candidates]
    columns: Callable[[int], int]
    blue_first: bool = False
    scale: float = 1 / 255
    upright: bool = True


class OnnxDetector:
    """Finds what the operator's network knows.

    The network is loaded and tried at once. Raises `OSError` if there is no file, and `ImgproxyError` if it cannot be
    loaded, or if what it gives does not fit its kind and the number of classes.
    """

    def __init__(
        self,
        path: Path,
        *,
        classes: tuple[str, ...],
        kind: NetType,
        side: int,
        confidence: float,
        overlap: float,
        swap_colors: bool = False,
    ) -> None:
        model, digest = read_model(path)
        self.classes, self.side = classes, side
        self._network, self._kind = NETWORKS[kind], kind
        self._confidence, self._overlap = confidence, overlap
        self._blue_first = self._network.blue_first != swap_colors
        self._session: Session = open_session(model)
        self._input: str = self._session.get_inputs()[0].name
        self.identity = f"{kind} {digest} {side} {confidence} {overlap} {self._blue_first} {','.join(classes)}"
        self._try()

    def __repr__(self) -> str:
        return f"<OnnxDetector {self.identity}>"

    def detect(self, pixels: Pixels) -> tuple[Detection, ...]:
        """Give the objects, the surest first; doubles of one class are left out."""
        image, scale = fitted(pixels, self.side, self.side, fill=_MARGIN)
        found = self._network.read(self._output(image), self.side)
        sure = found.scores >= self._confidence
        boxes, scores, classes = found.boxes[sure], found.scores[sure], found.classes[sure]
        known = (classes >= 0) & (classes < len(self.classes))
        boxes, scores, classes = boxes[known], scores[known], classes[known]
        kept = distinct(boxes, scores, classes, self._overlap)
        return detections(boxes[kept], scores[kept], classes[kept], pixels, scale, self.classes)

    def _output(self, image: Array) -> Array:
        if self._blue_first:
            image = image[:, :, ::-1]
        tensor = np.ascontiguousarray(image.transpose(2, 0, 1)[None] * np.float32(self._network.scale))
        output = np.asarray(next(iter(computed(self._session, self._input, tensor).values())), np.float32)
        return self._checked(output)

    def _checked(self, output: Array) -> Array:
        if output.ndim == 3:
            rows = output[0] if self._network.upright else output[0].T
            if rows.shape[1] == self._network.columns(len(self.classes)):
                return np.ascontiguousarray(rows)
        raise ImgproxyError(
            "the network gives what does not fit its kind and classes",
            private=f"{self._kind} of {len(self.classes)} classes gave an output of shape {output.shape}",
        )

    def _try(self) -> None:
        grey = Pixels(data=bytes([_MARGIN]) * (3 * 32 * 32), width=32, height=32)
        self.detect(grey)


def _scored(middle: Array, sides: Array, scores: Array) -> Candidates:
    best = scores.argmax(axis=1)
    boxes = np.concatenate([middle - sides / 2, middle + sides / 2], axis=1)
    return Candidates(boxes, scores[np.arange(len(best)), best], best)


def _read_yolox(rows: Array, side: int) -> Candidates:
    cells = [np.stack(np.meshgrid(*[np.arange(side // stride)] * 2), axis=-1).reshape(-1, 2) for stride in _STRIDES]
    strides = np.repeat(np.array(_STRIDES, np.float32), [len(one) for one in cells])[:, None]
    if len(strides) != len(rows):
        raise ImgproxyError(
            "the network's grid is not that of its input's size", private=f"{len(rows)} cells at {side}"
        )
    middle = (rows[:, :2] + np.concatenate(cells)) * strides
    sides = np.exp(np.minimum(rows[:, 2:4], 20)) * strides
    return _scored(middle, sides, rows[:, 5:] * rows[:, 4:5])


def _read_yolov5(rows: Array, side: int) -> Candidates:
    return _scored(rows[:, :2], rows[:, 2:4], rows[:, 5:] * rows[:, 4:5])


def _read_yolov8(rows: Array, side: int) -> Candidates:
    return _scored(rows[:, :2], rows[:, 2:4], rows[:, 4:])


def _read_yolov10(rows: Array, side: int) -> Candidates:
    return Candidates(rows[:, :4], rows[:, 4], np.nan_to_num(rows[:, 5], nan=-1).astype(np.intp))


NETWORKS: dict[NetType, Network] = {
    "yolox": Network(read=_read_yolox, columns=lambda classes: 5 + classes, blue_first=True, scale=1.0),
    "yolov5": Network(read=_read_yolov5, columns=lambda classes: 5 + classes),
    "yolov8": Network(read=_read_yolov8, columns=lambda classes: 4 + classes, upright=False),
    "yolov10": Network(read=_read_yolov10, columns=lambda classes: 6),
}
