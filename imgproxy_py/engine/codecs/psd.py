"""The flattened picture of a Photoshop document (PSD and PSB); its planes are unpacked by psd-tools."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import pyvips

from imgproxy_py.engine.codecs.extras import imported
from imgproxy_py.engine.codecs.pixels import Metadata, with_metadata
from imgproxy_py.engine.codecs.port import Demand
from imgproxy_py.errors import BrokenImage, UndecodableImage
from imgproxy_py.recipe.formats import Format
from imgproxy_py.recipe.picture import Header

_HEADER = struct.Struct(">4sH6xHIIHH")
_LARGE = 2  # the version of PSB
_GREY, _INDEXED, _RGB, _CMYK, _DUOTONE = 1, 2, 3, 4, 8
_COLORS = {_GREY: 1, _INDEXED: 1, _RGB: 3, _CMYK: 4, _DUOTONE: 1}
_SAMPLES = {8: "uchar", 16: "ushort", 32: "float"}
_INTERPRETATIONS = {
    (1, 8): "b-w",
    (1, 16): "grey16",
    (1, 32): "b-w",
    (3, 8): "srgb",
    (3, 16): "rgb16",
    (3, 32): "scrgb",
    (4, 8): "cmyk",
    (4, 16): "cmyk",
}
_PALETTE = 256
_RAW, _RLE, _ZIP, _ZIP_OF_DIFFERENCES = range(4)
_ICC, _VERSION_INFO, _EXIF, _XMP = 1039, 1057, 1058, 1060
_FAILURES = (ValueError, IndexError, OSError, struct.error, zlib.error, MemoryError)


def decoder() -> PsdDecoder | None:
    """Give the decoder, `None` if psd-tools is not installed."""
    module = imported("psd_tools.compression")
    return PsdDecoder(module) if module else None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Document:
    version: int
    channels: int
    width: int
    height: int
    depth: int
    mode: int
    palette: bytes
    resources: dict[int, bytes]
    alpha: bool
    compression: int
    packed: memoryview

    @property
    def colors(self) -> int:
        return _COLORS[self.mode]

    @property
    def planes(self) -> int:
        return self.colors + self.alpha


class PsdDecoder:
    """Reads the picture that Photoshop flattens beside the layers, grey, indexed, RGB or CMYK, of 8, 16 or 32 bits."""

    def __init__(self, compression: ModuleType) -> None:
        self._compression = compression

    def header(self, data: bytes, kind: Format, demand: Demand) -> Header:
        """Give the header; raises `BrokenImage`, `UndecodableImage`."""
        document = _read(data)
        bands = (3 if document.mode == _INDEXED else document.colors) + document.alpha
        profile = _ICC in document.resources
        return Header(
            format=kind,
            width=document.width,
            height=document.height,
            alpha=document.alpha,
            bands=bands,
            profile=profile,
        )

    def decode(self, data: bytes, kind: Format, demand: Demand) -> pyvips.Image:
        """Give the flattened picture; raises `BrokenImage`, `UndecodableImage`."""
        document = _read(data)
        planes = _planes(self._unpacked(document), document)
        colors, alpha = planes[: document.colors], planes[document.colors : document.planes]
        image = _colored(colors, document)
        if alpha:
            image = _without_white(image, alpha[0])
        resources = document.resources
        return with_metadata(
            image,
            Metadata(icc=resources.get(_ICC, b""), exif=resources.get(_EXIF, b""), xmp=resources.get(_XMP, b"")),
        )

    def _unpacked(self, document: _Document) -> bytes:
        rows = document.height * document.channels
        length = (document.width * document.depth // 8) * rows
        if _is_cut(document, rows, length):
            raise BrokenImage("the psd file ends too early")
        try:
            found = self._plain(document, rows, length)
        except _FAILURES as error:
            raise BrokenImage("the original's pixels cannot be decoded", private=str(error)) from error
        if len(found) < length:
            raise BrokenImage("the original's pixels are not all there")
        return found

    def _plain(self, document: _Document, rows: int, length: int) -> bytes:
        # Not by psd-tools' `decompress`, which answers black for what it cannot unpack.
        width, depth, packed = document.width, document.depth, bytes(document.packed)
        if document.compression == _RAW:
            return packed[:length]
        if document.compression == _RLE:
            unpacked: bytes = self._compression.decode_rle(packed, width, rows, depth, document.version)
            return unpacked
        inflated = zlib.decompressobj().decompress(packed, length)
        if document.compression == _ZIP or len(inflated) < length:
            return inflated
        predicted: bytes = self._compression.decode_prediction(inflated, width, rows, depth)
        return predicted


def _is_cut(document: _Document, rows: int, length: int) -> bool:
    # psd-tools fills up with black what is missing.
    if document.compression == _RAW:
        return len(document.packed) < length
    if document.compression != _RLE:
        return False
    letter, size = ("I", 4) if document.version == _LARGE else ("H", 2)
    if len(document.packed) < rows * size:
        return True
    lengths = struct.unpack_from(f">{rows}{letter}", document.packed)
    return bool(rows * size + sum(lengths) > len(document.packed))


def _read(data: bytes) -> _Document:
    try:
        document = _parsed(memoryview(data))
    except (struct.error, IndexError) as error:
        raise BrokenImage("the original's header cannot be read", private=str(error)) from error
    if not document.width or not document.height or document.channels < document.colors:
        raise BrokenImage("the document has no pixels")
    if document.compression not in (_RAW, _RLE, _ZIP, _ZIP_OF_DIFFERENCES):
        raise BrokenImage("the document's pixels are packed in no known way")
    info = document.resources.get(_VERSION_INFO)
    if info is not None and len(info) > 4 and not info[4]:
        raise UndecodableImage("the document was saved without its flattened picture")
    return document


def _parsed(data: memoryview) -> _Document:
    _, version, channels, height, width, depth, mode = _HEADER.unpack_from(data)
    if mode not in _COLORS or (_COLORS[mode], depth) not in _INTERPRETATIONS:
        raise UndecodableImage(f"documents of colour mode {mode} with {depth} bits cannot be decoded here")
    palette, at = _section(data, _HEADER.size, "I")
    resources, at = _section(data, at, "I")
    layers, at = _section(data, at, "Q" if version == _LARGE else "I")
    return _Document(
        version=version,
        channels=channels,
        width=width,
        height=height,
        depth=depth,
        mode=mode,
        palette=bytes(palette),
        resources=dict(_resources(resources)),
        alpha=channels > _COLORS[mode] and _is_transparent(layers, version),
        compression=struct.unpack_from(">H", data, at)[0],
        packed=data[at + 2 :],
    )


def _section(data: memoryview, at: int, letter: str) -> tuple[memoryview, int]:
    length = struct.unpack_from(f">{letter}", data, at)[0]
    start = at + struct.calcsize(letter)
    if start + length > len(data):
        raise BrokenImage("the psd file ends too early")
    return data[start : start + length], start + length


def _resources(data: memoryview) -> Iterator[tuple[int, bytes]]:
    at = 0
    while bytes(data[at : at + 4]) == b"8BIM" and at + 12 <= len(data):
        kind, name_length = struct.unpack_from(">HB", data, at + 4)
        at += 6 + name_length + 1 + (name_length + 1) % 2
        length = struct.unpack_from(">I", data, at)[0]
        yield kind, bytes(data[at + 4 : at + 4 + length])
        at += 4 + length + length % 2


def _is_transparent(layers: memoryview, version: int) -> bool:
    """Tell whether the first channel beyond the colours is transparency: a negative count of layers says so.

    A document without layers says nothing, and its fourth channel is taken for what it mostly is.
    """
    size = 8 if version == _LARGE else 4
    if len(layers) < size + 2 or not any(layers[:size]):
        return True
    return bool(struct.unpack_from(">h", layers, size)[0] < 0)


def _planes(samples: bytes, document: _Document) -> list[pyvips.Image]:
    """Give each channel as an image of its own, samples in the machine's order."""
    width, height = document.width, document.height
    column = pyvips.Image.new_from_memory(samples, width, height * document.channels, 1, _SAMPLES[document.depth])
    if document.depth > 8:
        column = column.byteswap()
    return [column.crop(0, height * index, width, height) for index in range(document.planes)]


def _colored(planes: list[pyvips.Image], document: _Document) -> pyvips.Image:
    if document.mode == _INDEXED:
        return _looked_up(planes[0], document.palette)
    image = planes[0].bandjoin(planes[1:])
    interpretation = _INTERPRETATIONS[document.colors, document.depth]
    if document.mode == _CMYK:
        image = image.invert()  # 0 is full ink there
    return image.copy(interpretation=interpretation)


def _looked_up(indexes: pyvips.Image, palette: bytes) -> pyvips.Image:
    if len(palette) < 3 * _PALETTE:
        raise BrokenImage("the document has no palette")
    bands: list[Any] = [
        pyvips.Image.new_from_memory(palette[start : start + _PALETTE], _PALETTE, 1, 1, "uchar")
        for start in range(0, 3 * _PALETTE, _PALETTE)
    ]
    return indexes.maplut(bands[0].bandjoin(bands[1:])).copy(interpretation="srgb")


def _without_white(image: pyvips.Image, alpha: pyvips.Image) -> pyvips.Image:
    """Give the colours as they were before they were flattened on white, with their transparency beside."""
    kind, most = image.format, {"uchar": 255, "ushort": 65535}.get(image.format, 1.0)
    share = alpha / most
    if image.interpretation == "cmyk":
        return image.bandjoin(alpha).copy(interpretation="cmyk")
    shown = (share > 0).ifthenelse((image / most + share - 1) / share, 0)
    clamped = (shown < 0).ifthenelse(0, (shown > 1).ifthenelse(1, shown)) if kind != "float" else shown
    colors = (clamped * most).rint().cast(kind) if kind != "float" else clamped.cast(kind)
    return colors.bandjoin(alpha).copy(interpretation=image.interpretation)
