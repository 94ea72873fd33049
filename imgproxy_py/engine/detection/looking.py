"""Pictures as networks look at them: of their size, the right way up, in RGB."""

from __future__ import annotations

import pyvips

from imgproxy_py.engine.detection.port import Pixels
from imgproxy_py.engine.interrupt import Interrupt
from imgproxy_py.engine.loading import ImageFile
from imgproxy_py.recipe.formats import Format
from imgproxy_py.recipe.geometry import EXIF_ANGLES, MIRRORED
from imgproxy_py.recipe.view import View

_BEHIND = [255.0, 255.0, 255.0]
"""What transparent pixels are laid on."""


def upright(orientation: int) -> View:
    """Give the view of an original of that EXIF orientation, the right way up."""
    view = View().turned(EXIF_ANGLES.get(orientation, 0))
    return view.flipped_horizontally() if orientation in MIRRORED else view


def pixels_of_file(file: ImageFile, side: int, interrupt: Interrupt) -> Pixels:
    """Decode an original, made smaller or larger so that its longest side is that long. Its EXIF orientation is applied.

    This does not depend on what is made of the original: the same objects are found whatever is asked for first.
    Raises `BrokenImage`, `pyvips.Error`, and `DeadlineExceeded` if `interrupt` says so.
    """
    header = file.header()
    shrink = _shrink(file.format, max(header.width, header.height) / side)
    image = file.open(shrink=shrink, interrupt=interrupt)
    return pixels_of(_turned(_sized(image, side), header.orientation, interrupt), side, interrupt)


def square_of_file(file: ImageFile, side: int, interrupt: Interrupt) -> Pixels:
    """Decode an original, stretched to a square of that side, so that all of it is seen. Its EXIF orientation is applied.

    Raises as `pixels_of_file` does.
    """
    header = file.header()
    shrink = _shrink(file.format, min(header.width, header.height) / side)
    image = file.open(shrink=shrink, interrupt=interrupt)
    image = image.thumbnail_image(side, height=side, size="force", no_rotate=True)
    return pixels_of(_turned(image, header.orientation, interrupt), side, interrupt)


def pixels_of(image: pyvips.Image, side: int, interrupt: Interrupt) -> Pixels:
    """Give an image that is the right way up, made smaller or larger so that its longest side is that long."""
    image = _colors(image if max(image.width, image.height) == side else _sized(image, side))
    data = interrupt.watch(image).write_to_memory()
    return Pixels(data=bytes(data), width=image.width, height=image.height)


def _sized(image: pyvips.Image, side: int) -> pyvips.Image:
    return image.thumbnail_image(side, height=side, no_rotate=True)


def _shrink(kind: Format, factor: float) -> float:
    if kind is Format.SVG:
        return max(factor, 1.0)
    if kind is Format.JPEG:
        return float(next((power for power in (8, 4, 2) if power <= factor), 1))
    return factor if kind is Format.WEBP and factor > 1 else 1.0


def _turned(image: pyvips.Image, orientation: int, interrupt: Interrupt) -> pyvips.Image:
    if orientation == 1:
        return image
    image = interrupt.watch(image).copy_memory()  # it is read in another order than it is decoded in
    angle = EXIF_ANGLES.get(orientation, 0)
    image = image.rot(f"d{angle}") if angle else image
    return image.fliphor() if orientation in MIRRORED else image


def _colors(image: pyvips.Image) -> pyvips.Image:
    if image.hasalpha():
        image = image.flatten(background=_BEHIND if image.bands > 2 else _BEHIND[:1])
    image = image.colourspace("srgb")
    return image.extract_band(0, n=3).cast("uchar")
