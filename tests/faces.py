"""A drawn face that detectors of faces take for one, and detectors for tests."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path

import pyvips

from imgproxy_py.engine.detection.port import Detection, Pixels
from tests import pictures

_DRAWING = Path(__file__).parents[1] / "samples" / "face.svg"

GROUND = (110, 140, 120)

_MIDDLE = (0.5, 0.55)
"""Of the face in the drawing, in shares of its sides."""


@cache
def face(height: int) -> pyvips.Image:
    """The drawing, of that height, on nothing."""
    scale = height / 240
    return pyvips.Image.svgload(str(_DRAWING), scale=scale, dpi=72).copy_memory()


def crowd(width: int, height: int, *faces: tuple[int, int, int], ground: Sequence[int] = GROUND) -> pyvips.Image:
    """Faces on an even ground, each given by left, top and height."""
    image = (pyvips.Image.black(width, height, bands=3) + list(ground)).cast("uchar").copy(interpretation="srgb")
    for left, top, tall in faces:
        image = image.composite2(face(tall), "over", x=left, y=top)
    return (image.flatten() if image.hasalpha() else image).cast("uchar").copy_memory()


def middle(left: int, top: int, height: int) -> tuple[float, float]:
    """Where the middle of a face lies that was drawn there."""
    return left + height * 200 / 240 * _MIDDLE[0], top + height * _MIDDLE[1]


def found(
    left: float, top: float, width: float, height: float, name: str = "face", confidence: float = 0.9, class_id: int = 0
) -> Detection:
    return Detection(
        class_id=class_id,
        class_name=name,
        confidence=confidence,
        left=left,
        top=top,
        width=width,
        height=height,
    )


class FakeDetector:
    """Finds always the same, and counts how often it was asked."""

    side = 64

    def __init__(self, *detections: Detection, classes: tuple[str, ...] = ("face",), identity: str = "fake") -> None:
        self.detections = detections
        self.classes = classes
        self.identity = identity
        self.looked_at: list[Pixels] = []

    def detect(self, pixels: Pixels) -> tuple[Detection, ...]:
        self.looked_at.append(pixels)
        return self.detections


def stored_for(seen: pyvips.Image, orientation: int) -> pyvips.Image:
    """The pixels that are stored for what is seen, under an EXIF orientation, which they carry."""
    angle = {3: 180, 4: 180, 5: 90, 6: 90, 7: 270, 8: 270}.get(orientation, 0)
    image = seen.fliphor() if orientation in (2, 4, 5, 7) else seen
    image = image.rot(f"d{360 - angle}") if angle else image
    return pictures.with_orientation(image.copy_memory(), orientation)
