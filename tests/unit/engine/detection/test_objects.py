"""What is found is looked for once, kept, and shared."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgproxy_py.engine.detection.boxes import detections, distinct
from imgproxy_py.engine.detection.objects import ObjectDetection
from imgproxy_py.engine.detection.port import Detection, Pixels
from imgproxy_py.engine.interrupt import Interrupt
from imgproxy_py.errors import BrokenImage, DeadlineExceeded
from tests.faces import FakeDetector, found

PIXELS = Pixels(data=b"\0\0\0", width=1, height=1)


class Looking:
    """Gives pixels and counts how often; may wait or fail first."""

    def __init__(self, *, gate: threading.Event | None = None, error: Exception | None = None) -> None:
        self.sides: list[int] = []
        self.gate = gate
        self.error = error
        self.begun = threading.Event()

    def __call__(self, side: int) -> Pixels:
        self.sides.append(side)
        self.begun.set()
        if self.gate is not None:
            assert self.gate.wait(10)
        if self.error is not None:
            raise self.error
        return PIXELS


def names(detection: ObjectDetection, *classes: str) -> list[str]:
    return [one.class_name for one in detection.find("original", classes, Looking(), Interrupt())]


def test_an_original_is_looked_at_once() -> None:
    detection, looking = ObjectDetection([FakeDetector(found(0, 0, 1, 1))], max_bytes=10_000), Looking()
    for _ in range(10):
        assert len(detection.find("original", (), looking, Interrupt())) == 1
    assert looking.sides == [64]
    detection.find("another", (), looking, Interrupt())
    assert looking.sides == [64, 64]


def test_that_nothing_was_found_is_kept_too() -> None:
    detection, looking = ObjectDetection([FakeDetector()], max_bytes=10_000), Looking()
    for _ in range(2):
        assert detection.find("original", (), looking, Interrupt()) == ()
    assert len(looking.sides) == 1


def test_only_who_knows_the_class_is_asked() -> None:
    faces = FakeDetector(found(0, 0, 1, 1, "face"), identity="faces")
    animals = FakeDetector(
        found(0, 0, 1, 1, "cat"), found(0, 0, 1, 1, "dog"), classes=("cat", "dog"), identity="animals"
    )
    detection = ObjectDetection([faces, animals])
    assert names(detection, "face") == ["face"]
    assert animals.looked_at == []
    assert names(detection, "dog") == ["dog"]
    assert sorted(names(detection)) == ["cat", "dog", "face"]
    assert sorted(names(detection, "all")) == ["cat", "dog", "face"]
    assert names(detection, "bird") == []


def test_the_surest_come_first() -> None:
    one = FakeDetector(found(0, 0, 1, 1, "a", 0.5), classes=("a",), identity="a")
    other = FakeDetector(found(0, 0, 1, 1, "b", 0.8), classes=("b",), identity="b")
    assert names(ObjectDetection([one, other])) == ["b", "a"]


def test_memory_is_bounded() -> None:
    detection = ObjectDetection([FakeDetector(*[found(0, 0, 1, 1)] * 10)], max_bytes=10_000)
    for number in range(100):
        detection.find(str(number), (), Looking(), Interrupt())
        assert detection.bytes <= 10_000
    assert 1 <= len(detection) <= 3
    looking = Looking()
    detection.find("99", (), looking, Interrupt())
    assert looking.sides == []  # the last ones stay


def test_without_memory_nothing_is_kept() -> None:
    detection, looking = ObjectDetection([FakeDetector()], max_bytes=0), Looking()
    for _ in range(2):
        detection.find("original", (), looking, Interrupt())
    assert len(looking.sides) == 2
    assert len(detection) == 0


def test_many_threads_look_once() -> None:
    gate = threading.Event()
    detection, looking = ObjectDetection([FakeDetector(found(0, 0, 1, 1))], max_bytes=10_000), Looking(gate=gate)
    with ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(detection.find, "original", (), looking, Interrupt()) for _ in range(8)]
        assert looking.begun.wait(10)
        gate.set()
        assert {len(one.result(10)) for one in asked} == {1}
    assert len(looking.sides) == 1


def test_who_waits_for_one_that_fails_looks_himself() -> None:
    gate = threading.Event()
    detection = ObjectDetection([FakeDetector(found(0, 0, 1, 1))], max_bytes=10_000)
    failing, looking = Looking(gate=gate, error=DeadlineExceeded()), Looking()
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(detection.find, "original", (), failing, Interrupt())
        assert failing.begun.wait(10)
        second = pool.submit(detection.find, "original", (), looking, Interrupt())
        gate.set()
        assert isinstance(first.exception(10), DeadlineExceeded)
        assert len(second.result(10)) == 1


def test_who_waits_stops_when_told_to() -> None:
    gate, interrupt = threading.Event(), Interrupt()
    detection, looking = ObjectDetection([FakeDetector()], max_bytes=10_000), Looking(gate=gate)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(detection.find, "original", (), looking, Interrupt())
        assert looking.begun.wait(10)
        second = pool.submit(detection.find, "original", (), Looking(), interrupt)
        interrupt.stop()
        assert isinstance(second.exception(10), DeadlineExceeded)
        gate.set()
        assert first.result(10) == ()


def test_failures_are_not_kept() -> None:
    detection = ObjectDetection([FakeDetector()], max_bytes=10_000)
    with pytest.raises(BrokenImage):
        detection.find("original", (), Looking(error=BrokenImage()), Interrupt())
    assert detection.find("original", (), Looking(), Interrupt()) == ()


# --- boxes ---------------------------------------------------------------------------------------------------------------


def boxes(*rows: tuple[float, float, float, float]) -> np.ndarray:
    return np.array(rows, np.float32).reshape(-1, 4)


def test_of_doubles_the_surest_is_kept() -> None:
    rows = boxes((0, 0, 10, 10), (1, 1, 11, 11), (30, 30, 40, 40))
    kept = distinct(rows, np.array([0.5, 0.9, 0.7], np.float32), np.zeros(3, np.intp), 0.4)
    assert list(kept) == [1, 2]


def test_objects_of_different_classes_may_share_a_place() -> None:
    rows = boxes((0, 0, 10, 10), (0, 0, 10, 10))
    assert len(distinct(rows, np.array([0.5, 0.9], np.float32), np.array([0, 1], np.intp), 0.4)) == 2


def test_boxes_are_cut_to_the_picture_and_nonsense_is_left_out() -> None:
    rows = boxes(
        (-10, -10, 50, 20),
        (20, 20, 500, 500),
        (200, 0, 300, 10),
        (5, 5, 5, 9),
        (float("nan"), 0, 9, 9),
        (0, 0, 9, float("inf")),
    )
    pixels = Pixels(data=b"", width=100, height=50)
    scores = np.array([0.9, 0.8, 0.7, 0.6, 0.5, 0.4], np.float32)
    made = detections(rows, scores, np.zeros(6, np.intp), pixels, 1.0, ("face",), first_id=7)
    assert [(one.left, one.top, one.width, one.height) for one in made] == [
        pytest.approx((0, 0, 0.5, 0.4)),
        pytest.approx((0.2, 0.4, 0.8, 0.6)),
    ]
    assert {one.class_id for one in made} == {7}


corners = st.integers(-50, 300)


@given(
    st.lists(st.tuples(corners, corners, corners, corners, st.floats(0, 1, width=32), st.integers(0, 2)), max_size=12),
    st.floats(0, 1),
)
def test_no_two_that_are_kept_overlap_too_much(
    rows: list[tuple[int, int, int, int, float, int]], threshold: float
) -> None:
    made = boxes(*[(min(a, c), min(b, d), max(a, c) + 1, max(b, d) + 1) for a, b, c, d, _, _ in rows])
    groups = np.array([row[5] for row in rows], np.intp)
    kept = distinct(made, np.array([row[4] for row in rows], np.float32), groups, threshold)
    assert len(set(kept)) == len(kept)
    for index, one in enumerate(kept):
        for other in kept[index + 1 :]:
            assert groups[one] != groups[other] or _overlap(made[one], made[other]) <= threshold + 1e-3


def _overlap(one: np.ndarray, other: np.ndarray) -> float:
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    common = max(0.0, float(width)) * max(0.0, float(height))
    areas = sum(float((box[2] - box[0]) * (box[3] - box[1])) for box in (one, other))
    return common / (areas - common) if areas > common else 0.0


def test_a_detection_tells_its_box() -> None:
    one: Detection = found(0.1, 0.2, 0.3, 0.4)
    assert (one.box.left, one.box.top, one.box.width, one.box.height) == (0.1, 0.2, 0.3, 0.4)
