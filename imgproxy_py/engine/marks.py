"""The watermarks that pictures get: where their images come from, and those that are kept ready (dialect §5.3, §10)."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field

import pyvips

from imgproxy_py.engine.loading import ImageFile
from imgproxy_py.recipe.model import Watermark
from imgproxy_py.recipe.source import SourceRef


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A watermark's pixels in memory, at the size that a picture takes; its shadow reaches `margin` pixels around it."""

    image: pyvips.Image
    margin: int = 0

    @property
    def bytes(self) -> int:
        """How much memory the pixels take."""
        image = self.image
        size: int = image.width * image.height * image.bands
        return size * (2 if image.format == "ushort" else 1)


class KeptMarks:
    """Watermarks that were made ready before, up to `max_bytes` of pixels, those used last. Serves all threads."""

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        self.bytes = 0
        self._marks: OrderedDict[Hashable, Mark] = OrderedDict()
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"<KeptMarks {len(self._marks)} of {self.bytes} bytes>"

    def __len__(self) -> int:
        return len(self._marks)

    def get(self, key: Hashable, make: Callable[[], Mark]) -> Mark:
        """Give the mark under a key, made now if it is not kept."""
        with self._lock:
            found = self._marks.get(key)
            if found is not None:
                self._marks.move_to_end(key)
                return found
        mark = make()
        self._keep(key, mark)
        return mark

    def _keep(self, key: Hashable, mark: Mark) -> None:
        if mark.bytes > self.max_bytes:
            return
        with self._lock:
            if key in self._marks:
                return  # another thread was as quick
            self._marks[key] = mark
            self.bytes += mark.bytes
            while self.bytes > self.max_bytes:
                _, dropped = self._marks.popitem(last=False)
                self.bytes -= dropped.bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Marks:
    """What watermarks can be made of.

    The operator's image, if there is one, the images that the recipe names, and the opacity 0–1 that every URL's is
    multiplied by.
    """

    kept: KeptMarks
    configured: ImageFile | None = None
    fetched: Mapping[SourceRef, ImageFile] = field(default_factory=dict)
    opacity: float = 1.0

    def file(self, wanted: Watermark) -> ImageFile | None:
        """Give the image of a watermark without text, `None` if nobody has one."""
        return self.fetched[wanted.source] if wanted.source else self.configured
