"""Stopping libvips from another thread."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pyvips

from imgproxy_py.errors import DeadlineExceeded


class Interrupt:
    """Stops the work of one thread when another says so.

    The working thread calls `watch` with each image before libvips computes its pixels, and `check` between. The kill flag
    of the watched image makes libvips give up within milliseconds; encoders that never look at it (AVIF) run to
    their end.
    """

    __slots__ = ("_image", "_lock", "_stop", "stopped")

    def __init__(self) -> None:
        self.stopped = False
        self._image: pyvips.Image | None = None
        self._stop: Callable[[], None] | None = None
        self._lock = threading.Lock()

    def stop(self) -> None:
        """Stop the work, from any thread, once or more often."""
        with self._lock:
            self.stopped = True
            if self._image is not None:
                self._image.set_kill(True)
            if self._stop is not None:
                self._stop()

    def watch(self, image: pyvips.Image) -> pyvips.Image:
        """Give the image back, to be computed next; raise `DeadlineExceeded` if the work is to stop."""
        with self._lock:
            if self.stopped:
                raise DeadlineExceeded
            self._image = image
        return image

    @contextmanager
    def stopping(self, stop: Callable[[], None]) -> Iterator[None]:
        """Have `stop` called, from another thread, if the work is to stop within the block.

        It must return at once. Raises `DeadlineExceeded` if the work is to stop already.
        """
        with self._lock:
            if self.stopped:
                raise DeadlineExceeded
            self._stop = stop
        try:
            yield
        finally:
            with self._lock:
                self._stop = None

    def release(self) -> None:
        """Forget the image, so that its memory does not outlive the work."""
        with self._lock:
            self._image = None

    def check(self) -> None:
        """Raise `DeadlineExceeded` if the work is to stop."""
        if self.stopped:
            raise DeadlineExceeded
