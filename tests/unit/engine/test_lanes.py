"""None of the small is stuck behind the huge, and the huge gets its share."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgproxy_py.engine.lanes import Lanes


@dataclass(eq=False)
class One:
    cost: float = 1.0
    huge: bool = False
    client: str = ""


def small(count: int, cost: float = 10.0) -> list[One]:
    return [One(cost) for _ in range(count)]


def huge(count: int, cost: float = 100.0) -> list[One]:
    return [One(cost, huge=True) for _ in range(count)]


def lanes_of(places: int, *waiting: One) -> Lanes[One]:
    lanes: Lanes[One] = Lanes(places)
    for one in waiting:
        lanes.push(one)
    return lanes


def begun(lanes: Lanes[One]) -> list[One]:
    """All that may be begun now."""
    taken = []
    while (one := lanes.pop()) is not None:
        taken.append(one)
    return taken


@pytest.mark.parametrize(("places", "at_once"), [(1, 1), (2, 1), (3, 2), (8, 7)])
def test_huge_work_leaves_a_place_where_there_are_several(places: int, at_once: int) -> None:
    lanes = lanes_of(places, *huge(20))
    assert len(begun(lanes)) == at_once
    assert (lanes.running, lanes.huge.running, len(lanes)) == (at_once, at_once, 20 - at_once)
    assert lanes.ready is False
    lanes.push(One())
    assert lanes.ready is (places > 1)


def test_small_work_takes_all_places() -> None:
    lanes = lanes_of(3, *small(5))
    assert len(begun(lanes)) == 3


def test_what_ends_makes_room_in_its_lane() -> None:
    lanes = lanes_of(2, *huge(2))
    (first,) = begun(lanes)
    lanes.end(first)
    assert len(begun(lanes)) == 1


def test_with_one_place_both_lanes_get_as_much_of_it() -> None:
    lanes = lanes_of(1, *small(40), *huge(4))
    order = []
    while (one := lanes.pop()) is not None:
        order.append(one.huge)
        lanes.end(one)
    between = "".join("H" if one else "s" for one in order)
    assert between.lstrip("s").startswith("Hsssssssss")  # ten small cost as much as one huge
    assert between.count("H") == 4
    assert "HH" not in between


def test_a_lane_that_was_empty_has_saved_up_nothing() -> None:
    lanes = lanes_of(1, *small(50))
    for _ in range(40):
        lanes.end(lanes.pop() or One())
    for one in huge(3):
        lanes.push(one)
    order = []
    while (one := lanes.pop()) is not None:
        order.append(one.huge)
        lanes.end(one)
    assert order[:2] != [True, True]


def test_a_cost_that_was_guessed_is_corrected() -> None:
    lanes = lanes_of(2, One(5))
    (one,) = begun(lanes)
    lanes.grow(one, 50)
    assert (one.cost, lanes.small.running_cost, lanes.small.had) == (50, 50, 50)
    lanes.end(one)
    assert lanes.small.running_cost == 0


def test_who_leaves_is_not_begun() -> None:
    waiting = [*small(1), *huge(1)]
    lanes = lanes_of(2, *waiting)
    assert all(lanes.remove(one) for one in waiting)
    assert not any(lanes.remove(one) for one in waiting)
    assert lanes.pop() is None


@given(
    st.integers(1, 5),
    st.lists(st.tuples(st.sampled_from(["small", "huge", "pop", "end"]), st.floats(1, 500)), max_size=60),
)
def test_no_more_run_than_there_are_places_and_none_is_lost(places: int, steps: list[tuple[str, float]]) -> None:
    lanes: Lanes[One] = Lanes(places)
    running: list[One] = []
    came = gone = 0
    for what, cost in steps:
        if what in ("small", "huge"):
            lanes.push(One(cost, huge=what == "huge"))
            came += 1
        elif what == "pop":
            ready = lanes.ready
            one = lanes.pop()
            assert (one is not None) == ready
            running += [one] if one else []
        elif running:
            lanes.end(running.pop(int(cost) % len(running)))
            gone += 1
        assert lanes.running == len(running) <= places
        assert lanes.huge.running <= max(1, places - 1)
        assert came == len(lanes) + len(running) + gone
