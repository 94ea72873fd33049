"""Names for pictures: the canonical text of a recipe, the cache key, the entity tag."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import MISSING, Field, fields, is_dataclass
from functools import lru_cache
from typing import Any

from imgproxy_py.recipe.model import Recipe
from imgproxy_py.recipe.picture import Validators
from imgproxy_py.recipe.source import SourceRef


def canonical(value: Any) -> str:
    """Give the text of a value of the model: equal values have equal texts, fields at their defaults are left out."""
    if is_dataclass(value) and not isinstance(value, type):
        inner = ",".join(_field_texts(value))
        return f"{type(value).__name__}({inner})"
    if isinstance(value, tuple):
        return f"[{','.join(canonical(one) for one in value)}]"
    if isinstance(value, float):
        return repr(value + 0.0)  # -0.0 is 0.0
    return repr(str(value)) if isinstance(value, str) else repr(value)


def _field_texts(value: Any) -> list[str]:
    kind: Any = type(value)
    return [
        f"{name}={canonical(given)}"
        for name, default in _field_defaults(kind)
        if (given := getattr(value, name)) != default
    ]


@lru_cache
def _field_defaults(kind: Any) -> tuple[tuple[str, Any], ...]:
    return tuple((one.name, _default(one)) for one in fields(kind))


def _default(one: Field[Any]) -> Any:
    return one.default_factory() if one.default_factory is not MISSING else one.default


def recipe_digest(recipe: Recipe) -> str:
    """Give 16 hex digits that name a recipe in logs."""
    return hashlib.sha256(canonical(recipe).encode()).hexdigest()[:16]


def cache_key(source: SourceRef, recipe: Recipe, epoch: str) -> str:
    """Give the key of a picture: 64 hex digits over source, recipe (negotiated formats included) and render epoch."""
    parts = (source.scheme, source.location, source.version, source.hashsum, canonical(recipe), epoch)
    text = "\n".join((*parts, canonical(source.passed)) if source.passed else parts)
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


def entity_tag(key: str, original: str) -> str:
    """Give the strong entity tag of a picture, quotes included (RFC 9110 §8.8.3).

    `original` names the state of the original (see `original_state`).
    """
    digest = hashlib.sha256(f"{original}\n{key}".encode("utf-8", "surrogateescape")).digest()
    return f'"{base64.urlsafe_b64encode(digest[:18]).decode()}"'


def original_state(validators: Validators) -> str:
    """Name the state of an original by its validators, blank if it has none."""
    if validators.etag:
        return validators.etag
    return f"modified {validators.modified_at!r}" if validators.modified_at is not None else ""


def content_state(data: bytes) -> str:
    """Name the state of an original that has no validators, by its bytes."""
    return hashlib.sha256(data).hexdigest()
