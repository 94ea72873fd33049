"""Whether the image library is well, for whoever asks at `/health`.

To see that, libvips computes a pixel. While all threads make pictures that takes tens of milliseconds, most of them waiting for
the interpreter, so it happens in a thread, at most once a second, and never keeps the event loop waiting.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

LOOK_AGAIN = 1.0
"""Seconds after which it is looked again when somebody asks."""

GIVEN = 5.0
"""Seconds for which it is told that all is well while it is looked again; whoever asks later waits for what is seen."""


class Liveness:
    """Remembers that `alive`, which may take its time, said yes. For one event loop.

    `clock` gives seconds and never goes back.
    """

    def __init__(self, alive: Callable[[], bool], *, clock: Callable[[], float] = time.monotonic) -> None:
        self._alive = alive
        self._clock = clock
        self._well_at = float("-inf")
        self._looking: asyncio.Task[bool] | None = None

    def known(self) -> bool:
        """Tell, without waiting, whether all was well a moment ago; if not, nothing is said: `ask`."""
        age = self._clock() - self._well_at
        if age >= LOOK_AGAIN:
            self._look()
        return age < GIVEN

    async def ask(self) -> bool:
        """Tell whether all is well, by a new look unless that is known."""
        return self.known() or await asyncio.shield(self._look())

    def _look(self) -> asyncio.Task[bool]:
        """Give the look that is under way, or begin one."""
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._looked())
        return self._looking

    async def _looked(self) -> bool:
        at = self._clock()
        well = await asyncio.to_thread(self._alive)
        self._well_at = at if well else float("-inf")
        return well
