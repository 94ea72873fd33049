"""What was done, on disk: whoever begins again goes on where he was."""

from __future__ import annotations

import fcntl
from pathlib import Path
from types import TracebackType
from typing import IO, Self


class Journal:
    """Names that are done, one a line; without a path it remembers nothing beyond its end.

    A context manager: opening reads what is there, and refuses with `ValueError` what another process has open. A line that a
    crash cut off does not count.
    """

    def __init__(self, path: Path | None, *, fresh: bool = False) -> None:
        self._path = path
        self._fresh = fresh
        self._file: IO[str] | None = None
        self._done: set[str] = set()

    def __repr__(self) -> str:
        return f"<Journal: {len(self._done)} done>"

    def __contains__(self, name: str) -> bool:
        return name in self._done

    def __enter__(self) -> Self:
        if self._path is not None:
            self._file = self._opened(self._path)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def note(self, name: str) -> None:
        """Remember a name; it is in the file when this returns."""
        self._done.add(name)
        if self._file is not None:
            self._file.write(f"{name}\n")
            self._file.flush()

    def forget(self) -> None:
        """Remove the file: all is done, and the next time begins anew."""
        if self._path is not None:
            self._path.unlink(missing_ok=True)

    def _opened(self, path: Path) -> IO[str]:
        try:
            file = path.open("a+", encoding="utf-8", newline="\n")
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            raise ValueError(f"{path}: another run has it open") from None
        except OSError as error:
            raise ValueError(f"{path}: {error.strerror}, expected a file that can be written") from None
        if self._fresh:
            file.truncate(0)
        file.seek(0)
        text = file.read()
        whole = text[: text.rfind("\n") + 1]
        if len(whole) != len(text):
            file.truncate(len(whole.encode()))
        self._done = set(whole.splitlines())
        return file
