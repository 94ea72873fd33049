"""Pictures whose time is over: given while they are refreshed, given in place of errors, confirmed, remade, forgotten."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, suppress
from dataclasses import replace
from typing import Any

import pytest

from imgproxy_py.caches.memory import MemoryCache, MemoryCacheSettings
from imgproxy_py.caches.policies import Policies, PolicySettings
from imgproxy_py.caches.purges import TAG
from imgproxy_py.caches.tiers import TieredCache
from imgproxy_py.deadline import Deadline
from imgproxy_py.engine.pool import Pool
from imgproxy_py.errors import (
    BrokenImage,
    DeadlineExceeded,
    HashsumMismatch,
    Overloaded,
    SourceFailed,
    SourceForbidden,
    SourceMissing,
    SourceTimeout,
    SourceUnreachable,
)
from imgproxy_py.recipe.model import Recipe, Stage, Watermark
from imgproxy_py.recipe.picture import Original, Outcome, Rendered, Validators
from imgproxy_py.recipe.tags import source_tag
from imgproxy_py.rendering.originals import Originals
from imgproxy_py.rendering.refreshing import Refreshes, may_pass
from imgproxy_py.rendering.render import Renderer
from tests.factories import MODIFIED_AT, make_maker, make_original, make_picture, make_recipe, make_request, make_source
from tests.fakes import FakeSource, FakeTransformer, until

SWR, SIE = 30, 60
LIFETIME = 100


class Clock:
    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


class Shelf(MemoryCache):
    """What other processes see as well."""

    outcome = Outcome.REDIS


class Workshop:
    """A renderer whose pictures live for 100 seconds, on a clock of its own."""

    def __init__(
        self,
        *,
        swr: int = SWR,
        sie: int = SIE,
        most: int = 2,
        rules: str = "",
        shelf: bool = False,
        sharing: bool = False,
    ) -> None:
        self.clock = Clock()
        self.source = FakeSource()
        self.transformer: Any = FakeTransformer()
        self.pool = Pool(2)
        settings = MemoryCacheSettings(memory_cache_expiration_seconds=LIFETIME)
        self.memory = MemoryCache(settings, clock=self.clock)
        self.shelf = Shelf(settings, clock=self.clock)
        self.refreshes = Refreshes(most)
        self.renderer = Renderer(
            maker=make_maker(
                self.source,
                self.pool,
                self.transformer,
                clock=self.clock,
                originals=Originals(self.source, max_bytes=10**6, seconds=1000, clock=self.clock) if sharing else None,
            ),
            caches=TieredCache([self.memory, *([self.shelf] if shelf else [])], clock=self.clock),
            policies=Policies(PolicySettings(cache_policies=rules), while_revalidate=swr, if_error=sie),
            refreshes=self.refreshes,
        )

    async def render(self, request: Any = None, seconds: float = 5) -> Rendered:
        """As the door does: what memory has, what it has stale, the rest."""
        request = request or make_request()
        key = self.renderer.key(request)
        found = self.renderer.cached(key) or self.renderer.meanwhile(request, key)
        return found or await self.renderer.render(request, key, Deadline.after(seconds))

    async def rendered_long_ago(self, over: float, request: Any = None) -> Rendered:
        made = await self.render(request)
        await self.renderer.caches.settle()
        self.clock.now += LIFETIME + over
        return made

    def draws(self, data: bytes) -> None:
        self.transformer.picture = make_picture(data=data, etag="", modified_at=None)

    async def refreshed(self) -> None:
        await until(lambda: not len(self.refreshes))
        await self.renderer.caches.settle()

    def idle(self) -> bool:
        return (self.pool.inside, len(self.renderer.flight), len(self.refreshes)) == (0, 0, 0)


@pytest.fixture
async def open_workshop() -> AsyncIterator[Any]:
    async with AsyncExitStack() as stack:

        async def make(**given: Any) -> Workshop:
            workshop = Workshop(**given)
            stack.callback(workshop.pool.close)
            await stack.enter_async_context(workshop.renderer.caches)
            await stack.enter_async_context(workshop.refreshes)
            return workshop

        yield make


@pytest.fixture
async def workshop(open_workshop: Any) -> Workshop:
    return await open_workshop()  # type: ignore[no-any-return]


# --- while it is refreshed -------------------------------------------------------------------------------------------


async def test_a_stale_picture_is_given_at_once_and_refreshed_behind(workshop: Workshop) -> None:
    made = await workshop.rendered_long_ago(5)
    workshop.source.gate.clear()
    stale = await workshop.render()
    assert (stale.picture, stale.outcome) == (made.picture, Outcome.MEMORY)
    assert stale.stale is not None
    assert (stale.stale.seconds, stale.stale.age, stale.stale.failure) == (5, 105, None)
    await until(lambda: workshop.source.waiting == 1)
    workshop.source.gate.set()
    await workshop.refreshed()
    fresh = await workshop.render()
    assert (fresh.outcome, fresh.stale, fresh.picture.data) == (Outcome.MEMORY, None, made.picture.data)
    assert (workshop.source.told, workshop.transformer.begun) == (1, 1)
    assert workshop.idle()


async def test_a_thousand_requests_for_a_stale_picture_are_one_refresh(workshop: Workshop) -> None:
    await workshop.rendered_long_ago(5)
    workshop.source.gate.clear()
    given = await asyncio.gather(*(workshop.render() for _ in range(1000)))
    assert all(one.stale for one in given)
    workshop.source.gate.set()
    await workshop.refreshed()
    stats = workshop.refreshes.stats
    assert (len(workshop.source.fetched), stats.given, stats.confirmed) == (2, 1000, 1)


async def test_a_changed_original_is_remade_behind(workshop: Workshop) -> None:
    await workshop.rendered_long_ago(5)
    workshop.source.anything = make_original(etag='"v2"')
    workshop.draws(b"new")
    assert (await workshop.render()).picture.data == b"picture"
    await workshop.refreshed()
    fresh = await workshop.render()
    assert (fresh.picture.data, fresh.stale) == (b"new", None)
    assert (workshop.refreshes.stats.remade, workshop.source.told) == (1, 0)


async def test_so_many_are_refreshed_at_a_time_and_the_rest_stay_stale(open_workshop: Any) -> None:
    workshop = await open_workshop(most=2)
    requests = [make_request(f"s3://bucket/{one}.jpg") for one in range(5)]
    for request in requests:
        await workshop.render(request)
    workshop.clock.now += LIFETIME + 1
    workshop.source.gate.clear()
    assert all([(await workshop.render(request)).stale for request in requests])
    await until(lambda: workshop.source.waiting == 2)
    assert (len(workshop.refreshes), workshop.refreshes.stats.put_off) == (2, 3)
    workshop.source.gate.set()
    await workshop.refreshed()
    assert [bool((await workshop.render(request)).stale) for request in requests] == [False, False, True, True, True]


async def test_beyond_that_time_it_is_refreshed_first(workshop: Workshop) -> None:
    made = await workshop.rendered_long_ago(SWR)
    confirmed = await workshop.render()
    assert (confirmed.outcome, confirmed.stale) == (Outcome.CONFIRMED, None)
    assert confirmed.picture.data is made.picture.data
    assert workshop.transformer.begun == 1


async def test_without_refreshes_nothing_is_given_stale(open_workshop: Any) -> None:
    workshop = await open_workshop(most=0)
    await workshop.rendered_long_ago(1)
    assert (await workshop.render()).outcome is Outcome.CONFIRMED


async def test_what_another_process_has_made_fresh_is_found_not_fetched(open_workshop: Any) -> None:
    workshop = await open_workshop(shelf=True)
    made = await workshop.rendered_long_ago(5)
    workshop.memory.lifetime = 10.0  # so that it was not filled again
    renewed = replace(made.picture, checked_at=workshop.clock.now)
    await workshop.shelf.put(workshop.renderer.key(make_request()), renewed)
    assert (await workshop.render()).stale
    await workshop.refreshed()
    assert (await workshop.render()).picture == renewed
    assert len(workshop.source.fetched) == 1


async def test_what_lies_stale_in_a_lower_tier_is_given_too(open_workshop: Any) -> None:
    workshop = await open_workshop(shelf=True)
    await workshop.rendered_long_ago(5)
    await workshop.memory.delete(workshop.renderer.key(make_request()))
    stale = await workshop.render()
    assert (stale.outcome, stale.stale and stale.stale.seconds) == (Outcome.REDIS, 5)
    await workshop.refreshed()
    assert (await workshop.render()).stale is None
    found = await workshop.shelf.get(workshop.renderer.key(make_request()))
    assert found is not None
    assert found.checked_at == workshop.clock.now


async def test_a_refresh_that_fails_leaves_the_picture_stale_and_is_tried_again(workshop: Workshop) -> None:
    await workshop.rendered_long_ago(5)
    workshop.source.trouble = SourceTimeout()
    for failed in (1, 2):
        assert (await workshop.render()).stale
        await workshop.refreshed()
        assert workshop.refreshes.stats.failed == failed
    assert workshop.idle()


async def test_a_refresh_that_is_refused_for_want_of_room_leaves_the_picture_stale(workshop: Workshop) -> None:
    await workshop.rendered_long_ago(5)

    def refuse(*_: Any) -> Any:
        raise Overloaded

    workshop.pool.admit = refuse  # type: ignore[method-assign]
    assert (await workshop.render()).stale
    await workshop.refreshed()
    assert (await workshop.render()).stale


@pytest.mark.parametrize("gone", [SourceMissing(), SourceMissing(upstream_status=410), HashsumMismatch()])
async def test_a_picture_whose_original_is_gone_is_given_no_more(workshop: Workshop, gone: Any) -> None:
    await workshop.rendered_long_ago(5)
    workshop.source.trouble = gone
    assert (await workshop.render()).stale
    await workshop.refreshed()
    with pytest.raises(type(gone)):
        await workshop.render()


async def test_the_end_breaks_refreshes_off(open_workshop: Any) -> None:
    workshop = await open_workshop()
    await workshop.rendered_long_ago(5)
    workshop.source.gate.clear()
    await workshop.render()
    await until(lambda: workshop.source.waiting == 1)
    async with asyncio.timeout(1):
        await workshop.refreshes.__aexit__()
    await until(workshop.idle)
    assert workshop.source.cancelled == 1


async def test_a_purged_picture_is_not_given_stale_and_not_asked_about(workshop: Workshop) -> None:
    await workshop.rendered_long_ago(5)
    workshop.renderer.caches.purges.learn([(f"{TAG}{source_tag(make_source())}", 1)])
    assert (await workshop.render()).outcome is Outcome.MADE
    assert workshop.source.known == [None, None]


async def test_what_is_purged_while_it_waits_to_be_confirmed_is_made_anew(open_workshop: Any) -> None:
    workshop = await open_workshop()
    await workshop.rendered_long_ago(SWR)
    workshop.draws(b"new")
    purges = workshop.renderer.caches.purges

    class Purging:
        """Remembers no failure; while it is asked, a purge arrives."""

        def known(self, *_: Any) -> None:
            purges.learn([(f"{TAG}{source_tag(make_source())}", 1)])

        def succeeded(self, *_: Any) -> None: ...

    workshop.renderer = replace(workshop.renderer, negative=Purging())
    assert (await workshop.render()).picture.data == b"new"
    assert workshop.source.known == [None, None]


async def test_bypassing_caches_bypasses_stale_ones(workshop: Workshop) -> None:
    await workshop.rendered_long_ago(5)
    key = workshop.renderer.key(make_request())
    assert workshop.renderer.meanwhile(make_request(bypass_cache=True), key) is None


# --- in place of an error --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "error",
    [SourceUnreachable(), SourceFailed(), SourceTimeout(), SourceMissing(upstream_status=429), Overloaded()],
    ids=lambda error: type(error).__name__,
)
async def test_a_stale_picture_is_given_in_place_of_an_error(workshop: Workshop, error: Any) -> None:
    made = await workshop.rendered_long_ago(SIE - 1)
    workshop.source.trouble = error
    stale = await workshop.render()
    assert (stale.picture.data, stale.failure) == (made.picture.data, None)
    assert stale.stale is not None
    assert (stale.stale.seconds, stale.stale.failure) == (SIE - 1, error)
    assert workshop.refreshes.stats.excused == 1
    workshop.source.trouble = None
    assert (await workshop.render()).outcome is Outcome.CONFIRMED


async def test_when_that_time_is_over_the_error_is_told(workshop: Workshop) -> None:
    await workshop.rendered_long_ago(SIE)
    workshop.source.trouble = SourceFailed()
    with pytest.raises(SourceFailed):
        await workshop.render()


@pytest.mark.parametrize("error", [SourceMissing(), SourceForbidden(), SourceMissing(upstream_status=403)])
async def test_errors_that_say_something_of_the_original_are_told(workshop: Workshop, error: Any) -> None:
    await workshop.rendered_long_ago(SWR)
    workshop.source.trouble = error
    with pytest.raises(type(error)):
        await workshop.render()


async def test_a_broken_new_original_is_told_and_the_old_picture_forgotten(workshop: Workshop) -> None:
    await workshop.rendered_long_ago(SWR)
    workshop.source.anything = make_original(etag='"v2"')
    workshop.transformer.trouble = BrokenImage()
    with pytest.raises(BrokenImage):
        await workshop.render()
    assert len(workshop.memory) == 0


async def test_a_caller_who_can_wait_no_longer_is_given_the_stale_picture(workshop: Workshop) -> None:
    await workshop.rendered_long_ago(SWR)
    workshop.source.gate.clear()
    stale = await workshop.render(seconds=0.05)
    assert stale.stale is not None
    assert isinstance(stale.stale.failure, DeadlineExceeded)
    workshop.clock.now += SIE
    await until(workshop.idle)
    with pytest.raises(DeadlineExceeded):
        await workshop.render(seconds=0.05)
    await until(workshop.idle)


def test_an_error_that_may_pass_says_nothing_of_the_original() -> None:
    assert [may_pass(one) for one in (SourceMissing(upstream_status=408), DeadlineExceeded(), BrokenImage())] == [
        True,
        True,
        False,
    ]


# --- confirming ------------------------------------------------------------------------------------------------------


async def test_what_is_confirmed_has_its_originals_new_word(workshop: Workshop) -> None:
    made = await workshop.rendered_long_ago(SWR)
    workshop.source.anything = make_original(cache_control="max-age=7", expires_at=MODIFIED_AT + 1)
    workshop.renderer.caches.purges.newest = 7
    picture = (await workshop.render()).picture
    assert workshop.source.known[-1] == Validators(etag='"v1"', modified_at=MODIFIED_AT)
    assert picture == replace(
        made.picture,
        cache_control="max-age=7",
        origin_expires_at=MODIFIED_AT + 1,
        generation=7,
        checked_at=workshop.clock.now,
    )


async def test_a_silent_304_leaves_what_was_said(workshop: Workshop) -> None:
    workshop.source.anything = make_original(cache_control="max-age=7", expires_at=MODIFIED_AT)
    await workshop.rendered_long_ago(SWR)
    workshop.source.anything = make_original()
    picture = (await workshop.render()).picture
    assert (picture.cache_control, picture.origin_expires_at) == ("max-age=7", MODIFIED_AT)


@pytest.mark.parametrize(
    ("original", "same"),
    [
        (make_original(), True),
        (make_original(etag="", modified_at=None), True),
        (make_original(etag=""), False),  # its time has a resolution of seconds
    ],
    ids=["etag", "no validators", "time"],
)
async def test_an_original_that_is_sent_again_is_transformed_only_if_it_may_be_another(
    workshop: Workshop, original: Original, same: bool
) -> None:
    workshop.source.forgetful = True
    workshop.source.anything = original
    await workshop.rendered_long_ago(SWR)
    workshop.draws(b"again")
    again = await workshop.render()
    assert (again.outcome, workshop.transformer.begun) == ((Outcome.CONFIRMED, 1) if same else (Outcome.MADE, 2))
    assert (await workshop.render()).stale is None


async def test_other_bytes_without_validators_are_transformed(workshop: Workshop) -> None:
    workshop.source.anything = make_original(b"one", etag="", modified_at=None)
    await workshop.rendered_long_ago(SWR)
    workshop.source.anything = make_original(b"two", etag="", modified_at=None)
    workshop.draws(b"again")
    assert (await workshop.render()).outcome is Outcome.MADE
    assert workshop.source.known == [None, None]


@pytest.mark.parametrize("now", [make_original(b"new", etag='"v2"'), SourceMissing()], ids=["changed", "gone"])
async def test_an_original_that_has_changed_is_used_for_no_other_picture(open_workshop: Any, now: Any) -> None:
    workshop = await open_workshop(sharing=True)
    await workshop.rendered_long_ago(SWR)
    workshop.source.originals["s3://bucket/cat.jpg"] = now
    with suppress(SourceMissing):
        await workshop.render()
    with suppress(SourceMissing):
        other = await workshop.render(make_request(recipe=make_recipe(width=99)))
        assert other.picture.origin_etag == '"v2"'
    assert len(workshop.source.fetched) == 3


async def test_an_original_that_was_confirmed_is_used_for_others(open_workshop: Any) -> None:
    workshop = await open_workshop(sharing=True)
    await workshop.rendered_long_ago(SWR)
    await workshop.render()
    await workshop.render(make_request(recipe=make_recipe(width=99)))
    assert len(workshop.source.fetched) == 2


async def test_a_picture_of_several_originals_is_made_anew(workshop: Workshop) -> None:
    watermark = Watermark(opacity=1.0, source=make_source("s3://bucket/mark.png"))
    request = make_request(recipe=Recipe(stages=(Stage(watermark=watermark),)))
    await workshop.rendered_long_ago(SWR, request)
    workshop.draws(b"again")
    assert (await workshop.render(request)).outcome is Outcome.MADE
    assert set(workshop.source.known) == {None}


async def test_many_who_ask_for_what_is_to_be_confirmed_ask_once(workshop: Workshop) -> None:
    await workshop.rendered_long_ago(SWR)
    outcomes = [one.outcome for one in await asyncio.gather(*(workshop.render() for _ in range(50)))]
    assert (outcomes.count(Outcome.CONFIRMED), outcomes.count(Outcome.SHARED)) == (1, 49)
    assert (len(workshop.source.fetched), workshop.refreshes.stats.confirmed) == (2, 1)


async def test_who_needs_it_fresh_waits_for_a_refresh_that_is_under_way(workshop: Workshop) -> None:
    await workshop.rendered_long_ago(SWR - 1)
    workshop.source.gate.clear()
    assert (await workshop.render()).stale
    await until(lambda: workshop.source.waiting == 1)
    workshop.clock.now += 2
    task = asyncio.create_task(workshop.render())
    await asyncio.sleep(0.01)
    workshop.source.gate.set()
    assert (await task).stale is None
    assert len(workshop.source.fetched) == 2


async def test_a_client_that_has_the_stale_picture_costs_no_question_of_its_own(workshop: Workshop) -> None:
    await workshop.rendered_long_ago(SWR)
    request = make_request()
    current = await workshop.renderer.current(request, workshop.renderer.key(request), Deadline.after(1))
    assert (current, workshop.source.validated) == (Validators(), [])


# --- policies --------------------------------------------------------------------------------------------------------


async def test_a_rule_says_how_long_and_how_stale(open_workshop: Any) -> None:
    workshop = await open_workshop(rules="s3://bucket/brief/ seconds=5 swr=10 sie=0")
    request = make_request("s3://bucket/brief/a.jpg")
    await workshop.render(request)
    await workshop.render()
    workshop.clock.now += 6
    assert (await workshop.render()).stale is None
    assert (await workshop.render(request)).stale
    await workshop.refreshed()
    workshop.clock.now += 16
    workshop.source.trouble = SourceFailed()
    with pytest.raises(SourceFailed):
        await workshop.render(request)


async def test_a_rule_may_say_that_nothing_is_kept(open_workshop: Any) -> None:
    workshop = await open_workshop(rules="preset:once tiers=none", shelf=True)
    request = make_request(preset_names=("once",))
    assert [(await workshop.render(request)).outcome for _ in range(2)] == [Outcome.BYPASSED] * 2
    assert (len(workshop.memory), len(workshop.shelf)) == (0, 0)
