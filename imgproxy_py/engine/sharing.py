"""Pixels that several pictures of one original have in common are computed once, and kept for as long as there is room.

Who needs pixels that are neither kept nor being made *claims* them, makes them and leaves them here. Who needs what another
has claimed is `Postponed`: his thread goes on with other work, and he begins anew when the claim has ended. A claim ends
with its pixels, or without them when its owner fails or leaves; then the next takes over.

Nobody waits in a circle: a finished picture's pixels may be claimed while one waits for a decoder's, never the other way
round, and a decoder's are made as soon as they are claimed.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from typing import Any

import pyvips
from pydantic import BaseModel, Field

from imgproxy_py.engine.interrupt import Interrupt
from imgproxy_py.engine.samples import SAMPLE_BYTES
from imgproxy_py.kinds import Count

_OVERHEAD_BYTES = 4096
"""What an entry costs beside its pixels: libvips' image, its metadata, the key."""

_LARGEST_SAMPLE = 16

_Key = tuple[int, str, Hashable]


class SharingSettings(BaseModel):
    """Pixels that pictures of one original share."""

    pixels_cache_bytes: Count = Field(
        default=64 * 1024 * 1024,
        description="Bytes of decoded and resized pixels kept by each process, for pictures of one original that are asked "
        "for at once or shortly after each other. 0 = each picture decodes for itself.",
    )


class Postponed(Exception):
    """The work is to begin anew as soon as something that others make is there."""

    def __init__(self, ended: Future[None] | None = None) -> None:
        super().__init__("others make the pixels")
        self.ended = ended
        """What to wait for, `None` for nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """An image on its way to a picture, and what else its maker notes of his work."""

    image: pyvips.Image
    notes: Mapping[str, Any] = field(default_factory=dict)

    @property
    def bytes(self) -> int:
        """How much memory the pixels take, computed or not."""
        image = self.image
        samples: int = image.width * image.height * image.bands
        return samples * SAMPLE_BYTES.get(image.format, _LARGEST_SAMPLE)

    def computed(self, interrupt: Interrupt) -> Frame:
        """Give the frame with its pixels in memory, which the interrupt cannot stop any more; raises `DeadlineExceeded`."""
        image = interrupt.watch(self.image).copy_memory()
        # Of pixels that were in memory already it is the very same image: stopped now or later, it would fail who has it next.
        interrupt.release()
        interrupt.check()
        return replace(self, image=image)

    def lent(self) -> Frame:
        """Give the frame with an image of its own, which can be stopped and lose metadata without harm to this one."""
        return replace(self, image=self.image.copy())


@dataclass(slots=True)
class SharingStats:
    """What was counted: frames that were found, made, waited for, and dropped for room."""

    hits: int = 0
    misses: int = 0
    waits: int = 0
    evictions: int = 0


@dataclass(slots=True, eq=False)
class _Claim:
    owner: Share
    ended: Future[None]


class SharedPixels:
    """Frames in memory by original, kind and name, those used last up to `max_bytes`. Serves all threads.

    Originals are numbered by whoever has their bytes: one number, one sequence of bytes.
    """

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        self.bytes = 0
        self.stats = SharingStats()
        self._frames: OrderedDict[_Key, Frame | None] = OrderedDict()  # None: they cannot be shared
        self._names: dict[int, set[_Key]] = {}
        self._claims: dict[_Key, _Claim] = {}
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"<SharedPixels: {len(self)} frames, {self.bytes} of {self.max_bytes} bytes>"

    def __len__(self) -> int:
        return len(self._frames)

    def share(self, original: int, wanted: Callable[[], bool]) -> Share:
        """Give one work's way to the frames of an original; `wanted` tells whether others want it too. Close it."""
        with self._lock:
            self._names.setdefault(original, set())
        return Share(self, original, wanted)

    def forget(self, original: int) -> None:
        """Drop an original's frames, and keep none that come after."""
        with self._lock:
            for key in self._names.pop(original, ()):
                self._drop(key)

    def find(self, key: _Key) -> Frame | None:
        """Give a frame if it is there."""
        with self._lock:
            found = self._frames.get(key)
            if found is not None:
                self._frames.move_to_end(key)
                self.stats.hits += 1
        return found.lent() if found is not None else None

    def found_or_claimed(self, key: _Key, owner: Share) -> tuple[bool, Frame | None]:
        """Tell whether the owner is to make the frame, now claimed by him; else give it, `None` if it cannot be shared.

        Raises `Postponed` if another has claimed it.
        """
        with self._lock:
            if key in self._frames:
                self._frames.move_to_end(key)
                self.stats.hits += 1
                found = self._frames[key]
                return False, found.lent() if found is not None else None
            claim = self._claims.get(key)
            if claim is None and owner.closed:
                return False, None
            if claim is None:
                self._claims[key] = _Claim(owner, _never_cancelled())
                self.stats.misses += 1
            elif claim.owner is not owner:
                self.stats.waits += 1
                raise Postponed(claim.ended)
        return True, None

    def keep(self, key: _Key, frame: Frame | None, owner: Share) -> None:
        """Keep a frame, `None` for one that cannot be shared, and end the owner's claim on it."""
        with self._lock:
            names = self._names.get(key[0])
            if names is not None and key not in self._frames:
                self._frames[key] = frame
                names.add(key)
                self.bytes += _cost(frame)
                self._make_room()
        self.release(owner, key)

    def release(self, owner: Share, *keys: _Key) -> None:
        """End the owner's claims on these keys, those that he has; who waits for one begins anew."""
        with self._lock:
            ended = [self._claims.pop(key).ended for key in keys if self._owns(key, owner)]
        for one in ended:
            one.set_result(None)

    def close(self, owner: Share) -> None:
        """End all claims of one who has left, and let him have no more: his thread may go on for a while."""
        with self._lock:
            owner.closed = True
            keys = [key for key, claim in self._claims.items() if claim.owner is owner]
        self.release(owner, *keys)

    def _owns(self, key: _Key, owner: Share) -> bool:
        claim = self._claims.get(key)
        return claim is not None and claim.owner is owner

    def _make_room(self) -> None:
        while self.bytes > self.max_bytes:
            key = next(iter(self._frames))
            self._names[key[0]].discard(key)
            self._drop(key)
            self.stats.evictions += 1

    def _drop(self, key: _Key) -> None:
        self.bytes -= _cost(self._frames.pop(key))


class Share:
    """One work's way to the frames of its original. For one thread at a time, but closed by any."""

    __slots__ = ("_original", "_pixels", "_wanted", "closed", "used")

    def __init__(self, pixels: SharedPixels, original: int, wanted: Callable[[], bool]) -> None:
        self.closed = False
        self.used = ""
        """What was there already: the kind of the first frame that was found."""
        self._pixels = pixels
        self._original = original
        self._wanted = wanted

    @property
    def wanted(self) -> bool:
        """Whether others want the same original, so that it pays to keep pixels."""
        return self._wanted()

    def close(self) -> None:
        """End what is still claimed."""
        self._pixels.close(self)

    def found(self, kind: str, name: Hashable) -> Frame | None:
        """Give a frame of some kind if it is there."""
        frame = self._pixels.find((self._original, kind, name))
        self._note(kind, frame)
        return frame

    def frame(self, kind: str, name: Hashable, make: Callable[[], Frame], interrupt: Interrupt) -> Frame:
        """Give a frame of some kind, found in memory or made and left there; too large for that it is as `make` gives it.

        Raises `Postponed` if another makes it, or if its pixels cannot be computed, which the same work then finds out by
        itself; and what `make` raises.
        """
        key = (self._original, kind, name)
        ours, found = self._pixels.found_or_claimed(key, self)
        if not ours:
            self._note(kind, found)
            return found if found is not None else make()
        try:
            frame = make()
            if frame.bytes + _OVERHEAD_BYTES > self._pixels.max_bytes:
                self._pixels.keep(key, None, self)
                return frame
            kept = self._computed(key, frame, interrupt)
        except Postponed:
            raise  # and the claim stays: this work comes back to make it
        except BaseException:
            self._pixels.release(self, key)
            raise
        self._pixels.keep(key, kept, self)
        return kept.lent()

    def _note(self, kind: str, found: Frame | None) -> None:
        if found is not None and not self.used:
            self.used = kind

    def _computed(self, key: _Key, frame: Frame, interrupt: Interrupt) -> Frame:
        try:
            return frame.computed(interrupt)
        except pyvips.Error as error:
            if interrupt.stopped:
                raise
            # A part of it may do: what is damaged at its end has a beginning.
            self._pixels.keep(key, None, self)
            raise Postponed from error


def _cost(frame: Frame | None) -> int:
    return _OVERHEAD_BYTES + (frame.bytes if frame is not None else 0)


def _never_cancelled() -> Future[None]:
    ended = Future[None]()
    ended.set_running_or_notify_cancel()  # one who leaves must not end it for the others
    return ended
