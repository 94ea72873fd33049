"""What a detector is: pixels in, boxes with names out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from imgproxy_py.recipe.model import Box


@dataclass(frozen=True, slots=True, kw_only=True)
class Detection:
    """An object that was found.

    `confidence` is 0–1. The box is in shares 0–1 of the sides of the picture that was looked at.
    """

    class_id: int
    class_name: str
    confidence: float
    left: float
    top: float
    width: float
    height: float

    @property
    def box(self) -> Box:
        """Where it is."""
        return Box(left=self.left, top=self.top, width=self.width, height=self.height)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pixels:
    """A picture to look at: RGB, 8 bits each, row by row from the top, the right way up."""

    data: bytes
    width: int
    height: int


class Detector(Protocol):
    """Finds objects of some classes. Asked by one thread at a time."""

    @property
    def identity(self) -> str:
        """What its findings depend on, besides the pixels: model and thresholds."""
        ...

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes that it knows."""
        ...

    @property
    def side(self) -> int:
        """How long the longest side of what it looks at is to be, in pixels."""
        ...

    def detect(self, pixels: Pixels) -> tuple[Detection, ...]:
        """Give what is found, the surest first."""
        ...
