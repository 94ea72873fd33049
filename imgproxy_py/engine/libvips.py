"""libvips itself: how it is set up for untrusted input, and what the installed build can read and write."""

from __future__ import annotations

import ctypes
import logging
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

import pyvips

from imgproxy_py.engine import fonts, heap
from imgproxy_py.engine.codecs.registry import decoders, encoders
from imgproxy_py.errors import ImgproxyError
from imgproxy_py.recipe.formats import Format
from imgproxy_py.recipe.geometry import Size

LOADERS: dict[Format, str] = {
    Format.JPEG: "jpegload_source",
    Format.PNG: "pngload_source",
    Format.WEBP: "webpload_source",
    Format.GIF: "gifload_source",
    Format.TIFF: "tiffload_source",
    Format.AVIF: "heifload_source",
    Format.SVG: "svgload_source",
}
SAVERS: dict[Format, str] = {
    Format.JPEG: "jpegsave_buffer",
    Format.PNG: "pngsave_buffer",
    Format.WEBP: "webpsave_buffer",
    Format.GIF: "gifsave_buffer",
    Format.TIFF: "tiffsave_buffer",
    Format.AVIF: "heifsave_buffer",
}


@dataclass(frozen=True, slots=True)
class Abilities:
    """The formats that this installation reads and writes; an SVG can only be handed on."""

    loadable: frozenset[Format]
    savable: frozenset[Format]

    def document(self) -> dict[str, list[str]]:
        """Give the names of the formats by `read` and `write`, sorted."""
        return {"read": sorted(self.loadable), "write": sorted(self.savable)}


@cache
def set_up() -> Abilities:
    """Prepare libvips, load the libraries for what it cannot do, and tell what all of them can."""
    prepare()
    return Abilities(
        loadable=frozenset(one for one, name in LOADERS.items() if _exists(name)) | decoders().keys(),
        savable=frozenset(one for one, name in SAVERS.items() if _exists(name)) | encoders().keys() | {Format.SVG},
    )


@cache
def prepare() -> None:
    """Prepare libvips, once, for a process that serves untrusted pictures.

    Loaders that libvips marks as untrusted are blocked, but for SVG, which is rendered without external references. Each
    picture has one thread of its own, so libvips makes none; results are cached by us, so libvips caches none.
    """
    _hear_warnings_only()
    pyvips.concurrency_set(1)
    pyvips.cache_set_max(0)
    pyvips.block_untrusted_set(True)
    pyvips.operation_block_set("VipsForeignLoadSvg", False)
    fonts.set_up()
    heap.set_up()


def from_memory(loader: str, data: bytes | bytearray, **options: Any) -> pyvips.Image:
    """Give what one of the loaders opens, which reads the bytes where they are; raises `pyvips.Error`.

    Loaders of a buffer are handed a copy: a millisecond of work and as many bytes again for a file of ten megabytes.
    """
    source = pyvips.Source.new_from_memory(data)
    image = _loaded(loader, source, options)
    image._references.append(source)  # noqa: SLF001 -- as pyvips does itself in `new_from_source`
    return image


def _loaded(loader: str, source: pyvips.Source, options: Mapping[str, Any]) -> pyvips.Image:
    """Give what a loader opens, past pyvips: it wraps each option in a value of GObject's, with three some 60 µs more."""
    made = ctypes.c_void_p()
    arguments = [_address(source), ctypes.byref(made)]
    for name, value in options.items():
        arguments += name.encode(), _argument(loader, name)(value)
    if _loader(loader)(*arguments, None):
        raise pyvips.Error(f"unable to call {loader}")
    return pyvips.Image(pyvips.ffi.cast("VipsImage *", made.value))


@cache
def _loader(name: str) -> ctypes._NamedFuncPointer:
    function = _undeclared()[f"vips_{name}"]
    function.argtypes, function.restype = [ctypes.c_void_p, ctypes.c_void_p], ctypes.c_int  # and any number of others
    return function


@cache
def _argument(loader: str, name: str) -> Callable[[Any], Any]:
    """Give what makes a value an argument in C, of the type that the loader expects under that name."""
    kind = pyvips.Introspect.get(loader).details[name]["type"]
    if kind == pyvips.GValue.gdouble_type:
        return ctypes.c_double
    if kind in (pyvips.GValue.gint_type, pyvips.GValue.gbool_type):
        return ctypes.c_int
    return cache(lambda value: ctypes.c_int(pyvips.GValue.to_enum(kind, value)))


_INFO_AND_DEBUG = 1 << 6 | 1 << 7  # GLogLevelFlags


def _hear_warnings_only() -> None:
    """Have no more than warnings told in Python: how it does each step libvips tells several times a picture.

    The handler set last comes first. GLib's own drops these levels without waiting for the interpreter's lock.
    """
    logging.getLogger("pyvips").setLevel(logging.WARNING)
    glib = _undeclared()
    set_handler, silent = glib.g_log_set_handler, glib.g_log_default_handler
    set_handler.argtypes = [ctypes.c_char_p, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p]
    set_handler(b"VIPS", _INFO_AND_DEBUG, ctypes.cast(silent, ctypes.c_void_p), None)


def _exists(operation: str) -> bool:
    return bool(pyvips.type_find("VipsOperation", operation) != 0)


def version() -> str:
    """Give libvips' version, as `8.18.7`."""
    return ".".join(str(pyvips.version(part)) for part in range(3))


def memory() -> int:
    """Give the bytes of pixel buffers that libvips holds now."""
    return int(_tracked_memory()())


def size_of(image: pyvips.Image) -> Size:
    """Give an image's width and height, which as its attributes take ten times as long."""
    width, height = _sides()
    address = _address(image)
    return Size(width(address), height(address))


@cache
def _sides() -> tuple[ctypes._NamedFuncPointer, ctypes._NamedFuncPointer]:
    return _function("vips_image_get_width", ctypes.c_int), _function("vips_image_get_height", ctypes.c_int)


class Kind(NamedTuple):
    """What the samples of an image are, in libvips' words."""

    bands: int
    format: str
    interpretation: str


def kind_of(image: pyvips.Image) -> Kind:
    """Give what the samples of an image are, which as its attributes takes ten times as long."""
    bands, sample, interpretation = _kinds()
    address = _address(image)
    return Kind(
        bands(address),
        _nick("VipsBandFormat", sample(address)),
        _nick("VipsInterpretation", interpretation(address)),
    )


@cache
def _kinds() -> tuple[ctypes._NamedFuncPointer, ...]:
    names = "vips_image_get_bands", "vips_image_get_format", "vips_image_get_interpretation"
    return tuple(_function(name, ctypes.c_int) for name in names)


@cache
def _nick(kind: str, value: int) -> str:
    return str(pyvips.GValue.from_enum(pyvips.type_from_name(kind), value))


def density_of(image: pyvips.Image) -> tuple[float, float]:
    """Give an image's pixels a millimetre across and down, which as its attributes take ten times as long."""
    across, down = _densities()
    address = _address(image)
    return across(address), down(address)


@cache
def _densities() -> tuple[ctypes._NamedFuncPointer, ctypes._NamedFuncPointer]:
    return _function("vips_image_get_xres", ctypes.c_double), _function("vips_image_get_yres", ctypes.c_double)


_ANY_DEMAND_STYLE = 3  # VipsDemandStyle


def blank_like(image: pyvips.Image) -> pyvips.Image:
    """Give an image in memory with another's size, kind and metadata; its samples are there to be written.

    They are whatever was in memory before, and count among libvips' own. Raises `pyvips.Error` if there is no room.
    """
    new, like, prepare = _makers()
    blank = pyvips.Image(pyvips.ffi.cast("VipsImage *", new()))
    address = _address(blank)
    if like(address, _ANY_DEMAND_STYLE, (ctypes.c_void_p * 2)(_address(image), None)) or prepare(address):
        raise pyvips.Error("unable to make an image in memory")
    blank.remove("vips-sequential")  # its lines can be read in any order
    return blank


@cache
def _makers() -> tuple[ctypes._NamedFuncPointer, ctypes._NamedFuncPointer, ctypes._NamedFuncPointer]:
    library = _undeclared()
    new, like, prepare = (
        library.vips_image_new_memory,
        library.vips_image_pipeline_array,
        library.vips_image_write_prepare,
    )
    new.argtypes, new.restype = [], ctypes.c_void_p
    like.argtypes, like.restype = [ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p], ctypes.c_int
    prepare.argtypes, prepare.restype = [ctypes.c_void_p], ctypes.c_int
    return new, like, prepare


def address_of_pixels(image: pyvips.Image) -> int:
    """Give where an image in memory has its samples, line by line; good for as long as the image is."""
    address = _data_of()(_address(image))
    if not address:
        raise ImgproxyError("libvips has no pixels of an image in memory")
    return int(address)


def samples_of(image: pyvips.Image, length: int) -> Any:
    """Give so many bytes of an image in memory as a buffer to read and to write; good for as long as the image is."""
    return pyvips.ffi.buffer(pyvips.ffi.cast("char *", address_of_pixels(image)), length)


@cache
def _tracked_memory() -> ctypes._NamedFuncPointer:
    function = _undeclared().vips_tracked_get_mem
    function.argtypes, function.restype = [], ctypes.c_size_t
    return function


@cache
def _data_of() -> ctypes._NamedFuncPointer:
    return _function("vips_image_get_data", ctypes.c_void_p)


def _address(given: pyvips.VipsObject) -> int:
    return int(pyvips.ffi.cast(_ADDRESS, given.pointer))


_ADDRESS = pyvips.ffi.typeof("uintptr_t")


def _function(name: str, result: type[ctypes.c_int | ctypes.c_double | ctypes.c_void_p]) -> ctypes._NamedFuncPointer:
    """Give a function that pyvips does not declare and that takes an image by its address."""
    function = _undeclared()[name]
    function.argtypes, function.restype = [ctypes.c_void_p], result
    return function


@cache
def _undeclared() -> ctypes.CDLL:
    # A handle on what pyvips has loaded, its binary module or libvips, finds all functions of libvips.
    return ctypes.CDLL(sys.modules["_libvips"].__file__ if pyvips.API_mode else pyvips.library_name("vips", 42))


def alive() -> bool:
    """Tell whether libvips computes a pixel."""
    try:
        return bool(pyvips.Image.black(1, 1).avg() == 0)
    except pyvips.Error:
        return False


def ping() -> None:
    """Raise `ImgproxyError` unless libvips computes a pixel."""
    if not alive():
        raise ImgproxyError("libvips does not work")
