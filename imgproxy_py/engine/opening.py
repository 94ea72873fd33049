"""Originals are recognised, and their headers read, before any pixel is decoded."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pyvips

from imgproxy_py.engine.choice import Choice
from imgproxy_py.engine.interrupt import Interrupt
from imgproxy_py.engine.loading import ImageFile, configured, header_of
from imgproxy_py.engine.svg import prepared
from imgproxy_py.errors import BrokenImage, UndecodableImage, UnknownImage
from imgproxy_py.recipe.formats import Format, sniff
from imgproxy_py.recipe.frames import may_animate
from imgproxy_py.recipe.integrity import is_truncated
from imgproxy_py.recipe.jpeg import jpeg_header
from imgproxy_py.recipe.limits import Limits
from imgproxy_py.recipe.model import Output, Recipe
from imgproxy_py.recipe.picture import Header


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """An original that was recognised and whose header is known; no pixel is decoded yet.

    `image` is `None` where libvips was not needed to read the header. More than one of `frames` make an animation.
    """

    file: ImageFile
    image: pyvips.Image
    header: Header
    complete: bool = True
    frames: int = 1


@dataclass(frozen=True, slots=True)
class Opener:
    """Opens originals within the configured limits; `choice` knows the settings."""

    choice: Choice
    limits: Limits

    def open(self, data: bytes, recipe: Recipe = Recipe(), interrupt: Interrupt | None = None) -> Opened:
        """Recognise an original and read its header; of an animation that stays one, the header of a frame.

        Raises `UnknownImage`, `UndecodableImage`, `BrokenImage`, `SourceTooLarge` if its bytes are too many, and
        `DeadlineExceeded`.
        """
        self.limits.overridden(recipe.limits).check_size(len(data))
        kind = sniff(data)
        if kind is None:
            raise UnknownImage("the bytes are those of no known image format")
        if kind not in self.choice.abilities.loadable:
            raise UndecodableImage(f"{kind} cannot be decoded here")
        truncated = is_truncated(data, kind)
        if truncated and not self.choice.settings.serve_truncated:
            raise BrokenImage(f"the {kind} file ends too early")
        file, interrupt = self._file(data, kind, recipe), interrupt or Interrupt()
        opened = None
        if may_animate(recipe, self.limits.max_animation_frames):  # then it is not asked for pages (dialect §5.5)
            opened = _read(file.from_first_page(), recipe.output, interrupt)
            opened = replace(opened, frames=self.choice.frames(opened.header, recipe))
        if opened is None or (opened.frames == 1 and opened.file is not file):
            opened = _read(file, recipe.output, interrupt)
        return replace(opened, complete=False) if truncated else opened

    def _file(self, data: bytes, kind: Format, recipe: Recipe) -> ImageFile:
        if kind is not Format.SVG:
            loading = configured(recipe.loading, kind, self.choice.settings)
            return ImageFile(data=data, format=kind, tolerant=self.choice.settings.serve_truncated, loading=loading)
        limits = self.limits.overridden(recipe.limits)
        drawing = prepared(data, limits, sanitizing=self.choice.settings.sanitize_svg, style=recipe.loading.style)
        return ImageFile(data=drawing.data, format=kind, loading=recipe.loading, effort=drawing.effort)


def _read(file: ImageFile, output: Output, interrupt: Interrupt) -> Opened:
    if file.format is Format.JPEG and (header := jpeg_header(file.data)):
        return Opened(file=file, image=None, header=header)
    if file.bridged:
        return Opened(file=file, image=None, header=file.header(embedded_thumbnail=output.enforce_thumbnail))
    image = file.open(embedded_thumbnail=output.enforce_thumbnail, interrupt=interrupt)
    return Opened(file=file, image=image, header=header_of(image, file.format))
