"""How much one origin is asked at once, and when it is left alone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, nullcontext, suppress

import pytest
from structlog.testing import capture_logs

from imgproxy_py.errors import (
    HashsumMismatch,
    ImgproxyError,
    Overloaded,
    SourceFailed,
    SourceForbidden,
    SourceIncomplete,
    SourceLeftAlone,
    SourceMissing,
    SourceNotReached,
    SourceTimeout,
    SourceTooLarge,
    SourceUnreachable,
)
from imgproxy_py.recipe.source import SourceRef
from imgproxy_py.sources.origins import MOST_ORIGINS, Origins, OriginSettings
from imgproxy_py.sources.port import RawAnswer
from imgproxy_py.sources.sparing import SparingSource, origin_of
from tests.fakes import FakeSource


class Clock:
    """A clock that goes when told to."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def make_origins(clock: Clock | None = None, patience: float = 5.0, **changed: float) -> Origins:
    given = {"origin_max_fetches": 2, "origin_failures": 3, "origin_pause": 10.0, "origin_max_pause": 25.0} | changed
    return Origins(OriginSettings.model_validate(given), patience=patience, clock=clock or Clock())


async def met(origins: Origins, error: BaseException | None, name: str = "https://a") -> None:
    with suppress(type(error)) if error else nullcontext():
        async with origins.turn(name):
            if error is not None:
                raise error


async def lost(origins: Origins, name: str = "https://a") -> None:
    for _ in range(3):
        await met(origins, SourceTimeout(), name)


@pytest.mark.parametrize(
    ("scheme", "location", "origin"),
    [
        ("https", "Example.COM/a.jpg?x#y", "https://example.com"),
        ("https", "example.com:443/a", "https://example.com"),
        ("http", "example.com:443/a", "http://example.com:443"),
        ("http", "example.com.:80", "http://example.com"),
        ("http", "me:secret@example.com/a@b", "http://example.com"),
        ("http", "example.com?a/b@c", "http://example.com"),
        ("https", "[::1]:8443/a", "https://[::1]:8443"),
        ("s3", "Bucket/a/b.jpg", "s3://Bucket"),
        ("gs", "bucket", "gs://bucket"),
    ],
)
def test_an_origin_is_a_server_or_a_bucket(scheme: str, location: str, origin: str) -> None:
    assert origin_of(SourceRef(scheme=scheme, location=location)) == origin


# --- turns -------------------------------------------------------------------------------------------------------------


class Crowd:
    """Fetches of one origin that end when they are told to, and the order in which they began."""

    def __init__(self, origins: Origins) -> None:
        self.origins = origins
        self.began: list[int] = []
        self.ends: dict[int, asyncio.Event] = {}

    def come(self, number: int, name: str = "https://a") -> asyncio.Task[None]:
        self.ends[number] = asyncio.Event()
        return asyncio.create_task(self._fetch(number, name))

    async def _fetch(self, number: int, name: str) -> None:
        async with self.origins.turn(name):
            self.began.append(number)
            await self.ends[number].wait()


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_who_comes_beyond_the_limit_waits_in_order_and_others_do_not() -> None:
    origins = make_origins()
    crowd = Crowd(origins)
    tasks = [crowd.come(number) for number in range(5)]
    tasks.append(crowd.come(9, "https://b"))
    await settle()
    assert crowd.began == [0, 1, 9]
    assert (origins.fetching, origins.waiting) == (3, 3)
    crowd.ends[1].set()
    await settle()
    assert crowd.began == [0, 1, 9, 2]
    for end in crowd.ends.values():
        end.set()
    await asyncio.gather(*tasks)
    assert crowd.began == [0, 1, 9, 2, 3, 4]
    assert (origins.fetching, origins.waiting) == (0, 0)


async def test_who_leaves_while_waiting_takes_no_turn() -> None:
    origins = make_origins(origin_max_fetches=1)
    crowd = Crowd(origins)
    first, second, third = crowd.come(0), crowd.come(1), crowd.come(2)
    await settle()
    second.cancel()
    await settle()
    crowd.ends[0].set()
    await settle()
    assert crowd.began == [0, 2]
    crowd.ends[2].set()
    await asyncio.gather(first, third)
    assert second.cancelled()
    assert (origins.fetching, origins.waiting) == (0, 0)


async def test_a_turn_that_comes_as_one_leaves_goes_to_the_next() -> None:
    origins = make_origins(origin_max_fetches=1)
    crowd = Crowd(origins)
    async with origins.turn("https://a"):
        second, third = crowd.come(1), crowd.come(2)
        await settle()
    second.cancel()  # which has its turn since the line before, and does not know yet
    await settle()
    assert crowd.began == [2]
    crowd.ends[2].set()
    await third
    assert second.cancelled()
    assert (origins.fetching, origins.waiting) == (0, 0)


async def test_a_turn_that_does_not_come_in_time_is_a_time_out_and_no_failure_of_the_origin() -> None:
    origins = make_origins(patience=0.02, origin_max_fetches=1, origin_failures=1)
    crowd = Crowd(origins)
    first = crowd.come(0)
    await settle()
    with pytest.raises(SourceTimeout):
        await met(origins, None)
    assert origins.lost == 0
    crowd.ends[0].set()
    await first
    await met(origins, None)


async def test_more_than_may_wait_are_refused_at_once() -> None:
    origins = make_origins(origin_max_fetches=1, origin_max_waiting=1)
    crowd = Crowd(origins)
    tasks = [crowd.come(0), crowd.come(1)]
    await settle()
    with pytest.raises(Overloaded):
        await met(origins, None)
    assert origins.stats.turned_away == 1
    for end in crowd.ends.values():
        end.set()
    await asyncio.gather(*tasks)


async def test_without_a_limit_nobody_waits() -> None:
    crowd = Crowd(make_origins(origin_max_fetches=0))
    tasks = [crowd.come(number) for number in range(50)]
    await settle()
    assert crowd.began == list(range(50))
    for end in crowd.ends.values():
        end.set()
    await asyncio.gather(*tasks)


# --- failing -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("error", [SourceTimeout(), SourceFailed(), SourceIncomplete(), SourceNotReached()])
async def test_failures_in_a_row_have_it_left_alone(error: ImgproxyError) -> None:
    clock = Clock()
    origins = make_origins(clock)
    with capture_logs() as logs:
        for _ in range(3):
            await met(origins, error)
    assert logs == [
        {
            "event": "origin_lost",
            "log_level": "warning",
            "origin": "https://a",
            "error": type(error).__name__,
            "pause": 10.0,
        }
    ]
    clock.now = 2.5
    with pytest.raises(SourceLeftAlone) as caught:
        await met(origins, None)
    assert (caught.value.status, caught.value.slug, caught.value.retry_after) == (502, "source-unreachable", 8)
    assert (origins.lost, origins.stats.lost, origins.stats.left_alone) == (1, 1, 1)
    await met(origins, None, "https://b")


@pytest.mark.parametrize("error", [None, SourceMissing(), SourceTooLarge(), HashsumMismatch(), Overloaded()])
async def test_an_answer_of_any_kind_says_that_it_lives(error: ImgproxyError | None) -> None:
    origins = make_origins()
    for _ in range(4):
        await met(origins, SourceTimeout())
        await met(origins, SourceFailed())
        await met(origins, error)
    assert origins.lost == 0


@pytest.mark.parametrize("error", [SourceForbidden(), SourceUnreachable(), asyncio.CancelledError(), RuntimeError()])
async def test_what_says_nothing_of_it_neither_counts_nor_clears(error: BaseException) -> None:
    origins = make_origins()
    for _ in range(9):
        await met(origins, error)
    assert origins.lost == 0
    for _ in range(3):
        await met(origins, SourceTimeout())
        await met(origins, error) if origins.lost == 0 else None
    assert origins.lost == 1


async def test_one_probe_decides_after_the_pause_and_pauses_grow() -> None:
    clock = Clock()
    origins = make_origins(clock)
    await lost(origins)
    pauses = []
    for _ in range(3):
        with pytest.raises(SourceLeftAlone) as caught:
            await met(origins, None)
        pauses.append(caught.value.retry_after)
        clock.now += caught.value.retry_after
        await met(origins, SourceTimeout())
    assert pauses == [10, 20, 25]
    clock.now += 25
    with capture_logs() as logs:
        await met(origins, SourceMissing())
    assert [one["event"] for one in logs] == ["origin_returned"]
    assert origins.lost == 0


async def test_while_a_probe_is_under_way_others_are_refused() -> None:
    clock = Clock()
    origins = make_origins(clock)
    await lost(origins)
    clock.now = 10.0
    crowd = Crowd(origins)
    probe = crowd.come(0)
    await settle()
    with pytest.raises(SourceLeftAlone):
        await met(origins, None)
    crowd.ends[0].set()
    await probe
    await met(origins, None)


async def test_who_waits_is_refused_when_it_is_left_alone() -> None:
    origins = make_origins(origin_failures=1)
    crowd = Crowd(origins)
    crowd.come(0)
    broken = asyncio.create_task(broken_after(origins, gate := asyncio.Event()))
    await settle()
    waiting = [crowd.come(number) for number in (1, 2)]
    await settle()
    assert origins.waiting == 2
    gate.set()
    await broken
    found = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(one) for one in found] == [SourceLeftAlone, SourceLeftAlone]
    assert (origins.fetching, origins.waiting, crowd.began) == (1, 0, [0])
    crowd.ends[0].set()
    await settle()
    assert origins.fetching == 0


async def broken_after(origins: Origins, gate: asyncio.Event) -> None:
    with suppress(SourceFailed):
        async with origins.turn("https://a"):
            await gate.wait()
            raise SourceFailed


async def test_it_may_be_switched_off() -> None:
    origins = make_origins(origin_failures=0)
    for _ in range(100):
        await met(origins, SourceTimeout())
    assert origins.lost == 0


async def test_few_origins_are_remembered_and_never_one_that_is_asked_is_forgotten() -> None:
    origins = make_origins()
    crowd = Crowd(origins)
    task = crowd.come(0, "https://busy")
    await settle()
    for number in range(MOST_ORIGINS + 50):
        await met(origins, None, f"https://{number}")
    assert f"<Origins: {MOST_ORIGINS}, 1 fetches" in repr(origins)
    assert origins.fetching == 1
    crowd.ends[0].set()
    await task
    assert origins.fetching == 0


# --- a source behind them ----------------------------------------------------------------------------------------------

REF = SourceRef(scheme="https", location="a/cat.jpg")


class FailingRaw(FakeSource):
    """A source whose origin answers 503 to whoever relays it."""

    @asynccontextmanager
    async def raw(self, ref: SourceRef, headers: Mapping[str, str]) -> AsyncIterator[RawAnswer]:
        async with super().raw(ref, headers) as answer:
            yield RawAnswer(503, {}, answer.chunks)


async def test_everything_that_is_asked_of_a_source_counts() -> None:
    source = FakeSource()
    source.trouble = SourceTimeout()
    sparing = SparingSource(source, make_origins())
    with pytest.raises(SourceTimeout):
        await sparing.fetch(REF)
    with pytest.raises(SourceTimeout):
        await sparing.validators(REF)
    with pytest.raises(SourceTimeout):
        async with sparing.raw(REF, {}):
            pass
    for ask in (sparing.fetch(REF), sparing.validators(REF)):
        with pytest.raises(SourceLeftAlone):
            await ask
    assert (len(source.fetched), len(source.validated), len(source.relayed)) == (1, 1, 1)


async def test_a_relayed_failure_counts_though_nothing_is_raised() -> None:
    sparing = SparingSource(FailingRaw(), make_origins())
    for _ in range(3):
        async with sparing.raw(REF, {}) as answer:
            assert answer.status == 503
    with pytest.raises(SourceLeftAlone):
        await sparing.fetch(REF)


async def test_relaying_keeps_nobody_waiting() -> None:
    origins = make_origins(origin_max_fetches=1)
    sparing = SparingSource(FakeSource(), origins)
    async with AsyncExitStack() as relaying:
        for _ in range(3):
            await relaying.enter_async_context(sparing.raw(REF, {}))
        assert origins.fetching == 0
        await sparing.fetch(REF)
