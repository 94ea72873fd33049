"""Processes that decode and encode for this one, and are killed when nobody waits any more."""

from __future__ import annotations

import json
import os
import pickle
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from multiprocessing.connection import Connection
from typing import Any, NoReturn

import pyvips

from imgproxy_py import errors
from imgproxy_py.engine.encoding import Encoding
from imgproxy_py.engine.interrupt import Interrupt
from imgproxy_py.engine.isolation.child import IDLE
from imgproxy_py.engine.isolation.sheet import Sheet, read, written
from imgproxy_py.engine.isolation.tasks import Decode, Encode, Task
from imgproxy_py.engine.loading import ImageFile
from imgproxy_py.engine.settings import EngineSettings
from imgproxy_py.errors import BrokenImage, DeadlineExceeded, ImgproxyError

_INHERITED = ("PATH", "HOME", "LANG", "TMPDIR")
_FAMILIES = ("LC_", "LD_", "MALLOC_", "PYTHON", "VIPS_", "FONTCONFIG_", "XDG_")
_TOLD = (errors.BrokenImage, errors.UndecodableImage, errors.SourceTooLarge, errors.DeadlineExceeded)


def open_isolation(settings: EngineSettings) -> Isolation | None:
    """Give what the settings ask for; `None` also where there are no files of memory, as anywhere but on Linux."""
    possible = hasattr(os, "memfd_create")
    return Isolation(settings) if settings.isolation_milliseconds and possible else None


class ChildDied(Exception):
    """A child ended in the middle of a task, and nobody had told it to."""


class Isolation:
    """Children that each do one task at a time; as many as there are tasks at once, started as they are needed.

    `started`, `killed` (because their work was stopped) and `died` (of themselves) count children since the start. That one
    cannot be started is an error of ours, and no original's.
    """

    def __init__(self, settings: EngineSettings) -> None:
        own = {name: getattr(settings, name) for name in EngineSettings.model_fields}
        self._settings = EngineSettings.model_construct(**own)  # no secret of the rest of the service goes along
        self._idle: list[_Child] = []
        self._lock = threading.Lock()
        self._closed = False
        self.working = 0
        self.started = self.killed = self.died = 0

    def encode(self, image: pyvips.Image, encoding: Encoding, interrupt: Interrupt) -> bytes:
        """Encode an image; raises `pyvips.Error`, and `DeadlineExceeded` when `interrupt` was told to stop."""
        with _file("pixels") as inbox, _file("encoded") as outbox:
            sheet = written(image, inbox, interrupt.watch)
            try:
                made = self._done(Encode(encoding=encoding, sheet=sheet), inbox, outbox, interrupt)
            except ChildDied as error:
                raise ImgproxyError(private=f"the {encoding.format} encoder ended its process: {error}") from error
            return os.pread(outbox, int(made["length"]), 0)

    def open(
        self, file: ImageFile, interrupt: Interrupt, *, shrink: float = 1.0, embedded_thumbnail: bool = False
    ) -> pyvips.Image:
        """Decode a file as its own `open` does, all pixels at once; raises the same, and `DeadlineExceeded`."""
        task = Decode(
            format=file.format,
            length=len(file.data),
            tolerant=file.tolerant,
            loading=file.loading,
            shrink=shrink,
            embedded_thumbnail=embedded_thumbnail,
        )
        with _file("original") as inbox, _file("pixels") as outbox:
            with os.fdopen(inbox, "wb", closefd=False) as writing:
                writing.write(file.data)
            try:
                return read(_sheet(self._done(task, inbox, outbox, interrupt)), outbox)
            except ChildDied as error:
                raise BrokenImage("the original's pixels cannot be decoded", private=str(error)) from error

    def close(self) -> None:
        """End all children; nothing may be asked afterwards."""
        with self._lock:
            idle, self._idle, self._closed = self._idle, [], True
        for child in idle:
            child.end()

    def _done(self, task: Task, inbox: int, outbox: int, interrupt: Interrupt) -> dict[str, Any]:
        interrupt.check()
        child, answer = self._taken(), None
        try:
            with interrupt.stopping(child.kill):
                answer = child.ask(task, inbox, outbox)
        except (EOFError, OSError, DeadlineExceeded):
            pass  # what it means is said below
        finally:
            self._count(working=-1)
        if answer is None or interrupt.stopped:
            self._ended(child, interrupt)
        self._give_back(child)
        return _made(answer)

    def _ended(self, child: _Child, interrupt: Interrupt) -> NoReturn:
        """Raise what it means that a child was killed, or died."""
        code = child.end()
        self._count(killed=int(interrupt.stopped), died=int(not interrupt.stopped))
        interrupt.check()
        if not child.ready:
            raise ImgproxyError(private=f"a process to decode or encode in did not start: exit code {code}")
        raise ChildDied(f"exit code {code}")

    def _taken(self) -> _Child:
        with self._lock:
            while self._idle:
                child = self._idle.pop()
                if child.alive():
                    self.working += 1
                    return child
                child.end()
        try:
            child = _Child(self._settings)
        except OSError as error:
            raise ImgproxyError(private=f"there is no process to decode or encode in: {error}") from error
        self._count(working=1, started=1)
        return child

    def _give_back(self, child: _Child) -> None:
        child.rest()
        with self._lock:
            if not self._closed:
                self._idle.append(child)
                return
        child.end()

    def _count(self, **changes: int) -> None:
        with self._lock:
            for name, change in changes.items():
                setattr(self, name, getattr(self, name) + change)


class _Child:
    """One process and the socket to it."""

    def __init__(self, settings: EngineSettings) -> None:
        self.ready = False
        """Whether it has told that it takes tasks."""
        self._settings = settings
        with ExitStack() as opened:
            self._door, theirs = map(opened.enter_context, socket.socketpair())
            self._link = opened.enter_context(Connection(os.dup(self._door.fileno())))
            self._process = subprocess.Popen(  # noqa: S603  # nothing of it comes from outside
                [sys.executable, "-m", "imgproxy_py.engine.isolation.child", str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                env={name: value for name, value in os.environ.items() if _is_inherited(name)},
            )
            opened.pop_all()
            theirs.close()
        self._idle_since = time.monotonic()

    def ask(self, task: Task, inbox: int, outbox: int) -> dict[str, Any]:
        """Give the answer; raises `EOFError` or `OSError` if the process ends before it answers."""
        if not self.ready:
            self._introduce()
        self._link.send_bytes(pickle.dumps(task))
        socket.send_fds(self._door, [b"\0"], [inbox, outbox])
        answer: dict[str, Any] = json.loads(self._link.recv_bytes())
        return answer

    def _introduce(self) -> None:
        """Say what all tasks have in common, and wait until the process has understood."""
        self._link.send_bytes(pickle.dumps(self._settings))
        self._link.recv_bytes()
        self.ready = True

    def rest(self) -> None:
        """Note that it has nothing to do from now on."""
        self._idle_since = time.monotonic()

    def alive(self) -> bool:
        """Tell whether it waits for a task, and not only until it is about to end by itself."""
        fresh = time.monotonic() - self._idle_since < IDLE / 2
        return fresh and self._process.poll() is None and not self._link.poll()

    def kill(self) -> None:
        """End the process at once, from any thread; who waits for its answer learns of it by an `EOFError`."""
        self._process.kill()

    def end(self) -> int:
        """Kill the process if it is there still, and give its exit code, below 0 for a signal."""
        self.kill()
        self._link.close()
        self._door.close()
        return self._process.wait()


def _is_inherited(name: str) -> bool:
    return name in _INHERITED or name.startswith(_FAMILIES)


@contextmanager
def _file(name: str) -> Iterator[int]:
    descriptor = os.memfd_create(name)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _sheet(document: dict[str, Any]) -> Sheet:
    metadata = [(str(kind), str(name), value) for kind, name, value in document["metadata"]]
    return replace(Sheet(**document), metadata=metadata)


def _made(answer: dict[str, Any]) -> dict[str, Any]:
    """Give what was made, or raise what the child met."""
    if "made" in answer:
        made: dict[str, Any] = answer["made"]
        return made
    if answer["error"] == "vips":
        raise pyvips.Error(answer["detail"], answer["private"])
    known = {kind.__name__: kind for kind in _TOLD}.get(answer["error"], ImgproxyError)
    raise known(answer["detail"], private=answer["private"])
