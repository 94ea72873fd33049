from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from imgproxy_py.caches.memory import MemoryCache, MemoryCacheSettings
from imgproxy_py.caches.tiers import TieredCache
from imgproxy_py.deadline import Deadline
from imgproxy_py.dialects.imgproxy import ImgproxyDialect
from imgproxy_py.dialects.imgproxy.config import ImgproxyConfig
from imgproxy_py.dialects.query import QueryDialect
from imgproxy_py.dialects.query.config import QueryConfig
from imgproxy_py.engine.pool import Pool
from imgproxy_py.engine.settings import EngineSettings
from imgproxy_py.engine.transformer import Transformer
from imgproxy_py.errors import (
    BrokenImage,
    DeadlineExceeded,
    Overloaded,
    SourceUnreachable,
)
from imgproxy_py.recipe.formats import Format, sniff
from imgproxy_py.recipe.identity import content_state, entity_tag
from imgproxy_py.recipe.model import LimitOverrides, Recipe
from imgproxy_py.recipe.picture import Outcome, Rendered, Validators
from imgproxy_py.recipe.tags import cache_tags, source_tag
from imgproxy_py.rendering.fallback import FallbackImage
from imgproxy_py.rendering.render import Renderer
from imgproxy_py.sources.port import NotModified
from tests.factories import (
    MODIFIED_AT,
    jpeg,
    make_maker,
    make_memory_cache,
    make_original,
    make_picture,
    make_recipe,
    make_request,
)
from tests.fakes import FakeSource, FakeTransformer, missing, until


class Workshop:
    """A renderer and all that it is made of, within a test's reach."""

    def __init__(
        self,
        *,
        transformer: Any = None,
        caches: TieredCache | None = None,
        places: int = 2,
        queue: int = 0,
        etag_buster: str = "",
        fallback: FallbackImage | None = None,
    ) -> None:
        self.source = FakeSource()
        self.memory = make_memory_cache()
        self.transformer = transformer or FakeTransformer()
        self.pool = Pool(places, queue)
        self.renderer = Renderer(
            maker=make_maker(self.source, self.pool, self.transformer, fallback=fallback),
            caches=caches or TieredCache([self.memory]),
            etag_buster=etag_buster,
        )

    async def render(self, request: Any = None, seconds: float = 10) -> Rendered:
        request = request or make_request()
        return await self.renderer.render(request, self.renderer.key(request), Deadline.after(seconds))

    def rendering(self, request: Any = None, seconds: float = 10) -> asyncio.Task[Rendered]:
        return asyncio.create_task(self.render(request, seconds))

    def idle(self) -> bool:
        return (self.pool.inside, self.pool.working, len(self.renderer.flight)) == (0, 0, 0)


@pytest.fixture
def open_workshop() -> Iterator[Callable[..., Workshop]]:
    opened: list[Workshop] = []

    def make(**given: Any) -> Workshop:
        opened.append(Workshop(**given))
        return opened[-1]

    yield make
    for one in opened:
        one.transformer.gate.set() if isinstance(one.transformer, FakeTransformer) else None
        one.pool.close()


@pytest.fixture
def workshop(open_workshop) -> Workshop:
    return open_workshop()


async def test_a_picture_is_fetched_and_made_once_and_then_comes_from_memory(workshop):
    request = make_request()
    key = workshop.renderer.key(request)
    assert workshop.renderer.cached(key) is None
    made = await workshop.render(request)
    assert made.outcome is Outcome.MADE
    found = workshop.renderer.cached(key)  # without await
    assert found is not None
    assert (found.outcome, found.picture) == (Outcome.MEMORY, made.picture)
    assert found.picture.data is made.picture.data
    assert (await workshop.render(request)).outcome is Outcome.MEMORY
    assert (len(workshop.source.fetched), workshop.transformer.begun) == (1, 1)
    assert workshop.idle()


async def test_a_thousand_requests_for_one_picture_are_one_fetch_and_one_transformation(workshop):
    outcomes = [one.outcome for one in await asyncio.gather(*(workshop.render() for _ in range(1000)))]
    assert (outcomes.count(Outcome.MADE), outcomes.count(Outcome.SHARED)) == (1, 999)
    assert (len(workshop.source.fetched), workshop.transformer.begun) == (1, 1)
    assert workshop.idle()


async def test_what_a_lower_tier_has_is_not_made(open_workshop):
    class Shelf(MemoryCache):
        outcome = Outcome.REDIS

    shelf = Shelf(MemoryCacheSettings())
    workshop = open_workshop(caches=TieredCache([make_memory_cache(), shelf]))
    request = make_request()
    await shelf.put(workshop.renderer.key(request), make_picture(data=b"kept"))
    found = await workshop.render(request)
    assert (found.outcome, found.picture.data) == (Outcome.REDIS, b"kept")
    assert workshop.source.fetched == []
    again = workshop.renderer.cached(workshop.renderer.key(request))
    assert again is not None
    assert again.outcome is Outcome.MEMORY


async def test_a_made_picture_tells_of_its_original(workshop):
    workshop.source.anything = make_original(cache_control="max-age=60", expires_at=MODIFIED_AT + 60)
    picture = (await workshop.render()).picture
    assert (picture.modified_at, picture.cache_control) == (MODIFIED_AT, "max-age=60")
    assert (picture.origin_expires_at, picture.source) == (MODIFIED_AT + 60, "s3://bucket/cat.jpg")
    assert picture.timings.queue >= 0
    assert picture.timings.fetch > 0


async def test_an_incomplete_picture_is_given_and_never_stored(open_workshop):
    workshop = open_workshop(transformer=FakeTransformer(make_picture(complete=False)))
    assert (await workshop.render()).outcome is Outcome.MADE
    assert (await workshop.render()).outcome is Outcome.MADE
    assert (len(workshop.memory), len(workshop.source.fetched)) == (0, 2)


@pytest.mark.parametrize("trouble", [missing(), SourceUnreachable("refused")])
async def test_an_error_of_the_source_reaches_all_and_is_never_stored(workshop, trouble):
    workshop.source.trouble = trouble
    results = await asyncio.gather(*(workshop.render() for _ in range(5)), return_exceptions=True)
    assert {type(one) for one in results} == {type(trouble)}
    assert (len(workshop.source.fetched), len(workshop.memory)) == (1, 0)
    assert workshop.idle()
    workshop.source.trouble = None
    assert (await workshop.render()).outcome is Outcome.MADE


async def test_an_error_of_the_image_is_never_stored(workshop):
    workshop.transformer.trouble = BrokenImage("damaged")
    for _ in range(2):
        with pytest.raises(BrokenImage, match="damaged"):
            await workshop.render()
    assert (len(workshop.source.fetched), len(workshop.memory)) == (2, 0)
    assert workshop.idle()


async def test_a_304_that_nobody_asked_for_is_the_origins_fault(workshop):
    workshop.source.originals["s3://bucket/cat.jpg"] = NotModified(Validators())
    with pytest.raises(SourceUnreachable):
        await workshop.render()
    assert workshop.idle()


async def test_a_source_is_fetched_within_the_limit_of_bytes_in_force(workshop):
    recipe = Recipe(limits=LimitOverrides(max_src_file_size=77))
    await workshop.render(make_request(recipe=recipe))
    await workshop.render(make_request())
    assert workshop.source.limits == [77, 0]


# --- places ----------------------------------------------------------------------------------------------------------


async def test_who_cannot_be_served_is_refused_before_anything_is_fetched(open_workshop):
    workshop = open_workshop(places=1, queue=1)
    workshop.source.gate.clear()
    inside = [workshop.rendering(make_request(f"s3://bucket/{one}.jpg")) for one in range(2)]
    await until(lambda: workshop.source.waiting == 2)
    with pytest.raises(Overloaded):
        await workshop.render(make_request("s3://bucket/other.jpg"))
    assert (len(workshop.source.fetched), workshop.pool.refused_full) == (2, 1)
    workshop.source.gate.set()
    await asyncio.gather(*inside)
    assert workshop.idle()
    await workshop.render(make_request("s3://bucket/other.jpg"))


async def test_one_more_who_asks_for_a_picture_under_way_is_not_refused(open_workshop):
    workshop = open_workshop(places=1, queue=1)
    workshop.source.gate.clear()
    tasks = [workshop.rendering(make_request(f"s3://bucket/{one % 2}.jpg")) for one in range(20)]
    await until(lambda: workshop.source.waiting == 2)
    workshop.source.gate.set()
    assert len(await asyncio.gather(*tasks)) == 20


async def test_fetching_holds_no_place(open_workshop):
    workshop = open_workshop(places=1)
    workshop.transformer.gate.clear()
    working = workshop.rendering(make_request("s3://bucket/a.jpg"))
    await until(lambda: workshop.pool.working == 1)

    workshop.source.gate.clear()
    fetching = workshop.rendering(make_request("s3://bucket/b.jpg"))
    await until(lambda: workshop.source.waiting == 1)  # all places are busy, and it is fetched all the same
    assert (workshop.pool.working, workshop.pool.waiting) == (1, 1)

    workshop.transformer.gate.set()
    await working
    assert (workshop.pool.working, workshop.source.waiting) == (0, 1)  # and while it is, the place is free for others

    workshop.source.originals["s3://bucket/c.jpg"] = make_original()
    workshop.source.gate.set()
    await asyncio.gather(fetching, workshop.render(make_request("s3://bucket/c.jpg")))
    assert workshop.idle()


# --- who leaves ------------------------------------------------------------------------------------------------------


async def test_when_the_last_has_left_the_fetch_is_stopped(workshop):
    workshop.source.gate.clear()
    tasks = [workshop.rendering() for _ in range(3)]
    await until(lambda: workshop.source.waiting)
    for task in tasks[:2]:
        task.cancel()
    await asyncio.wait(tasks[:2])
    assert workshop.source.cancelled == 0
    tasks[2].cancel()
    await asyncio.wait(tasks)
    await until(workshop.idle)
    assert (workshop.source.cancelled, workshop.transformer.begun) == (1, 0)


async def test_when_the_last_has_left_the_transformation_is_stopped_and_its_place_freed(workshop):
    workshop.transformer.gate.clear()
    task = workshop.rendering()
    await until(lambda: workshop.pool.working)
    task.cancel()
    await asyncio.wait([task])
    await until(workshop.idle)
    assert (workshop.transformer.begun, workshop.transformer.stopped) == (1, 1)
    assert len(workshop.memory) == 0


async def test_a_place_is_free_when_its_thread_has_ended_and_not_before(open_workshop):
    class Deaf(FakeTransformer):
        """Like an encoder that never looks whether it is to stop."""

        def transform(self, *_: Any) -> Any:
            self.begun += 1
            self.gate.wait(5)
            return self.picture

    workshop = open_workshop(transformer=Deaf(), places=1, queue=1)
    workshop.transformer.gate.clear()
    task = workshop.rendering()
    await until(lambda: workshop.pool.working)
    task.cancel()
    await asyncio.wait([task])
    await asyncio.sleep(0.01)
    assert (workshop.pool.inside, workshop.pool.working, len(workshop.renderer.flight)) == (1, 1, 0)
    workshop.transformer.gate.set()
    await until(workshop.idle)


async def test_one_who_leaves_the_queue_is_not_worked_for(open_workshop):
    workshop = open_workshop(places=1)
    workshop.transformer.gate.clear()
    first = workshop.rendering(make_request("s3://bucket/a.jpg"))
    await until(lambda: workshop.pool.working)
    second = workshop.rendering(make_request("s3://bucket/b.jpg"))
    await until(lambda: len(workshop.source.fetched) == 2 and not workshop.source.waiting)
    second.cancel()
    await asyncio.wait([second])
    await until(lambda: workshop.pool.inside == 1)
    workshop.transformer.gate.set()
    await first
    assert workshop.transformer.begun == 1
    assert workshop.idle()


async def test_a_deadline_stops_the_work_unless_another_waits(workshop):
    workshop.transformer.gate.clear()
    hasty, patient = workshop.rendering(seconds=0.03), workshop.rendering()
    with pytest.raises(DeadlineExceeded):
        await hasty
    assert workshop.transformer.stopped == 0
    workshop.transformer.gate.set()
    assert (await patient).outcome is Outcome.SHARED
    workshop.transformer.gate.clear()
    with pytest.raises(DeadlineExceeded):
        await workshop.render(make_request("s3://bucket/other.jpg"), seconds=0.03)
    await until(workshop.idle)
    assert workshop.transformer.stopped == 1


async def test_a_picture_is_stored_though_the_one_who_started_it_has_left(workshop):
    workshop.transformer.gate.clear()
    first = workshop.rendering()
    await until(lambda: workshop.pool.working)
    second = workshop.rendering()
    await asyncio.sleep(0)
    first.cancel()
    workshop.transformer.gate.set()
    await second
    assert len(workshop.memory) == 1


# --- names -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("etag", "modified_at", "state"),
    [
        ('"v1"', MODIFIED_AT, '"v1"'),
        ('W/"v1"', None, 'W/"v1"'),
        ("", MODIFIED_AT, f"modified {MODIFIED_AT!r}"),
        ("", None, content_state(jpeg())),
    ],
)
async def test_entity_tag_is_made_of_validators_or_else_of_content(workshop, etag, modified_at, state):
    workshop.source.anything = make_original(etag=etag, modified_at=modified_at)
    request = make_request()
    key = workshop.renderer.key(request)
    told_before = (await workshop.renderer.current(request, key, Deadline.after(10))).etag
    given = (await workshop.render(request)).picture.etag
    assert given == entity_tag(key, state)
    assert told_before == (given if etag or modified_at else "")


async def test_an_origins_entity_tag_may_hold_bytes_that_are_no_utf8(workshop):
    workshop.source.anything = make_original(etag='"\udce9"')
    assert (await workshop.render()).picture.etag


async def test_the_operators_buster_changes_entity_tags(open_workshop):
    request = make_request()
    tags = set()
    for buster in ("", "2"):
        workshop = open_workshop(etag_buster=buster)
        key = workshop.renderer.key(request)
        tags.add((await workshop.render(request)).picture.etag)
        tags.add((await workshop.renderer.current(request, key, Deadline.after(10))).etag)
    assert len(tags) == 2


NOW = 1_800_000_000.0
_imgproxy = ImgproxyDialect(ImgproxyConfig(presets=("thumb=rs:fill:300:200/g:no",)))
_query = QueryDialect(
    QueryConfig(images_source="s3://bucket", shared=ImgproxyConfig(presets=("thumb=rs:fill:300:200/g:no",)))
)


def said(target: str) -> Any:
    return (_query if target.startswith("/images/") else _imgproxy).parse(target, now=NOW)


@pytest.mark.parametrize(
    "spellings",
    [
        (
            "/_/w:300/h:200/plain/s3://bucket/a/cat.jpg",
            "/_/rs:fit:300:200/plain/s3%3A%2F%2Fbucket%2Fa%2Fcat.jpg",
            "/_/h:200/w:100/w:300/dpr:1/fn:kitten/czM6Ly9idWNrZXQvYS9jYXQuanBn",
            "/images/a/cat.jpg?w=300&h=200",
            "/images/a/cat.jpg?height=200&width=300&dpr=1.0&fit=contain&exp=1900000000",
            "/images/a%2Fcat.jpg?h=200&w=300&enlarge=0&blur=0&dl=kitten.jpg",
        ),
        (
            "/_/pr:thumb/f:webp/q:70/plain/s3://bucket/cat.jpg",
            "/_/rt:fill/s:300:200/g:no/q:70/plain/s3://bucket/cat.jpg@webp",
            "/images/cat.jpg?p=thumb&fm=webp&q=70",
            "/images/cat.jpg?w=300&h=200&fit=cover&g=north&format=webp&quality=70",
        ),
    ],
)
async def test_equal_wishes_share_one_picture_whatever_their_dialect_and_spelling(workshop, spellings):
    outcomes = [(await workshop.render(said(target))).outcome for target in spellings]
    assert outcomes == [Outcome.MADE] + [Outcome.MEMORY] * (len(spellings) - 1)


async def test_different_wishes_do_not_share_a_picture(workshop):
    targets = [
        "/_/w:300/plain/s3://bucket/cat.jpg",
        "/_/w:301/plain/s3://bucket/cat.jpg",
        "/_/w:300/plain/s3://bucket/cat.jpg%3Fversion",
        "/_/w:300/plain/s3://bucket/dog.jpg",
        "/_/w:300/plain/s3://bucket/cat.jpg@png",
        "/images/cat.jpg?w=300&q=0",
    ]
    keys = {workshop.renderer.key(said(target)) for target in targets}
    assert len(keys) == len(targets)


# --- with pixels -----------------------------------------------------------------------------------------------------


async def test_a_real_picture_comes_out(open_workshop):
    workshop = open_workshop(transformer=Transformer(EngineSettings()))
    picture = (await workshop.render(make_request(recipe=make_recipe(width=32, format=Format.PNG)))).picture
    assert (picture.width, picture.height, picture.format, sniff(picture.data)) == (32, 24, Format.PNG, Format.PNG)
    assert (picture.origin_format, picture.origin_width, picture.origin_height) == (Format.JPEG, 64, 48)
    assert picture.origin_bytes == len(jpeg())
    assert picture.complete


async def test_a_truncated_original_is_served_when_told_so_and_never_stored(open_workshop):
    workshop = open_workshop(transformer=Transformer(EngineSettings(serve_truncated=True)))
    workshop.source.anything = make_original(jpeg(256, 256)[:-200])
    assert not (await workshop.render()).picture.complete
    assert len(workshop.memory) == 0
    strict = open_workshop(transformer=Transformer(EngineSettings()))
    strict.source.anything = workshop.source.anything
    with pytest.raises(BrokenImage):
        await strict.render()


async def test_a_foreign_error_is_not_swallowed(workshop):
    workshop.transformer.trouble = ZeroDivisionError()
    with pytest.raises(ZeroDivisionError):
        await workshop.render()
    assert workshop.idle()


# --- past the caches -------------------------------------------------------------------------------------------------


async def test_who_goes_past_the_caches_neither_reads_nor_fills_them(workshop):
    request, past = make_request(), make_request(bypass_cache=True)
    assert (await workshop.render(past)).outcome is Outcome.BYPASSED
    assert len(workshop.memory) == 0
    kept = (await workshop.render(request)).picture
    workshop.transformer.picture = make_picture(b"another", etag="", modified_at=None)
    assert (await workshop.render(past)).picture.data == b"another"
    found = workshop.renderer.cached(workshop.renderer.key(request))
    assert found is not None
    assert found.picture is kept


async def test_who_goes_past_the_caches_shares_work_only_with_his_like(workshop):
    workshop.source.gate.clear()
    tasks = [workshop.rendering(make_request(bypass_cache=past)) for past in (False, False, True, True)]
    await until(lambda: workshop.source.waiting == 2)
    workshop.source.gate.set()
    outcomes = sorted([(await task).outcome for task in tasks])
    assert outcomes == [Outcome.BYPASSED, Outcome.BYPASSED, Outcome.MADE, Outcome.SHARED]
    assert workshop.transformer.begun == 2


async def test_who_asks_after_a_purge_is_given_nothing_that_began_before_it(workshop):
    request, purges = make_request(), workshop.renderer.caches.purges
    workshop.source.gate.clear()
    before = workshop.rendering(request)
    await until(lambda: workshop.source.waiting == 1)
    purges.learn([(f"tag:{source_tag(request.source)}", 7)])
    after = workshop.rendering(request)
    await until(lambda: workshop.source.waiting == 2)
    workshop.source.gate.set()
    assert [(await one).picture.generation for one in (before, after)] == [0, 7]
    assert (await after).outcome is Outcome.MADE
    kept = workshop.renderer.cached(workshop.renderer.key(request), cache_tags(request))
    assert kept is not None
    assert kept.picture.generation == 7


async def test_a_purge_of_another_original_divides_no_flight(workshop):
    workshop.source.gate.clear()
    first = workshop.rendering()
    await until(lambda: workshop.source.waiting == 1)
    workshop.renderer.caches.purges.learn([("tag:source-other", 7)])
    second = workshop.rendering()
    await asyncio.sleep(0)
    workshop.source.gate.set()
    assert {(await first).outcome, (await second).outcome} == {Outcome.MADE, Outcome.SHARED}
    assert len(workshop.source.fetched) == 1
