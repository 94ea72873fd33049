"""What a run is made of, read from a file in `profiles/`."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar

FOLDER = Path(__file__).parent / "profiles"
SCENARIOS = ("hot", "unchanged", "mixed", "cold", "negotiation", "errors", "signed", "expired")

T = TypeVar("T")


class ProfileWrong(ValueError):
    """A profile cannot be read; says where and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """A part of the run: up or down to so many users, so many a second, for so long."""

    seconds: float
    users: int
    rate: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """How often one kind of request is made, and how long it may take. Percentiles in milliseconds."""

    weight: int
    p95: float
    p99: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What the whole run must keep."""

    requests: int
    """So many at least, or nothing was shown."""
    error_ratio: float = 0.0
    unexpected_statuses: int = 0
    wrong_pictures: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """A run."""

    name: str
    originals: tuple[str, ...]
    """JPEGs, as sources of the imgproxy dialect."""
    images: tuple[str, ...] = ()
    """Keys of the query dialect; none leaves it out."""
    missing: str
    """An original that is not there."""
    no_picture: str = ""
    """Something there that is no picture; blank leaves it out."""
    catalogue: int = 1000
    """Different pictures of the mixed scenario."""
    zipf: float = 0.9
    hot: int = 10
    """Different pictures of the hot scenario."""
    formats: tuple[str, ...] = ("webp", "jpeg")
    negotiated: tuple[str, ...] = ()
    """Formats that the service gives to those who accept them, the preferred first."""
    decoded: float = 0.05
    """Share of pictures whose pixels are decoded and measured; all are known by their first bytes."""
    pause: float = 0.0
    """Seconds that a user waits between requests, on average."""
    stages: tuple[Stage, ...]
    limits: Limits
    scenarios: dict[str, Scenario] = field(default_factory=dict)
    service: dict[str, str] = field(default_factory=dict)
    """Settings of the service, if it is started for the run."""


def load(name: str) -> Profile:
    """Read a profile by its name or its path; raises `ProfileWrong`."""
    path = Path(name) if name.endswith(".toml") else FOLDER / f"{name}.toml"
    try:
        given = tomllib.loads(path.read_text())
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise ProfileWrong(f"{path.name}: {error}") from None
    return read(path.stem, given)


def read(name: str, given: dict[str, Any]) -> Profile:
    """Make a profile of what stands in its file; raises `ProfileWrong`."""
    values = {key: tuple(one) if isinstance(one, list) else one for key, one in given.items()}
    values["stages"] = tuple(_made(Stage, one, "stages") for one in given.get("stages", ()))
    values["limits"] = _made(Limits, given.get("limits", {}), "limits")
    values["scenarios"] = {key: _made(Scenario, one, f"scenarios.{key}") for key, one in given["scenarios"].items()}
    values["service"] = {key: str(one) for key, one in given.get("service", {}).items()}
    profile = _made(Profile, {"name": name, **values}, name)
    _check(profile)
    return profile


def _made(kind: type[T], values: dict[str, Any], where: str) -> T:
    if unknown := values.keys() - {one.name for one in fields(kind)}:  # type: ignore[arg-type]
        raise ProfileWrong(f"{where}: there is no {', '.join(sorted(unknown))}")
    try:
        return kind(**values)
    except TypeError as error:
        raise ProfileWrong(f"{where}: {str(error).partition(') ')[2]}") from None


def _check(profile: Profile) -> None:
    wrong = profile.scenarios.keys() - set(SCENARIOS)
    if wrong:
        raise ProfileWrong(f"scenarios: {', '.join(sorted(wrong))}: expected one of {', '.join(SCENARIOS)}")
    if not profile.stages or not any(one.weight for one in profile.scenarios.values()):
        raise ProfileWrong("a run needs a stage and a scenario with a weight")
    negotiation = profile.scenarios.get("negotiation")
    if negotiation and negotiation.weight and not profile.negotiated:
        raise ProfileWrong("negotiated: expected the formats that the service negotiates, or no weight for negotiation")
