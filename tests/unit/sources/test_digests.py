import hashlib
import threading

import pytest

from imgproxy_py.errors import HashsumMismatch
from imgproxy_py.recipe.source import SourceRef
from imgproxy_py.sources import digests
from imgproxy_py.sources.digests import AT_ONCE_BYTES, check_digest, checked
from imgproxy_py.sources.router import SourceRouter
from tests.factories import make_original
from tests.fakes import FakeSource

METHODS = pytest.mark.parametrize("method", ["md5", "sha1", "sha256", "sha512"])
SMALL, LARGE = b"small", b"x" * (AT_ONCE_BYTES + 1)


def hashsum(method: str, data: bytes) -> str:
    return f"{method}:{hashlib.new(method, data).hexdigest()}"


@METHODS
@pytest.mark.parametrize("data", [b"", SMALL, LARGE], ids=["empty", "small", "large"])
async def test_the_right_bytes_pass_and_others_do_not(method, data):
    await check_digest(data, hashsum(method, data))
    with pytest.raises(HashsumMismatch):
        await check_digest(data + b"!", hashsum(method, data))


@pytest.mark.parametrize(("data", "elsewhere"), [(SMALL, False), (LARGE, True)], ids=["small", "large"])
async def test_many_bytes_are_digested_in_another_thread(data, elsewhere, monkeypatch):
    threads = []
    digest = digests._digest
    monkeypatch.setattr(digests, "_digest", lambda *given: threads.append(threading.current_thread()) or digest(*given))
    await check_digest(data, hashsum("sha256", data))
    assert (threads != [threading.current_thread()]) is elsewhere


async def gathered(pieces, wanted):
    async def chunks():
        for piece in pieces:
            yield piece

    given = []
    try:
        async for chunk in checked(chunks(), wanted):
            given.append(chunk)
    except HashsumMismatch:
        given.append(None)
    return given


@METHODS
async def test_a_stream_of_other_bytes_lacks_its_end(method):
    right = hashsum(method, b"abc")
    assert await gathered([b"a", b"b", b"c"], right) == [b"a", b"b", b"c"]
    assert await gathered([b"a", b"b", b"d"], right) == [b"a", b"b", None]
    assert await gathered([b"d"], right) == [None]
    assert await gathered([], hashsum(method, b"")) == []
    assert await gathered([], right) == [None]


async def test_every_source_is_checked_on_its_way_through_the_router():
    source = FakeSource(make_original(SMALL))
    router = SourceRouter({"s3": source})
    assert (await router.fetch(SourceRef(scheme="s3", location="b/k", hashsum=hashsum("md5", SMALL)))).data == SMALL
    with pytest.raises(HashsumMismatch):
        await router.fetch(SourceRef(scheme="s3", location="b/k", hashsum=hashsum("md5", LARGE)))


async def test_what_has_a_hashsum_is_relayed_whole():
    source = FakeSource()
    source.raw_answer.pieces = [b"abc"]
    headers = {"range": "bytes=0-1", "if-range": '"a"', "accept-encoding": "gzip", "if-none-match": '"b"'}
    named = SourceRef(scheme="s3", location="b/k", hashsum=hashsum("sha1", b"abc"))
    async with SourceRouter({"s3": source}).raw(named, headers) as answer:
        assert [chunk async for chunk in answer.chunks] == [b"abc"]
    assert source.relayed == [{"if-none-match": '"b"'}]
