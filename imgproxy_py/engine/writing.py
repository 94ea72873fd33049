"""A finished image becomes the bytes of a picture: which quality, which format (dialect §5.4, §11)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pyvips

from imgproxy_py.engine.animation import frame_size
from imgproxy_py.engine.best import smallest
from imgproxy_py.engine.encoding import Encoding, encode, writable_format
from imgproxy_py.engine.interrupt import Interrupt
from imgproxy_py.engine.isolation.expected import encoding_milliseconds
from imgproxy_py.engine.isolation.processes import Isolation
from imgproxy_py.engine.libvips import size_of
from imgproxy_py.engine.loading import ImageFile
from imgproxy_py.engine.perception import Measure, perception, structure
from imgproxy_py.engine.quality import (
    FoundQualities,
    Search,
    found_quality,
    quality_for,
    search_for,
    size_class,
    within_bytes,
)
from imgproxy_py.engine.settings import EngineSettings
from imgproxy_py.recipe.formats import Format
from imgproxy_py.recipe.model import AutoQualityMethod, Output

_MEASURES: dict[AutoQualityMethod, Callable[[pyvips.Image], Measure]] = {
    AutoQualityMethod.DSSIM: structure,
    AutoQualityMethod.ML: perception,
}


def is_written_often(output: Output, settings: EngineSettings) -> bool:
    """Tell whether an image may be encoded several times, so that its pixels are better computed once."""
    searched = output.autoquality.method or settings.autoquality_method
    return bool(output.max_bytes) or output.best or searched is not AutoQualityMethod.NONE


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """An image after all steps, and what is needed to write it.

    `keep` are libvips' VipsForeignKeep flags; `found` remembers qualities, under `source`, which marks the original.
    """

    image: pyvips.Image
    keep: int
    asked: Output
    settings: EngineSettings
    interrupt: Interrupt
    found: FoundQualities
    source: tuple[int, int] = (0, 0)
    isolation: Isolation | None = None

    def written(self, wanted: Format) -> tuple[Format, bytes]:
        """Give the picture in a format, or in the one that holds a picture of this size; raises `pyvips.Error`."""
        kind = writable_format(self.image, wanted)
        return kind, self.encoded(kind, quality_for(self.asked, kind, self.settings), self.asked)

    def best(self, formats: tuple[Format, ...]) -> tuple[Format, bytes]:
        """Give the picture in the format that takes the fewest bytes; raises `pyvips.Error`."""
        return smallest(self.image, formats, self.asked, self.settings, self.encoded)

    def encoded(self, kind: Format, quality: int, asked: Output) -> bytes:
        """Give the picture at a quality, or at the one that is searched for, or at a lower one that meets `max_bytes`."""
        made: dict[int, bytes] = {}

        def at(wanted: int) -> bytes:
            if wanted not in made:
                made[wanted] = self._encode(self.image, kind, wanted, asked)
            return made[wanted]

        size = size_of(self.image)
        search = search_for(asked, kind, size.width * size.height, self.settings)
        if search is not None:
            quality = self._searched(search, kind, asked, at)
        return within_bytes(at, kind, quality, asked.max_bytes)

    def _encode(self, image: pyvips.Image, kind: Format, quality: int, asked: Output) -> bytes:
        encoding = Encoding(format=kind, quality=quality, keep=self.keep, asked=asked)
        expected = encoding_milliseconds(*frame_size(image), kind, asked, self.settings)
        if self.isolation and expected > self.settings.isolation_milliseconds:
            return self.isolation.encode(image, encoding, self.interrupt)
        return encode(self.interrupt.watch(image), encoding, self.settings)

    def _searched(self, search: Search, kind: Format, asked: Output, at: Callable[[int], bytes]) -> int:
        key = (self.source, kind, search, size_class(self.image.width * self.image.height))
        measure = self._measure(search, kind, asked, at)
        quality = found_quality(search, measure, self.found.get(key))
        self.found.put(key, quality)
        return quality

    def _measure(
        self, search: Search, kind: Format, asked: Output, at: Callable[[int], bytes]
    ) -> Callable[[int], float]:
        """Give what tells the bytes at a quality, or the dissimilarity; of an animation that of its first frame."""
        if search.method is AutoQualityMethod.SIZE:
            return lambda quality: len(at(quality))
        size = frame_size(self.image)
        if size.height == self.image.height:
            image, bytes_at = self.image, at
        else:
            image = self.image.crop(0, 0, size.width, size.height).copy_memory()
            image.remove("page-height")
            bytes_at = lambda quality: self._encode(image, kind, quality, asked)  # noqa: E731
        measured = _MEASURES[search.method](image)
        return lambda quality: measured(self._decoded(bytes_at(quality), kind))

    def _decoded(self, data: bytes, kind: Format) -> pyvips.Image:
        return self.interrupt.watch(ImageFile(data=data, format=kind).open(interrupt=self.interrupt))
