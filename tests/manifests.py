"""Files that carry Content Credentials: a C2PA manifest store where each format has its place for one.

The manifest is of the right shape as far as containers go; nobody signed it.
"""

from __future__ import annotations

import struct
import zlib

from imgproxy_py.recipe.formats import Format

LABEL = b"urn:c2pa:11111111-2222-3333-4444-555555555555"


def _box(kind: bytes, payload: bytes) -> bytes:
    return struct.pack(">I", 8 + len(payload)) + kind + payload


def store() -> bytes:
    """A JUMBF superbox with C2PA's type and label, and a manifest in it (ISO 19566-5)."""
    of_stores = b"c2pa" + bytes.fromhex("00110010800000aa00389b71") + b"\x03c2pa\x00"
    of_manifests = b"c2ma" + bytes.fromhex("00110010800000aa00389b71") + b"\x03" + LABEL + b"\x00"
    return _box(b"jumb", _box(b"jumd", of_stores) + _box(b"jumb", _box(b"jumd", of_manifests)))


def signed(data: bytes, kind: Format) -> bytes:
    """The file with a manifest store in it."""
    return _PLACES[kind](data)


def _jpeg(data: bytes) -> bytes:
    payload = b"JP" + struct.pack(">HI", 1, 1) + store()
    return data[:2] + b"\xff\xeb" + struct.pack(">H", 2 + len(payload)) + payload + data[2:]


def _png(data: bytes) -> bytes:
    chunk = struct.pack(">I", len(store())) + b"caBX" + store()
    return data[:33] + chunk + struct.pack(">I", zlib.crc32(chunk[4:])) + data[33:]


def _webp(data: bytes) -> bytes:
    chunk = b"C2PA" + struct.pack("<I", len(store())) + store() + b"\0" * (len(store()) % 2)
    return data[:4] + struct.pack("<I", len(data) - 8 + len(chunk)) + data[8:] + chunk


def _gif(data: bytes) -> bytes:
    colors = 3 << ((data[10] & 7) + 1) if data[10] & 0x80 else 0
    blocks = b"".join(
        bytes([len(part)]) + part for part in (store()[at : at + 255] for at in range(0, len(store()), 255))
    )
    start = 13 + colors
    return data[:start] + b"\x21\xff\x0bC2PA_GIF\x01\x00\x00" + blocks + b"\0" + data[start:]


def _boxes(data: bytes) -> bytes:
    of_c2pa = bytes.fromhex("d8fec3d61b0e483c92975828877ec481")
    return data + _box(b"uuid", of_c2pa + bytes(4) + b"manifest\0" + bytes(8) + store())


def _tiff(data: bytes) -> bytes:
    """One entry more in the first directory, which is moved to the end; the manifest behind it."""
    order = "<" if data[:2] == b"II" else ">"
    (at,) = struct.unpack_from(f"{order}I", data, 4)
    (count,) = struct.unpack_from(f"{order}H", data, at)
    entries = data[at + 2 : at + 2 + 12 * count]
    data += b"\0" * (len(data) % 2)
    behind = len(data) + 2 + 12 * (count + 1) + 4
    entry = struct.pack(f"{order}HHII", 0xCD41, 7, len(store()), behind)
    directory = struct.pack(f"{order}H", count + 1) + entries + entry + bytes(4)
    return data[:4] + struct.pack(f"{order}I", len(data)) + data[8:] + directory + store()


def _svg(data: bytes) -> bytes:
    element = b'<metadata><c2pa:manifest xmlns:c2pa="http://c2pa.org/manifest">AAAA</c2pa:manifest></metadata>'
    start = data.index(b">") + 1
    return data[:start] + element + data[start:]


_PLACES = {
    Format.JPEG: _jpeg,
    Format.PNG: _png,
    Format.WEBP: _webp,
    Format.GIF: _gif,
    Format.AVIF: _boxes,
    Format.TIFF: _tiff,
    Format.SVG: _svg,
}
