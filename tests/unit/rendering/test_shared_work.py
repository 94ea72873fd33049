"""Pictures of one original, asked for at once: one fetch, one decode, and nobody's trouble is another's."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from imgproxy_py.caches.tiers import TieredCache
from imgproxy_py.deadline import Deadline
from imgproxy_py.engine.pool import Pool
from imgproxy_py.engine.settings import EngineSettings
from imgproxy_py.engine.sharing import SharedPixels
from imgproxy_py.engine.steps import scale_on_load
from imgproxy_py.engine.transformer import Transformer
from imgproxy_py.errors import BrokenImage, DeadlineExceeded
from imgproxy_py.recipe.picture import Rendered
from imgproxy_py.recipe.request import ImageRequest
from imgproxy_py.recipe.tags import source_tag
from imgproxy_py.rendering.originals import Originals
from imgproxy_py.rendering.render import Renderer
from tests import pictures
from tests.factories import make_maker, make_original, make_request, make_source
from tests.fakes import FakeSource, until
from tests.unit.engine.making import recipe_of

CAT = "http://h/cat.jpg"
SET = tuple(f"w:{width}/f:{kind}" for width in (40, 44, 48) for kind in ("jpg", "webp"))


class House:
    """A renderer of real pixels without caches, whose decodes can be held up and counted."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, places: int = 2) -> None:
        self.source = FakeSource(make_original(pictures.jpeg(pictures.noise(480, 360))))
        self.transformer = Transformer(EngineSettings(workers=2))
        self.pool = Pool(places)
        self.pixels = SharedPixels(1 << 24)
        self.caches = TieredCache([])
        self.originals = Originals(
            self.source, max_bytes=1 << 24, seconds=10, purges=self.caches.purges, forgotten=self.pixels.forget
        )
        self.renderer = Renderer(
            maker=make_maker(
                self.source,
                self.pool,
                self.transformer,
                originals=self.originals,
                pixels=self.pixels,
            ),
            caches=self.caches,
        )
        self.gate = threading.Event()
        self.gate.set()
        self.decodes = 0
        self.troubles: list[Exception] = []
        monkeypatch.setattr(scale_on_load, "Frame", self._frame)

    def _frame(self, **given: Any) -> Any:
        self.decodes += 1
        assert self.gate.wait(5)
        if self.troubles:
            raise self.troubles.pop()
        return _FRAME(**given)

    def ask(self, request: ImageRequest | str, seconds: float = 10) -> asyncio.Task[Rendered]:
        if isinstance(request, str):
            request = make_request(CAT, recipe_of(request))
        key = self.renderer.key(request)
        return asyncio.create_task(self.renderer.render(request, key, Deadline.after(seconds)))


_FRAME = scale_on_load.Frame


@pytest.fixture
async def open_house(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Callable[..., House]]:
    houses: list[House] = []

    def make(**given: Any) -> House:
        houses.append(House(monkeypatch, **given))
        return houses[-1]

    yield make
    for one in houses:
        one.gate.set()
        await asyncio.to_thread(one.pool.close)


@pytest.mark.parametrize("places", [1, 2, 6])
async def test_a_set_costs_one_fetch_and_one_decode(open_house, places):
    house = open_house(places=places)
    made = await asyncio.gather(*map(house.ask, SET))
    assert (len(house.source.fetched), house.decodes) == (1, 1)
    for options, one in zip(SET, made, strict=True):
        alone = make_maker(house.source, house.pool, house.transformer)
        request = make_request(CAT, recipe_of(options))
        picture = await alone.make(request, house.renderer.key(request), 0, Deadline.after(10))
        assert picture.data == one.picture.data
        assert picture.etag == one.picture.etag


async def test_one_who_is_alone_copies_nothing(open_house):
    house = open_house()
    await house.ask("w:40/f:jpg")
    assert (house.decodes, len(house.pixels)) == (0, 0)
    await house.ask("w:44/f:jpg")
    await house.ask("w:48/f:jpg")
    assert (house.decodes, len(house.source.fetched)) == (1, 1)


async def test_who_waits_for_a_decode_holds_no_thread(open_house):
    house = open_house(places=2)
    house.source.gate.clear()
    tasks = [house.ask(options) for options in SET]
    await until(lambda: house.source.waiting)
    house.gate.clear()
    house.source.gate.set()
    await until(lambda: house.pixels.stats.waits >= len(SET) - 1)
    other = await house.ask(make_request("http://h/dog.jpg", recipe_of("w:30/f:jpg")))
    assert other.picture.width == 30
    assert house.decodes == 1
    house.gate.set()
    await asyncio.gather(*tasks)


async def test_what_waits_for_a_decode_does_so_within_its_deadline(open_house):
    house = open_house()
    house.source.gate.clear()
    first = house.ask("w:40/f:jpg")
    await until(lambda: house.source.waiting)
    house.gate.clear()
    house.source.gate.set()
    second = house.ask("w:44/f:jpg", seconds=0.2)
    with pytest.raises(DeadlineExceeded):
        await second
    house.gate.set()
    assert (await first).picture.width == 40


async def test_if_who_decodes_leaves_another_takes_over(open_house):
    house = open_house()
    house.source.gate.clear()
    tasks = [house.ask(options) for options in ("w:40/f:jpg", "w:44/f:jpg", "w:48/f:jpg")]
    await until(lambda: house.source.waiting)
    house.gate.clear()
    house.source.gate.set()
    await until(lambda: house.decodes == 1 and house.pixels.stats.waits == 2)
    tasks[0].cancel()
    await until(lambda: house.decodes == 2)
    house.gate.set()
    others = await asyncio.gather(*tasks[1:])
    assert [one.picture.width for one in others] == [44, 48]
    await until(lambda: house.pool.inside == 0)


async def test_if_who_decodes_fails_only_he_does(open_house):
    house = open_house()
    house.source.gate.clear()
    tasks = [house.ask(options) for options in ("w:40/f:jpg", "w:44/f:jpg", "w:48/f:jpg")]
    await until(lambda: house.source.waiting)
    house.troubles.append(BrokenImage("no"))
    house.source.gate.set()
    told = await asyncio.gather(*tasks, return_exceptions=True)
    assert sum(isinstance(one, BrokenImage) for one in told) == 1
    assert sum(isinstance(one, Rendered) for one in told) == 2


async def test_a_damaged_original_fails_for_all_as_it_does_alone(open_house):
    house = open_house()
    damaged = bytearray(pictures.png(pictures.noise(200, 150)))
    damaged[len(damaged) // 2] ^= 0xFF
    house.source.anything = make_original(bytes(damaged))
    told = await asyncio.gather(*map(house.ask, SET), return_exceptions=True)
    assert {type(one) for one in told} == {BrokenImage}
    assert (len(house.source.fetched), len(house.originals), house.pool.inside) == (1, 0, 0)
    house.source.anything = make_original()
    assert (await house.ask(SET[0])).picture.width == 40, "mended, it is seen at once"


@pytest.mark.parametrize(
    "alike",
    [
        pytest.param({"bypass_cache": True}, id="past the caches"),
        pytest.param({"passed": (("cookie", "a=1"),)}, id="with a caller's cookies"),
    ],
)
async def test_what_is_nobody_else_s_shares_nothing(open_house, alike):
    house = open_house()
    passed = alike.pop("passed", ())
    source = make_source(CAT)
    if passed:
        source = type(source)(scheme="http", location="h/cat.jpg", passed=passed)
    requests = [make_request(source, recipe_of(options), **alike) for options in SET[:3]]
    await asyncio.gather(*map(house.ask, requests))
    assert (len(house.source.fetched), house.decodes, len(house.originals)) == (3, 0, 0)


async def test_after_a_purge_nothing_of_before_is_used(open_house):
    house = open_house()
    await asyncio.gather(*map(house.ask, SET[:2]))
    house.source.anything = make_original(pictures.jpeg(pictures.noise(480, 360, seed=2)), etag='"v2"')
    before = (await house.ask("w:50/f:jpg")).picture
    house.caches.purges.learn([(f"tag:{source_tag(make_source(CAT))}", 5)])
    assert (len(house.originals), len(house.pixels)) == (0, 0)
    after = (await house.ask("w:50/f:jpg")).picture
    assert (before.generation, after.generation, after.origin_etag) == (0, 5, '"v2"')
    assert before.data != after.data


async def test_a_picture_of_a_kept_original_says_when_that_was_fetched(open_house):
    house = open_house()
    first = (await house.ask("w:40/f:jpg")).picture
    await asyncio.sleep(0.2)
    second = (await house.ask("w:44/f:jpg")).picture
    assert abs(second.checked_at - first.checked_at) < 0.1
