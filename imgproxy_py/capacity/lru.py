"""A cache without pictures: keys and sizes, bounded by bytes, the least recently used leaving first."""

from __future__ import annotations

from collections import OrderedDict


class Lru:
    """Follows the rules of the cache in memory: `find` renews, what is larger than the whole is not kept."""

    __slots__ = ("_entries", "_lifetime", "_limit", "_overhead", "bytes")

    def __init__(self, limit: float, lifetime: float, overhead: float = 0.0) -> None:
        self.bytes = 0.0
        self._limit = limit
        self._lifetime = lifetime
        self._overhead = overhead
        self._entries: OrderedDict[int, tuple[float, float]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._entries)

    def find(self, key: int, now: float) -> bool:
        """Tell whether a key is there and not too old."""
        entry = self._entries.get(key)
        if entry is None:
            return False
        if entry[1] > now:
            self._entries.move_to_end(key)
            return True
        self._drop(key)
        return False

    def put(self, key: int, size: float, now: float, lifetime: float | None = None) -> None:
        """Keep a key from now on, in the place of others if need be."""
        self._drop(key)
        cost = size + self._overhead
        if cost > self._limit:
            return
        self._entries[key] = (cost, now + (self._lifetime if lifetime is None else lifetime))
        self.bytes += cost
        while self.bytes > self._limit:
            _, (gone, _) = self._entries.popitem(last=False)
            self.bytes -= gone

    def _drop(self, key: int) -> None:
        entry = self._entries.pop(key, None)
        if entry is not None:
            self.bytes -= entry[0]
