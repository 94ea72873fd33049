"""Whether this process wants requests: the list of what must answer, asked at most once a second."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from imgproxy_py.errors import ImgproxyError
from imgproxy_py.web.traffic import Traffic

REMEMBERED = 1.0
"""Seconds that an answer stays good: probes of many balancers cost one round of pings."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadinessCheck:
    """Something that should answer: `ping` raises if it does not, within `timeout` seconds.

    Requests are not wanted while one that is `required` does not; the trouble of others is only told.
    """

    name: str
    ping: Callable[[], Awaitable[object]]
    timeout: float = 1.0
    required: bool = True


@dataclass(frozen=True, slots=True)
class Readiness:
    """Whether requests are wanted, each reason in words that may be shown, and the formats read and written here."""

    ready: bool
    draining: bool
    checks: dict[str, str]
    formats: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        """Give it as JSON's values."""
        told = {"ready": self.ready, "draining": self.draining, "checks": self.checks}
        return told | ({"formats": self.formats} if self.formats else {})


class ReadinessProbe:
    """Asks all checks at once and remembers their answers for `remembered` seconds; `formats` are told beside."""

    def __init__(
        self,
        checks: Sequence[ReadinessCheck],
        traffic: Traffic,
        *,
        remembered: float = REMEMBERED,
        formats: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        self._checks = tuple(checks)
        self._formats = formats or {}
        self._traffic = traffic
        self._remembered = remembered
        self._answers: dict[str, str] = {}
        self._good_until = float("-inf")
        self._asking = asyncio.Lock()

    async def ask(self) -> Readiness:
        """Say whether requests are wanted; draining is known at once, the checks may be a second old."""
        async with self._asking:
            if time.monotonic() >= self._good_until:
                self._answers = await self._ask_all()
                self._good_until = time.monotonic() + self._remembered
        draining = self._traffic.draining
        able = all(self._answers[check.name] == "ok" for check in self._checks if check.required)
        return Readiness(able and not draining, draining, dict(self._answers), self._formats)

    async def _ask_all(self) -> dict[str, str]:
        answers = await asyncio.gather(*(_ask(check) for check in self._checks))
        return {check.name: answer for check, answer in zip(self._checks, answers, strict=True)}


async def _ask(check: ReadinessCheck) -> str:
    try:
        async with asyncio.timeout(check.timeout):
            await check.ping()
    except TimeoutError:
        return f"no answer within {check.timeout:g} s"
    except ImgproxyError as error:
        return error.title
    except Exception as error:
        return type(error).__name__
    return "ok"
