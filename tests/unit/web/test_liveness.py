"""Who asks how we are is told at once, and the event loop does not wait for libvips to say so."""

from __future__ import annotations

import asyncio
import threading

from imgproxy_py.web.liveness import GIVEN, LOOK_AGAIN, Liveness
from tests.fakes import until


class Library:
    """Says whether it is well, when it is let, and in which threads it was asked."""

    def __init__(self) -> None:
        self.well = True
        self.threads: list[threading.Thread] = []
        self.open = threading.Event()
        self.open.set()

    def __call__(self) -> bool:
        self.threads.append(threading.current_thread())
        assert self.open.wait(10)
        return self.well


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


async def test_nothing_is_known_before_the_first_look() -> None:
    library = Library()
    liveness = Liveness(library)
    assert not liveness.known()
    assert not library.threads
    assert await liveness.ask()
    assert liveness.known()


async def test_the_event_loop_does_not_look_itself() -> None:
    library = Library()
    await Liveness(library).ask()
    assert threading.main_thread() not in library.threads


async def test_many_who_ask_cost_one_look() -> None:
    library = Library()
    liveness = Liveness(library)
    assert await asyncio.gather(*(liveness.ask() for _ in range(50))) == [True] * 50
    assert all([await liveness.ask() for _ in range(50)])
    assert len(library.threads) == 1


async def test_all_is_well_while_it_is_looked_again() -> None:
    library, clock = Library(), Clock()
    liveness = Liveness(library, clock=clock)
    await liveness.ask()
    library.open.clear()
    clock.now += LOOK_AGAIN
    assert liveness.known()
    assert await liveness.ask()
    library.well = False
    library.open.set()
    await until(lambda: not liveness.known())
    assert len(library.threads) == 2
    assert not await liveness.ask()


async def test_a_library_that_hangs_is_not_called_well_for_long() -> None:
    library, clock = Library(), Clock()
    liveness = Liveness(library, clock=clock)
    await liveness.ask()
    library.open.clear()
    clock.now += LOOK_AGAIN
    assert liveness.known()
    clock.now += GIVEN
    asked = asyncio.create_task(liveness.ask())
    await asyncio.sleep(0.02)
    assert not asked.done()
    library.open.set()
    assert await asked


async def test_what_is_not_well_is_looked_at_each_time() -> None:
    library = Library()
    liveness = Liveness(library)
    library.well = False
    assert [await liveness.ask() for _ in range(3)] == [False] * 3
    library.well = True
    assert await liveness.ask()
    assert len(library.threads) == 4
