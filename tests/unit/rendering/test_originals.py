"""Originals are fetched once for all who want them at a time, and kept for a while."""

from __future__ import annotations

import asyncio
import sys
from typing import Any

import pytest

from imgproxy_py.caches.purges import Purges
from imgproxy_py.errors import SourceMissing
from imgproxy_py.recipe.picture import Validators
from imgproxy_py.recipe.source import SourceRef
from imgproxy_py.recipe.tags import source_tag
from imgproxy_py.rendering.originals import Originals
from tests.factories import MODIFIED_AT, make_original, make_source
from tests.fakes import FakeSource, missing, until

CAT, DOG = make_source("http://h/cat.jpg"), make_source("http://h/dog.jpg")


class Shelf:
    """Originals whose clock and source are within reach."""

    def __init__(self, *, max_bytes: int = 100_000, seconds: float = 10) -> None:
        self.now = 0.0
        self.source = FakeSource()
        self.purges = Purges()
        self.forgotten: list[int] = []
        self.originals = Originals(
            self.source,
            max_bytes=max_bytes,
            seconds=seconds,
            purges=self.purges,
            forgotten=self.forgotten.append,
            clock=lambda: self.now,
        )

    async def number(self, ref: SourceRef = CAT, **given: Any) -> int:
        async with self.originals.held(ref, **given) as (original, held):
            assert held.original is original
            return held.number

    @property
    def fetched(self) -> int:
        return len(self.source.fetched)


async def test_who_comes_while_it_is_fetched_waits_for_the_same() -> None:
    shelf = Shelf(seconds=0)
    shelf.source.gate.clear()
    asking = [asyncio.create_task(shelf.number()) for _ in range(4)]
    await until(lambda: shelf.source.waiting)
    shelf.source.gate.set()
    numbers = await asyncio.gather(*asking)
    assert (len(set(numbers)), shelf.fetched) == (1, 1)
    assert (shelf.originals.stats.hits, shelf.originals.stats.misses) == (3, 1)
    assert shelf.forgotten == numbers[:1], "nothing is kept for no seconds"


async def test_that_others_want_it_is_known_before_it_is_there() -> None:
    shelf = Shelf()
    shelf.source.gate.clear()
    wanted: list[bool] = []

    async def ask() -> None:
        async with shelf.originals.held(CAT) as (_, held):
            wanted.append(held.wanted_again)

    asking = [asyncio.create_task(ask()) for _ in range(2)]
    await until(lambda: shelf.source.waiting)
    shelf.source.gate.set()
    await asyncio.gather(*asking)
    assert wanted == [True, True]


async def test_one_who_is_alone_is_told_so_and_the_next_that_he_is_not() -> None:
    shelf = Shelf()
    for expected in (False, True, True):
        async with shelf.originals.held(CAT) as (_, held):
            assert held.wanted_again is expected


async def test_it_is_kept_for_its_time_and_then_fetched_anew() -> None:
    shelf = Shelf(seconds=10)
    first = await shelf.number()
    shelf.now = 9.9
    assert (await shelf.number(), shelf.forgotten) == (first, [])
    shelf.now = 10
    assert await shelf.number() != first
    assert (shelf.fetched, shelf.forgotten) == (2, [first])


async def test_its_memory_is_free_when_its_time_is_over_though_nobody_asks() -> None:
    shelf = Shelf(seconds=0.02)
    first = await shelf.number()
    await until(lambda: shelf.forgotten)
    assert (shelf.forgotten, shelf.originals.bytes, len(shelf.originals)) == ([first], 0, 0)


async def test_what_left_for_room_is_free_at_once() -> None:
    shelf, data = Shelf(max_bytes=8_000, seconds=1000), bytearray(b"1" * 5000)
    mine = sys.getrefcount(data)
    shelf.source.anything = make_original(data)  # type: ignore[arg-type]  # a constant would have other references
    await shelf.number(CAT)
    shelf.source.anything = make_original(b"2" * 5000)
    assert sys.getrefcount(data) > mine
    await shelf.number(DOG)
    assert sys.getrefcount(data) == mine
    assert (shelf.originals.stats.evictions, shelf.originals.bytes <= 8_000) == (1, True)


async def test_what_is_in_use_stays_until_the_last_has_left() -> None:
    shelf = Shelf(max_bytes=8_000)
    shelf.source.anything = make_original(b"1" * 5000)
    async with shelf.originals.held(CAT) as (_, held):
        await shelf.number(DOG)
        assert held.number not in shelf.forgotten
    assert shelf.forgotten == [held.number]


async def test_one_that_does_not_fit_is_shared_but_not_kept() -> None:
    shelf = Shelf(max_bytes=3_000)
    shelf.source.anything = make_original(b"1" * 5000)
    async with shelf.originals.held(CAT) as (_, first), shelf.originals.held(CAT) as (_, second):
        assert first is second
    assert (shelf.fetched, shelf.originals.bytes) == (1, 0)
    await shelf.number()
    assert shelf.fetched == 2


async def test_versions_hashsums_and_limits_are_originals_of_their_own() -> None:
    shelf = Shelf()
    refs = [CAT, make_source(CAT.url, version="2"), make_source(CAT.url, hashsum="sha256:00")]
    numbers = [await shelf.number(ref) for ref in refs] + [await shelf.number(CAT, max_bytes=7)]
    assert (len(set(numbers)), shelf.fetched) == (4, 4)
    assert shelf.source.limits == [0, 0, 0, 7]


async def test_a_failure_is_told_to_all_who_wait_and_not_kept() -> None:
    shelf = Shelf()
    shelf.source.gate.clear()
    asking = [asyncio.create_task(shelf.number()) for _ in range(2)]
    await until(lambda: shelf.source.waiting)
    shelf.source.trouble = missing()
    shelf.source.gate.set()
    failures = await asyncio.gather(*asking, return_exceptions=True)
    assert [type(one) for one in failures] == [SourceMissing, SourceMissing]
    assert (shelf.fetched, len(shelf.forgotten)) == (1, 1)
    shelf.source.trouble = None
    assert await shelf.number()


async def test_if_the_first_leaves_the_others_get_it_all_the_same() -> None:
    shelf = Shelf()
    shelf.source.gate.clear()
    first, second = (asyncio.create_task(shelf.number()) for _ in range(2))
    await until(lambda: shelf.source.waiting)
    first.cancel()
    await asyncio.wait([first])
    shelf.source.gate.set()
    await second
    assert (shelf.fetched, shelf.source.cancelled) == (1, 0)


async def test_when_all_have_left_nothing_is_fetched_any_more() -> None:
    shelf = Shelf()
    shelf.source.gate.clear()
    asking = [asyncio.create_task(shelf.number()) for _ in range(2)]
    await until(lambda: shelf.source.waiting)
    for one in asking:
        one.cancel()
    await asyncio.wait(asking)
    await until(lambda: shelf.source.cancelled == 1)
    assert len(shelf.forgotten) == 1


@pytest.mark.parametrize("name", [f"tag:{source_tag(CAT)}", f"prefix:{CAT.url}", "prefix:http://"])
async def test_a_purge_of_it_has_it_fetched_anew(name: str) -> None:
    shelf = Shelf()
    first = await shelf.number()
    shelf.purges.learn([("tag:another", 1), ("prefix:s3://", 2)])
    assert await shelf.number() == first
    shelf.purges.learn([(name, 3)])
    assert shelf.forgotten == [first]
    async with shelf.originals.held(CAT) as (_, held):
        assert (held.number != first, held.generation) == (True, 3)


async def test_a_purge_of_a_picture_s_tag_has_its_original_fetched_anew() -> None:
    shelf = Shelf()
    tags = (source_tag(CAT), "preset-small")
    first = await shelf.number(tags=tags)
    shelf.purges.learn([("tag:preset-small", 1)])
    assert await shelf.number() == first, "pictures without the tag may be made of it"
    assert await shelf.number(tags=tags) != first


async def test_who_asks_after_a_purge_does_not_wait_for_a_fetch_that_began_before() -> None:
    shelf = Shelf()
    shelf.source.gate.clear()
    before = asyncio.create_task(shelf.number())
    await until(lambda: shelf.source.waiting == 1)
    shelf.purges.learn([(f"tag:{source_tag(CAT)}", 1)])
    after = asyncio.create_task(shelf.number())
    await until(lambda: shelf.source.waiting == 2)
    shelf.source.gate.set()
    old, new = await asyncio.gather(before, after)
    assert old != new
    assert await shelf.number() == new, "the old one is not kept"
    assert old in shelf.forgotten


@pytest.mark.parametrize(
    ("now", "is_kept"),
    [
        (Validators(etag='"v1"', modified_at=MODIFIED_AT), True),
        (Validators(etag='"v1"'), True),
        (Validators(), True),
        (Validators(etag='"v2"', modified_at=MODIFIED_AT), False),
    ],
)
async def test_one_that_is_seen_to_have_changed_is_fetched_anew(now: Validators, is_kept: bool) -> None:
    shelf = Shelf()
    first, other = await shelf.number(), await shelf.number(DOG)
    shelf.originals.seen(CAT, now)
    assert (await shelf.number() == first) is is_kept
    assert await shelf.number(DOG) == other
