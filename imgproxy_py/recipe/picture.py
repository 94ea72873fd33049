"""The bytes that travel: originals as sources give them, pictures as the engine makes them and caches keep them."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from imgproxy_py.errors import ImgproxyError
from imgproxy_py.recipe.formats import ABILITIES, Format
from imgproxy_py.recipe.model import Placeholder


@dataclass(frozen=True, slots=True, kw_only=True)
class Validators:
    """What tells one state of an original from another: its entity tag (quotes included) and its time of change.

    `modified_at` is in Unix seconds. Either may be missing.
    """

    etag: str = ""
    modified_at: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Original:
    """An original as its source gave it, whole.

    `cache_control` is the origin's header verbatim; `expires_at` its `Expires` in Unix seconds. `headers` are those of its
    answer that are to be passed back, lower-case names first.
    """

    data: bytes
    media_type: str = ""
    validators: Validators = Validators()
    cache_control: str = ""
    expires_at: float | None = None
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """What is known of an image before its pixels are decoded.

    `width` and `height` are as stored, in pixels, of an animation those of a frame; `orientation` is EXIF's 1–8. `frames`
    counts all frames or pages of the file, and `animated` says that they follow each other in time.
    """

    format: Format
    width: int
    height: int
    orientation: int = 1
    frames: int = 1
    alpha: bool = False
    bands: int = 3
    profile: bool = False
    animated: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Timings:
    """Milliseconds that each part of the work took, and what of it another picture had done.

    `shared` is `decoded` or, where only the encoding was left, `pixels`; blank for nothing.
    """

    queue: float = 0.0
    fetch: float = 0.0
    decode: float = 0.0
    transform: float = 0.0
    encode: float = 0.0
    shared: str = ""


@dataclass(frozen=True, slots=True, kw_only=True, weakref_slot=True)
class Picture:
    """A finished picture, with all that its answer needs.

    `etag` is strong and quoted. `origin_*` describe the original after EXIF orientation; `origin_bytes` its length;
    `headers` are those of its server that answers have as well.
    A `placeholder` is JSON, and so is what is told in an `info`; `format` is then that of the original.
    `complete` is false when the original was truncated and is served all the same: such a picture is never stored.
    `credentials` tells what became of the original's Content Credentials, if it had any: `kept` or `dropped`. `ignored` names
    the option that was asked for and could not be heeded, blank if there is none. `generation` is the newest purge that was
    known when its original began to be fetched, so that later ones know it as older than themselves. `origin_etag` is the
    entity tag of the original, `modified_at` its time of change; `checked_at` is when it was last known to be so, in Unix
    seconds.
    """

    data: bytes
    format: Format
    width: int
    height: int
    origin_format: Format
    origin_width: int
    origin_height: int
    origin_bytes: int
    etag: str = ""
    modified_at: float | None = None
    cache_control: str = ""
    origin_expires_at: float | None = None
    headers: tuple[tuple[str, str], ...] = ()
    source: str = ""
    tags: tuple[str, ...] = ()
    placeholder: Placeholder | None = None
    info: bool = False
    complete: bool = True
    credentials: str = ""
    ignored: str = ""
    generation: int = 0
    origin_etag: str = ""
    checked_at: float | None = None
    timings: Timings = field(default=Timings(), compare=False)

    @property
    def kind(self) -> str:
        """The name of what `data` is: a format, a placeholder, or `info`."""
        return "info" if self.info else self.placeholder or self.format

    @property
    def _is_json(self) -> bool:
        return self.info or self.placeholder is not None

    @property
    def media_type(self) -> str:
        """The media type of `data`."""
        return "application/json" if self._is_json else ABILITIES[self.format].media_type

    @property
    def extension(self) -> str:
        """How the name of a file with `data` in it ends, the dot included."""
        return ".json" if self._is_json else ABILITIES[self.format].extension


class Outcome(StrEnum):
    """Where an answer came from, for logs, metrics and `Cache-Status`."""

    MEMORY = "memory"
    REDIS = "redis"
    STORED = "stored"
    SHARED = "shared"
    MADE = "made"
    BYPASSED = "bypassed"
    CONFIRMED = "confirmed"
    """It was stale, and its original has not changed."""
    REMEMBERED = "remembered"
    """No picture: that there is none was known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Staleness:
    """How a picture is out of date: by so many `seconds`, at an `age` in seconds since its original was last known to be so.

    `failure` is why it could not be refreshed, `None` while that is being tried.
    """

    seconds: float
    age: float
    failure: ImgproxyError | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """A picture and where it came from.

    With a `failure` it is the fallback, shown in place of what was asked. `stale` says how it is out of date, if it is.
    """

    picture: Picture
    outcome: Outcome
    failure: ImgproxyError | None = None
    stale: Staleness | None = None
