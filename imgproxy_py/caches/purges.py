"""What was purged, and so which pictures are void.

Every purge has a *generation*, a number above those of all purges before it. A picture carries the newest generation that
was known when its original began to be fetched. A purge voids what it names and what is of an older generation than its
own, wherever that lies and whenever it arrives there: a picture that was under way while its original was purged is void
when it lands. No two clocks are compared.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from imgproxy_py.recipe.picture import Picture

TAG, PREFIX, FLOOR = "tag:", "prefix:", "floor:"
"""How the names of what is purged begin. A floor's name is a generation: whatever is older than that is void."""


@dataclass(frozen=True, slots=True)
class Learned:
    """What purges name that were heard of just now."""

    tags: frozenset[str]
    prefixes: tuple[str, ...]

    def concerns(self, source: str, tags: Iterable[str]) -> bool:
        """Tell whether an original's URL or one of the tags is named."""
        return source.startswith(self.prefixes) or not self.tags.isdisjoint(tags)


Listener = Callable[[Learned], int]
"""Forgets what is named, and gives how many that were."""


class Purges:
    """All purges that this process knows of.

    `complete` says that it knows of all that may concern what lies outside of it; until then nothing found there counts.
    """

    def __init__(self, *, complete: bool = True) -> None:
        self.complete = complete
        self.newest = 0
        self._floor = 0
        self._tags: dict[str, int] = {}
        self._prefixes: dict[str, int] = {}
        self._lengths: frozenset[int] = frozenset()
        self._listeners: list[Listener] = []

    def __repr__(self) -> str:
        return f"<Purges: {len(self)} names, the newest {self.newest}{'' if self.complete else ', incomplete'}>"

    def __len__(self) -> int:
        return len(self._tags) + len(self._prefixes)

    def heard_by(self, listener: Listener) -> None:
        """Call a listener with whatever is learned from now on."""
        self._listeners.append(listener)

    def learn(self, names: Iterable[tuple[str, int]]) -> int:
        """Take over names with their generations, in any order; give how much was forgotten for them in this process."""
        tags, prefixes = dict[str, int](), dict[str, int]()
        for name, generation in names:
            self.newest = max(self.newest, generation)
            if name.startswith(FLOOR):
                self.drop_before(int(name.removeprefix(FLOOR)), void=True)
            elif name.startswith(TAG):
                _keep(self._tags, tags, name.removeprefix(TAG), generation)
            elif name.startswith(PREFIX):
                _keep(self._prefixes, prefixes, name.removeprefix(PREFIX), generation)
        self._lengths = frozenset(map(len, self._prefixes))
        learned = Learned(frozenset(tags), tuple(prefixes))
        return sum(listener(learned) for listener in self._listeners) if tags or prefixes else 0

    def drop_before(self, generation: int, *, void: bool = False) -> None:
        """Forget older purges: nothing that they void is left, or else, with `void`, everything so old is void."""
        if void:
            self._floor = max(self._floor, generation)
        self._tags = {name: at for name, at in self._tags.items() if at >= generation}
        self._prefixes = {name: at for name, at in self._prefixes.items() if at >= generation}
        self._lengths = frozenset(map(len, self._prefixes))

    def since(self, source: str, tags: Iterable[str]) -> int:
        """Give the newest generation of a purge that names an original's URL or one of the tags, 0 if there is none."""
        newest = self._floor
        for tag in tags:
            newest = max(newest, self._tags.get(tag, 0))
        for length in self._lengths:
            newest = max(newest, self._prefixes.get(source[:length], 0))
        return newest

    def void(self, picture: Picture, tags: tuple[str, ...] = ()) -> bool:
        """Tell whether a picture is void; `tags` are those that the URL asked with has beside the picture's own."""
        if picture.generation >= self.newest:
            return False
        return picture.generation < self.since(picture.source, (*picture.tags, *tags))


def _keep(known: dict[str, int], learned: dict[str, int], name: str, generation: int) -> None:
    if generation > known.get(name, 0):
        known[name] = learned[name] = generation
