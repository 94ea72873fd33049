"""An image in memory that two processes share: interleaved samples, and beside them what describes them."""

from __future__ import annotations

import mmap
import os
from base64 import b64decode, b64encode
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

import pyvips

from imgproxy_py.engine.samples import SAMPLE_BYTES
from imgproxy_py.errors import BrokenImage

Watch = Callable[[pyvips.Image], pyvips.Image]

_ITS_OWN = frozenset(
    {
        *("width", "height", "bands", "format", "coding", "interpretation", "xoffset", "yoffset", "xres", "yres"),
        *("filename", "vips-loader", "vips-sequential", "mode"),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """What describes samples: sides in pixels, libvips' names of format and interpretation, pixels per mm, metadata.

    Metadata are triples: libvips' name of a type, the field's name, the value, that of a blob in base64.
    """

    width: int
    height: int
    bands: int
    format: str
    interpretation: str
    xres: float
    yres: float
    metadata: list[tuple[str, str, Any]] = field(default_factory=list)

    @property
    def length(self) -> int:
        """How many bytes the samples take; raises `BrokenImage` for samples of no known kind."""
        if self.format not in SAMPLE_BYTES:
            raise BrokenImage(f"samples of an unknown kind, {self.format}")
        return self.width * self.height * self.bands * SAMPLE_BYTES[self.format]

    def document(self) -> dict[str, Any]:
        """Give the sheet as what JSON can hold."""
        return asdict(self)


def written(image: pyvips.Image, descriptor: int, watch: Watch = lambda image: image) -> Sheet:
    """Compute an image's pixels into a file of memory; raises `pyvips.Error`.

    `watch` is given the image before its pixels are computed.
    """
    watch(image).rawsave(f"/proc/self/fd/{descriptor}")
    return Sheet(
        width=image.width,
        height=image.height,
        bands=image.bands,
        format=image.format,
        interpretation=image.interpretation,
        xres=image.xres,
        yres=image.yres,
        metadata=[one for name in image.get_fields() if name not in _ITS_OWN and (one := _field(image, name))],
    )


def read(sheet: Sheet, descriptor: int) -> pyvips.Image:
    """Give the image whose samples a file of memory holds, which may be closed afterwards; raises `BrokenImage`."""
    if not sheet.length or os.fstat(descriptor).st_size < sheet.length:
        raise BrokenImage("the original's pixels are not all there")
    samples = mmap.mmap(descriptor, sheet.length, prot=mmap.PROT_READ)
    image = pyvips.Image.new_from_memory(samples, sheet.width, sheet.height, sheet.bands, sheet.format)
    image = image.copy(interpretation=sheet.interpretation, xres=sheet.xres, yres=sheet.yres)
    for kind, name, value in sorted(sheet.metadata, key=lambda one: not _is_parsed(one[1])):
        image.set_type(pyvips.type_from_name(kind), name, b64decode(value) if kind == _BLOB else value)
    _forget_what_was_removed(image, {name for _, name, _ in sheet.metadata})
    return image


_BLOB, _TEXT = "VipsBlob", "VipsRefString"
_PLAIN = {"gint", "gdouble", "VipsArrayInt", "VipsArrayDouble"}


def _field(image: pyvips.Image, name: str) -> tuple[str, str, Any] | None:
    kind, value = pyvips.type_name(image.get_typeof(name)), image.get(name)
    if kind == _BLOB:
        return kind, name, b64encode(value).decode()
    if kind in (_TEXT, "gchararray"):
        return _TEXT, name, value
    return (kind, name, value) if kind in _PLAIN else None


def _is_parsed(name: str) -> bool:
    """Tell whether libvips makes other fields of this one as it is set, which later ones then correct."""
    return name == "exif-data"


def _forget_what_was_removed(image: pyvips.Image, names: set[str]) -> None:
    for name in image.get_fields():
        if name.startswith("exif-") and name not in names:
            image.remove(name)
