"""Clients take turns by the cost of what they have had; of one client the first to come goes first."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgproxy_py.engine.line import IDLE_CLIENTS, Line


@dataclass(eq=False)
class One:
    client: str = ""
    cost: float = 1.0
    name: str = ""

    def __repr__(self) -> str:
        return self.name or self.client


def line_of(*waiting: One) -> Line[One]:
    line: Line[One] = Line()
    for one in waiting:
        line.push(one)
    return line


def served(line: Line[One]) -> list[str]:
    order = []
    while (one := line.pop()) is not None:
        order.append(repr(one))
    return order


def named(text: str) -> list[One]:
    """`a1 a2 b1`: the letter is the client."""
    return [One(client=name[0], name=name) for name in text.split()]


@pytest.mark.parametrize(
    ("came", "order"),
    [
        ("a1 a2 a3", "a1 a2 a3"),
        ("a1 a2 a3 b1", "a1 b1 a2 a3"),
        ("a1 a2 a3 b1 b2 c1", "a1 b1 c1 a2 b2 a3"),
        ("", ""),
    ],
)
def test_clients_take_turns(came, order):
    assert served(line_of(*named(came))) == order.split()


def test_who_asks_for_dear_things_has_fewer_turns():
    line = line_of(*(One("dear", 10.0) for _ in range(3)), *(One("cheap", 1.0) for _ in range(30)))
    first = [line.pop() for _ in range(22)]
    assert Counter(one.client for one in first if one) == {"dear": 2, "cheap": 20}


def test_who_comes_late_neither_catches_up_nor_waits_for_all():
    line = line_of(*(One("flood") for _ in range(100)))
    for _ in range(50):
        line.pop()
    for _ in range(3):
        line.push(One("late"))
    assert served(line)[:6] == ["late", "flood"] * 3


def test_staying_away_saves_up_no_turns():
    line = line_of(One("guest"), *(One("flood") for _ in range(20)))
    for _ in range(11):
        line.pop()
    for number in range(4):
        line.push(One("guest", name=f"guest{number}"))
    order = served(line)
    assert [at for at, name in enumerate(order) if name.startswith("guest")] in ([0, 2, 4, 6], [1, 3, 5, 7])


def test_what_something_cost_more_than_guessed_is_charged():
    line = line_of(*named("a1 a2 a3 a4 b1 b2 b3 b4"))
    assert repr(line.pop()) == "a1"
    line.charge("a", 2.0)
    assert served(line) == ["b1", "b2", "b3", "a2", "b4", "a3", "a4"]


def test_who_leaves_costs_his_client_nothing():
    waiting = named("a1 a2 a3 b1 b2")
    line = line_of(*waiting)
    assert line.remove(waiting[0])
    assert line.remove(waiting[1])
    assert not line.remove(waiting[1])
    assert (len(line), line.cost) == (3, 3.0)
    assert served(line) == ["a3", "b1", "b2"]


def test_an_empty_line_begins_anew():
    line = line_of(*(One("a", 100.0) for _ in range(9)))
    served(line)
    for one in named("a1 b1 a2 b2"):
        line.push(one)
    assert served(line) == ["a1", "b1", "a2", "b2"]


@pytest.mark.parametrize(
    ("waiting", "client", "cost", "ahead"),
    [
        ("", "a", 1.0, 0.0),
        ("a1 a2 a3", "a", 1.0, 3.0),
        ("a1 a2 a3", "b", 1.0, 1.0),
        ("a1 a2 a3 b1", "b", 1.0, 3.0),
        ("a1 a2 a3 b1 c1 d1", "e", 1.0, 4.0),
        ("a1 a2 a3", "b", 9.0, 3.0),
    ],
)
def test_what_others_have_in_line_delays_nobody_beyond_their_turns(waiting, client, cost, ahead):
    assert line_of(*named(waiting)).ahead(client, cost) == ahead


def test_clients_who_do_not_wait_are_forgotten():
    line = line_of(*(One("flood") for _ in range(5 * IDLE_CLIENTS)))
    for number in range(4 * IDLE_CLIENTS):
        line.push(One(f"guest {number}"))
        line.pop()
        line.pop()
        line.push(One("flood"))
    assert len(line._clients) <= IDLE_CLIENTS + line._active + 1


operations = st.lists(
    st.one_of(
        st.tuples(st.just("push"), st.sampled_from("abcd"), st.floats(0.1, 50)),
        st.tuples(st.just("pop"), st.none(), st.none()),
        st.tuples(st.just("remove"), st.integers(0, 40), st.none()),
        st.tuples(st.just("charge"), st.sampled_from("abcd"), st.floats(-20, 20)),
    ),
    max_size=80,
)


@given(operations)
def test_everybody_is_served_once_and_each_client_in_his_order(steps):
    line: Line[One] = Line()
    waiting: dict[str, list[One]] = {}
    pushed: list[One] = []
    for what, which, number in steps:
        if what == "push":
            pushed.append(One(which, number))
            line.push(pushed[-1])
            waiting.setdefault(which, []).append(pushed[-1])
        elif what == "charge":
            line.charge(which, number)
        elif what == "remove" and pushed:
            one = pushed[which % len(pushed)]
            assert line.remove(one) == (one in waiting[one.client])
            if one in waiting[one.client]:
                waiting[one.client].remove(one)
        elif what == "pop":
            one = line.pop()
            assert (one is None) == (not any(waiting.values()))
            assert one is None or waiting[one.client].pop(0) is one
    left = [one for ones in waiting.values() for one in ones]
    assert len(line) == len(left)
    assert line.cost == pytest.approx(sum(one.cost for one in left))
    assert len(served(line)) == len(left)


@given(st.lists(st.tuples(st.sampled_from("abc"), st.floats(1, 9)), min_size=1, max_size=200))
def test_while_two_wait_neither_is_far_ahead(came):
    line = line_of(*(One(client, cost) for client, cost in came))
    left = Counter(client for client, _ in came)
    had: Counter[str] = Counter()
    while (one := line.pop()) is not None:
        had[one.client] += one.cost
        left[one.client] -= 1
        busy = [had[client] for client in left if left[client]]
        assert not busy or max(busy) - min(busy) <= 9 + 1e-6
