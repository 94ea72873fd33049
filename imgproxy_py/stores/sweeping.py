"""Keeping a directory of results within bounds: what was unused for longest goes first.

The directory is walked twice, for its bytes by age and for what is too old, so that a million files take no memory to
speak of. A file counts as used when it was last read or written, whichever the file system says is later; those mounted with
`relatime`, as is usual, note a reading once a day. Nothing but results is touched, and no link is followed.
"""

from __future__ import annotations

import fcntl
import math
import os
import re
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_RESULT: Final = re.compile(r"[0-9a-f]{64}\Z")
_LEVEL: Final = re.compile(r"[0-9a-f]{2}\Z")
_UNFINISHED: Final = ".unfinished-"
_ABANDONED: Final = 3600.0
"""Seconds after which a file that was never finished is nobody's any more."""
_RESOLUTION: Final = 60
"""Seconds that make one of the ages that bytes are added up by."""
_LOCK: Final = ".sweeping"


@dataclass(frozen=True, slots=True, kw_only=True)
class Swept:
    """What a sweep came to: files and bytes that are left, and that were removed."""

    files: int = 0
    bytes: int = 0
    removed: int = 0
    removed_bytes: int = 0


@dataclass(frozen=True, slots=True)
class _File:
    path: str
    bytes: int
    used_at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What is kept: at most so many bytes, and nothing that was unused for `age` seconds; 0 is no bound."""

    bytes: int = 0
    age: float = 0.0


def sweep(
    root: Path, bounds: Bounds, *, every: float = 0.0, stopped: Callable[[], bool] = lambda: False
) -> Swept | None:
    """Remove results that were unused for too long, then the longest unused until few enough bytes are left.

    `None` if another process is at it, or was within the last `every` seconds. Blocks until it is done or `stopped`. Raises
    `OSError` if the directory cannot be swept.
    """
    with _alone(root, every) as alone:
        if not alone:
            return None
        now = time.time()
        kept = _remove_old(_files(root, stopped, now), now - bounds.age if bounds.age else 0.0)
        surplus = kept.bytes - bounds.bytes
        if not bounds.bytes or surplus <= 0:
            return kept
        return _sum(kept, _remove_old(_files(root, stopped), *_cut(_files(root, stopped), surplus)))


def _remove_old(files: Iterable[_File], moment: float, more: int = 0) -> Swept:
    """Remove what was last used before a moment, and of what was used shortly after it `more` bytes."""
    left = size = removed = removed_bytes = 0
    for file in files:
        old = file.used_at < moment
        if (old or (more > 0 and file.used_at < moment + _RESOLUTION)) and _remove(file.path):
            removed, removed_bytes = removed + 1, removed_bytes + file.bytes
            more -= 0 if old else file.bytes
        else:
            left, size = left + 1, size + file.bytes
    return Swept(files=left, bytes=size, removed=removed, removed_bytes=removed_bytes)


def _cut(files: Iterable[_File], surplus: int) -> tuple[float, int]:
    """Give the moment before which less than so many bytes were last used, and what is missing to so many."""
    by_age: dict[int, int] = {}
    for file in files:
        age = int(file.used_at // _RESOLUTION)
        by_age[age] = by_age.get(age, 0) + file.bytes
    for age in sorted(by_age):
        if surplus <= by_age[age]:
            return float(age * _RESOLUTION), surplus
        surplus -= by_age[age]
    return math.inf, 0


def _sum(first: Swept, second: Swept) -> Swept:
    return Swept(
        files=second.files,
        bytes=second.bytes,
        removed=first.removed + second.removed,
        removed_bytes=first.removed_bytes + second.removed_bytes,
    )


def _files(root: Path, stopped: Callable[[], bool], now: float = 0.0) -> Iterator[_File]:
    """Give the results below the directory; with `now`, remove what was begun long before and never finished."""
    for level in _directories(str(root)):
        for directory in _directories(level):
            if stopped():
                return
            for entry in _entries(directory):
                with suppress(OSError):  # it vanished
                    found = entry.stat(follow_symlinks=False)
                    if _RESULT.match(entry.name):
                        yield _File(entry.path, found.st_size, max(found.st_atime, found.st_mtime))
                    elif entry.name.startswith(_UNFINISHED) and found.st_mtime < now - _ABANDONED:
                        _remove(entry.path)


def _directories(path: str) -> Iterator[str]:
    for entry in _entries(path):
        if _LEVEL.match(entry.name) and entry.is_dir(follow_symlinks=False):
            yield entry.path


def _entries(path: str) -> Iterator[os.DirEntry[str]]:
    with suppress(FileNotFoundError), os.scandir(path) as found:
        yield from found


def _remove(path: str) -> bool:
    try:
        Path(path).unlink()
    except OSError:
        return False
    return True


@contextmanager
def _alone(root: Path, every: float) -> Iterator[bool]:
    """Tell whether nobody else sweeps this directory now, or did so shortly before; the lock's time is the last sweep's."""
    lock = os.open(root / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
    try:
        yield _locked(lock) and _is_due(lock, every)
    finally:
        os.close(lock)


def _locked(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_due(lock: int, every: float) -> bool:
    last = os.fstat(lock)
    now = time.time()
    if last.st_size and 0 <= now - last.st_mtime < every:
        return False
    if not last.st_size:
        os.pwrite(lock, b".", 0)  # empty is a lock that nobody has swept under
    os.utime(lock, (now, now))
    return True
