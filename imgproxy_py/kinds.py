"""The kinds of values that settings have, each with what it accepts and how it names itself when it refuses.

A component declares its settings as fields of a pydantic model beside it, one field a setting: the field `max_redirects`
is the environment's `IMGPROXY_MAX_REDIRECTS`. The sum of all is `imgproxy_py.settings.Settings`.
"""

from __future__ import annotations

import re
from base64 import b64decode
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr
from pydantic_settings import NoDecode

_TRUE = frozenset({"1", "t", "T", "TRUE", "true", "True"})
_FALSE = frozenset({"0", "f", "F", "FALSE", "false", "False"})
_INTEGER = re.compile(r"[+-]?[0-9]{1,19}\Z", re.ASCII)
_NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,3})?\Z", re.ASCII)
_HEX = re.compile(r"([0-9a-fA-F]{2})*\Z", re.ASCII)


def _flag(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    if value in _TRUE or value in _FALSE:
        return value in _TRUE
    raise ValueError("one of 1 t T TRUE true True 0 f F FALSE false False")


def _integer(value: Any) -> Any:
    if isinstance(value, str) and not _INTEGER.match(value):
        raise ValueError("a whole number")
    return int(value) if isinstance(value, str) else value


def _number(value: Any) -> Any:
    if isinstance(value, str) and not _NUMBER.match(value):
        raise ValueError("a number")
    return float(value) if isinstance(value, str) else value


def _texts(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    return tuple(part.strip() for part in value.split(",") if part.strip())


def hex_bytes(text: str) -> bytes:
    """Decode hex digits, raise `ValueError` that says what is expected otherwise."""
    if not _HEX.match(text):
        raise ValueError("hex digits, two for each byte")
    return bytes.fromhex(text)


def _hex_secret(value: SecretStr) -> SecretStr:
    for part in value.get_secret_value().split(","):
        hex_bytes(part.strip())
    return value


Flag = Annotated[bool, BeforeValidator(_flag)]
"""A switch, in the spellings of the dialect (§1.5); anything else is an error."""

Count = Annotated[int, BeforeValidator(_integer), Field(ge=0)]
"""A whole number from 0."""

Positive = Annotated[int, BeforeValidator(_integer), Field(ge=1)]
"""A whole number from 1."""

Integer = Annotated[int, BeforeValidator(_integer)]
"""Any whole number."""

Seconds = Annotated[float, BeforeValidator(_number), Field(gt=0, allow_inf_nan=False)]
"""A time span in seconds, fractions allowed, above 0."""

Number = Annotated[float, BeforeValidator(_number), Field(ge=0, allow_inf_nan=False)]
"""A finite number from 0."""

Texts = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_texts)]
"""Texts divided by commas; spaces around them and blank ones are dropped."""

HexSecret = Annotated[SecretStr, AfterValidator(_hex_secret)]
"""Secret bytes as hex digits, several divided by commas; never shown."""


def _base64(text: str) -> str:
    try:
        b64decode(text, validate=True)
    except ValueError:
        raise ValueError("bytes in base64") from None
    return text


Base64Text = Annotated[str, AfterValidator(_base64)]
"""Bytes in base64."""


class UnusableSetting(ValueError):
    """A setting is of its kind, but what it names cannot be used; stops the start.

    The message has its variable, its value, and what was expected. `field` is its name in its component.
    """

    def __init__(self, field: str, value: object, expected: str) -> None:
        shown = "" if value is None else str(value)
        super().__init__(f"IMGPROXY_{field.upper()}={shown!r}: expected {expected}")
        self.field = field
