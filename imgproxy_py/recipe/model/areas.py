"""Parts of a picture, in shares of it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """A rectangle in shares 0–1 of the image's sides."""

    left: float
    top: float
    width: float
    height: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Ramp:
    """From nothing to all along a direction: degrees clockwise (0 is downwards, 90 leftwards), shares 0–1 of the way."""

    direction: float = 0.0
    start: float = 0.0
    stop: float = 1.0
