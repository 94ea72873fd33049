"""Bytes become an image whose pixels are not decoded yet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pyvips

from imgproxy_py.engine.libvips import LOADERS
from imgproxy_py.errors import BrokenImage
from imgproxy_py.recipe.formats import Format
from imgproxy_py.recipe.picture import Header

# libvips renders an SVG at 72 dpi unless told; CSS pixels are defined at 96 (dialect §10).
_CSS_DPI = 96
_CSS_SCALE = 72 / 96

_PAGED = frozenset({Format.GIF, Format.WEBP, Format.TIFF, Format.AVIF})


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageFile:
    """An image file in memory; `tolerant` decodes what there is of a damaged one."""

    data: bytes
    format: Format
    tolerant: bool = False

    def open(self, *, shrink: float = 1.0, embedded_thumbnail: bool = False) -> pyvips.Image:
        """Give the first frame, for one pass from top to bottom, `shrink` times smaller if the format's decoder can.

        Raises `BrokenImage` if not even the header can be read.
        """
        options: dict[str, Any] = {"access": "sequential", "fail_on": "none" if self.tolerant else "truncated"}
        options |= self._shrink_options(shrink)
        if embedded_thumbnail and self.format is Format.AVIF:
            options["thumbnail"] = True
        try:
            image: pyvips.Image = pyvips.Operation.call(LOADERS[self.format], self.data, **options)
        except pyvips.Error as error:
            raise BrokenImage("the original's header cannot be read", private=str(error)) from error
        return image

    def _shrink_options(self, shrink: float) -> dict[str, Any]:
        if self.format is Format.SVG:
            return {"dpi": _CSS_DPI, "scale": _CSS_SCALE / shrink}
        if shrink == 1:
            return {}
        return {"shrink": int(shrink)} if self.format is Format.JPEG else {"scale": 1 / shrink}


def header_of(image: pyvips.Image, kind: Format) -> Header:
    """Give what is known of an opened image before its pixels are decoded."""
    return Header(
        format=kind,
        width=image.width,
        height=image.height,
        orientation=orientation_of(image),
        frames=_integer(image, "n-pages", 1) if kind in _PAGED else 1,
        alpha=image.hasalpha(),
        bands=image.bands,
        profile=image.get_typeof("icc-profile-data") != 0,
    )


def orientation_of(image: pyvips.Image) -> int:
    """Give EXIF's orientation, 1–8, 1 if there is none or it makes no sense."""
    value = _integer(image, "orientation", 1)
    return value if 1 <= value <= 8 else 1


def _integer(image: pyvips.Image, name: str, default: int) -> int:
    if image.get_typeof(name) == 0:
        return default
    value = image.get(name)
    return int(value) if isinstance(value, int) else default
