"""What a codec offers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

import pyvips

from imgproxy_py.engine.interrupt import Interrupt
from imgproxy_py.engine.settings import EngineSettings
from imgproxy_py.errors import BrokenImage, SourceTooLarge
from imgproxy_py.recipe.formats import Format
from imgproxy_py.recipe.model import Loading
from imgproxy_py.recipe.picture import Header

MOST_PAGES = 1000
"""How many pages are stacked at most: each is opened and joined by itself, which nothing can stop."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """What of a file is decoded.

    `frames` above 1 asks for that many frames of an animation from its first, one below the other; else `loading` tells
    the page or pages. `shrink` is by how much smaller the picture may come, for decoders that save work by that.
    `embedded_thumbnail` asks for the file's own small picture, if it has one.
    """

    loading: Loading = Loading()
    frames: int = 1
    shrink: float = 1.0
    embedded_thumbnail: bool = False
    interrupt: Interrupt = field(default_factory=Interrupt)

    def selected(self, available: int) -> tuple[int, int]:
        """Give the first page or frame wanted, from 0, and how many, of those there are.

        Raises `BrokenImage` if there is none, `SourceTooLarge` for more than `MOST_PAGES`.
        """
        if self.frames > 1:
            return 0, min(self.frames, available)
        if self.loading.page >= available:
            raise BrokenImage(f"page {self.loading.page} was asked for, the original has {available}")
        pages = min(max(1, self.loading.pages), available - self.loading.page)
        if pages > MOST_PAGES:
            raise SourceTooLarge(f"{pages} pages were asked for, at most {MOST_PAGES} are stacked")
        return self.loading.page, pages


class Decoder(Protocol):
    """Reads files of some formats; both methods raise an `ImageError` for what cannot be read, and nothing else."""

    def header(self, data: bytes, kind: Format, demand: Demand) -> Header:
        """Give the header of what is demanded at full size, without decoding pixels."""
        ...

    def decode(self, data: bytes, kind: Format, demand: Demand) -> pyvips.Image:
        """Give the pixels, with profile, EXIF, XMP and orientation as metadata.

        Animations come as libvips has them: frames in one tall image, `page-height`, `n-pages`, `delay` and `loop` beside.
        """
        ...


class Encoder(Protocol):
    """Writes one format."""

    def encode(self, image: pyvips.Image, quality: int, keep: int, settings: EngineSettings) -> bytes:
        """Give the file.

        `quality` is 0–100, `keep` libvips' VipsForeignKeep flags. Raises `pyvips.Error` if the pixels cannot be had.
        """
        ...
