"""Missing and broken originals, remembered: one fetch for many, and none too long."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from imgproxy_py.caches.tiers import TieredCache
from imgproxy_py.deadline import Deadline
from imgproxy_py.engine.pool import Pool
from imgproxy_py.engine.settings import EngineSettings
from imgproxy_py.errors import (
    BrokenImage,
    ImgproxyError,
    SourceFailed,
    SourceMissing,
    SourceTimeout,
    SourceTooLarge,
    UndecodableImage,
    UnknownImage,
)
from imgproxy_py.recipe.picture import Outcome, Rendered
from imgproxy_py.recipe.request import ImageRequest
from imgproxy_py.recipe.source import SourceRef
from imgproxy_py.recipe.tags import source_tag
from imgproxy_py.rendering.fallback import FallbackImage
from imgproxy_py.rendering.making import Maker
from imgproxy_py.rendering.marks import MarkOriginals, MarkSettings
from imgproxy_py.rendering.negative import NegativeCache, NegativeSettings
from imgproxy_py.rendering.render import Renderer
from imgproxy_py.telemetry.record import RequestRecord
from tests.factories import make_memory_cache, make_original, make_recipe, make_request
from tests.fakes import FakeSource, FakeTransformer, until

FIRST, LONGEST = 2.0, 10.0


class Shop:
    """A renderer that remembers failures, with a clock that goes when told to."""

    def __init__(self, fallback: FallbackImage | None = None, **settings: Any) -> None:
        self.now = 100.0
        self.source, self.transformer = FakeSource(), FakeTransformer()
        self.pool = Pool(4, 2000)
        caches = TieredCache([make_memory_cache()])
        given = {"negative_cache_seconds": FIRST, "negative_cache_max_seconds": LONGEST, **settings}
        self.negative = NegativeCache(NegativeSettings(**given), caches.purges, clock=lambda: self.now)
        self.renderer = Renderer(
            maker=Maker(
                sources=self.source,
                pool=self.pool,
                transformer=self.transformer,  # type: ignore[arg-type]
                marks=MarkOriginals(self.source, MarkSettings(), max_bytes=EngineSettings().max_src_file_size),
                fallback=fallback,
            ),
            caches=caches,
            negative=self.negative,
        )

    async def ask(self, request: ImageRequest | None = None) -> Rendered | ImgproxyError:
        """What a request comes to."""
        request = request or make_request()
        try:
            return await self.renderer.render(request, self.renderer.key(request), Deadline.after(10))
        except ImgproxyError as error:
            return error

    async def fetches(self, request: ImageRequest | None = None) -> int:
        """How many fetches a request costs."""
        before = len(self.source.fetched)
        await self.ask(request)
        return len(self.source.fetched) - before


@pytest.fixture
def shop() -> Iterator[Shop]:
    one = Shop()
    yield one
    one.pool.close()


def missing(status: int = 404) -> SourceMissing:
    return SourceMissing("no such original", upstream_status=status, private="for operators")


async def test_a_thousand_who_ask_for_what_is_missing_cost_one_fetch(shop: Shop) -> None:
    shop.source.trouble = missing(410)
    errors = [await shop.ask() for _ in range(500)] + await asyncio.gather(*(shop.ask() for _ in range(500)))
    assert len(shop.source.fetched) == 1
    assert {(type(one), one.detail, one.private, one.upstream_status) for one in errors} == {  # type: ignore[union-attr]
        (SourceMissing, "no such original", "for operators", 410)
    }
    assert [one.remembered for one in errors] == [False] + [True] * 999  # type: ignore[union-attr]
    assert len({id(one) for one in errors[:500]}) == 500  # one that is raised over and over would keep all their frames


@pytest.mark.parametrize(
    ("trouble", "kept"),
    [
        (missing(404), True),
        (missing(410), True),
        (missing(403), False),
        (missing(401), False),
        (SourceTooLarge(), True),
        (SourceFailed(), False),
        (SourceTimeout(), False),
    ],
)
async def test_what_may_be_over_at_once_is_not_remembered(shop: Shop, trouble: Any, kept: bool) -> None:
    shop.source.trouble = trouble
    assert [await shop.fetches() for _ in range(2)] == [1, 0 if kept else 1]


@pytest.mark.parametrize("trouble", [BrokenImage(), UnknownImage(), UndecodableImage()])
async def test_a_broken_original_is_remembered_for_the_picture_that_was_asked_for(shop: Shop, trouble: Any) -> None:
    shop.transformer.trouble = trouble
    assert [await shop.fetches() for _ in range(3)] == [1, 0, 0]
    assert await shop.fetches(make_request(recipe=make_recipe(width=7))) == 1
    assert type(await shop.ask()) is type(trouble)


async def test_a_missing_original_is_remembered_for_every_picture_of_it_and_no_other(shop: Shop) -> None:
    shop.source.trouble = missing()
    await shop.ask()
    assert await shop.fetches(make_request(recipe=make_recipe(width=7))) == 0
    assert await shop.fetches(replace(make_request(), source=SourceRef(scheme="http", location="other/x"))) == 1


async def test_it_is_looked_for_again_later_and_later(shop: Shop) -> None:
    shop.source.trouble = missing()
    await shop.ask()
    for seconds in (2.0, 4.0, 8.0, 10.0, 10.0):
        shop.now += seconds - 0.01
        assert await shop.fetches() == 0
        shop.now += 0.01
        assert await shop.fetches() == 1
    shop.now += 2 * LONGEST  # nobody asked for long
    assert await shop.fetches() == 1
    shop.now += FIRST
    assert await shop.fetches() == 1


async def test_success_clears_what_was_remembered(shop: Shop) -> None:
    shop.source.trouble = missing()
    await shop.ask()
    shop.now += FIRST
    shop.source.trouble = None
    assert isinstance(await shop.ask(), Rendered)
    assert len(shop.negative) == 0
    shop.source.trouble = missing()
    other = make_request(recipe=make_recipe(width=7))
    await shop.ask(other)
    shop.now += FIRST
    assert await shop.fetches(other) == 1


async def test_who_goes_past_the_caches_goes_past_this_one(shop: Shop) -> None:
    shop.source.trouble = missing()
    await shop.ask()
    past = make_request(bypass_cache=True)
    assert await shop.fetches(past) == 1
    shop.source.trouble = None
    assert isinstance(await shop.ask(past), Rendered)
    assert isinstance(await shop.ask(), Rendered)


@pytest.mark.parametrize(
    "name", [f"tag:{source_tag(make_request().source)}", f"prefix:{make_request().source.url[:-2]}"]
)
async def test_a_purge_clears_it_also_for_what_is_under_way(shop: Shop, name: str) -> None:
    shop.source.trouble = missing()
    await shop.ask()
    shop.renderer.caches.purges.learn([(name, 1)])
    assert len(shop.negative) == 0
    shop.source.gate.clear()
    asking = asyncio.create_task(shop.ask())
    await until(lambda: shop.source.waiting == 1)
    shop.renderer.caches.purges.learn([(name, 2)])
    shop.source.gate.set()
    assert isinstance(await asking, SourceMissing)
    assert len(shop.negative) == 0


async def test_another_purge_leaves_it(shop: Shop) -> None:
    shop.source.trouble = missing()
    await shop.ask()
    shop.renderer.caches.purges.learn([("tag:source-other", 1), ("prefix:s3://nowhere/", 1)])
    assert await shop.fetches() == 0


async def test_it_is_bounded() -> None:
    shop = Shop(negative_cache_entries=3)
    shop.source.trouble = missing()
    requests = [replace(make_request(), source=SourceRef(scheme="http", location=f"h/{n}")) for n in range(5)]
    for request in requests:
        await shop.ask(request)
    assert len(shop.negative) == 3
    assert [await shop.fetches(one) for one in requests[2:]] == [0, 0, 0]
    shop.pool.close()


async def test_what_is_in_a_cache_is_given_though_the_original_is_gone(shop: Shop) -> None:
    assert isinstance(await shop.ask(), Rendered)
    shop.source.trouble = missing()
    await shop.ask(make_request(recipe=make_recipe(width=7)))
    found = await shop.ask()
    assert isinstance(found, Rendered)
    assert found.outcome is Outcome.MEMORY


async def test_a_fallback_is_shown_and_costs_no_fetch_either() -> None:
    fallback = FallbackImage(ref=SourceRef(scheme="fallback", location="x"), original=make_original())
    shop = Shop(fallback)
    shop.source.trouble = missing()
    shown = [await shop.ask() for _ in range(3)]
    assert len(shop.source.fetched) == 1
    assert [one.failure.remembered for one in shown if isinstance(one, Rendered) and one.failure] == [False, True, True]
    shop.pool.close()


async def test_validators_of_what_is_missing_are_not_asked_for(shop: Shop) -> None:
    shop.source.trouble = missing()
    await shop.ask()
    request = make_request()
    with pytest.raises(SourceMissing):
        await shop.renderer.current(request, shop.renderer.key(request), Deadline.after(1))
    assert shop.source.validated == []


def test_the_log_says_that_it_was_known() -> None:
    record = RequestRecord(request_id="a", method="GET", dialect="query", started=0.0, at=0.0)
    error = missing()
    record.failed(error)
    assert record.outcome == ""
    error.remembered = True
    record.failed(error)
    assert (record.outcome, record.error) == ("remembered", "source-missing")
