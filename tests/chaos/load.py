"""A running load whose every answer is compared with the bytes it must have."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import Enum
from hashlib import sha256

from tests.acceptance.clients import Client

HOT, WEB, S3 = "hot", "web", "s3"
"""What is asked for: pictures in memory, and new ones of originals on the web and in S3."""

KINDS = (HOT, WEB, S3)
EACH = 3  # clients of each kind
CLIENTS = EACH * len(KINDS)


class Phase(Enum):
    """Where the fault stands when a request is under way; one that sees two phases belongs to the fault."""

    BEFORE = "before"
    DURING = "during"
    HEALING = "healing"
    AFTER = "after"


@dataclass(frozen=True, slots=True)
class Question:
    """A target, and the digest of the picture that is right."""

    target: str
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What came of a question: a status, 0 if the connection was lost; `wrong` if a picture was not the right one."""

    kind: str
    phase: Phase
    status: int
    seconds: float
    target: str = ""
    wrong: bool = False
    reason: str = ""


@dataclass
class Load:
    """Clients that ask until told to end, and note what they are told."""

    port: int
    questions: dict[str, Iterator[Question]]
    pauses: dict[str, float]
    phase: Phase = Phase.BEFORE
    told: list[Told] = field(default_factory=list)
    over: bool = False
    _begun: float = field(default_factory=time.monotonic)

    async def ask_on_and_on(self, kind: str) -> None:
        client: Client | None = None
        while not self.over:
            client = await self._ask(kind, next(self.questions[kind]), client)
            await asyncio.sleep(self.pauses[kind])
        if client:
            await client.leave()

    async def _ask(self, kind: str, question: Question, client: Client | None) -> Client | None:
        """Ask one question; give the connection if it may be asked again."""
        phase, started = self.phase, time.monotonic()
        status, wrong, reason = 0, False, ""
        try:
            client = client or await Client.connected(self.port)
            answer = await client.get(question.target)
            status = answer.status
            wrong = status == 200 and sha256(answer.body).hexdigest() != question.digest
            reason = "" if status == 200 else answer.body.decode(errors="replace")[:80]
            ends = answer.headers.get("Connection", "").lower() == "close"
        except (OSError, EOFError, TimeoutError) as error:
            reason, ends = repr(error)[:80], True
        self.told.append(
            Told(
                kind=kind,
                phase=phase if phase is self.phase or self.phase is Phase.AFTER else Phase.DURING,
                status=status,
                seconds=time.monotonic() - started,
                target=question.target,
                wrong=wrong,
                reason=reason,
            )
        )
        if not ends:
            return client
        if client:
            await client.leave()
        return None

    async def is_well(self, times: int, patience: float) -> float:
        """Wait until the last so many answers of every kind are right; give the seconds, infinity if it takes too long."""
        started, seen = time.monotonic(), len(self.told)
        while time.monotonic() - started < patience:
            await asyncio.sleep(0.05)
            fresh = self.told[seen:]
            latest = [[one for one in fresh if one.kind == kind][-times:] for kind in self.questions]
            if all(len(some) == times and all(one.status == 200 for one in some) for some in latest):
                return time.monotonic() - started
        return float("inf")


@asynccontextmanager
async def under_load(load: Load) -> AsyncIterator[Load]:
    """Keep the clients of each kind asking until the end of the block."""
    async with asyncio.TaskGroup() as group:
        for kind in load.questions:
            for _ in range(EACH):
                group.create_task(load.ask_on_and_on(kind))
        try:
            yield load
        finally:
            load.over = True
