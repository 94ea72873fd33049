"""Bytes become an image whose pixels are not decoded yet."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import Any, Protocol

import pyvips

from imgproxy_py.engine.codecs import jpeg, jpeg_scaled
from imgproxy_py.engine.codecs.pixels import stacked
from imgproxy_py.engine.codecs.port import Demand
from imgproxy_py.engine.codecs.registry import decoder
from imgproxy_py.engine.interrupt import Interrupt
from imgproxy_py.engine.libvips import LOADERS, from_memory
from imgproxy_py.engine.settings import EngineSettings
from imgproxy_py.errors import BrokenImage
from imgproxy_py.recipe.formats import VIDEOS, Format
from imgproxy_py.recipe.jpeg_scans import EIGHTH, for_an_eighth
from imgproxy_py.recipe.model import Loading
from imgproxy_py.recipe.picture import Header

# libvips renders an SVG at 72 dpi unless told; CSS pixels are defined at 96 (dialect §10).
_CSS_DPI = 96
_CSS_SCALE = 72 / 96

_PAGED = frozenset({Format.GIF, Format.WEBP, Format.TIFF, Format.AVIF})
_UNIFORM = frozenset({Format.GIF, Format.WEBP})  # all frames have one size


class AtOnce(Enum):
    """Whether all pixels of a JPEG are decoded as it is opened, where another decoder takes less time than libvips'."""

    NO = auto()
    STOPPABLE = auto()
    """If an interrupt can stop that."""
    YES = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageFile:
    """An image file in memory.

    `tolerant` decodes what there is of a damaged one, `loading` tells which part is wanted. `effort` is of an SVG: the
    work of its filters on each megapixel, in Gaussian blurs.
    """

    data: bytes
    format: Format
    tolerant: bool = False
    loading: Loading = Loading()
    effort: float = 0.0

    @property
    def bridged(self) -> bool:
        """Whether another library than libvips reads it; `open` then decodes all pixels at once."""
        return decoder(self.format) is not None

    def header(self, *, embedded_thumbnail: bool = False) -> Header:
        """Give the header without decoding pixels; raises `BrokenImage` if it cannot be read."""
        if bridge := decoder(self.format):
            demand = Demand(loading=self.loading, embedded_thumbnail=embedded_thumbnail)
            header = bridge.header(self.data, self.format, demand)
            if not header.width or not header.height:
                raise BrokenImage("the original has no pixels")
            return header
        return header_of(self.open(embedded_thumbnail=embedded_thumbnail), self.format)

    def open(
        self,
        *,
        shrink: float = 1.0,
        embedded_thumbnail: bool = False,
        frames: int = 1,
        interrupt: Interrupt | None = None,
        at_once: AtOnce = AtOnce.NO,
    ) -> pyvips.Image:
        """Give the page or pages that `loading` names, or the first `frames` of an animation if more than one.

        Frames lie one below the other in libvips' manner, with `page-height`, `n-pages`, `delay` and `loop`. The image is
        for one pass from top to bottom, `shrink` times smaller if the format's decoder can. A JPEG's pixels may be
        decoded `at_once`. Raises `BrokenImage` if not even the header can be read, or if there is no such page, and
        `DeadlineExceeded` from work that takes long.
        """
        if bridge := decoder(self.format):
            demand = Demand(
                loading=self.loading,
                frames=frames,
                shrink=shrink,
                embedded_thumbnail=embedded_thumbnail,
                interrupt=interrupt or Interrupt(),
            )
            return bridge.decode(self.data, self.format, demand)
        options = self._shrink_options(shrink)
        if embedded_thumbnail and self.format is Format.AVIF:
            options["thumbnail"] = True
        if self.format is Format.JPEG:
            return self._jpeg(options, interrupt or Interrupt(), at_once)
        if self.format not in _PAGED:
            return self._opened(options)
        if frames > 1:
            return self._opened(options | {"n": frames})
        return self._pages(options, interrupt or Interrupt())

    def from_first_page(self) -> ImageFile:
        """Give the file of which no other pages are wanted than the first."""
        loading = replace(self.loading, page=0, pages=1)
        return self if loading == self.loading else replace(self, loading=loading)

    def _opened(self, options: dict[str, Any], data: bytes | None = None) -> pyvips.Image:
        common = {"access": "sequential", "fail_on": "none" if self.tolerant else "truncated"}
        try:
            return from_memory(LOADERS[self.format], self.data if data is None else data, **common, **options)
        except pyvips.Error as error:
            raise BrokenImage("the original's header cannot be read", private=str(error)) from error

    def _jpeg(self, options: dict[str, Any], interrupt: Interrupt, at_once: AtOnce) -> pyvips.Image:
        shrink = options.get("shrink", 1)
        data = for_an_eighth(self.data) if shrink == EIGHTH else self.data
        image, made = self._opened(options, data), None
        if at_once is not AtOnce.NO and jpeg_scaled.is_sooner(data, shrink):
            made = jpeg_scaled.decoded(image, data, shrink, interrupt)
        if at_once is AtOnce.YES and made is None:
            made = jpeg.with_pixels(image, data, shrink)
        return image if made is None else made

    def _pages(self, options: dict[str, Any], interrupt: Interrupt) -> pyvips.Image:
        if self.loading.page == 0 and self.loading.pages <= 1:
            return self._opened(options)
        available = _integer(self._opened(options), "n-pages", 1)
        first, count = Demand(loading=self.loading).selected(available)
        if self.format in _UNIFORM:  # and to find one of their frames all before it are decoded
            return self._opened(options | {"page": first, "n": count})
        pages = []
        for page in range(first, first + count):
            interrupt.check()  # finding a page of TIFF takes as long as there are pages before it
            pages.append(self._opened(options | {"page": page}))
        return stacked(pages)

    def _shrink_options(self, shrink: float) -> dict[str, Any]:
        if self.format is Format.SVG:
            return {"dpi": _CSS_DPI, "scale": _CSS_SCALE / shrink}
        if shrink == 1:
            return {}
        return {"shrink": int(shrink)} if self.format is Format.JPEG else {"scale": 1 / shrink}


class Decoding(Protocol):
    """Decodes files somewhere else than `ImageFile.open` does."""

    def open(
        self, file: ImageFile, interrupt: Interrupt, *, shrink: float = 1.0, embedded_thumbnail: bool = False
    ) -> pyvips.Image:
        """Give what the file's own `open` gives, with all pixels computed; raises the same, and `DeadlineExceeded`."""
        ...


def configured(loading: Loading, kind: Format, settings: EngineSettings) -> Loading:
    """Give the part of an original that is wanted, with the settings in place of what the URL leaves open."""
    if kind not in VIDEOS:
        return loading
    second, keyframes = loading.video_second, loading.video_keyframes
    if second is None and loading.video_tile is None and loading.video_animation is None:
        second = settings.video_thumbnail_second
    return replace(
        loading,
        video_second=second,
        video_keyframes=settings.video_thumbnail_keyframes if keyframes is None else keyframes,
    )


def header_of(image: pyvips.Image, kind: Format) -> Header:
    """Give what is known of an opened image before its pixels are decoded."""
    frames = _integer(image, "n-pages", 1) if kind in _PAGED else 1
    return Header(
        format=kind,
        width=image.width,
        height=image.height,
        orientation=orientation_of(image),
        frames=frames,
        alpha=bool(image.hasalpha()),
        bands=image.bands,
        profile=image.get_typeof("icc-profile-data") != 0,
        animated=frames > 1 and image.get_typeof("delay") != 0,
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
