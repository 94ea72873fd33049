"""A drawn face that detectors of faces take for one, and detectors for tests."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import pyvips

from imgproxy_py.engine.detection.port import Detection, Pixels
from tests import pictures

_DRAWING = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 200 240" width="{width}" height="{height}">
<defs>
<radialGradient id="skin" cx="0.45" cy="0.42" r="0.65">
<stop offset="0" stop-color="#f3cfb3"/><stop offset="0.7" stop-color="#dca681"/><stop offset="1" stop-color="#a8704e"/>
</radialGradient>
<linearGradient id="nose" x1="0" x2="1">
<stop offset="0" stop-color="#b67c5a" stop-opacity="0.1"/><stop offset="1" stop-color="#8d5a3c" stop-opacity="0.7"/>
</linearGradient>
</defs>
<ellipse cx="100" cy="100" rx="82" ry="96" fill="#2e2018"/>
<rect x="72" y="180" width="56" height="60" fill="#c28e6c"/>
<ellipse cx="100" cy="120" rx="66" ry="86" fill="url(#skin)"/>
<path d="M32 110 Q40 40 100 38 Q160 40 168 110 Q150 62 100 62 Q50 62 32 110" fill="#2e2018"/>
<path d="M56 96 Q72 86 90 95 M110 95 Q128 86 144 96" stroke="#35241a" stroke-width="6" fill="none"/>
<ellipse cx="74" cy="112" rx="14" ry="8" fill="#f4efe9"/><ellipse cx="126" cy="112" rx="14" ry="8" fill="#f4efe9"/>
<circle cx="74" cy="112" r="7.5" fill="#4a3524"/><circle cx="126" cy="112" r="7.5" fill="#4a3524"/>
<circle cx="74" cy="112" r="3.5" fill="#0c0806"/><circle cx="126" cy="112" r="3.5" fill="#0c0806"/>
<path d="M59 110 Q74 99 89 110 M111 110 Q126 99 141 110" stroke="#3a281c" stroke-width="3" fill="none"/>
<path d="M98 108 Q94 140 84 150 Q92 158 100 156 Q108 158 116 150 Q106 140 102 108" fill="url(#nose)"/>
<ellipse cx="91" cy="152" rx="4" ry="2.5" fill="#6b4030"/><ellipse cx="109" cy="152" rx="4" ry="2.5" fill="#6b4030"/>
<path d="M72 174 Q100 166 128 174 Q100 196 72 174" fill="#b0524e"/>
<path d="M72 174 Q100 180 128 174" stroke="#6e2b2b" stroke-width="3" fill="none"/>
</svg>"""

GROUND = (110, 140, 120)

_MIDDLE = (0.5, 0.55)
"""Of the face in the drawing, in shares of its sides."""


@cache
def face(height: int) -> pyvips.Image:
    """The drawing, of that height, on nothing."""
    drawing = _DRAWING.format(width=height * 200 // 240, height=height)
    return pyvips.Image.svgload_buffer(drawing.encode()).copy_memory()


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
