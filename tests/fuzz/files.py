"""Small files of every format that is read, to begin from, and what is changed in them where bytes alone lead nowhere."""

from __future__ import annotations

import random
import struct
import zlib
from functools import cache

import pyvips

from imgproxy_py.recipe.formats import Format
from tests import manifests, originals, pictures

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
MARKS = (
    *(
        b"\xff\xd8\xff",
        b"\xff\xda",
        b"\xff\xd9",
        b"\xff\xe1",
        b"\xff\xe2",
        b"\xff\xc0",
        b"\xff\xc2",
        b"\xff\xdb",
        b"\xff\xc4",
    ),
    *(b"Exif\0\0", b"ICC_PROFILE\0", b"JFIF\0", b"Adobe", b"II*\0", b"MM\0*", b"MPF\0", b"Photoshop 3.0\0", b"8BIM"),
    *(b"IHDR", b"IDAT", b"IEND", b"PLTE", b"tRNS", b"iCCP", b"acTL", b"fdAT", b"caBX", PNG_SIGNATURE),
    *(b"RIFF", b"WEBP", b"VP8 ", b"VP8L", b"VP8X", b"ANIM", b"ANMF", b"ALPH", b"ICCP", b"EXIF", b"XMP "),
    *(b"GIF89a", b"NETSCAPE2.0", b"\x21\xf9\x04", b"\x2c\0\0\0\0", b"\x3b"),
    *(b"ftyp", b"avif", b"avis", b"heic", b"mif1", b"meta", b"moov", b"mdat", b"uuid", b"jumb", b"iloc", b"ispe"),
    *(
        b"8BPS\0\1",
        b"%PDF-1.4",
        b"endobj",
        b"xref",
        b"BM",
        b"\0\0\1\0",
        b"\xff\x0a",
        b"\x1a\x45\xdf\xa3",
        b"qt  ",
        b"crx ",
    ),
    *(b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\0\0\0\0", b"\0\0\0\1", b"\1\0\0\0"),
)


@cache
def examples() -> tuple[bytes, ...]:
    """Give files, each of a few kilobytes at most."""
    picture = pictures.marked(24, 16)
    turned = pictures.with_orientation(picture, 6)
    plain = [encode(picture) for encode in pictures.ENCODERS.values()]
    rich = [
        *(
            pictures.jpeg(turned, interlace=True),
            pictures.jpeg(pictures.grey(picture)),
            pictures.jpeg(_inked(picture)),
        ),
        *(pictures.jpeg(pictures.wide_gamut(picture)), pictures.png(pictures.with_alpha(picture), interlace=True)),
        *(pictures.png(pictures.deep(picture)), pictures.palette_png(4), pictures.ultra_hdr(32, 24)),
        *(pictures.gif(pictures.animation(3, 8, 6)), pictures.webp(pictures.animation(3, 8, 6), lossless=True)),
        *(pictures.webp(pictures.with_alpha(picture)), pictures.tiff(pictures.with_alpha(picture), compression="lzw")),
        *(
            pictures.tiff(pictures.animation(2, 8, 6), page_height=6),
            pictures.svg(),
            pictures.avif(pictures.with_alpha(picture)),
        ),
    ]
    small = pictures.marked(16, 16)
    ours = [originals.encoded(kind, small) for kind in (Format.HEIC, Format.JXL, Format.BMP, Format.ICO)]
    ours += [
        *(
            originals.pdf((24, 16, "1 0 0"), (10, 10, "0 1 0")),
            originals.psd(small),
            originals.psd(small, compression=2),
        ),
        *(originals.psd(_inked(small), mode=4), originals.psd(pictures.grey(small), version=2, compression=0)),
        *(originals.dng(small), originals.old_bmp(small), originals.ico((16, 16, 32, pictures.png(small)))),
        originals.ico((16, 16, 32, originals.icon_bitmap(pictures.with_alpha(small)))),
    ]
    films = [originals.video(1, container=one, size=(32, 32)) for one in ("mp4", "mov", "matroska", "avi")]
    signed = [manifests.signed(one, kind) for kind, one in ((Format.JPEG, plain[0]), (Format.PNG, plain[1]))]
    return (*plain, *rich, *ours, *films, *signed)


def _inked(picture: pyvips.Image) -> pyvips.Image:
    return pictures.without_profile(pictures.cmyk(picture))  # a profile of inks takes a megabyte


def mended(data: bytes, chance: random.Random) -> bytes:
    """Give a PNG with right checksums three times of four: a decoder looks no further than a wrong one."""
    if not data.startswith(PNG_SIGNATURE) or chance.random() < 0.25:
        return data
    parts, at = [PNG_SIGNATURE], len(PNG_SIGNATURE)
    while at + 12 <= len(data):
        length = int.from_bytes(data[at : at + 4], "big")
        body = data[at + 4 : at + 8 + length]
        parts.append(struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body)))
        at += 12 + length
    return b"".join(parts)
