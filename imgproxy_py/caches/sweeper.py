"""The folder of results is swept now and then, beside the work."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import Self

import structlog

from imgproxy_py.caches.stored import ResultStoreSettings
from imgproxy_py.stores.sweeping import Bounds, Swept, sweep

_log: structlog.stdlib.BoundLogger = structlog.get_logger("imgproxy_py.caches")


class Sweeper:
    """Keeps a folder of results within bounds, in a thread; opened as an async context manager.

    Of all processes that have one, one sweeps at every interval. Without bounds nothing is done.
    """

    def __init__(self, root: Path, settings: ResultStoreSettings) -> None:
        self._root = root
        self._bounds = Bounds(bytes=settings.result_store_max_bytes, age=settings.result_store_max_age)
        self._interval = settings.result_store_sweep_interval
        self._stopped = threading.Event()
        self._task: asyncio.Task[None] | None = None

    def __repr__(self) -> str:
        return f"<Sweeper: {self._bounds}>"

    async def __aenter__(self) -> Self:
        if self._bounds != Bounds():
            self._task = asyncio.create_task(self._run())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._stopped.set()
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _run(self) -> None:
        while True:
            try:
                swept = await asyncio.to_thread(self._sweep)
            except OSError as error:
                _log.warning("sweep_failed", error=str(error))
            else:
                if swept is not None and swept.removed:
                    _tell(swept)
            await asyncio.sleep(self._interval)

    def _sweep(self) -> Swept | None:
        # A little less than the interval, or two processes that started together would take turns at being too early.
        return sweep(self._root, self._bounds, every=0.9 * self._interval, stopped=self._stopped.is_set)


def _tell(swept: Swept) -> None:
    _log.info(
        "results_swept", removed=swept.removed, bytes=swept.removed_bytes, left=swept.files, left_bytes=swept.bytes
    )
