"""What pictures show: the classes that the operator's network is surest of."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from imgproxy_py.engine.classification.port import Classifier
from imgproxy_py.engine.detection.port import Pixels
from imgproxy_py.engine.interrupt import Interrupt
from imgproxy_py.errors import BadRequest, WrongParameter

_SHARED_CHECK = 0.05
"""Seconds after which one who waits for his turn looks whether he should stop."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassFound:
    """A class of a picture: its number, its name, and how sure it is, 0–1."""

    class_id: int
    name: str
    confidence: float


class ImageClassification:
    """Tells the classes of pictures. Serves all threads; the network looks at one picture at a time.

    Without a classifier every question is refused. What is less sure than `threshold` is not told.
    """

    def __init__(self, classifier: Classifier | None = None, *, threshold: float = 0.0) -> None:
        self._classifier = classifier
        self._threshold = threshold
        self._turn = threading.Lock()

    def __repr__(self) -> str:
        return f"<ImageClassification by {self._classifier or 'nothing'}>"

    @property
    def identity(self) -> str:
        """What answers depend on: the network and its classes."""
        return self._classifier.identity if self._classifier else ""

    def surest(
        self, most: int, among: tuple[str, ...], look: Callable[[int], Pixels], interrupt: Interrupt
    ) -> tuple[ClassFound, ...]:
        """Give at most so many classes of those named (none = all), the surest first.

        `look` gives the pixels, a square of the side told. Raises `BadRequest` if nothing classifies here or a class is
        not known, `DeadlineExceeded` if `interrupt` says so, and what `look` raises.
        """
        classifier = self._asked(most, among)
        pixels = look(classifier.side)
        with self._its_turn(interrupt):
            confidences = classifier.classify(pixels)
        found = [
            ClassFound(class_id=number, name=name, confidence=confidence)
            for number, (name, confidence) in enumerate(zip(classifier.classes, confidences, strict=True))
            if confidence >= self._threshold and (not among or name in among)
        ]
        return tuple(sorted(found, key=lambda one: -one.confidence)[:most])

    def _asked(self, most: int, among: tuple[str, ...]) -> Classifier:
        if self._classifier is None:
            raise BadRequest(
                wrong=(WrongParameter("classify", str(most), "nothing: IMGPROXY_CLASSIFICATION_NET names no network"),)
            )
        unknown = [name for name in among if name not in self._classifier.classes]
        if unknown:
            raise BadRequest(
                wrong=tuple(
                    WrongParameter("classify", name, "the name of a class that is known here") for name in unknown
                )
            )
        return self._classifier

    @contextmanager
    def _its_turn(self, interrupt: Interrupt) -> Iterator[None]:
        while not self._turn.acquire(timeout=_SHARED_CHECK):
            interrupt.check()
        try:
            yield
        finally:
            self._turn.release()
