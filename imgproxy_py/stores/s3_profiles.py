"""Several S3 services at once: each serves the buckets that it is told to."""

from __future__ import annotations

import asyncio
import json
import tomllib
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    model_validator,
)

from imgproxy_py.stores.s3 import S3, S3Bucket, S3Credentials, S3Settings


def _named(value: Any) -> Any:
    return value if isinstance(value, dict) else dict.fromkeys(value, "") if isinstance(value, list) else value


class S3Profile(BaseModel):
    """One S3 service: where it is, who asks, and which buckets of URLs it serves.

    `buckets` are names, with `*` for any run of characters, or names in URLs with the names that the service knows. Without
    an access key credentials come from the named profile of AWS' files, or from AWS' usual chain.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    buckets: Annotated[dict[str, str], BeforeValidator(_named), Field(min_length=1)]
    endpoint: str = ""
    region: str = ""
    path_style: bool = True
    access_key_id: str = ""
    secret_access_key: SecretStr = SecretStr("")
    session_token: SecretStr = SecretStr("")
    aws_profile: str = ""

    @model_validator(mode="after")
    def _credentials_are_whole(self) -> S3Profile:
        if bool(self.access_key_id) != bool(self.secret_access_key.get_secret_value()):
            raise ValueError("access_key_id and secret_access_key, both or none")
        if self.access_key_id and self.aws_profile:
            raise ValueError("an access key or aws_profile, not both")
        return self

    def bucket(self, name: str) -> str:
        """Give the service's name of a bucket that URLs call so, blank if this profile does not serve it."""
        for pattern, known in self.buckets.items():
            if fnmatchcase(name, pattern):
                return known or name
        return ""

    def credentials(self) -> S3Credentials:
        """Give what the service is asked with."""
        return S3Credentials(
            access_key_id=self.access_key_id,
            secret_access_key=self.secret_access_key.get_secret_value(),
            session_token=self.session_token.get_secret_value(),
            profile=self.aws_profile,
        )

    def settings(self, common: S3Settings) -> S3Settings:
        """Give the settings of the connection; what a profile does not say is as in the common ones."""
        mine = {
            "s3_endpoint": self.endpoint,
            "s3_region": self.region,
            "s3_endpoint_use_path_style": self.path_style,
            "s3_allowed_buckets": (),
            "s3_denied_buckets": (),
        }
        return common.model_copy(update=mine)


def read_profiles(document: Any) -> dict[str, S3Profile]:
    """Read profiles by name, the first that serves a bucket being the one that counts.

    Raises `ValueError` that says what is wrong and shows no value.
    """
    if not isinstance(document, dict):
        raise ValueError("an object of profiles by name")  # noqa: TRY004 — a wrong value, whatever its type
    try:
        return {name: S3Profile.model_validate(profile) for name, profile in document.items()}
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise ValueError(f"profiles with their buckets; {place or 'one'}: {first['msg']}") from None


def _readable(text: SecretStr) -> SecretStr:
    if text.get_secret_value():
        profiles_of(text.get_secret_value(), None)
    return text


def _existing(path: Path | None) -> Path | None:
    if path is not None:
        profiles_of("", path)
    return path


class S3ProfileSettings(BaseModel):
    """Several S3 services: an object (JSON) or table (TOML) of profiles by name, each with the buckets it serves."""

    s3_profiles: Annotated[SecretStr, AfterValidator(_readable)] = Field(
        default=SecretStr(""),
        description='Profiles as JSON: `{"name": {"buckets": ["photos"], "endpoint": "https://…", "access_key_id": "…", …}}`.',
    )
    s3_profiles_path: Annotated[Path | None, AfterValidator(_existing)] = Field(
        default=None, description="File of more profiles, `.toml` or JSON; those of the other setting come first."
    )


def profiles_of(text: str, path: Path | None) -> dict[str, S3Profile]:
    """Read the profiles of both settings; raises `ValueError` that says what is wrong."""
    found = read_profiles(_parsed(text, toml=False)) if text else {}
    if path is None:
        return found
    try:
        written = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise ValueError("a readable file") from None
    return found | {
        name: profile
        for name, profile in read_profiles(_parsed(written, toml=path.suffix == ".toml")).items()
        if name not in found
    }


def _parsed(text: str, *, toml: bool) -> Any:
    try:
        return tomllib.loads(text) if toml else json.loads(text)
    except ValueError:
        raise ValueError("TOML" if toml else "JSON") from None


class S3Profiles:
    """The buckets of several S3 services as if they were one's; what no profile serves is the default's."""

    def __init__(self, default: S3, profiles: Sequence[tuple[S3Profile, S3]], *, pings_default: bool = True) -> None:
        self._default = default
        self._profiles = tuple(profiles)
        self._pings_default = pings_default

    def __repr__(self) -> str:
        return f"<S3Profiles: {len(self._profiles)} beside {self._default!r}>"

    def bucket(self, name: str) -> S3Bucket:
        """Give the store of a bucket that URLs call so; `SourceUnreachable` for one that must not be read."""
        for profile, s3 in self._profiles:
            if known := profile.bucket(name):
                return s3.bucket(known)
        return self._default.bucket(name)

    async def ping(self) -> None:
        """Raise a `SourceError` unless all services answer."""
        every = [s3 for _, s3 in self._profiles]
        await asyncio.gather(*(s3.ping() for s3 in ([self._default, *every] if self._pings_default else every)))


@asynccontextmanager
async def open_s3(settings: S3Settings, profiles: Mapping[str, S3Profile]) -> AsyncIterator[S3Profiles]:
    """Open the default connection and one for each profile; nothing is reached yet.

    The default one is told of in readiness only if it is set up, or nothing else is.
    """
    async with AsyncExitStack() as stack:
        default = await stack.enter_async_context(S3(settings))
        opened = [
            (one, await stack.enter_async_context(S3(one.settings(settings), one.credentials())))
            for one in profiles.values()
        ]
        configured = bool(settings.s3_endpoint or settings.s3_region or settings.s3_allowed_buckets)
        yield S3Profiles(default, opened, pings_default=configured or not opened)
