"""Makers of files of the formats that codecs of our own read: documents, raw data, videos, icons."""

from __future__ import annotations

import io
import struct
from fractions import Fraction
from functools import cache

import av
import numpy as np
import pyvips
from psd_tools.compression import Compression, compress

from imgproxy_py.engine.codecs.registry import encoders
from imgproxy_py.engine.settings import EngineSettings
from imgproxy_py.recipe.formats import Format
from tests import pictures

KEEP_ALL = 0x3F


def array(image: pyvips.Image) -> np.ndarray:
    return np.asarray(image.numpy()).reshape(image.height, image.width, image.bands)


def encoded(kind: Format, image: pyvips.Image, quality: int = 100, **settings: object) -> bytes:
    """The image in a format that we encode ourselves, with all its metadata."""
    return encoders()[kind].encode(image, quality, KEEP_ALL, EngineSettings(workers=1, **settings))


# PDF


def pdf(*pages: tuple[int, int, str], stream: bytes = b"") -> bytes:
    """Pages of a width, a height and a colour (`1 0 0`) that fills their left half; `stream` draws on each."""
    first = 3
    kids = " ".join(f"{first + 2 * index} 0 R" for index in range(len(pages)))
    objects = [b"<</Type/Catalog/Pages 2 0 R>>", f"<</Type/Pages/Kids[{kids}]/Count {len(pages)}>>".encode()]
    for index, (width, height, color) in enumerate(pages):
        drawn = f"{color} rg 0 0 {width // 2} {height} re f\n".encode() + stream
        content = f"{first + 2 * index + 1} 0 R"
        box = f"/MediaBox[0 0 {width} {height}]/Contents {content}/Resources<<>>"
        objects.append(f"<</Type/Page/Parent 2 0 R{box}>>".encode())
        objects.append(b"<</Length %d>>stream\n%b\nendstream" % (len(drawn), drawn))
    return _numbered(objects)


def _numbered(objects: list[bytes]) -> bytes:
    data, places = b"%PDF-1.4\n", []
    for number, body in enumerate(objects, 1):
        places.append(len(data))
        data += b"%d 0 obj\n%b\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    count = len(objects) + 1
    return data + b"xref\n0 %d\n0000000000 65535 f \n%btrailer<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF" % (
        count,
        table,
        count,
        len(data),
    )


# PSD

_PSD_MODES = {1: 1, 2: 1, 3: 3, 4: 3}
_DEPTHS = {"uchar": 8, "ushort": 16, "float": 32}


def psd(
    image: pyvips.Image,
    mode: int | None = None,
    *,
    layers: bytes = b"",
    palette: bytes = b"",
    resources: dict[int, bytes] | None = None,
    compression: int = 1,
    version: int = 1,
) -> bytes:
    """A document whose channels are the image's bands, in Photoshop's colour mode (1 grey, 2 indexed, 3 RGB, 4 CMYK)."""
    depth, mode = _DEPTHS[image.format], mode or _PSD_MODES[image.bands]
    samples = array(image)
    planes = b"".join(
        samples[:, :, band].astype(samples.dtype.newbyteorder(">")).tobytes() for band in range(image.bands)
    )
    packed = compress(planes, Compression(compression), image.width, image.height * image.bands, depth, version)
    header = struct.pack(">4sH6xHIIHH", b"8BPS", version, image.bands, image.height, image.width, depth, mode)
    blocks = b"".join(_resource(number, data) for number, data in (resources or {}).items())
    sections = struct.pack(">I", len(palette)) + palette + struct.pack(">I", len(blocks)) + blocks
    sections += struct.pack(">Q" if version == 2 else ">I", len(layers)) + layers
    return header + sections + struct.pack(">H", compression) + packed


def _resource(number: int, data: bytes) -> bytes:
    return b"8BIM" + struct.pack(">HHI", number, 0, len(data)) + data + b"\0" * (len(data) % 2)


# Camera raw

_XYZ_TO_SRGB = (3.2404542, -1.5371385, -0.4985314, -0.9692660, 1.8760108, 0.0415560, 0.0556434, -0.2040259, 1.0572252)
_BYTE, _ASCII, _SHORT, _LONG, _RATIONAL, _SRATIONAL = 1, 2, 3, 4, 5, 10
_SIZES = {_BYTE: 1, _ASCII: 1, _SHORT: 2, _LONG: 4, _RATIONAL: 8, _SRATIONAL: 8}


def dng(image: pyvips.Image, orientation: int = 1) -> bytes:
    """A DNG of 16 bits in linear light behind red, green, green and blue filters, of a camera that sees sRGB's colours."""
    mosaic = _mosaic(_linear(array(image) / 255))
    pixels = np.round(mosaic * 65535).astype("<u2").tobytes()
    height, width = mosaic.shape
    tags = [
        (254, _LONG, (0,)),
        (256, _LONG, (width,)),
        (257, _LONG, (height,)),
        (258, _SHORT, (16,)),
        (259, _SHORT, (1,)),
        (262, _SHORT, (32803,)),
        (271, _ASCII, b"Test\0"),
        (272, _ASCII, b"Camera\0"),
        (273, _LONG, None),
        (274, _SHORT, (orientation,)),
        (277, _SHORT, (1,)),
        (278, _LONG, (height,)),
        (279, _LONG, (len(pixels),)),
        (33421, _SHORT, (2, 2)),
        (33422, _BYTE, b"\0\1\1\2"),
        (50706, _BYTE, b"\1\4\0\0"),
        (50708, _ASCII, b"Test Camera\0"),
        (50717, _LONG, (65535,)),
        (50721, _SRATIONAL, _XYZ_TO_SRGB),
        (50728, _RATIONAL, (1, 1, 1)),
        (50778, _SHORT, (21,)),
    ]
    return tiff_structure(tags, pixels)


def _linear(values: np.ndarray) -> np.ndarray:
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def _mosaic(colors: np.ndarray) -> np.ndarray:
    mosaic = np.empty(colors.shape[:2])
    for row, column, band in ((0, 0, 0), (0, 1, 1), (1, 0, 1), (1, 1, 2)):
        mosaic[row::2, column::2] = colors[row::2, column::2, band]
    return mosaic


def tiff_structure(tags: list[tuple[int, int, object]], pixels: bytes = b"", order: str = "<") -> bytes:
    """A TIFF structure of one directory; a value of `None` is the offset of the pixels."""
    values = [_packed(kind, value, order) for _, kind, value in tags]
    beyond = 8 + 2 + 12 * len(tags) + 4
    pixels_at = beyond + sum(len(value) + len(value) % 2 for value in values if len(value) > 4)
    entries, extra = b"", b""
    for (tag, kind, given), value in zip(tags, values, strict=True):
        value = struct.pack(f"{order}I", pixels_at) if given is None else value
        entries += struct.pack(f"{order}HHI", tag, kind, len(value) // _SIZES[kind])
        if len(value) <= 4:
            entries += value.ljust(4, b"\0")
        else:
            entries += struct.pack(f"{order}I", beyond + len(extra))
            extra += value + b"\0" * (len(value) % 2)
    magic = b"II*\0" if order == "<" else b"MM\0*"
    return magic + struct.pack(f"{order}IH", 8, len(tags)) + entries + bytes(4) + extra + pixels


def _packed(kind: int, value: object, order: str) -> bytes:
    if value is None:
        return bytes(4)
    if isinstance(value, bytes):
        return value
    if kind in (_RATIONAL, _SRATIONAL):
        letter = "i" if kind == _SRATIONAL else "I"
        return b"".join(struct.pack(f"{order}2{letter}", round(one * 10000), 10000) for one in value)
    return struct.pack(f"{order}{len(value)}{'H' if kind == _SHORT else 'I'}", *value)


# ICO and BMP as others write them


def ico(*entries: tuple[int, int, int, bytes]) -> bytes:
    """An icon of entries, each a width, height and depth as the directory tells them, and a PNG or a bitmap."""
    directory, data = struct.pack("<HHH", 0, 1, len(entries)), b""
    for width, height, depth, body in entries:
        at = 6 + 16 * len(entries) + len(data)
        directory += struct.pack("<BBBBHHII", width % 256, height % 256, 0, 0, 1, depth, len(body), at)
        data += body
    return directory + data


def icon_bitmap(image: pyvips.Image) -> bytes:
    """A bitmap of 32 bits as it lies in an icon: from the bottom, its height doubled for a mask of nothing."""
    blue_first = array(image)[::-1, :, [2, 1, 0, 3]]
    header = struct.pack("<IiiHHIIiiII", 40, image.width, 2 * image.height, 1, 32, 0, 0, 0, 0, 0, 0)
    mask = bytes((image.width + 31) // 32 * 4 * image.height)
    return header + blue_first.tobytes() + mask


def old_bmp(image: pyvips.Image) -> bytes:
    """A BMP of 24 bits from the bottom, as most programs write it."""
    rows = array(image)[::-1, :, ::-1]
    padded = b"".join(row.tobytes() + bytes(-len(row.tobytes()) % 4) for row in rows)
    header = struct.pack("<IiiHHIIiiII", 40, image.width, image.height, 1, 24, 0, len(padded), 0, 0, 0, 0)
    return struct.pack("<2sIHHI", b"BM", 54 + len(padded), 0, 0, 54) + header + padded


# Videos

FPS = 10


@cache
def video(
    seconds: int = 4,
    codec: str = "mpeg4",
    container: str = "mp4",
    *,
    gop: int = 10,
    degrees: int = 0,
    size: tuple[int, int] = (160, 96),
    stretch: int = 1,
) -> bytes:
    """A film of ten frames a second whose red grows from frame to frame (`red_at`), its top left quarter green.

    `degrees` is what a player turns it by, counter-clockwise; `stretch` the width of a pixel by its height.
    """
    target = io.BytesIO()
    with av.open(target, "w", format=container) as film:
        stream = film.add_stream(codec, rate=FPS)
        stream.width, stream.height = size
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        stream.gop_size, stream.bit_rate = gop, 4_000_000
        stream.codec_context.options = {"sc_threshold": "1000000000"}  # no key frames but those of the group
        stream.codec_context.sample_aspect_ratio = Fraction(stretch)
        for number in range(seconds * FPS):
            frame = av.VideoFrame.from_ndarray(_drawn(number, seconds, size), format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, FPS)
            film.mux(stream.encode(frame))
        film.mux(stream.encode())
    return _turned(target.getvalue(), degrees) if degrees else target.getvalue()


def red_at(second: float, seconds: int = 4) -> int:
    number = min(int(second * FPS + 1e-6), seconds * FPS - 1)
    return 40 + 150 * number // (seconds * FPS)


def _drawn(number: int, seconds: int, size: tuple[int, int]) -> np.ndarray:
    pixels = np.zeros((size[1], size[0], 3), "u1")
    pixels[:, :, 0] = red_at(number / FPS, seconds)
    pixels[: size[1] // 2, : size[0] // 2, 1] = 200
    return pixels


def _turned(data: bytes, degrees: int) -> bytes:
    target = io.BytesIO()
    with av.open(io.BytesIO(data)) as film, av.open(target, "w", format="mp4") as copy:
        stream = copy.add_stream_from_template(film.streams.video[0])
        stream.set_display_rotation(degrees)
        for packet in film.demux(film.streams.video[0]):
            if packet.dts is not None:
                packet.stream = stream
                copy.mux(packet)
    return target.getvalue()


# One of each


@cache
def bridged() -> dict[Format, bytes]:
    """A file of each format that codecs of our own read, large enough that half of it is no picture."""
    picture = pictures.noise(96, 64)
    written = {kind: encoded(kind, picture) for kind in (Format.HEIC, Format.JXL, Format.BMP, Format.ICO)}
    return written | {
        Format.PDF: pdf((96, 64, "1 0 0"), (96, 64, "0 1 0")),
        Format.PSD: psd(picture),
        Format.RAW: dng(picture),
        Format.MP4: video(container="mp4"),
        Format.MOV: video(container="mov"),
        Format.WEBM: video(codec="libvpx", container="webm"),
        Format.MKV: video(container="matroska"),
        Format.AVI: video(container="avi"),
    }
