"""Originals of watermarks are fetched once for all pictures that need them, and kept for a while."""

from __future__ import annotations

import asyncio

import pytest

from imgproxy_py.caches.purges import Purges
from imgproxy_py.errors import SourceMissing
from imgproxy_py.recipe.model import Recipe, Stage, Watermark
from imgproxy_py.recipe.source import SourceRef
from imgproxy_py.recipe.tags import source_tag
from imgproxy_py.rendering.marks import MarkOriginals, MarkSettings
from tests.factories import make_original
from tests.fakes import FakeSource, missing, until

LOGO = SourceRef(scheme="http", location="h/logo.png")
OTHER = SourceRef(scheme="http", location="h/other.png")


def recipe(*sources: SourceRef | None) -> Recipe:
    return Recipe(stages=tuple(Stage(watermark=Watermark(opacity=1, source=source)) for source in sources))


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


async def test_a_recipe_without_such_marks_fetches_nothing() -> None:
    source = FakeSource()
    assert await MarkOriginals(source).of(recipe(None)) == {}
    assert await MarkOriginals(source).of(Recipe()) == {}
    assert source.fetched == []


async def test_each_is_fetched_once_until_its_time_is_over() -> None:
    source, clock = (
        FakeSource(**{LOGO.url: make_original(data=b"logo"), OTHER.url: make_original(data=b"other")}),
        Clock(),
    )
    marks = MarkOriginals(source, MarkSettings(watermarks_ttl=10), max_bytes=99, clock=clock)
    assert await marks.of(recipe(LOGO, OTHER, LOGO)) == {LOGO: b"logo", OTHER: b"other"}
    clock.now = 9.9
    assert await marks.of(recipe(LOGO)) == {LOGO: b"logo"}
    assert len(source.fetched) == 2
    assert set(source.limits) == {99}
    clock.now = 10
    await marks.of(recipe(LOGO))
    assert len(source.fetched) == 3


async def test_those_who_ask_at_once_share_one_fetch() -> None:
    source = FakeSource()
    source.gate.clear()
    marks = MarkOriginals(source)
    asking = [asyncio.create_task(marks.of(recipe(LOGO))) for _ in range(5)]
    await until(lambda: source.waiting == 1)
    source.gate.set()
    assert len({one[LOGO] for one in await asyncio.gather(*asking)}) == 1
    assert len(source.fetched) == 1


async def test_a_failure_is_told_and_not_kept() -> None:
    source = FakeSource()
    source.trouble = missing()
    marks = MarkOriginals(source)
    with pytest.raises(SourceMissing):
        await marks.of(recipe(LOGO))
    source.trouble = None
    assert LOGO in await marks.of(recipe(LOGO))


async def test_bytes_are_bounded_and_the_oldest_goes() -> None:
    source = FakeSource(**{LOGO.url: make_original(data=b"1" * 5000), OTHER.url: make_original(data=b"2" * 6000)})
    marks = MarkOriginals(source, MarkSettings(watermarks_max_bytes=8000))
    await marks.of(recipe(LOGO))
    await marks.of(recipe(OTHER))
    assert 6000 <= marks.originals.bytes <= 8000
    await marks.of(recipe(OTHER))
    assert len(source.fetched) == 2
    await marks.of(recipe(LOGO))
    assert len(source.fetched) == 3


@pytest.mark.parametrize("settings", [MarkSettings(watermarks_ttl=0), MarkSettings(watermarks_max_bytes=3)])
async def test_nothing_is_kept_without_time_or_room(settings: MarkSettings) -> None:
    source = FakeSource()
    marks = MarkOriginals(source, settings)
    await marks.of(recipe(LOGO))
    await marks.of(recipe(LOGO))
    assert (len(source.fetched), marks.originals.bytes) == (2, 0)


@pytest.mark.parametrize("name", [f"tag:{source_tag(LOGO)}", f"prefix:{LOGO.url}", "prefix:http://h/"])
async def test_a_purge_reaches_it(name: str) -> None:
    source, purges = FakeSource(), Purges()
    marks = MarkOriginals(source, purges=purges)
    await marks.of(recipe(LOGO))
    purges.learn([("tag:another", 1), ("prefix:http://elsewhere/", 2)])
    await marks.of(recipe(LOGO))
    assert len(source.fetched) == 1
    purges.learn([(name, 3)])
    assert marks.originals.bytes == 0
    await marks.of(recipe(LOGO))
    assert len(source.fetched) == 2
