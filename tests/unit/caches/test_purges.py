"""Purges: what is void, wherever it lies and however late it arrives there."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgproxy_py.caches.memory import MemoryCache
from imgproxy_py.caches.port import Cache
from imgproxy_py.caches.purges import Learned, Purges
from imgproxy_py.caches.stored import ResultStoreSettings, StoredCache
from imgproxy_py.caches.tiers import TieredCache
from imgproxy_py.recipe.picture import Picture
from imgproxy_py.stores.memory import MemoryStore
from tests.factories import make_memory_cache, make_picture

CAT = make_picture(source="s3://bucket/pets/cat.jpg", tags=("source-cat", "preset-card"), generation=10)


@pytest.mark.parametrize(
    ("names", "void"),
    [
        ([("tag:source-cat", 11)], True),
        ([("tag:preset-card", 11)], True),
        ([("tag:source-cat", 10)], False),  # known when its original was fetched
        ([("tag:source-cat", 9), ("tag:source-dog", 12)], False),
        ([("tag:source-dog", 11)], False),
        ([("tag:source-ca", 11)], False),
        ([("prefix:s3://bucket/pets/", 11)], True),
        ([("prefix:s3://bucket/pets/cat.jpg", 11)], True),
        ([("prefix:s3://bucket/pets/cat.jpg.bak", 11)], False),
        ([("prefix:s3://bucket/cars/", 11)], False),
        ([("floor:11", 50)], True),
        ([("floor:10", 50)], False),
        ([("tag:source-cat", 11), ("tag:source-cat", 9)], True),  # the newest counts, in whichever order they are heard
        ([], False),
    ],
)
def test_a_purge_voids_what_it_names_and_is_older(names: Sequence[tuple[str, int]], void: bool) -> None:
    purges = Purges()
    purges.learn(names)
    assert purges.void(CAT) is void


def test_the_tags_of_the_url_asked_with_count_as_well() -> None:
    purges = Purges()
    purges.learn([("tag:summer", 11)])
    assert not purges.void(CAT)
    assert purges.void(CAT, ("summer",))


def test_each_purge_is_heard_of_once() -> None:
    purges, heard = Purges(), list[Learned]()
    purges.heard_by(lambda learned: heard.append(learned) or len(learned.tags))  # type: ignore[func-returns-value]
    assert purges.learn([("tag:a", 1), ("tag:b", 2), ("prefix:s3://b/", 2)]) == 2
    assert purges.learn([("tag:b", 2)]) == 0
    assert purges.learn([("tag:b", 3)]) == 1
    assert heard == [Learned(frozenset("ab"), ("s3://b/",)), Learned(frozenset("b"), ())]


def test_purges_may_be_forgotten_when_nothing_older_is_left_or_all_that_is_older_is_void() -> None:
    purges = Purges()
    purges.learn([("tag:old", 11), ("tag:new", 20)])
    purges.drop_before(20)
    assert (len(purges), purges.void(make_picture(tags=("old",), generation=10))) == (1, False)
    purges.drop_before(21, void=True)
    assert len(purges) == 0
    purges.learn([("tag:other", 22)])
    assert purges.void(make_picture(generation=20))
    assert not purges.void(make_picture(generation=21))


_NAMES = st.sampled_from(["a", "b", "c"])


@given(st.lists(st.tuples(st.sampled_from(["tag", "prefix"]), _NAMES, st.integers(1, 30))), _NAMES, st.integers(0, 30))
def test_it_is_what_a_list_of_all_purges_would_say(
    purged: list[tuple[str, str, int]], name: str, generation: int
) -> None:
    purges = Purges()
    for kind, of, at in purged:
        purges.learn([(f"{kind}:{of}", at)])
    picture = make_picture(source=f"{name}://x", tags=(name,), generation=generation)
    assert purges.void(picture) == any(of == name and at > generation for _, of, at in purged)


def tiers_of(*more: Cache, purges: Purges | None = None) -> tuple[TieredCache, MemoryCache]:
    memory = make_memory_cache()
    return TieredCache([memory, *more], purges), memory


def stored() -> StoredCache:
    return StoredCache(MemoryStore(), ResultStoreSettings())


async def test_memory_forgets_at_once_what_is_named_and_nothing_else() -> None:
    tiers, memory = tiers_of()
    await tiers.put("cat", CAT)
    await tiers.put("small cat", CAT)
    await tiers.put("dog", make_picture(source="s3://bucket/dog.jpg", tags=("source-dog",), generation=10))
    assert tiers.purges.learn([("tag:source-cat", 11)]) == 2
    assert (len(memory), tiers.peek("cat")) == (1, None)
    assert tiers.peek("dog") is not None
    assert tiers.purges.learn([("prefix:s3://bucket/", 12)]) == 1
    assert (len(memory), memory.bytes, memory._tagged) == (0, 0, {})


async def test_what_was_under_way_while_it_was_purged_is_kept_nowhere() -> None:
    below = stored()
    tiers, memory = tiers_of(below)
    tiers.purges.learn([("tag:source-cat", 11)])
    await tiers.put("cat", CAT)
    await tiers.settle()
    assert (len(memory), below.stats.puts) == (0, 0)


async def test_what_another_process_kept_after_the_purge_is_not_given() -> None:
    below = stored()
    tiers, memory = tiers_of(below)
    await below.put("cat", CAT)  # it had not heard yet
    tiers.purges.learn([("tag:source-cat", 11)])
    assert await tiers.get("cat") is None
    assert len(memory) == 0
    await tiers.put("cat", make_picture(b"new", source=CAT.source, tags=CAT.tags, generation=11))
    await tiers.settle()
    found = await tiers.get("cat")
    assert found is not None
    assert found.picture.data == b"new"


async def test_a_purge_of_a_tag_that_only_the_second_url_has_is_kept_to() -> None:
    tiers, _ = tiers_of(stored())
    await tiers.put("cat", CAT)
    await tiers.settle()
    tiers.purges.learn([("tag:summer", 11)])
    assert tiers.peek("cat", ("summer",)) is None
    assert await tiers.get("cat", ("summer",)) is None
    assert tiers.peek("cat", ("winter",)) is not None


async def test_while_purges_are_unknown_nothing_outside_of_the_process_counts() -> None:
    below = stored()
    tiers, _ = tiers_of(below, purges=Purges(complete=False))
    await below.put("cat", CAT)
    assert await tiers.get("cat") is None
    tiers.purges.complete = True
    assert await tiers.get("cat") is not None


class Slow(StoredCache):
    """A store that answers when it is let."""

    gate = asyncio.Event()

    async def get(self, key: str) -> Picture | None:
        found = await super().get(key)
        await self.gate.wait()
        return found


async def test_a_purge_during_a_look_up_counts() -> None:
    below = Slow(MemoryStore(), ResultStoreSettings())
    below.gate = asyncio.Event()
    tiers, memory = tiers_of(below)
    await below.put("cat", CAT)
    looking = asyncio.create_task(tiers.get("cat"))
    await asyncio.sleep(0.01)
    tiers.purges.learn([("tag:source-cat", 11)])
    below.gate.set()
    assert await looking is None
    assert len(memory) == 0
