"""How a setting's kind and values are spoken of: in the reference, in refusals, and when they are shown."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from enum import Enum
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import SecretBytes, SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

HIDDEN = "(secret)"

_FLAG = "one of 1 t T TRUE true True 0 f F FALSE false False"
_CREDENTIALS = re.compile(r"(?<=://)[^/?#\s]*@")
_SPOKEN_DEFAULTS = {"workers": "2 × CPUs"}
"""Defaults that differ from machine to machine, said in words."""


def kind(field: FieldInfo) -> str:
    """Name a setting's kind with its range, as `whole number, 1–32`."""
    return ", ".join(part for part in (_noun(field), _bounds(field), _pattern(field)) if part)


def expected(field: FieldInfo, said: str = "") -> str:
    """Say what a setting accepts; `said` is the refusing validator's own sentence, used where the kind tells less."""
    outer = set(_outer(field.annotation))
    if bool in outer:
        return _FLAG
    if said and not outer & {int, float}:
        return said
    return kind(field)


def is_secret(field: FieldInfo) -> bool:
    """Tell whether a setting's value is never shown."""
    return bool({SecretStr, SecretBytes} & set(_outer(field.annotation)))


def shown(field: FieldInfo, value: object) -> str:
    """Give a value as it may be shown: secrets and credentials in URLs are masked."""
    if is_secret(field):
        return HIDDEN if spelled(value) else ""
    return _CREDENTIALS.sub("…@", spelled(value))


def default(name: str, field: FieldInfo) -> str:
    """Give a setting's default as a variable would spell it, blank if there is none."""
    if name in _SPOKEN_DEFAULTS:
        return _SPOKEN_DEFAULTS[name]
    value = field.get_default(call_default_factory=True, validated_data={})
    return "" if value is PydanticUndefined else spelled(value)


def spelled(value: object) -> str:
    """Spell a value as a variable would; secrets are spelled out, so see `shown` first."""
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case float():
            return f"{value:.15g}"
        case SecretStr():
            return value.get_secret_value()
        case SecretBytes():
            return value.get_secret_value().hex()
        case Enum():
            return str(value.value)
        case Mapping():
            return ",".join(f"{spelled(key)}={spelled(one)}" for key, one in value.items())
        case tuple() | list() | set() | frozenset():
            return ",".join(spelled(one) for one in value)
    return str(value)


def _noun(field: FieldInfo) -> str:
    outer = list(_outer(field.annotation))
    choices = [choice for one in outer for choice in _choices(one)]
    if choices:
        return f"one of {' '.join(choices)}"
    return next((_NOUNS[get_origin(one) or one] for one in outer if (get_origin(one) or one) in _NOUNS), "text")


_NOUNS: dict[Any, str] = {
    SecretStr: "secret text",
    SecretBytes: "secret text",
    dict: "list of name=value",
    tuple: "list",
    list: "list",
    bool: "switch",
    int: "whole number",
    float: "number",
    Path: "path",
}


def _outer(annotation: Any) -> Iterator[Any]:
    """Give the alternatives that an annotation allows, without `None` and what `Annotated` adds."""
    origin = get_origin(annotation)
    if origin is Annotated:
        yield from _outer(get_args(annotation)[0])
    elif origin in (Union, UnionType):
        for one in get_args(annotation):
            yield from _outer(one)
    elif annotation is not NoneType:
        yield annotation


def _choices(annotation: Any) -> list[str]:
    if get_origin(annotation) is Literal:
        return [str(one) for one in get_args(annotation)]
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return [str(one.value) for one in annotation]
    return []


def _pattern(field: FieldInfo) -> str:
    found = next((one.pattern for one in _constraints(field) if getattr(one, "pattern", None)), None)
    return f"matching {found}" if found else ""


def _bounds(field: FieldInfo) -> str:
    limits = {name: spelled(limit) for name in ("ge", "gt", "le", "lt") if (limit := _limit(field, name)) is not None}
    low = limits.get("ge", "")
    if low and "le" in limits:
        return f"{low}–{limits['le']}"
    words = {"ge": "from", "gt": "above", "le": "up to", "lt": "below"}
    return " and ".join(f"{words[name]} {limit}" for name, limit in limits.items())


def _limit(field: FieldInfo, name: str) -> float | None:
    """Give a bound that the declaration sets; a later one is the narrower."""
    found = [getattr(one, name) for one in _constraints(field) if getattr(one, name, None) is not None]
    return found[-1] if found else None


def _constraints(field: FieldInfo) -> Iterator[Any]:
    """Give what the declaration demands beside the type: of the setting, or of one of its alternatives."""
    yield from field.metadata
    for alternative in get_args(field.annotation) if get_origin(field.annotation) in (Union, UnionType) else ():
        for one in getattr(alternative, "__metadata__", ()):
            yield from getattr(one, "metadata", (one,))
