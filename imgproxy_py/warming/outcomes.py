"""What came of asking for a picture."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

_MEMBER = re.compile(r'(?:[^,"]|"(?:\\.|[^"\\])*")+')
_PART = re.compile(r'(?:[^;"]|"(?:\\.|[^"\\])*")+')
_OURS = "imgproxy-py"


def cache_outcome(values: Iterable[str]) -> str:
    """Say by `Cache-Status` (RFC 9211) where an answer came from, blank if it does not say.

    A hit in the cache nearest to the client is `hit at` and its name; otherwise what this service says of itself: `made`,
    `shared`, `bypassed`, or the tier that had it.
    """
    members = [one.strip() for value in values for one in _MEMBER.findall(value)]
    members = [one for one in members if one]
    if not members:
        return ""
    name, *parameters = _divided(members[-1])
    if name != _OURS and "hit" in parameters:
        return f"hit at {name}"
    ours = next((parts for parts in map(_divided, members) if parts[0] == _OURS), None)
    return _ours(ours[1:]) if ours else f"fetched by {name}"


def _divided(member: str) -> list[str]:
    return [part.strip().strip('"') for part in _PART.findall(member)]


def _ours(parameters: list[str]) -> str:
    detail = next((one.partition("=")[2] for one in parameters if one.startswith("detail=")), "")
    if "hit" in parameters or detail == "fallback":
        return detail or "hit"
    if "fwd=bypass" in parameters:
        return "bypassed"
    return "shared" if "collapsed" in parameters else "made"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One URL asked with one kind of `Accept`: blank `error` if its picture came; `cache` says from where."""

    url: str
    variant: str
    error: str = ""
    cache: str = ""
    bytes: int = 0
    attempts: int = 1


@dataclass(slots=True)
class Tally:
    """The sum of outcomes. `same` are variants not asked for, because the URL's answer is the same for all of them."""

    asked: int = 0
    bytes: int = 0
    same: int = 0
    skipped: int = 0
    attempts: int = 0
    caches: Counter[str] = field(default_factory=Counter)
    failures: list[Outcome] = field(default_factory=list)

    def add(self, outcome: Outcome) -> None:
        """Count one."""
        self.asked += 1
        self.attempts += outcome.attempts
        self.bytes += outcome.bytes
        if outcome.error:
            self.failures.append(outcome)
        else:
            self.caches[outcome.cache or "without Cache-Status"] += 1

    @property
    def warmed(self) -> int:
        """How many came."""
        return self.asked - len(self.failures)
