"""The picture shown in place of one whose original cannot be had (dialect §13.7)."""

from __future__ import annotations

import asyncio
from base64 import b64decode
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, Field

from imgproxy_py.kinds import Base64Text, Count, Integer, UnusableSetting
from imgproxy_py.recipe.identity import content_state
from imgproxy_py.recipe.picture import Original, Validators
from imgproxy_py.recipe.source import SourceRef

BRIEFLY = 60
"""Seconds that a fallback image is kept where nothing else is said: the original may be back any time."""


def _status(value: int) -> int:
    if (value and not 200 <= value <= 599) or value in (204, 205, 206, 304):
        raise ValueError("0, or a status from 200 to 599 that has a body of its own")
    return value


class FallbackSettings(BaseModel):
    """What is shown in place of a picture whose original cannot be had; the first of the three that is set."""

    fallback_image_data: Base64Text = Field(
        default="", description="Bytes in base64 of the picture shown when an original cannot be had."
    )
    fallback_image_path: Path | None = Field(default=None, description="File of that picture, read at the start.")
    fallback_image_url: str = Field(
        default="", description="URL of that picture, fetched when it is needed; it need not be an allowed source."
    )
    fallback_image_http_code: Annotated[Integer, AfterValidator(_status)] = Field(
        default=200, description="Status of an answer with a fallback image, 0 for the failure's own."
    )
    fallback_image_ttl: Count = Field(
        default=0, description="Lifetime in seconds of an answer with a fallback image; 0 for a minute."
    )

    @property
    def fallback_lifetime(self) -> int:
        """Seconds that an answer with a fallback image may be kept."""
        return self.fallback_image_ttl or BRIEFLY


@dataclass(frozen=True, slots=True, kw_only=True)
class FallbackImage:
    """The configured fallback: its name, and its bytes unless they are fetched when they are needed."""

    ref: SourceRef
    original: Original | None = None


async def configured_fallback(settings: FallbackSettings) -> FallbackImage | None:
    """Give the fallback that the settings name, `None` if they name none; raises `UnusableSetting` for a missing file."""
    if settings.fallback_image_data:
        return _known(b64decode(settings.fallback_image_data))
    if settings.fallback_image_path:
        return _known(await read_configured("fallback_image_path", settings.fallback_image_path))
    scheme, _, location = settings.fallback_image_url.partition("://")
    return FallbackImage(ref=SourceRef(scheme=scheme, location=location)) if location else None


async def read_configured(field: str, path: Path) -> bytes:
    """Give the bytes of a file that a setting names; raises `UnusableSetting`, which names the setting."""
    try:
        return await asyncio.to_thread(path.read_bytes)
    except OSError as error:
        raise UnusableSetting(field, path, f"a file that can be read ({error.strerror})") from None


def _known(data: bytes) -> FallbackImage:
    # No source serves this scheme, so no URL can ask for it; the digest makes another picture another key.
    state = content_state(data)
    original = Original(data=data, validators=Validators(etag=f'"{state}"'))
    return FallbackImage(ref=SourceRef(scheme="fallback", location=state), original=original)
