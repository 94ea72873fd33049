"""What is found in originals: looked for once, kept, shared by all who ask meanwhile."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, wait
from typing import TypeAlias

from imgproxy_py.engine.detection.port import Detection, Detector, Pixels
from imgproxy_py.engine.interrupt import Interrupt

ALL_CLASSES = "all"
"""The name that stands for every class."""

Detections: TypeAlias = tuple[Detection, ...]

_SHARED_CHECK = 0.05
"""Seconds after which one who waits for another's search looks whether he should stop."""

_ENTRY_BYTES, _DETECTION_BYTES = 400, 320
"""About what CPython takes for a key with its place, and for a detection with its numbers."""


class ObjectDetection:
    """Finds objects with all detectors, and keeps what was found, up to `max_bytes`. Serves all threads.

    Networks look at one picture at a time, so that their memory is that of one. `weights` are those of classes where the
    recipe names none.
    """

    def __init__(
        self, detectors: Sequence[Detector] = (), *, max_bytes: int = 0, weights: dict[str, float] | None = None
    ) -> None:
        self.detectors = tuple(detectors)
        self.weights = weights or {}
        self.max_bytes = max_bytes
        self.bytes = 0
        self._kept: OrderedDict[tuple[str, str], Detections] = OrderedDict()
        self._running: dict[tuple[str, str], Future[Detections]] = {}
        self._lock = threading.Lock()
        self._looking = threading.Lock()

    def __repr__(self) -> str:
        return f"<ObjectDetection of {', '.join(self.classes) or 'nothing'}, {len(self._kept)} kept>"

    def __len__(self) -> int:
        return len(self._kept)

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of all classes that can be found."""
        return tuple(name for detector in self.detectors for name in detector.classes)

    @property
    def identity(self) -> str:
        """What pictures depend on: the detectors and the weights."""
        weights = ",".join(f"{name}={weight}" for name, weight in sorted(self.weights.items()))
        return " ".join([*(detector.identity for detector in self.detectors), weights])

    def find(
        self, original: str, classes: Iterable[str], look: Callable[[int], Pixels], interrupt: Interrupt
    ) -> Detections:
        """Give the objects of some classes (none or `all` = every class), the surest first.

        `original` names the bytes that are looked at and what is decoded of them. `look` gives their pixels, the longest
        side as long as told; it is called where the findings are not known yet. Raises `DeadlineExceeded` if
        `interrupt` says so, and what `look` raises.
        """
        return self._fitting(classes, lambda one: self._found(one, original, look, interrupt))

    def search(self, classes: Iterable[str], look: Callable[[int], Pixels]) -> Detections:
        """Give the objects of some classes in pixels that nobody asks for again; nothing is kept."""
        return self._fitting(classes, lambda one: self._looked(one, look))

    def _fitting(self, classes: Iterable[str], search: Callable[[Detector], Detections]) -> Detections:
        wanted = frozenset(classes)
        everything = not wanted or ALL_CLASSES in wanted
        asked = [one for one in self.detectors if everything or not wanted.isdisjoint(one.classes)]
        found = [each for detector in asked for each in search(detector)]
        fitting = [each for each in found if everything or each.class_name in wanted]
        return tuple(sorted(fitting, key=lambda each: -each.confidence))

    def _found(
        self, detector: Detector, original: str, look: Callable[[int], Pixels], interrupt: Interrupt
    ) -> Detections:
        key = (original, detector.identity)
        return self._once(key, lambda: self._looked(detector, look), interrupt)

    def _looked(self, detector: Detector, look: Callable[[int], Pixels]) -> Detections:
        pixels = look(detector.side)
        with self._looking:
            return detector.detect(pixels)

    def _once(self, key: tuple[str, str], search: Callable[[], Detections], interrupt: Interrupt) -> Detections:
        while True:
            with self._lock:
                if (kept := self._kept.get(key)) is not None:
                    self._kept.move_to_end(key)
                    return kept
                running = self._running.get(key)
                if running is None:
                    mine = self._running[key] = Future()
            if running is None:
                return self._searched(key, search, mine)
            while not wait([running], _SHARED_CHECK).done:
                interrupt.check()
            if running.exception() is None:
                return running.result()

    def _searched(self, key: tuple[str, str], search: Callable[[], Detections], mine: Future[Detections]) -> Detections:
        try:
            found = search()
        except BaseException as error:
            with self._lock:
                del self._running[key]
            mine.set_exception(error)  # who waits for it searches himself: the error may be a deadline of our own
            raise
        with self._lock:
            del self._running[key]
            self._keep(key, found)
        mine.set_result(found)
        return found

    def _keep(self, key: tuple[str, str], found: Detections) -> None:
        size = _weight(found)
        if size > self.max_bytes:
            return
        self._kept[key] = found
        self.bytes += size
        while self.bytes > self.max_bytes:
            _, dropped = self._kept.popitem(last=False)
            self.bytes -= _weight(dropped)


def _weight(found: Detections) -> int:
    return _ENTRY_BYTES + _DETECTION_BYTES * len(found)
