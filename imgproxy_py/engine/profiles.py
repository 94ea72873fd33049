"""Colour profiles by name: two that libvips has built in, and those of the operator's folder (dialect §5.2)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pyvips

from imgproxy_py.recipe.formats import ABILITIES, Format

BUILT_IN = ("srgb", "cmyk")
_CMYK_FORMATS = frozenset({Format.JPEG, Format.TIFF})

# An ICC profile's header: 128 bytes, a signature at 36, the colour space of the samples at 16 (ICC.1 §7.2).
_SIGNATURE, _SIGNATURE_AT = b"acsp", 36
_SPACES = {b"RGB ": 3, b"GRAY": 1, b"CMYK": 4}


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """An ICC profile: what libvips opens it by (a name of its own or a path), and its bytes."""

    place: str
    data: bytes = field(repr=False)

    @property
    def bands(self) -> int:
        """How many colours a pixel has in it: 1 grey, 3 RGB, 4 CMYK."""
        return _SPACES[self.data[16:20]]

    def fits(self, output: Format) -> bool:
        """Tell whether a format can hold pixels in this profile and the profile itself."""
        return ABILITIES[output].icc and (self.bands != 4 or output in _CMYK_FORMATS)


def profiles(folder: Path | None) -> Mapping[str, Profile]:
    """Give the profiles by name: those built in, and every file of the folder that is one.

    A file is an ICC profile of grey, RGB or CMYK, for output or display; others are passed over.
    """
    found = {name: Profile(place=name, data=_built_in(name)) for name in BUILT_IN}
    for path in sorted(folder.iterdir()) if folder else ():
        if path.is_file() and path.name not in found and _is_profile(data := path.read_bytes()):
            found[path.name] = Profile(place=str(path), data=data)
    return found


def _built_in(name: str) -> bytes:
    data: bytes = pyvips.Operation.call("profile_load", name)
    return data


def _is_profile(data: bytes) -> bool:
    return data[_SIGNATURE_AT : _SIGNATURE_AT + 4] == _SIGNATURE and data[16:20] in _SPACES
