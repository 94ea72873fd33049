"""Arguments as URLs spell them: each reader takes text and gives a value, or raises `Malformed` (dialect §1.5).

Python's own `int`, `float` and base64 accept underscores, spaces, foreign digits and stray characters, so a pattern
always has the first word.
"""

from __future__ import annotations

import math
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from enum import StrEnum
from typing import TypeVar
from urllib.parse import quote, unquote_to_bytes

from imgproxy_py.recipe.formats import FORMAT_NAMES, Format
from imgproxy_py.recipe.model import Color

E = TypeVar("E", bound=StrEnum)

INTEGER_MIN = -(2**63)
INTEGER_MAX = 2**63 - 1

_INTEGER = re.compile(r"[+-]?[0-9]{1,64}\Z")
_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?\Z")
_COLOR = re.compile(r"(?:[0-9a-fA-F]{3}){1,2}\Z")
_BASE64 = re.compile(r"[A-Za-z0-9_-]*\Z")
_BROKEN_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_IN_PATHS = "/!$&'()*+,;=~"
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_TRUE = frozenset({"1", "t", "T", "TRUE", "true", "True"})


class Malformed(ValueError):
    """A text is no value of the kind: the text, and what was expected in its place."""

    def __init__(self, value: str, expected: str) -> None:
        super().__init__(value, expected)
        self.value = value
        self.expected = expected


def whole(low: int = INTEGER_MIN, high: int = INTEGER_MAX) -> Callable[[str], int]:
    """Make a reader of integers from `low` to `high`, both included."""
    expected = _span("an integer", low, high, INTEGER_MIN, INTEGER_MAX)

    def read(text: str) -> int:
        if not _INTEGER.match(text) or not low <= (value := int(text)) <= high:
            raise Malformed(text, expected)
        return value

    return read


def number(low: float = -math.inf, high: float = math.inf, *, above: bool = False) -> Callable[[str], float]:
    """Make a reader of finite numbers from `low` (or `above` it) to `high`."""
    expected = f"a number above {low}" if above else _span("a number", low, high, -math.inf, math.inf)
    expected += f" and up to {high}" if above and high < math.inf else ""

    def read(text: str) -> float:
        # Adding zero makes the negative zero positive: both mean the same picture and must spell the same key.
        value = float(text) + 0.0 if _NUMBER.match(text) else math.nan
        if not low <= value <= high or math.isinf(value) or (above and value == low):
            raise Malformed(text, expected)
        return value

    return read


def is_number(text: str) -> bool:
    """Tell whether a text spells a number, finite or not."""
    return _NUMBER.match(text) is not None


def _span(kind: str, low: float, high: float, lowest: float, highest: float) -> str:
    if low == lowest and high == highest:
        return kind
    return f"{kind} from {low}" + (f" to {high}" if high < highest else "")


def one_of(kind: type[E], *excluded: E) -> Callable[[str], E]:
    """Make a reader of an enumeration's values, some `excluded`."""
    return lookup({one.value: one for one in kind if one not in excluded})


T = TypeVar("T")


def lookup(table: dict[str, T]) -> Callable[[str], T]:
    """Make a reader of the keys of a table, which gives what stands under them."""
    expected = f"one of {', '.join(table)}"

    def read(text: str) -> T:
        try:
            return table[text]
        except KeyError:
            raise Malformed(text, expected) from None

    return read


def flag(text: str) -> bool:
    """Read a boolean: whatever is not true is false, never an error."""
    return text in _TRUE


def color(text: str) -> Color:
    """Read 3 or 6 hex digits."""
    if not _COLOR.match(text):
        raise Malformed(text, "3 or 6 hex digits")
    digits = text if len(text) == 6 else "".join(2 * digit for digit in text)
    return Color(*bytes.fromhex(digits))


image_format: Callable[[str], Format] = lookup(FORMAT_NAMES)
"""Read the name of an image format."""


def from_base64(text: str) -> bytes:
    """Decode unpadded URL-safe base64."""
    if not _BASE64.match(text) or len(text) % 4 == 1:
        raise Malformed(text, "URL-safe base64")
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def to_base64(data: bytes) -> str:
    """Encode as unpadded URL-safe base64."""
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def percent_encoded(text: str, *, colons: bool = True) -> str:
    """Encode what cannot stand in a path as it is; without `colons` they are encoded as well."""
    return quote(text, safe=_IN_PATHS + ":" if colons else _IN_PATHS)


def percent_decoded(text: str) -> bytes:
    """Decode percent-encoding once; `+` stays `+`. A `%` without two hex digits is malformed."""
    if _BROKEN_ESCAPE.search(text):
        raise Malformed(text, "two hex digits after every %")
    return unquote_to_bytes(text)


def label(data: bytes, shown: str) -> str:
    """Read a text that goes into headers: UTF-8 without control characters. `shown` is how the URL spells it."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        raise Malformed(shown, "UTF-8") from None
    if _CONTROL.search(text):
        raise Malformed(shown, "text without control characters")
    return text


def spelled(value: float) -> str:
    """Spell a number in the shortest way that reads back as the same."""
    return repr(value).removesuffix(".0")
