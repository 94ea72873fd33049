"""Boxes as rows of numbers, which is how networks give them: left, top, right, bottom in pixels of the network's input."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from imgproxy_py.engine.detection.port import Detection, Pixels

Array = NDArray[np.float32]

MOST_DETECTIONS = 100
"""How many objects are given at most, those found with most confidence."""

_MOST_CANDIDATES = 1000


def fitted(pixels: Pixels, side: int, canvas_side: int, *, fill: int) -> tuple[Array, float]:
    """Give the pixels, fitted into `side`, at the top left of a square canvas, and by how much they were scaled.

    The array is (canvas_side, canvas_side, 3) in RGB, 0–255.
    """
    image = np.frombuffer(pixels.data, np.uint8).reshape(pixels.height, pixels.width, 3)
    scale = side / max(pixels.width, pixels.height)
    width, height = (max(1, round(length * scale)) for length in (pixels.width, pixels.height))
    canvas = np.full((canvas_side, canvas_side, 3), fill, np.float32)
    canvas[:height, :width] = _resized(image, width, height)
    return canvas, scale


def _resized(image: NDArray[np.uint8], width: int, height: int) -> Array:
    """Scale by interpolating between the two nearest rows and columns; fit for factors near 1 or above."""
    if (image.shape[1], image.shape[0]) == (width, height):
        return image.astype(np.float32)
    rows, below, down = _neighbours(image.shape[0], height)
    columns, beside, across = _neighbours(image.shape[1], width)
    tall = image[rows] * (1 - down)[:, None, None] + image[below] * down[:, None, None]
    wide = tall[:, columns] * (1 - across)[None, :, None] + tall[:, beside] * across[None, :, None]
    return np.asarray(wide, np.float32)


def _neighbours(length: int, wanted: int) -> tuple[NDArray[np.intp], NDArray[np.intp], Array]:
    at = np.clip((np.arange(wanted, dtype=np.float32) + 0.5) * (length / wanted) - 0.5, 0, length - 1)
    first = np.floor(at).astype(np.intp)
    return first, np.minimum(first + 1, length - 1), (at - first).astype(np.float32)


def distinct(boxes: Array, scores: Array, groups: NDArray[np.intp], threshold: float) -> NDArray[np.intp]:
    """Give the indices of the boxes to keep, the surest first: of those of a group that overlap too much, the surest.

    Two boxes overlap too much where their common area is more than `threshold` of the area that they cover together.
    """
    left = np.argsort(-scores, kind="stable")[:_MOST_CANDIDATES]
    kept: list[int] = []
    while left.size and len(kept) < MOST_DETECTIONS:
        best, others = left[0], left[1:]
        kept.append(int(best))
        same = groups[others] == groups[best]
        left = others[~(same & (_overlap(boxes[best], boxes[others]) > threshold))]
    return np.array(kept, np.intp)


def _overlap(box: Array, others: Array) -> Array:
    size = np.minimum(box[2:], others[:, 2:]) - np.maximum(box[:2], others[:, :2])
    common = np.prod(np.clip(size, 0, None), axis=1)
    together = np.prod(box[2:] - box[:2]) + np.prod(others[:, 2:] - others[:, :2], axis=1) - common
    return np.asarray(common / np.maximum(together, 1e-9), np.float32)


def detections(
    boxes: Array,
    scores: Array,
    groups: NDArray[np.intp],
    pixels: Pixels,
    scale: float,
    names: Sequence[str],
    *,
    first_id: int = 0,
) -> tuple[Detection, ...]:
    """Give the boxes in shares of the picture, cut to it; what lies outside of it or is no number is left out.

    A group is the index of its class's name. Ids of classes are counted from `first_id`.
    """
    size = np.array([pixels.width, pixels.height] * 2, np.float64) * scale
    shares = np.clip(boxes / size, 0, 1)
    valid = np.isfinite(boxes).all(axis=1) & np.isfinite(scores) & (shares[:, 2:] > shares[:, :2]).all(axis=1)
    return tuple(
        Detection(
            class_id=first_id + int(groups[i]),
            class_name=names[groups[i]],
            confidence=min(1.0, float(scores[i])),
            left=float(shares[i, 0]),
            top=float(shares[i, 1]),
            width=float(shares[i, 2] - shares[i, 0]),
            height=float(shares[i, 3] - shares[i, 1]),
        )
        for i in np.flatnonzero(valid)
    )
