"""What a classifier is: pixels in, one confidence a class out."""

from __future__ import annotations

from typing import Protocol

from imgproxy_py.engine.detection.port import Pixels


class Classifier(Protocol):
    """Says how sure it is of each class. Asked by one thread at a time."""

    @property
    def identity(self) -> str:
        """What its answers depend on, besides the pixels."""
        ...

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes in the order of their numbers; a name may stand twice."""
        ...

    @property
    def side(self) -> int:
        """The side in pixels of the square that it looks at."""
        ...

    def classify(self, pixels: Pixels) -> tuple[float, ...]:
        """Give the confidence of every class, 0–1, in the order of `classes`."""
        ...
