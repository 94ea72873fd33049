"""Camera raw told from TIFF by content."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgproxy_py.recipe.camera import is_camera_raw
from imgproxy_py.recipe.formats import Format, sniff

SHORT, LONG = 3, 4
PREVIEW, FULL = (254, LONG, (1,)), (254, LONG, (0,))
MAKE = (271, 2, b"NIKON\0")
RGB, FILTER_ARRAY, LINEAR_RAW = ((262, SHORT, (value,)) for value in (2, 32803, 34892))
DNG_VERSION = (50706, 1, b"\1\4\0\0")


def tiff(*directories: list[tuple[int, int, object]], order: str = "<", below: bool = False) -> bytes:
    """Directories one after the other, or all but the first as sub-directories of the first."""
    starts, at = [], 8
    for index, one in enumerate(directories):
        starts.append(at)
        at += 2 + 12 * (len(one) + (below and index == 0)) + 4
    data = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}I", 8)
    for index, one in enumerate(directories):
        entries = list(one)
        if below and index == 0:
            entries.append((330, LONG, tuple(starts[1:])))
        following = 0 if below or index + 1 == len(directories) else starts[index + 1]
        data += _directory(entries, following, order)
    return data


def _directory(entries: list[tuple[int, int, object]], following: int, order: str) -> bytes:
    data = struct.pack(f"{order}H", len(entries))
    for tag, kind, value in entries:
        packed = (
            value
            if isinstance(value, bytes)
            else struct.pack(f"{order}{len(value)}{'H' if kind == SHORT else 'I'}", *value)
        )
        count = len(packed) if isinstance(value, bytes) else len(value)
        data += struct.pack(f"{order}HHI", tag, kind, count) + packed[:4].ljust(4, b"\0")
    return data + struct.pack(f"{order}I", following)


@pytest.mark.parametrize("order", ["<", ">"], ids=["little", "big"])
@pytest.mark.parametrize(
    ("directories", "below", "raw"),
    [
        ([[RGB]], False, False),
        ([[RGB], [RGB]], False, False),
        ([[FULL, RGB, MAKE], [PREVIEW, RGB]], True, False),
        ([[DNG_VERSION, RGB]], False, True),
        ([[FILTER_ARRAY]], False, True),
        ([[LINEAR_RAW]], False, True),
        ([[RGB], [FILTER_ARRAY]], False, True),
        ([[PREVIEW, RGB], [FILTER_ARRAY]], True, True),
        ([[PREVIEW, RGB, MAKE], [RGB]], True, True),
    ],
    ids=["plain", "pages", "pyramid", "dng", "mosaic", "linear", "second", "below", "preview"],
)
def test_tags_tell(directories: list[list[tuple[int, int, object]]], below: bool, raw: bool, order: str) -> None:
    data = tiff(*directories, order=order, below=below)
    assert is_camera_raw(data) is raw
    assert sniff(data) is (Format.RAW if raw else Format.TIFF)


def test_sub_directories_beyond_what_is_looked_at_leave_a_preview_to_tell() -> None:
    data = tiff([PREVIEW, RGB, MAKE, (330, LONG, (10**6,))])
    assert sniff(data) is Format.RAW


def test_canon_names_itself() -> None:
    assert sniff(b"II*\0\x10\0\0\0CR\2\0" + bytes(60)) is Format.RAW


def test_directories_in_a_circle_end() -> None:
    data = bytearray(tiff([RGB], [RGB]))
    data[-4:] = struct.pack("<I", 8)
    assert is_camera_raw(bytes(data)) is False


@given(st.sampled_from([b"II*\0", b"MM\0*"]), st.binary(max_size=300))
def test_any_bytes_are_judged_without_an_error(magic: bytes, rest: bytes) -> None:
    assert is_camera_raw(magic + rest) in (True, False)


@given(st.binary(max_size=200))
def test_any_values_of_a_sub_directory_are_judged_without_an_error(noise: bytes) -> None:
    data = tiff([PREVIEW, MAKE, (330, LONG, (40,))])
    assert is_camera_raw(data[:40] + noise) in (True, False)
