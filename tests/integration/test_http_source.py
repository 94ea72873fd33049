"""Originals over HTTP from origins that are slow, lying, hostile, or somewhere they must not be."""

from __future__ import annotations

import asyncio
import functools
import gzip
import socket
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from aiohttp import ClientConnectorError, ClientSession
from aiohttp.abc import AbstractResolver, ResolveResult

from imgproxy_py import __version__
from imgproxy_py.errors import (
    SourceFailed,
    SourceForbidden,
    SourceIncomplete,
    SourceMissing,
    SourceTimeout,
    SourceTooLarge,
    SourceUnreachable,
)
from imgproxy_py.recipe.picture import Original, Validators
from imgproxy_py.recipe.source import SourceRef
from imgproxy_py.sources.allowed import AllowedSources
from imgproxy_py.sources.dialing import AddressRefused, guarded_connector
from imgproxy_py.sources.guard import AddressGuard
from imgproxy_py.sources.http import HttpSettings, HttpSource, _is_same_server, read_url
from imgproxy_py.sources.port import NotModified

Talk = Callable[[bytes, asyncio.StreamWriter], Awaitable[None]]


class Peer:
    """A server that says exactly what it is told to, and remembers what it was asked."""

    def __init__(self, talk: Talk) -> None:
        self._talk = talk
        self.asked: list[bytes] = []
        self.port = 0

    def ref(self, path: str = "/a.png", host: str = "127.0.0.1") -> SourceRef:
        return SourceRef(scheme="http", location=f"{host}:{self.port}{path}")

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await _head(reader):
                self.asked.append(head)
                await self._talk(head, writer)
                await writer.drain()
                if writer.is_closing():
                    return
        except (ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.close()


async def _head(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, ConnectionError):
        return b""


@asynccontextmanager
async def peer(talk: Talk | bytes, host: str = "127.0.0.1") -> AsyncIterator[Peer]:
    async def say(_: bytes, writer: asyncio.StreamWriter) -> None:
        assert isinstance(talk, bytes)
        writer.write(talk)

    made = Peer(say if isinstance(talk, bytes) else talk)
    server = await asyncio.start_server(made.serve, host, 0)
    made.port = server.sockets[0].getsockname()[1]
    try:
        yield made
    finally:
        server.close()


def answer(body: bytes = b"", status: str = "200 OK", **headers: str) -> bytes:
    lines = {"content-length": str(len(body))} | {name.replace("_", "-"): value for name, value in headers.items()}
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items() if value)
    return f"HTTP/1.1 {status}\r\n{head}\r\n".encode() + body


def settings(**changed: Any) -> HttpSettings:
    return HttpSettings(**{"allow_loopback_source_addresses": True, "download_timeout": 2.0} | changed)


async def fetch(ref: SourceRef, *, max_bytes: int = 0, unless: Validators | None = None, **changed: Any) -> Any:
    async with HttpSource(settings(**changed)) as source:
        return await source.fetch(ref, max_bytes=max_bytes, unless=unless)


async def test_the_request_says_who_asks() -> None:
    async with peer(answer(b"x")) as origin:
        await fetch(origin.ref("/a%2Fb/../c d.png?x=%20&y"))
    head = origin.asked[0].decode().lower()
    assert head.startswith("get /a%2fb/../c%20d.png?x=%20&y http/1.1\r\n")
    assert f"user-agent: imgproxy/{__version__}\r\n" in head
    assert "accept-encoding: gzip\r\n" in head
    assert "cookie" not in head
    assert "authorization" not in head


async def test_headers_of_the_answer_are_read() -> None:
    said = answer(
        b"x",
        etag='W/"1"',
        last_modified="Tue, 14 Nov 2023 22:13:20 GMT",
        cache_control="max-age=60",
        expires="0",
        content_type="Image/PNG; charset=binary",
    )
    async with peer(said) as origin:
        found = await fetch(origin.ref())
    assert found == Original(
        data=b"x",
        media_type="image/png",
        validators=Validators(etag='W/"1"', modified_at=1_700_000_000.0),
        cache_control="max-age=60",
        expires_at=0.0,
    )


@pytest.mark.parametrize(
    ("status", "error", "upstream"),
    [
        ("404 Not Found", SourceMissing, 404),
        ("403 Forbidden", SourceMissing, 403),
        ("429 Too Many", SourceMissing, 429),
        ("500 Oops", SourceFailed, None),
        ("503 Busy", SourceFailed, None),
        ("204 No Content", SourceUnreachable, None),
        ("202 Accepted", SourceUnreachable, None),
        ("300 Choices", SourceUnreachable, None),
        ("302 Found", SourceUnreachable, None),
        ("304 Not Modified", SourceUnreachable, None),
        ("206 Partial Content", SourceUnreachable, None),
    ],
)
async def test_odd_statuses_are_errors(status: str, error: type[Exception], upstream: int | None) -> None:
    async with peer(answer(status=status)) as origin:
        with pytest.raises(error) as caught:
            await fetch(origin.ref())
    assert type(caught.value) is error
    assert getattr(caught.value, "upstream_status", None) == upstream


async def test_a_partial_answer_that_is_the_whole_is_taken() -> None:
    async with peer(answer(b"12345", "206 Partial Content", content_range="bytes 0-4/5")) as origin:
        assert (await fetch(origin.ref())).data == b"12345"
    async with peer(answer(b"12345", "206 Partial Content", content_range="bytes 0-4/6")) as origin:
        with pytest.raises(SourceUnreachable):
            await fetch(origin.ref())


async def test_an_unchanged_original_is_not_sent() -> None:
    unless = Validators(etag='"1"', modified_at=1_700_000_000.9)
    async with peer(
        answer(status="304 Not Modified", etag='"1"', content_length="", cache_control="no-cache")
    ) as origin:
        found = await fetch(origin.ref(), unless=unless)
    assert found == NotModified(Validators(etag='"1"'), "no-cache")
    assert b'if-none-match: "1"\r\n' in origin.asked[0].lower()
    assert b"if-modified-since: tue, 14 nov 2023 22:13:20 gmt\r\n" in origin.asked[0].lower()


# Bodies that lie


async def test_a_body_shorter_than_announced_is_incomplete() -> None:
    async def talk(_: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(answer(b"12345", content_length="10"))
        writer.close()

    async with peer(talk) as origin:
        with pytest.raises(SourceIncomplete):
            await fetch(origin.ref())


async def test_a_chunked_body_that_breaks_off_is_incomplete() -> None:
    async def talk(_: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(answer(b"5\r\n12345\r\n", content_length="", transfer_encoding="chunked"))
        writer.close()

    async with peer(talk) as origin:
        with pytest.raises(SourceIncomplete):
            await fetch(origin.ref())


async def test_a_body_longer_than_announced_is_nonsense() -> None:
    async with peer(answer(b"1234567890", content_length="5")) as origin:
        with pytest.raises(SourceUnreachable):
            await fetch(origin.ref())


async def test_a_large_body_is_refused_before_it_is_read() -> None:
    async with peer(answer(b"12345", content_length="1000000")) as origin:
        with pytest.raises(SourceTooLarge):
            await fetch(origin.ref(), max_bytes=999_999)


async def test_an_endless_body_is_refused_while_it_is_read() -> None:
    async def talk(_: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(answer(content_length="", connection="close"))
        while not writer.is_closing():
            writer.write(b"x" * 65536)
            await writer.drain()

    async with peer(talk) as origin:
        with pytest.raises(SourceTooLarge):
            await fetch(origin.ref(), max_bytes=500_000)


async def test_nonsense_is_unreachable() -> None:
    async with peer(b"SSH-2.0-OpenSSH_9.2\r\n\r\n") as origin:
        with pytest.raises(SourceUnreachable):
            await fetch(origin.ref())


async def test_nobody_listening_is_unreachable() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    with pytest.raises(SourceUnreachable):
        await fetch(SourceRef(scheme="http", location=f"127.0.0.1:{port}/"))


async def test_a_name_that_is_none_is_unreachable() -> None:
    with pytest.raises(SourceUnreachable):
        await fetch(SourceRef(scheme="http", location="nowhere.invalid/a.png"))


async def test_plain_text_instead_of_tls_is_unreachable() -> None:
    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        writer.write(answer(status="400 Speak Plainly"))
        writer.close()

    server = await asyncio.start_server(refuse, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server:
        with pytest.raises(SourceUnreachable):
            await fetch(SourceRef(scheme="https", location=f"127.0.0.1:{port}/"))


# Gzip


async def test_gzip_is_undone() -> None:
    data = b"<svg/>" * 50_000
    async with peer(answer(gzip.compress(data), content_encoding="gzip")) as origin:
        assert (await fetch(origin.ref(), max_bytes=len(data))).data == data


async def test_a_gzip_bomb_is_refused_by_the_limit() -> None:
    async with peer(answer(_bomb(200), content_encoding="gzip")) as origin:
        with pytest.raises(SourceTooLarge):
            await fetch(origin.ref(), max_bytes=1_000_000)


async def test_a_gzip_bomb_is_refused_without_a_limit() -> None:
    async with peer(answer(_bomb(200), content_encoding="gzip")) as origin:
        with pytest.raises(SourceTooLarge):
            await fetch(origin.ref())


async def test_gzip_that_breaks_off_is_incomplete() -> None:
    async with peer(answer(gzip.compress(bytes(range(256)) * 10)[:-9], content_encoding="gzip")) as origin:
        with pytest.raises(SourceIncomplete):
            await fetch(origin.ref())


@pytest.mark.parametrize("encoding", ["gzip", "br"])
async def test_an_encoding_that_cannot_be_undone_is_unreachable(encoding: str) -> None:
    async with peer(answer(b"not gzip at all", content_encoding=encoding)) as origin:
        with pytest.raises(SourceUnreachable):
            await fetch(origin.ref())


@functools.cache
def _bomb(megabytes: int) -> bytes:
    packer = zlib.compressobj(1, wbits=31)
    return b"".join(packer.compress(bytes(1_000_000)) for _ in range(megabytes)) + packer.flush()


# Time


async def _silence(_: bytes, writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(30)


async def _stall(_: bytes, writer: asyncio.StreamWriter) -> None:
    writer.write(answer(b"12345", content_length="10"))
    await writer.drain()
    await asyncio.sleep(30)


async def _drip(_: bytes, writer: asyncio.StreamWriter) -> None:
    writer.write(answer(content_length="1000"))
    for _tick in range(1000):
        writer.write(b"x")
        await writer.drain()
        await asyncio.sleep(0.05)


@pytest.mark.parametrize("talk", [_silence, _stall, _drip])
@pytest.mark.parametrize("limits", [{"download_timeout": 0.3}, {"download_timeout": 9.0, "download_idle_timeout": 0.2}])
async def test_a_slow_origin_times_out(talk: Talk, limits: Mapping[str, float]) -> None:
    if talk is _drip and "download_idle_timeout" in limits:
        pytest.skip("who drips is never silent")
    async with peer(talk) as origin:
        began = asyncio.get_running_loop().time()
        with pytest.raises(SourceTimeout):
            await fetch(origin.ref(), **limits)
        assert asyncio.get_running_loop().time() - began < 1.0


async def test_redirects_share_one_time_limit() -> None:
    async def talk(_: bytes, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.15)
        writer.write(answer(status="302 Found", location="/again"))

    async with peer(talk) as origin:
        with pytest.raises(SourceTimeout):
            await fetch(origin.ref(), download_timeout=0.5)
    assert len(origin.asked) < 5


# Redirects


async def test_redirects_are_followed() -> None:
    async def talk(head: bytes, writer: asyncio.StreamWriter) -> None:
        hops = {b"/a.png": "b/c.png?d", b"/b/c.png?d": "//127.0.0.1:PORT/e", b"/e": "http://127.0.0.1:PORT/größe"}
        target = hops.get(head.split()[1])
        writer.write(
            answer(status="302 Found", location=target.replace("PORT", str(origin.port)))
            if target
            else answer(b"there")
        )

    async with peer(talk) as origin:
        assert (await fetch(origin.ref())).data == b"there"
    assert origin.asked[-1].split()[1] == b"/gr%C3%B6%C3%9Fe"


@pytest.mark.parametrize("allowed", [0, 1, 10])
async def test_a_loop_of_redirects_ends(allowed: int) -> None:
    async with peer(answer(status="302 Found", location="/a.png")) as origin:
        with pytest.raises(SourceUnreachable):
            await fetch(origin.ref(), max_redirects=allowed)
    assert len(origin.asked) == allowed + 1


@pytest.mark.parametrize("target", ["ftp://127.0.0.1/", "file:///etc/passwd", "local:///x", "http://", "data:,x"])
async def test_a_redirect_to_no_web_address_is_unreachable(target: str) -> None:
    async with peer(answer(status="301 Moved", location=target)) as origin:
        with pytest.raises(SourceUnreachable):
            await fetch(origin.ref())


@pytest.mark.parametrize(
    "target",
    [
        "http://169.254.169.254/latest/meta-data/",
        "http://[fe80::1]/",
        "http://[::ffff:169.254.169.254]/",
        "http://2852039166/",
    ],
)
async def test_a_redirect_to_a_refused_address_is_forbidden(target: str) -> None:
    async with peer(answer(status="302 Found", location=target)) as origin:
        with pytest.raises(SourceForbidden):
            await fetch(origin.ref())


async def test_a_redirect_must_stay_on_the_allow_list() -> None:
    async with peer(answer(b"secret")) as other, peer(answer(status="302 Found", location="")) as origin:
        origin._talk = _redirecting(f"http://127.0.0.1:{other.port}/")
        allowed = AllowedSources([f"http://127.0.0.1:{origin.port}/"])
        async with HttpSource(settings(), allowed=allowed) as source:
            with pytest.raises(SourceForbidden):
                await source.fetch(origin.ref())
        assert other.asked == []
        async with HttpSource(settings(), allowed=AllowedSources(["https://elsewhere.test/"])) as source:
            found = await source.fetch(origin.ref())  # the operator's own URL, which nobody checked
        assert isinstance(found, Original)


async def test_credentials_do_not_follow_a_redirect() -> None:
    async with peer(answer(b"x")) as other, peer(answer()) as origin:
        origin._talk = _redirecting(f"http://127.0.0.1:{other.port}/")
        await fetch(SourceRef(scheme="http", location=f"me:secret@127.0.0.1:{origin.port}/"))
    assert b"Authorization: Basic" in origin.asked[0]
    assert b"uthorization" not in other.asked[0]


PRIVATE = (("cookie", "a=b"), ("x-user", "7"))


async def test_headers_of_caller_and_operator_go_to_the_server_that_is_named() -> None:
    async with peer(answer()) as origin, HttpSource(settings(), headers=(("x-key", "k"),)) as source:
        ref = replace(origin.ref(), passed=PRIVATE)
        await source.fetch(ref)
        await source.validators(ref)
        async with source.raw(ref, {}):
            pass
    for head in origin.asked:
        told = head.decode().lower()
        assert "cookie: a=b\r\n" in told
        assert "x-user: 7\r\n" in told
        assert "x-key: k\r\n" in told
    assert len(origin.asked) == 3


async def test_a_caller_decides_neither_encoding_nor_conditions() -> None:
    async with peer(answer(b"x")) as origin:
        passed = (("accept-encoding", "br"), ("user-agent", "mine"))
        await fetch(replace(origin.ref(), passed=passed))
    head = origin.asked[0].decode().lower()
    assert "accept-encoding: gzip\r\n" in head
    assert "user-agent: mine\r\n" in head


@pytest.mark.parametrize("elsewhere", ["another port", "another name", "and back"])
async def test_no_header_of_caller_or_operator_follows_a_redirect_to_another_server(elsewhere: str) -> None:
    async with peer(answer(b"x")) as other, peer(b"") as origin:
        targets = {
            "another port": f"http://127.0.0.1:{other.port}/",
            "another name": f"http://localhost:{other.port}/",
            "and back": f"http://127.0.0.1:{other.port}/",
        }
        origin._talk = _redirecting(targets[elsewhere])
        if elsewhere == "and back":
            other._talk = _redirecting(f"http://127.0.0.1:{origin.port}/end")
            redirect = origin._talk

            async def talk(head: bytes, writer: asyncio.StreamWriter) -> None:
                if b"/end" in head:
                    writer.write(answer(b"x"))
                else:
                    await redirect(head, writer)

            origin._talk = talk
        async with HttpSource(settings(), headers=(("x-key", "k"),)) as source:
            await source.fetch(replace(origin.ref(), passed=PRIVATE))
    for head in other.asked:
        told = head.decode().lower()
        assert not any(name in told for name in ("cookie", "x-user", "x-key"))
    assert other.asked
    assert all(b"cookie" in head.lower() for head in origin.asked)


async def test_a_redirect_within_the_server_keeps_them() -> None:
    async with peer(b"") as origin:

        async def talk(head: bytes, writer: asyncio.StreamWriter) -> None:
            there = b"/there" in head
            writer.write(answer(b"x") if there else answer(status="302 Found", location="/there"))

        origin._talk = talk
        await fetch(replace(origin.ref(), passed=PRIVATE))
    assert [b"cookie" in head.lower() for head in origin.asked] == [True, True]


@pytest.mark.parametrize(
    ("first", "then", "same"),
    [
        ("http://a.test/", "http://a.test/b", True),
        ("http://a.test/", "http://A.test:80/", True),
        ("http://a.test/", "https://a.test/", True),
        ("https://a.test/", "http://a.test/", False),
        ("http://a.test:81/", "https://a.test/", False),
        ("http://a.test/", "http://a.test:81/", False),
        ("http://a.test/", "http://b.test/", False),
        ("http://a.test/", "http://sub.a.test/", False),
    ],
)
def test_which_servers_are_the_same(first: str, then: str, same: bool) -> None:
    assert _is_same_server(read_url(first), read_url(then)) is same


async def test_headers_that_are_to_be_kept_are() -> None:
    said = answer(b"x", x_one="1", x_two="\xe4", x_three="3")
    async with peer(said) as origin, HttpSource(settings(), kept=("x-one", "x-two", "x-none")) as source:
        found = await source.fetch(origin.ref())
        async with source.raw(origin.ref(), {}) as relayed:
            assert relayed.headers["x-one"] == "1"
            assert "x-three" not in relayed.headers
    assert isinstance(found, Original)
    assert dict(found.headers) == {"x-one": "1", "x-two": "ä"}


def _redirecting(target: str) -> Talk:
    async def talk(_: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(answer(status="302 Found", location=target))

    return talk


# The guard


class Names(AbstractResolver):
    """Gives the addresses it was told to, one list a look-up, the last again and again."""

    def __init__(self, *answers: list[str]) -> None:
        self._answers = list(answers)
        self.looked_up = 0

    async def resolve(self, host: str, port: int = 0, family: int = socket.AF_UNSPEC) -> list[ResolveResult]:
        self.looked_up += 1
        found = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
            for address in found
        ]

    async def close(self) -> None:
        pass


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.8.9.1",
        "127.1",
        "2130706433",
        "0x7f.0.0.1",
        "0177.0.0.1",
        "0.0.0.0",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[::127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
        "localhost",
        "LOCALHOST.",
        "a.localhost",
    ],
)
async def test_loopback_is_refused_in_every_spelling(host: str) -> None:
    async with peer(answer(b"secret")) as origin:
        with pytest.raises(SourceForbidden):
            await fetch(origin.ref(host=host), allow_loopback_source_addresses=False)
    assert origin.asked == []


@pytest.mark.parametrize(
    "addresses", [["127.0.0.1"], ["::1"], ["::ffff:127.0.0.1"], ["127.0.0.1", "::1", "169.254.1.1"]]
)
async def test_a_name_of_refused_addresses_is_forbidden(addresses: list[str]) -> None:
    async with peer(answer(b"secret")) as origin:
        async with HttpSource(settings(allow_loopback_source_addresses=False), resolver=Names(addresses)) as source:
            with pytest.raises(SourceForbidden):
                await source.fetch(origin.ref(host="images.test"))
    assert origin.asked == []


async def test_the_good_address_of_a_name_is_used() -> None:
    async with peer(answer(b"x")) as origin:
        names = Names(["169.254.169.254", "127.0.0.1", "fe80::1%1"])
        async with HttpSource(settings(), resolver=names) as source:
            found = await source.fetch(origin.ref(host="images.test"))
    assert isinstance(found, Original)


async def test_a_rebound_name_is_judged_where_it_is_dialled() -> None:
    # Judged good when first looked up, then bound to a refused address: the connection goes to what was judged.
    names = Names(["10.255.255.1"], ["127.0.0.1"])
    async with peer(answer(b"secret", connection="close")) as origin:
        closed = settings(allow_loopback_source_addresses=False, download_timeout=0.3)
        async with HttpSource(closed, resolver=names) as source:
            for _ in range(3):
                with pytest.raises((SourceForbidden, SourceTimeout, SourceUnreachable)):
                    await source.fetch(origin.ref(host="rebound.test"))
    assert origin.asked == []


async def test_private_addresses_may_be_refused() -> None:
    with pytest.raises(SourceForbidden):
        await fetch(SourceRef(scheme="http", location="10.0.0.1/a.png"), allow_private_source_addresses=False)


# Proxies


async def test_a_proxy_is_asked_though_its_address_is_not_public(monkeypatch: pytest.MonkeyPatch) -> None:
    async with peer(answer(b"by proxy")) as proxy:
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{proxy.port}")
        monkeypatch.setenv("no_proxy", "direct.test")
        async with HttpSource(settings(allow_loopback_source_addresses=False)) as source:
            found = await source.fetch(SourceRef(scheme="http", location="images.test/a.png"))
            assert isinstance(found, Original)
            assert found.data == b"by proxy"
            for host in ("127.0.0.1", "0x7f.1", "localhost", "[::1]", "169.254.169.254"):
                with pytest.raises(SourceForbidden):
                    await source.fetch(SourceRef(scheme="http", location=f"{host}/a.png"))
            with pytest.raises(SourceUnreachable):
                await source.fetch(SourceRef(scheme="http", location="direct.test/a.png"))
    assert [head.split()[1] for head in proxy.asked] == [b"http://images.test/a.png"]


# Relaying


async def test_a_relay_passes_statuses_headers_and_encodings() -> None:
    packed = gzip.compress(b"<svg/>")
    said = answer(packed, "404 Not Found", content_encoding="gzip", content_type="image/svg+xml", set_cookie="a=b")
    async with peer(said) as origin, HttpSource(settings()) as source:
        asked = {
            "range": "bytes=0-9",
            "if-range": '"1"',
            "if-none-match": '"1"',
            "accept-encoding": "br",
            "cookie": "c=d",
        }
        async with source.raw(origin.ref(), asked) as relayed:
            assert relayed.status == 404
            assert b"".join([chunk async for chunk in relayed.chunks]) == packed
    assert relayed.headers == {
        "content-type": "image/svg+xml",
        "content-length": str(len(packed)),
        "content-encoding": "gzip",
    }
    head = origin.asked[0].lower()
    for passed in (b"range: bytes=0-9", b'if-range: "1"', b'if-none-match: "1"', b"accept-encoding: br"):
        assert passed + b"\r\n" in head
    assert b"cookie" not in head


async def test_a_relay_may_last_longer_than_the_download_timeout() -> None:
    async def talk(_: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(answer(content_length="10"))
        for _tick in range(10):
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.05)

    async with peer(talk) as origin, HttpSource(settings(download_timeout=0.3)) as source:
        async with source.raw(origin.ref(), {}) as relayed:
            assert b"".join([chunk async for chunk in relayed.chunks]) == b"x" * 10


@pytest.mark.parametrize("talk", [_silence, _stall])
async def test_a_relay_does_not_wait_for_the_silent(talk: Talk) -> None:
    async def relay(source: HttpSource, ref: SourceRef) -> None:
        async with source.raw(ref, {}) as relayed:
            async for _ in relayed.chunks:
                pass

    async with peer(talk) as origin, HttpSource(settings(download_timeout=0.3)) as source:
        with pytest.raises(SourceTimeout):
            await relay(source, origin.ref())


async def test_validators_need_no_body() -> None:
    async with peer(answer(etag='"1"', content_length="500")) as origin, HttpSource(settings()) as source:
        assert await source.validators(origin.ref()) == Validators(etag='"1"')
    assert origin.asked[0].startswith(b"HEAD ")


async def test_an_origin_that_takes_no_head_has_no_validators() -> None:
    async with peer(answer(status="405 Not Allowed", etag='"1"')) as origin, HttpSource(settings()) as source:
        assert await source.validators(origin.ref()) == Validators()


async def test_a_closed_source_is_unreachable() -> None:
    source = HttpSource(settings())
    with pytest.raises(SourceUnreachable):
        await source.ping()
    with pytest.raises(SourceUnreachable):
        await source.fetch(SourceRef(scheme="http", location="127.0.0.1/"))


async def test_a_caller_who_leaves_closes_the_connection() -> None:
    gone = asyncio.Event()

    async def talk(_: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(answer(content_length="1000000000"))
        try:
            while True:
                writer.write(b"x" * 1000)
                await writer.drain()
                await asyncio.sleep(0.01)
        except ConnectionError:
            gone.set()

    async with peer(talk) as origin, HttpSource(settings()) as source:
        asking = asyncio.create_task(source.fetch(origin.ref()))
        await asyncio.sleep(0.1)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        await asyncio.wait_for(gone.wait(), 2)


async def test_the_socket_is_judged_whoever_found_its_address() -> None:
    async with peer(answer(b"secret")) as origin:
        connector = guarded_connector(AddressGuard(), limit=1)
        async with ClientSession(connector=connector) as session:
            with pytest.raises(ClientConnectorError) as caught:
                await session.get(f"http://127.0.0.1:{origin.port}/")
    assert isinstance(caught.value.os_error, AddressRefused)
    assert origin.asked == []
