"""Makers of source pictures, drawn with libvips and the same every time; of damaged ones; and of bombs.

Pictures are small, and asymmetric where it matters: each corner has a colour of its own, so that a turn or a flip shows.
"""

from __future__ import annotations

import random
import struct
import zlib
from collections.abc import Callable
from functools import cache

import pyvips

from imgproxy_py.engine.loading import ImageFile
from imgproxy_py.recipe.formats import Format, sniff

# Pixels


def marked(width: int = 60, height: int = 40) -> pyvips.Image:
    """A gradient with a red, green, blue and white block in the corners, clockwise from the top left, of unequal sizes."""
    at = pyvips.Image.xyz(width, height)
    red, green = at[0] * (200 / width) + 20, at[1] * (200 / height) + 30
    image = rgb(red.bandjoin([green, (red + green) / 2]))
    third, half = max(1, width // 3), max(1, height // 2)
    for color, left, top, wide, high in (
        ([220, 10, 10], 0, 0, third, half),
        ([10, 200, 10], width - third // 2, 0, third // 2, half // 2),
        ([10, 10, 210], width - third, height - half // 3, third, half // 3),
        ([250, 250, 250], 0, height - half // 4, third // 4, half // 4),
    ):
        image = image.draw_rect(color, left, top, max(1, wide), max(1, high), fill=True)
    return image


def rgb(image: pyvips.Image) -> pyvips.Image:
    return image.cast("uchar").copy(interpretation="srgb", xres=1, yres=1)


def solid(width: int, height: int, color: tuple[int, ...] = (90, 140, 200)) -> pyvips.Image:
    return rgb(pyvips.Image.black(width, height, bands=len(color)) + list(color))


@cache
def large_noise(side: int) -> bytes:
    """A PNG that is quickly made and slowly worked on."""
    tile = noise(100, 100)
    return png(tile.replicate(-(-side // 100), -(-side // 100)).crop(0, 0, side, side), compression=0)


def noise(width: int, height: int, seed: int = 1) -> pyvips.Image:
    bands = [pyvips.Image.gaussnoise(width, height, sigma=60, mean=128, seed=seed + one) for one in range(3)]
    return rgb(bands[0].bandjoin(bands[1:]))


def with_alpha(image: pyvips.Image) -> pyvips.Image:
    """The image, fading from transparent at the left to opaque at the right."""
    ramp = pyvips.Image.xyz(image.width, image.height)[0] * (255 / max(1, image.width - 1))
    return image.bandjoin(ramp.cast("uchar"))


def grey(image: pyvips.Image) -> pyvips.Image:
    return image.colourspace("b-w")


def deep(image: pyvips.Image) -> pyvips.Image:
    """The image with 16 bits a sample that 8 bits cannot hold."""
    wide = (image.cast("float") * 257 + 77).cast("ushort")
    return wide.copy(interpretation="grey16" if image.bands < 3 else "rgb16")


def ultra_hdr(width: int = 160, height: int = 96) -> bytes:
    """An UltraHDR JPEG: a gradient, and in its lower left a block eight times as bright as white."""
    at = pyvips.Image.xyz(width, height)
    base = (at[0] / width * 0.5).bandjoin([at[1] / height * 0.5, at[0] * 0 + 0.2]).cast("float")
    bright = base.draw_rect([8.0, 8.0, 8.0], width // 8, height // 2, width // 4, height // 4, fill=True)
    return bytes(bright.copy(interpretation="scrgb").uhdrsave_buffer(Q=90))


def bordered(inner_width: int, inner_height: int, margins: tuple[int, int, int, int]) -> pyvips.Image:
    """A marked picture within a plain border, margins clockwise from the top."""
    top, right, bottom, left = margins
    canvas = solid(inner_width + left + right, inner_height + top + bottom, (240, 240, 235))
    return canvas.insert(marked(inner_width, inner_height), left, top)


def cmyk(image: pyvips.Image) -> pyvips.Image:
    """The image in libvips' own CMYK, its profile embedded."""
    return image.icc_transform("cmyk", input_profile="srgb")


def wide_gamut(image: pyvips.Image) -> pyvips.Image:
    """The image in Display P3, its profile embedded."""
    return image.icc_transform("p3", input_profile="srgb")


def with_profile(image: pyvips.Image, profile: bytes) -> pyvips.Image:
    return with_field(image, "icc-profile-data", profile)


def without_profile(image: pyvips.Image) -> pyvips.Image:
    return without_field(image, "icc-profile-data")


def profile_of(image: pyvips.Image) -> bytes:
    return bytes(image.get("icc-profile-data"))


def as_iec_srgb(profile: bytes) -> bytes:
    """The profile under the name of the well-known sRGB IEC61966-2.1 (manufacturer and model in its header)."""
    return profile[:48] + b"IEC sRGB" + profile[56:]


def with_orientation(image: pyvips.Image, value: int) -> pyvips.Image:
    return with_field(image, "orientation", value)


def with_field(image: pyvips.Image, name: str, value: bytes | int | str) -> pyvips.Image:
    kinds = {bytes: pyvips.GValue.blob_type, int: pyvips.GValue.gint_type, str: pyvips.GValue.gstr_type}
    image = image.copy()
    image.set_type(kinds[type(value)], name, value)
    return image


def without_field(image: pyvips.Image, name: str) -> pyvips.Image:
    image = image.copy()
    image.remove(name)
    return image


# Files


def jpeg(image: pyvips.Image, **options: object) -> bytes:
    return bytes(image.jpegsave_buffer(**{"Q": 90, **options}))


def png(image: pyvips.Image, **options: object) -> bytes:
    return bytes(image.pngsave_buffer(**{"compression": 1, **options}))


def webp(image: pyvips.Image, **options: object) -> bytes:
    return bytes(image.webpsave_buffer(**{"effort": 0, **options}))


def gif(image: pyvips.Image, **options: object) -> bytes:
    return bytes(image.gifsave_buffer(**{"effort": 1, **options}))


def tiff(image: pyvips.Image, **options: object) -> bytes:
    return bytes(image.tiffsave_buffer(**options))


def avif(image: pyvips.Image, **options: object) -> bytes:
    return bytes(image.heifsave_buffer(**{"compression": "av1", "effort": 0, **options}))


def svg(width: str = "100", height: str = "50", body: str = "", attributes: str = "") -> bytes:
    """An SVG whose sides are any CSS lengths, empty for none; blank bodies get a red and a blue half."""
    sides = (f' width="{width}"' if width else "") + (f' height="{height}"' if height else "")
    body = body or '<rect width="50%" height="100%" fill="#e00"/><rect x="50%" width="50%" height="100%" fill="#00e"/>'
    return f'<svg xmlns="http://www.w3.org/2000/svg"{sides} {attributes}>{body}</svg>'.encode()


ENCODERS: dict[Format, Callable[[pyvips.Image], bytes]] = {
    Format.JPEG: jpeg,
    Format.PNG: png,
    Format.WEBP: webp,
    Format.GIF: gif,
    Format.TIFF: tiff,
    Format.AVIF: avif,
}


@cache
def readable() -> dict[Format, bytes]:
    """A file of each format that is read here, large enough that half of it is no picture."""
    picture = noise(96, 64)
    return {kind: encode(picture) for kind, encode in ENCODERS.items()} | {Format.SVG: svg()}


def palette_png(bits: int) -> bytes:
    """A PNG of 2**bits colours at that many bits a pixel."""
    side = 1 << bits
    levels = (pyvips.Image.xyz(64, 48)[0] * side / 64).floor() * (255 / (side - 1))
    image = rgb(levels.bandjoin([255 - levels, levels / 2]))
    return png(image, palette=True, bitdepth=bits, dither=0)


def animation(frames: int = 3, width: int = 40, height: int = 30) -> pyvips.Image:
    """Frames in different colours, one below the other as libvips has them."""
    colors = [(200, 20, 20), (20, 200, 20), (20, 20, 200), (200, 200, 20)]
    stack = pyvips.Image.arrayjoin([solid(width, height, colors[one % 4]) for one in range(frames)], across=1)
    return with_field(stack, "page-height", height)


# Damage


def read(data: bytes) -> pyvips.Image:
    """The pixels of a file of any format that is read here."""
    kind = sniff(data)
    assert kind is not None
    return ImageFile(data=data, format=kind).open()


def truncated(data: bytes, share: float) -> bytes:
    return data[: max(1, min(int(len(data) * share), len(data) - 1))]


def corrupted(data: bytes, seed: int, flips: int = 8) -> bytes:
    """The file with some bytes changed behind its signature; the same for the same seed."""
    chance = random.Random(seed)
    damaged = bytearray(data)
    for _ in range(chance.randint(1, flips)):
        damaged[chance.randrange(min(16, len(data) - 1), len(data))] = chance.randrange(256)
    return bytes(damaged)


# Bombs: little files that say they are enormous


@cache
def png_bomb(width: int = 30_000, height: int = 30_000) -> bytes:
    """A whole and valid one-bit PNG of zeros."""
    packer = zlib.compressobj(9)
    row = bytes(1 + (width + 7) // 8)
    pixels = b"".join(packer.compress(row * 1000) for _ in range(height // 1000))
    pixels += packer.compress(row * (height % 1000)) + packer.flush()
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    chunks = _chunk(b"IHDR", header) + _chunk(b"IDAT", pixels) + _chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunks


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def jpeg_bomb(width: int = 30_000, height: int = 30_000, *, progressive: bool = True) -> bytes:
    """A small JPEG whose frame header tells other sides."""
    data = jpeg(solid(16, 16), interlace=progressive)
    at = data.index(b"\xff\xc2" if progressive else b"\xff\xc0")
    return data[: at + 5] + struct.pack(">HH", height, width) + data[at + 9 :]


def gif_bomb(width: int = 60_000, height: int = 60_000) -> bytes:
    """A frame of one pixel's data that says it fills an enormous canvas."""
    data = gif(solid(1, 1))
    sides, frame = struct.pack("<HH", width, height), data.index(b"\x2c\x00\x00\x00\x00") + 5
    return data[:6] + sides + data[10:frame] + sides + data[frame + 4 :]


def webp_bomb(width: int = 16_000, height: int = 16_000) -> bytes:
    """A small lossless WebP whose header tells other sides (14 bits each, less one)."""
    data = webp(solid(16, 16), lossless=True, keep="none")
    at = data.index(b"VP8L") + 9
    flags = int.from_bytes(data[at : at + 4], "little") >> 28
    return data[:at] + ((flags << 28) | (height - 1) << 14 | (width - 1)).to_bytes(4, "little") + data[at + 4 :]
