"""A colour."""

from __future__ import annotations

from typing import NamedTuple


class Color(NamedTuple):
    """An opaque colour, each band 0–255 in sRGB."""

    red: int
    green: int
    blue: int

    def hex(self) -> str:
        """Give the six lower-case hex digits that URLs use."""
        return f"{self.red:02x}{self.green:02x}{self.blue:02x}"
