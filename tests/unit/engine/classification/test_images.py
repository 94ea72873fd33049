"""Which of a classifier's confidences are told."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from imgproxy_py.engine.classification.images import ImageClassification
from imgproxy_py.engine.detection.port import Pixels
from imgproxy_py.engine.interrupt import Interrupt
from imgproxy_py.errors import BadRequest, DeadlineExceeded


class FakeClassifier:
    """Says always the same; may be held up, and counts how many ask at once."""

    side = 8
    identity = "fake"

    def __init__(self, *, gate: threading.Event | None = None, **confidences: float) -> None:
        self.classes = tuple(confidences)
        self.gate, self.begun = gate, threading.Event()
        self.at_once = self.most_at_once = 0
        self._confidences = tuple(confidences.values())

    def classify(self, pixels: Pixels) -> tuple[float, ...]:
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        self.begun.set()
        if self.gate is not None:
            assert self.gate.wait(10)
        self.at_once -= 1
        return self._confidences


def look(side: int) -> Pixels:
    return Pixels(data=bytes(3 * side * side), width=side, height=side)


def told(classification: ImageClassification, most: int, *among: str) -> list[tuple[int, str, float]]:
    found = classification.surest(most, among, look, Interrupt())
    return [(one.class_id, one.name, one.confidence) for one in found]


ANIMALS = FakeClassifier(cat=0.2, dog=0.6, ape=0.1, bee=0.2)


@pytest.mark.parametrize(
    ("most", "among", "threshold", "expected"),
    [
        (1, (), 0, [(1, "dog", 0.6)]),
        (3, (), 0, [(1, "dog", 0.6), (0, "cat", 0.2), (3, "bee", 0.2)]),
        (99, (), 0, [(1, "dog", 0.6), (0, "cat", 0.2), (3, "bee", 0.2), (2, "ape", 0.1)]),
        (99, (), 0.2, [(1, "dog", 0.6), (0, "cat", 0.2), (3, "bee", 0.2)]),
        (1, ("ape", "bee"), 0, [(3, "bee", 0.2)]),
        (2, ("ape", "bee"), 0.5, []),
    ],
)
def test_the_surest_are_told(
    most: int, among: tuple[str, ...], threshold: float, expected: list[tuple[int, str, float]]
) -> None:
    assert told(ImageClassification(ANIMALS, threshold=threshold), most, *among) == expected


def test_a_class_that_is_not_known_is_refused_before_anything_is_decoded() -> None:
    def unwanted(side: int) -> Pixels:
        raise AssertionError

    with pytest.raises(BadRequest, match=r"classify: 'horse', .*; classify: 'zebra'"):
        ImageClassification(ANIMALS).surest(3, ("dog", "horse", "zebra"), unwanted, Interrupt())


def test_without_a_network_every_question_is_refused_and_the_setting_named() -> None:
    with pytest.raises(BadRequest, match="IMGPROXY_CLASSIFICATION_NET"):
        told(ImageClassification(), 3)


def test_the_network_looks_at_one_picture_at_a_time() -> None:
    gate = threading.Event()
    slow = FakeClassifier(gate=gate, cat=1.0)
    classification = ImageClassification(slow)
    with ThreadPoolExecutor(4) as threads:
        asked = [threads.submit(told, classification, 1) for _ in range(4)]
        assert slow.begun.wait(10)
        gate.set()
        assert [one.result() for one in asked] == [[(0, "cat", 1.0)]] * 4
    assert slow.most_at_once == 1


def test_who_waits_for_his_turn_stops_at_his_deadline() -> None:
    gate, interrupt = threading.Event(), Interrupt()
    slow = FakeClassifier(gate=gate, cat=1.0)
    classification = ImageClassification(slow)
    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(told, classification, 1)
        assert slow.begun.wait(10)
        second = threads.submit(classification.surest, 1, (), look, interrupt)
        interrupt.stop()
        with pytest.raises(DeadlineExceeded):
            second.result(timeout=10)
        gate.set()
        assert first.result(timeout=10) == [(0, "cat", 1.0)]
    assert told(classification, 1) == [(0, "cat", 1.0)]
