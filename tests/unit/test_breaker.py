"""When a service is asked, and when it is left alone."""

from __future__ import annotations

from imgproxy_py.breaker import Breaker


class Clock:
    """A clock that goes when told to."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def breaker(clock: Clock) -> Breaker:
    return Breaker(failures=3, pause=10.0, clock=clock)


def opened(clock: Clock) -> Breaker:
    made = breaker(clock)
    for _ in range(3):
        assert made.lets_through()
        made.failed()
    return made


def test_failures_in_a_row_open_it() -> None:
    made = breaker(Clock())
    assert [made.failed(), made.failed()] == [False, False]
    made.succeeded()
    assert [made.failed(), made.failed(), made.failed()] == [False, False, True]
    assert not made.closed
    assert not made.lets_through()


def test_one_probe_goes_through_after_the_pause() -> None:
    clock = Clock()
    made = opened(clock)
    clock.now = 9.9
    assert not made.lets_through()
    clock.now = 10.0
    assert [made.lets_through(), made.lets_through()] == [True, False]
    assert "probing" in repr(made)


def test_a_good_probe_closes_it() -> None:
    clock = Clock()
    made = opened(clock)
    clock.now = 10.0
    made.lets_through()
    assert made.succeeded()
    assert made.closed
    assert not made.succeeded()
    assert [made.failed(), made.failed(), made.failed()] == [False, False, True]


def test_a_bad_probe_starts_another_pause() -> None:
    clock = Clock()
    made = opened(clock)
    clock.now = 10.0
    made.lets_through()
    assert not made.failed()
    clock.now = 19.9
    assert not made.lets_through()
    clock.now = 20.0
    assert made.lets_through()


def test_who_gives_up_lets_another_probe() -> None:
    clock = Clock()
    made = opened(clock)
    clock.now = 10.0
    assert made.lets_through()
    made.gave_up()
    assert made.lets_through()


def test_late_failures_do_not_prolong_the_pause() -> None:
    clock = Clock()
    made = opened(clock)
    clock.now = 9.0
    made.failed()
    clock.now = 10.0
    assert made.lets_through()


def test_pauses_double_up_to_the_longest_and_begin_anew_after_a_success() -> None:
    clock = Clock()
    made = Breaker(failures=1, pause=1.0, longest=5.0, clock=clock)
    made.failed()
    pauses = []
    for _ in range(4):
        pauses.append(made.left())
        clock.now += made.left()
        assert made.lets_through()
        made.failed()
    assert pauses == [1.0, 2.0, 4.0, 5.0]
    clock.now += made.left()
    made.lets_through()
    made.succeeded()
    made.failed()
    assert made.left() == 1.0


def test_it_is_pristine_until_a_failure_and_after_a_success() -> None:
    made = breaker(Clock())
    assert made.pristine
    made.failed()
    assert not made.pristine
    made.succeeded()
    assert made.pristine
    assert made.left() == 0.0
