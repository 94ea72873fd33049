"""EXIF as a table of names and texts (CIPA DC-008; dialect §5.7)."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pyvips

# Directories by libvips' numbers: the picture's, EXIF's own, GPS. The one between is the thumbnail's.
_FIELD = re.compile(r"exif-ifd[023]-(\w+)\Z")
_VALUE = re.compile(r"(?P<said>.*), \w+, \d+ components, \d+ bytes\)\Z", re.DOTALL)
_OPENING = " ("
_WORDS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_UNNAMED = "Internal error"

# What no reader of JSON can use.
_OPAQUE = frozenset({"MakerNote", "PrintImageMatching"})

_TITLES = {
    "DateTime": "Date and Time",
    "DateTimeOriginal": "Date and Time (Original)",
    "DateTimeDigitized": "Date and Time (Digitized)",
    "FNumber": "F-Number",
    "ISOSpeedRatings": "ISO Speed Ratings",
    "ExifVersion": "Exif Version",
    "FlashpixVersion": "FlashPixVersion",
    "XResolution": "X-Resolution",
    "YResolution": "Y-Resolution",
    "ImageLength": "Image Length",
    "ExposureBiasValue": "Exposure Bias",
    "ApertureValue": "Aperture",
    "ShutterSpeedValue": "Shutter Speed",
    "BrightnessValue": "Brightness",
    "PixelXDimension": "Pixel X Dimension",
    "PixelYDimension": "Pixel Y Dimension",
    "YCbCrPositioning": "YCbCr Positioning",
    "FocalLengthIn35mmFilm": "Focal Length in 35mm Film",
    "Orientation": "Orientation",
}

# Numbers that stand for something (CIPA DC-008 §4.6). The bundled library does not know their names.
_MEANINGS: dict[str, dict[int, str]] = {
    "Orientation": {
        1: "Top-left",
        2: "Top-right",
        3: "Bottom-right",
        4: "Bottom-left",
        5: "Left-top",
        6: "Right-top",
        7: "Right-bottom",
        8: "Left-bottom",
    },
    "ResolutionUnit": {2: "Inch", 3: "Centimeter"},
    "FocalPlaneResolutionUnit": {2: "Inch", 3: "Centimeter"},
    "YCbCrPositioning": {1: "Centered", 2: "Co-sited"},
    "ColorSpace": {1: "sRGB", 2: "Adobe RGB", 0xFFFF: "Uncalibrated"},
    "ExposureProgram": {
        0: "Not defined",
        1: "Manual",
        2: "Normal program",
        3: "Aperture priority",
        4: "Shutter priority",
        5: "Creative program (biased toward depth of field)",
        6: "Action program (biased toward fast shutter speed)",
        7: "Portrait mode (for closeup photos with the background out of focus)",
        8: "Landscape mode (for landscape photos with the background in focus)",
    },
    "MeteringMode": {
        0: "Unknown",
        1: "Average",
        2: "Center-weighted average",
        3: "Spot",
        4: "Multi spot",
        5: "Pattern",
        6: "Partial",
        255: "Other",
    },
    "LightSource": {
        0: "Unknown",
        1: "Daylight",
        2: "Fluorescent",
        3: "Tungsten incandescent light",
        4: "Flash",
        9: "Fine weather",
        10: "Cloudy weather",
        11: "Shade",
        255: "Other",
    },
    "SensingMethod": {
        1: "Not defined",
        2: "One-chip color area sensor",
        3: "Two-chip color area sensor",
        4: "Three-chip color area sensor",
        5: "Color sequential area sensor",
        7: "Trilinear sensor",
        8: "Color sequential linear sensor",
    },
    "CustomRendered": {0: "Normal process", 1: "Custom process"},
    "ExposureMode": {0: "Auto exposure", 1: "Manual exposure", 2: "Auto bracket"},
    "WhiteBalance": {0: "Auto white balance", 1: "Manual white balance"},
    "SceneCaptureType": {0: "Standard", 1: "Landscape", 2: "Portrait", 3: "Night scene"},
    "GainControl": {0: "Normal", 1: "Low gain up", 2: "High gain up", 3: "Low gain down", 4: "High gain down"},
    "Contrast": {0: "Normal", 1: "Soft", 2: "Hard"},
    "Saturation": {0: "Normal", 1: "Low saturation", 2: "High saturation"},
    "Sharpness": {0: "Normal", 1: "Soft", 2: "Hard"},
    "SubjectDistanceRange": {0: "Unknown", 1: "Macro", 2: "Close view", 3: "Distant view"},
}

_FIRED, _RETURN_SEEN, _RED_EYE, _NO_FUNCTION = 0x01, 0x06, 0x40, 0x20


def exif(image: pyvips.Image, *, canonical: bool = False) -> dict[str, str]:
    """Give the tags of an opened image: titles for people, or with `canonical` the standard's names, and their texts."""
    return {name if canonical else title(name): text for name, text in _tags(image)}


def title(name: str) -> str:
    """Give a tag's name as words: `LensModel` is `Lens Model`."""
    return _TITLES.get(name) or " ".join(_WORDS.split(name))


def _tags(image: pyvips.Image) -> Iterator[tuple[str, str]]:
    for field in image.get_fields():
        found = _FIELD.match(field)
        if found and found[1] not in _OPAQUE:
            yield found[1], text_of(found[1], str(image.get(field)))


def text_of(name: str, value: str) -> str:
    """Give the text of a tag from what libvips says of it, which is `raw (text, type, components, bytes)`."""
    found = _VALUE.match(value)
    if found is None:
        return value
    raw, text = _parted(found["said"])
    if not raw.isascii() or not raw.isdigit():
        return text.strip()
    if name == "Flash":
        return _flash(int(raw))
    meaning = _MEANINGS.get(name, {}).get(int(raw))
    return meaning or (raw if text.startswith(_UNNAMED) else text)


def _parted(said: str) -> tuple[str, str]:
    """Divide `raw (text`; a text that is its own raw value may hold the same marks."""
    half = (len(said) - len(_OPENING)) // 2
    if said[:half] == said[half + len(_OPENING) :]:
        return said[:half], said[:half]
    raw, _, text = said.partition(_OPENING)
    return raw, text


def _flash(bits: int) -> str:
    if bits & _NO_FUNCTION:
        return "No flash function"
    parts = ["Flash fired" if bits & _FIRED else "Flash did not fire"]
    parts += _modes(bits >> 3 & 3)
    if bits & _RETURN_SEEN == _RETURN_SEEN:
        parts.append("return light detected")
    if bits & _RED_EYE:
        parts.append("red-eye reduction mode")
    return ", ".join(parts)


def _modes(mode: int) -> list[str]:
    return {1: ["compulsory flash mode"], 2: ["compulsory flash suppression"], 3: ["auto mode"]}.get(mode, [])
