"""How long finished pictures count, in which tiers, and what is done with those whose time is over.

A picture is *fresh* for some seconds since its original was fetched or last confirmed by its server. Then it is *stale*: kept
for a while, to be given while it is being refreshed, or because it cannot be, or to be confirmed without being made anew.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BaseModel, Field

from imgproxy_py.kinds import Count, Number
from imgproxy_py.recipe.picture import Outcome
from imgproxy_py.recipe.request import ImageRequest

_TIERS: Final = {"memory": Outcome.MEMORY, "redis": Outcome.REDIS, "store": Outcome.STORED}
_PRESET = "preset:"
_NAMED = re.compile(r"preset:.+|\*.*|[A-Za-z*][^=]*://.*")
_SECONDS = re.compile(r"[0-9]{1,10}\Z", re.ASCII)
_LONGEST_SHOWN = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What holds for a picture.

    `tiers` are those that it is kept in, by their outcomes, `None` for all there are. It is fresh for `seconds`, `None` for
    as long as the most patient of its tiers keeps it. Stale, it is given at once for `while_revalidate` seconds, in place of
    an error for `if_error`, and kept for `beyond`. `named` is what the policy was written for, blank for all else.
    """

    named: str = ""
    tiers: frozenset[Outcome] | None = None
    seconds: float | None = None
    while_revalidate: float = 0.0
    if_error: float = 0.0
    confirmed_for: float = 0.0

    def __str__(self) -> str:
        names = [name for name, outcome in _TIERS.items() if self.tiers and outcome in self.tiers]
        where = "every tier" if self.tiers is None else ", ".join(names)
        long = "as long as the most patient of them keeps it" if self.seconds is None else f"for {self.seconds:g} s"
        stale = (
            f"stale for {self.while_revalidate:g} s while it is refreshed, for {self.if_error:g} s in place of an error"
        )
        kept = f"kept in {where}; fresh {long}; given {stale}" if self.uses_any else "not kept"
        return f"{self.named}: {kept}" if self.named else kept

    @property
    def uses_any(self) -> bool:
        """Whether pictures are kept at all."""
        return self.tiers is None or bool(self.tiers)

    @property
    def beyond(self) -> float:
        """Seconds that a stale picture is kept."""
        return max(self.while_revalidate, self.if_error, self.confirmed_for)

    @property
    def shared(self) -> bool:
        """Whether pictures are kept where other processes find them, if there is such a tier."""
        return self.uses(Outcome.REDIS) or self.uses(Outcome.STORED)

    def uses(self, tier: Outcome) -> bool:
        """Tell whether pictures are kept in a tier."""
        return self.tiers is None or tier in self.tiers


USUAL: Final = Policy()
"""Every tier, as long as it keeps, and nothing stale."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One policy as it is written: whom it is for, and what it says; `None` for what it leaves as it is."""

    named: str
    tiers: frozenset[Outcome] | None = None
    seconds: int | None = None
    swr: int | None = None
    sie: int | None = None


def read_rules(text: str) -> tuple[Rule, ...]:
    """Read `NAME key=value …; NAME …`; `ValueError` that says which rule is wrong, and how."""
    rules = tuple(_rule(part.split()) for part in text.split(";") if part.strip())
    names = [one.named for one in rules]
    if again := next((name for name in names if names.count(name) > 1), None):
        raise ValueError(f"one rule for {again[:_LONGEST_SHOWN]}, not several")
    return rules


def _rule(words: Sequence[str]) -> Rule:
    named, *said = words
    if not _NAMED.match(named):
        raise ValueError(f"rules that begin with preset:NAME, a source or *, not with {named[:_LONGEST_SHOWN]}")
    given: dict[str, Any] = {}
    for word in said:
        key, _, value = word.partition("=")
        if key not in _READERS:
            raise ValueError(
                f"{', '.join(_READERS)} in the rule for {named[:_LONGEST_SHOWN]}, not {key[:_LONGEST_SHOWN]}"
            )
        if key in given:
            raise ValueError(f"{key} once in the rule for {named[:_LONGEST_SHOWN]}")
        given[key] = _READERS[key](named, key, value)
    if not given:
        raise ValueError(f"what holds for {named[:_LONGEST_SHOWN]}, such as seconds=60")
    return Rule(named=named, **given)


def _tiers(named: str, key: str, value: str) -> frozenset[Outcome]:
    names = value.split(",") if value != "none" else []
    if not set(names) <= _TIERS.keys():
        raise ValueError(f"{key}= of {', '.join(_TIERS)}, or none, in the rule for {named[:_LONGEST_SHOWN]}")
    return frozenset(_TIERS[name] for name in names)


def _seconds(named: str, key: str, value: str) -> int:
    if not _SECONDS.match(value):
        raise ValueError(f"whole seconds for {key} in the rule for {named[:_LONGEST_SHOWN]}")
    return int(value)


_READERS: Final = {"tiers": _tiers, "seconds": _seconds, "swr": _seconds, "sie": _seconds}


def _readable(text: str) -> str:
    read_rules(text)
    return text


class PolicySettings(BaseModel):
    """Settings of how long pictures count."""

    cache_policies: Annotated[str, AfterValidator(_readable)] = Field(
        default="",
        description="Rules of which pictures are kept where and for how long: `preset:NAME` or how sources begin (`*` is any "
        "run without `/`), then `tiers=memory,redis,store` or `none`, `seconds=`, `swr=`, `sie=`; divided by `;`, the first "
        "that fits holds.",
    )
    cache_revalidate_seconds: Number = Field(
        default=3600.0,
        description="Seconds that a picture is kept after its time, to be confirmed by its original's server rather than made "
        "anew.",
    )
    cache_refreshes: Count = Field(
        default=4, description="Stale pictures that each process refreshes at a time while it gives them; 0 = none."
    )


@dataclass(frozen=True, slots=True)
class _Chooser:
    """One rule, ready to be asked."""

    policy: Policy
    preset: str = ""
    source: re.Pattern[str] | None = None

    def fits(self, request: ImageRequest) -> bool:
        if self.source is None:
            return self.preset in request.delivery.preset_names
        return self.source.match(request.source.url) is not None


class Policies:
    """Says which policy holds for a request: that of the first rule that fits, or the usual one.

    `while_revalidate` and `if_error` are the seconds where a rule says nothing of them.
    """

    def __init__(self, settings: PolicySettings, *, while_revalidate: float = 0.0, if_error: float = 0.0) -> None:
        self.usual = Policy(
            while_revalidate=while_revalidate, if_error=if_error, confirmed_for=settings.cache_revalidate_seconds
        )
        self._choosers = tuple(_chooser(rule, self.usual) for rule in read_rules(settings.cache_policies))

    def __repr__(self) -> str:
        return f"<Policies: {len(self._choosers)} rules>"

    def of(self, request: ImageRequest) -> Policy:
        """Give the policy of a request."""
        return next((one.policy for one in self._choosers if one.fits(request)), self.usual)

    @property
    def all(self) -> tuple[Policy, ...]:
        """Every policy that may hold."""
        return (*(one.policy for one in self._choosers), self.usual)


def _chooser(rule: Rule, usual: Policy) -> _Chooser:
    policy = Policy(
        named=rule.named,
        tiers=rule.tiers,
        seconds=rule.seconds,
        while_revalidate=usual.while_revalidate if rule.swr is None else rule.swr,
        if_error=usual.if_error if rule.sie is None else rule.sie,
        confirmed_for=usual.confirmed_for,
    )
    if rule.named.startswith(_PRESET):
        return _Chooser(policy, preset=rule.named.removeprefix(_PRESET))
    beginning = "[^/]*".join(map(re.escape, rule.named.split("*")))
    return _Chooser(policy, source=re.compile(beginning, re.DOTALL))
