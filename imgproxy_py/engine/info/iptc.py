"""IPTC-IIM datasets and Photoshop's resources as tables (IPTC-IIM 4.2; dialect §5.7)."""

from __future__ import annotations

from typing import TypeAlias

from imgproxy_py.engine import iim

Value: TypeAlias = str | list[str]

_RECORD = 2

_NAMES = {
    3: "Object Type Reference",
    4: "Object Attribute Reference",
    5: "Name",
    7: "Edit Status",
    8: "Editorial Update",
    10: "Urgency",
    12: "Subject Reference",
    15: "Category",
    20: "Supplemental Category",
    22: "Fixture ID",
    25: "Keywords",
    26: "Content Location Code",
    27: "Content Location Name",
    30: "Release Date",
    35: "Release Time",
    37: "Expiration Date",
    38: "Expiration Time",
    40: "Special Instructions",
    42: "Action Advised",
    45: "Reference Service",
    47: "Reference Date",
    50: "Reference Number",
    55: "Date Created",
    60: "Time Created",
    62: "Digital Creation Date",
    63: "Digital Creation Time",
    65: "Originating Program",
    70: "Program Version",
    75: "Object Cycle",
    80: "Byline",
    85: "Byline Title",
    90: "City",
    92: "Sublocation",
    95: "Province/State",
    100: "Country Code",
    101: "Country Name",
    103: "Original Transmission Reference",
    105: "Headline",
    110: "Credit",
    115: "Source",
    116: "Copyright Notice",
    118: "Contact",
    120: "Caption",
    121: "Local Caption",
    122: "Caption Writer",
    130: "Image Type",
    131: "Image Orientation",
    135: "Language ID",
}
_REPEATABLE = frozenset({4, 12, 20, 25, 26, 27, 45, 47, 50, 80, 85, 118, 122})

_RESOLUTION_INFO = b"\x03\xed"
_RESOLUTION_BYTES = 16
_FIXED_POINT = 65536
_RESOLUTION_UNITS = {1: "inches", 2: "cm"}
_LENGTH_UNITS = {1: "inches", 2: "cm", 3: "points", 4: "picas", 5: "columns"}


def iptc(data: bytes) -> dict[str, Value]:
    """Give the datasets of record 2 that have a name; those that may be repeated are lists."""
    found: dict[str, Value] = {}
    for one in iim.datasets(data):
        if one.record == _RECORD and one.number in _NAMES:
            _put(found, one.number, _text(one.value))
    return found


def _put(found: dict[str, Value], dataset: int, text: str) -> None:
    name = _NAMES[dataset]
    if dataset not in _REPEATABLE:
        found[name] = text
        return
    values = found.setdefault(name, [])
    if isinstance(values, list):
        values.append(text)


def _text(value: bytes) -> str:
    # Most writers use UTF-8 without saying so; what is none is in the alphabet of the standard's own time.
    try:
        return value.decode("utf-8").rstrip("\0")
    except UnicodeDecodeError:
        return value.decode("latin-1").rstrip("\0")


def photoshop(data: bytes) -> dict[str, dict[str, float | str]]:
    """Give the resolution that Photoshop noted, if it did."""
    for kind, value in iim.resources(data):
        if kind == _RESOLUTION_INFO and len(value) >= _RESOLUTION_BYTES:
            return {"resolution": _resolution(value)}
    return {}


def _resolution(value: bytes) -> dict[str, float | str]:
    def number(at: int, size: int) -> int:
        return int.from_bytes(value[at : at + size], "big")

    return {
        "XResolution": _plain(number(0, 4) / _FIXED_POINT),
        "XResolutionUnit": _RESOLUTION_UNITS.get(number(4, 2), ""),
        "WidthUnit": _LENGTH_UNITS.get(number(6, 2), ""),
        "YResolution": _plain(number(8, 4) / _FIXED_POINT),
        "YResolutionUnit": _RESOLUTION_UNITS.get(number(12, 2), ""),
        "HeightUnit": _LENGTH_UNITS.get(number(14, 2), ""),
    }


def _plain(value: float) -> float:
    return int(value) if value == int(value) else round(value, 4)
