"""How fast it goes: so many a second, and not while the other side asks for a rest."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

LONGEST_REST: Final = 300.0
"""Seconds that a `Retry-After` is heeded at most."""

_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 30.0


class Pace:
    """Lets so many begin in a second (0 = no limit), evenly, and nobody during a rest."""

    def __init__(self, rate: float = 0.0) -> None:
        self._interval = 1 / rate if rate else 0.0
        self._next = 0.0
        self._rest_until = 0.0

    async def turn(self) -> None:
        """Wait until one may begin."""
        loop = asyncio.get_running_loop()
        at = max(self._next, loop.time())
        self._next = at + self._interval
        while (wait := max(at, self._rest_until) - loop.time()) > 0:  # noqa: ASYNC110 - a rest may be prolonged meanwhile
            await asyncio.sleep(wait)

    def rest(self, seconds: float) -> None:
        """Have nobody begin for so many seconds from now."""
        self._rest_until = max(self._rest_until, asyncio.get_running_loop().time() + seconds)


def pause(attempt: int, rng: Callable[[float, float], float] = random.uniform) -> float:
    """Give the seconds to wait after so many failed attempts, from 1: doubling, and never the same for all."""
    longest: float = min(_FIRST_PAUSE * 2**attempt, _LONGEST_PAUSE)
    return rng(longest / 2, longest)


def retry_after(value: str, now: datetime | None = None) -> float:
    """Read `Retry-After` (RFC 9110 §10.2.3), seconds or a date; 0 for what is neither or lies in the past."""
    text = value.strip()
    if text.isascii() and text.isdigit():
        return min(float(text[:9]), LONGEST_REST)
    try:
        until = parsedate_to_datetime(text)
    except ValueError:
        return 0.0
    until = until if until.tzinfo else until.replace(tzinfo=UTC)
    return min(max(0.0, (until - (now or datetime.now(UTC))).total_seconds()), LONGEST_REST)
