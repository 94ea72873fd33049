"""Photoshop's resource blocks and the IPTC-IIM datasets within them (IPTC-IIM 4.2)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

PHOTOSHOP = b"Photoshop 3.0\0"
IPTC_RESOURCE = b"\x04\x04"


class Dataset(NamedTuple):
    """A dataset: its record, its number, its value, and all of it as it was written."""

    record: int
    number: int
    value: bytes
    raw: bytes


def resources(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Give the two bytes that name each resource of a block, and its value; ends where the block is damaged."""
    at = len(PHOTOSHOP)
    while data[at : at + 4] == b"8BIM" and at + 7 <= len(data):
        kind, name_length = data[at + 4 : at + 6], data[at + 6]
        size_at = at + 6 + even(1 + name_length)
        start = size_at + 4
        size = int.from_bytes(data[size_at:start], "big")
        yield kind, data[start : start + size]
        at = start + even(size)


def datasets(data: bytes) -> Iterator[Dataset]:
    """Give the datasets of a Photoshop block or of a bare record, up to the first that is damaged or extended."""
    if data.startswith(PHOTOSHOP):
        data = b"".join(value for kind, value in resources(data) if kind == IPTC_RESOURCE)
    at = 0
    while at <= len(data) - 5 and data[at] == 0x1C:
        length = int.from_bytes(data[at + 3 : at + 5], "big")
        if length & 0x8000:  # extended datasets are longer than any text
            return
        end = at + 5 + length
        yield Dataset(data[at + 1], data[at + 2], data[at + 5 : end], data[at:end])
        at = end


def as_photoshop(record: bytes) -> bytes:
    """Give a Photoshop block with a record and nothing else."""
    block = b"8BIM" + IPTC_RESOURCE + b"\0\0" + len(record).to_bytes(4, "big") + record
    return PHOTOSHOP + block + b"\0" * (len(record) % 2)


def even(length: int) -> int:
    """Give the length with the byte that pads it."""
    return length + length % 2
