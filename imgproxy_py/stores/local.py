"""Bytes under keys below one directory.

No key leads out of the root, however it is spelled and whatever links lie on its way. A file is first opened with
`O_PATH`, which touches nothing; then the kernel is asked where that very descriptor lies (`/proc/self/fd`), and only
if that is below the root is *the descriptor* opened for reading. A link swapped between the two steps changes nothing,
because nothing is looked up by name a second time. Links that stay below the root are followed: mounted volumes are
often made of them.
"""

from __future__ import annotations

import asyncio
import errno
import os
import stat as modes
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager, suppress
from hashlib import blake2b
from io import FileIO
from itertools import islice
from mimetypes import guess_type
from pathlib import Path
from secrets import token_hex
from typing import ParamSpec, Self, TypeVar

from pydantic import BaseModel, Field

from imgproxy_py.errors import SourceFailed, SourceForbidden, SourceIncomplete, SourceMissing, SourceUnreachable
from imgproxy_py.kinds import Positive
from imgproxy_py.recipe.formats import ABILITIES
from imgproxy_py.recipe.picture import Validators
from imgproxy_py.stores.conditions import unchanged
from imgproxy_py.stores.keys import check_key, check_size, clip
from imgproxy_py.stores.port import CHUNK_BYTES, ByteRange, ObjectInfo, OpenObject

P = ParamSpec("P")
T = TypeVar("T")

_UNFINISHED = ".unfinished-"
_LISTED_AT_ONCE = 500
_MEDIA_TYPES = {ability.extension: ability.media_type for ability in ABILITIES.values()} | {".jpeg": "image/jpeg"}
_NOT_THERE = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG, errno.EISDIR, errno.ELOOP})
_NOT_OURS = frozenset({errno.EACCES, errno.EPERM})


class LocalSettings(BaseModel):
    """Settings of the local file system."""

    local_filesystem_root: str = Field("", description="Directory that `local://` reads; blank switches it off.")
    local_filesystem_threads: Positive = Field(4, description="Threads that read and write local files.")


class LocalStore:
    """A `Store` below a directory, its file work done by a few threads of its own.

    `ETag`s derive from key, size and time of change (dialect §12), media types from the extension: a directory keeps
    no others. Links are followed when read but not listed. Needs Linux.
    """

    def __init__(self, root: Path, *, threads: int = 4) -> None:
        self._root = root
        self._base = ""
        self._threads = threads
        self._executor: ThreadPoolExecutor | None = None

    def __repr__(self) -> str:
        return f"<LocalStore: {'open' if self._executor else 'closed'}>"

    async def __aenter__(self) -> Self:
        self._executor = ThreadPoolExecutor(self._threads, thread_name_prefix="local-store")
        self._base = await self._run(os.path.realpath, self._root)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._executor:
            self._executor.shutdown(wait=False, cancel_futures=True)
            self._executor = None

    async def stat(self, key: str, *, version: str = "") -> ObjectInfo:
        """Give what is known of a file."""
        return await self._run(self._stat, check_key(key), version)

    @asynccontextmanager
    async def open(
        self, key: str, *, version: str = "", byte_range: ByteRange | None = None
    ) -> AsyncIterator[OpenObject]:
        """Read a file in chunks. One that is replaced meanwhile is read to its end; one that is cut breaks off."""
        opening = self._submit(self._open, check_key(key), version)
        try:
            file, info = await asyncio.shield(opening)
        except asyncio.CancelledError:
            opening.add_done_callback(_close_opened)
            raise
        try:
            clipped = clip(byte_range, info.size)
            yield OpenObject(info, clipped, self._chunks(file, clipped or ByteRange(first=0, last=info.size - 1)))
        finally:
            file.close()

    async def get(self, key: str, *, version: str = "", max_bytes: int = 0) -> tuple[ObjectInfo, bytes]:
        """Read a file whole."""
        return await self._run(self._get, check_key(key), version, max_bytes)

    async def get_changed(
        self, key: str, unless: Validators, *, version: str = "", max_bytes: int = 0
    ) -> tuple[ObjectInfo, bytes | None]:
        """Read a file whole unless it is unchanged."""
        return await self._run(self._get_changed, check_key(key), unless, version, max_bytes)

    async def put(self, key: str, data: bytes, *, media_type: str = "") -> ObjectInfo:
        """Store bytes in a file, on the disk before this returns; `media_type` is not kept."""
        return await self._run(self._put, check_key(key), data)

    async def delete(self, key: str) -> None:
        """Remove a file, or the link in its place; the directories stay."""
        await self._run(self._delete, check_key(key))

    async def list(self, prefix: str = "") -> AsyncIterator[ObjectInfo]:
        """Give the files whose keys begin with `prefix`."""
        walk = self._walk("", prefix)
        while batch := await self._run(lambda: tuple(islice(walk, _LISTED_AT_ONCE))):
            for info in batch:
                yield info

    async def ping(self) -> None:
        """Raise `SourceMissing` unless the root is a directory."""
        if not await self._run(os.path.isdir, self._base):
            raise SourceMissing("the store's directory is missing")

    def _submit(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> asyncio.Future[T]:
        if self._executor is None:
            raise SourceUnreachable("the store is closed")
        return asyncio.get_running_loop().run_in_executor(self._executor, lambda: work(*args, **kwargs))

    async def _run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        return await self._submit(work, *args, **kwargs)

    async def _chunks(self, file: FileIO, span: ByteRange) -> AsyncIterator[bytes]:
        at = span.first
        while at <= span.last:
            with _translated():
                chunk = await self._run(_read_at, file, at, min(span.last + 1 - at, CHUNK_BYTES))
            if not chunk:
                raise SourceIncomplete
            at += len(chunk)
            yield chunk

    # What follows runs in the threads.

    def _stat(self, key: str, version: str) -> ObjectInfo:
        with _translated(), self._located(key, version) as found:
            return _info(key, os.fstat(found))

    def _open(self, key: str, version: str) -> tuple[FileIO, ObjectInfo]:
        with _translated(), self._located(key, version) as found:
            file = FileIO(os.open(f"/proc/self/fd/{found}", os.O_RDONLY | os.O_CLOEXEC))
            return file, _info(key, os.fstat(file.fileno()))

    def _get(self, key: str, version: str, max_bytes: int) -> tuple[ObjectInfo, bytes]:
        file, info = self._open(key, version)
        with file:
            return info, _read_whole(file, info.size, max_bytes)

    def _get_changed(
        self, key: str, unless: Validators, version: str, max_bytes: int
    ) -> tuple[ObjectInfo, bytes | None]:
        # One visit to a thread: asking first and reading then would take two, and find two states of a file.
        file, info = self._open(key, version)
        with file:
            return info, None if unchanged(info.validators, unless) else _read_whole(file, info.size, max_bytes)

    @contextmanager
    def _located(self, key: str, version: str) -> Iterator[int]:
        """Give an `O_PATH` descriptor of a regular file that lies below the root."""
        if version:
            raise SourceMissing("the store keeps no versions")
        found = os.open(f"{self._base}/{key}", os.O_PATH | os.O_CLOEXEC)
        try:
            self._check_below(found)
            if not modes.S_ISREG(os.fstat(found).st_mode):
                raise SourceMissing
            yield found
        finally:
            os.close(found)

    def _check_below(self, descriptor: int) -> None:
        place = Path(f"/proc/self/fd/{descriptor}").readlink()
        if not place.is_relative_to(self._base):
            raise SourceForbidden("the key leads out of the store")

    def _put(self, key: str, data: bytes) -> ObjectInfo:
        *parents, name = (part for part in key.split("/") if part)
        with _translated(), self._directory(parents, make=True) as directory:
            unfinished = f"{_UNFINISHED}{token_hex(8)}"
            try:
                known = _write(unfinished, data, directory)
                os.replace(unfinished, name, src_dir_fd=directory, dst_dir_fd=directory)
            except BaseException:
                with suppress(OSError):
                    os.unlink(unfinished, dir_fd=directory)
                raise
            return _info(key, known)

    def _delete(self, key: str) -> None:
        *parents, name = (part for part in key.split("/") if part)
        with suppress(SourceMissing), _translated(), self._directory(parents, make=False) as directory:
            os.unlink(name, dir_fd=directory)

    @contextmanager
    def _directory(self, parts: Sequence[str], *, make: bool) -> Iterator[int]:
        """Give a descriptor of a directory below the root, reached and made step by step."""
        here = os.open(self._base, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            for part in parts:
                if make:
                    with suppress(FileExistsError):
                        os.mkdir(part, dir_fd=here)
                below = os.open(part, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=here)
                os.close(here)
                here = below
                self._check_below(here)
            yield here
        finally:
            os.close(here)

    def _walk(self, directory: str, prefix: str) -> Iterator[ObjectInfo]:
        # A directory sorts as its name with the slash its keys have, so that the walk is in the order of the keys.
        with _translated():
            entries = sorted(_entries(f"{self._base}/{directory}"))
        for name in entries:
            key = f"{directory}{name}"
            if key.endswith("/"):
                if key.startswith(prefix) or prefix.startswith(key):
                    yield from self._walk(key, prefix)
            elif key.startswith(prefix):
                with suppress(SourceMissing):  # it vanished since its directory was read
                    yield self._stat(key, "")


def _entries(directory: str) -> Iterator[str]:
    with suppress(FileNotFoundError), os.scandir(directory) as found:
        for entry in found:
            if entry.name.startswith(_UNFINISHED) or "\\" in entry.name or not _is_text(entry.name):
                continue
            if entry.is_dir(follow_symlinks=False):
                yield f"{entry.name}/"
            elif entry.is_file(follow_symlinks=False):
                yield entry.name


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _info(key: str, found: os.stat_result) -> ObjectInfo:
    identity = f"{key}\0{found.st_size}\0{found.st_mtime_ns}".encode()
    return ObjectInfo(
        key=key,
        size=found.st_size,
        media_type=_media_type(key),
        validators=Validators(etag=f'"{blake2b(identity, digest_size=16).hexdigest()}"', modified_at=found.st_mtime),
    )


def _media_type(key: str) -> str:
    return _MEDIA_TYPES.get(Path(key).suffix.lower()) or guess_type(key)[0] or "application/octet-stream"


def _read_at(file: FileIO, offset: int, size: int) -> bytes:
    # A reader who gives up closes the file, perhaps while a thread is on its way here: nothing may be moved then.
    return os.pread(file.fileno(), size, offset)


def _read_whole(file: FileIO, size: int, max_bytes: int) -> bytes:
    check_size(size, max_bytes)
    with _translated():
        data = _read_all(file, size)
    if len(data) < size:
        raise SourceIncomplete
    return data


def _read_all(file: FileIO, size: int) -> bytes:
    data = file.read(size)
    if len(data) == size:
        return data
    parts = [data]
    while more := file.read(size - sum(map(len, parts))):
        parts.append(more)
    return b"".join(parts)


def _write(name: str, data: bytes, directory: int) -> os.stat_result:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with FileIO(os.open(name, flags, 0o644, dir_fd=directory), "w") as file:
        view = memoryview(data)
        while view:
            view = view[file.write(view) :]
        os.fsync(file.fileno())
        return os.fstat(file.fileno())


def _close_opened(opening: asyncio.Future[tuple[FileIO, ObjectInfo]]) -> None:
    if not opening.cancelled() and opening.exception() is None:
        opening.result()[0].close()


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in _NOT_THERE:
            raise SourceMissing(private=str(error)) from error
        if error.errno in _NOT_OURS:
            raise SourceMissing(upstream_status=403, private=str(error)) from error
        raise SourceFailed(private=str(error)) from error
