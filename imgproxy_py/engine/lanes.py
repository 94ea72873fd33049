"""Small work and huge work, so that none of the small is stuck behind the huge."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

from imgproxy_py.engine.line import Line, Waits


class Laned(Waits, Protocol):
    """What stands in a lane; `huge` says in which."""

    huge: bool


W = TypeVar("W", bound=Laned)


@dataclass(slots=True, eq=False)
class Lane(Generic[W]):
    """One line with the work that is done of it: how much, what it costs, and what was begun of it so far (`had`)."""

    places: int
    line: Line[W] = field(default_factory=Line)
    running: int = 0
    running_cost: float = 0.0
    had: float = 0.0

    @property
    def room(self) -> bool:
        """Whether one who comes now need not wait for others of this lane."""
        return not len(self.line) and self.running < self.places

    @property
    def ready(self) -> bool:
        """Whether the next in line may be begun."""
        return bool(len(self.line)) and self.running < self.places


class Lanes(Generic[W]):
    """Two lanes to the same places. For one thread at a time.

    Huge work takes all places but one; where there is but one, it takes that too, and small work that came meanwhile waits
    for its end. Where both wait for the same place, that lane goes first of which less was begun, by cost, since both wait:
    after a picture of a second of CPU small work goes before the next such for as long.
    """

    def __init__(self, places: int) -> None:
        self.places = places
        self.small: Lane[W] = Lane(places)
        self.huge: Lane[W] = Lane(max(1, places - 1))

    def __len__(self) -> int:
        return len(self.small.line) + len(self.huge.line)

    @property
    def running(self) -> int:
        """How many are worked on."""
        return self.small.running + self.huge.running

    @property
    def ready(self) -> bool:
        """Whether there is work that may be begun."""
        return self.running < self.places and (self.small.ready or self.huge.ready)

    def lane(self, one: W) -> Lane[W]:
        """Give the lane of one."""
        return self.huge if one.huge else self.small

    def push(self, one: W) -> None:
        """Put one in line."""
        lane = self.lane(one)
        if not len(lane.line):
            other = self.small if one.huge else self.huge
            lane.had = max(lane.had, other.had)
        lane.line.push(one)

    def pop(self) -> W | None:
        """Take who is next, counted as running; `None` if nobody may be begun."""
        if not self.ready:
            return None
        lane = min((lane for lane in (self.small, self.huge) if lane.ready), key=lambda lane: lane.had)
        one = lane.line.pop()
        if one is not None:
            lane.had += one.cost
            lane.running += 1
            lane.running_cost += one.cost
        return one

    def remove(self, one: W) -> bool:
        """Take one out who waits no more; false if it was not in line."""
        return self.lane(one).line.remove(one)

    def end(self, one: W) -> None:
        """Count one as running no more."""
        lane = self.lane(one)
        lane.running -= 1
        lane.running_cost = lane.running_cost - one.cost if lane.running else 0.0

    def grow(self, one: W, cost: float) -> None:
        """Correct the cost of one that is running."""
        lane = self.lane(one)
        lane.had += cost - one.cost
        lane.running_cost += cost - one.cost
        one.cost = cost
