"""A picture in memory is answered where its request arrives, with the bytes that the way of all others would have sent."""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imgproxy_py.errors import Overloaded
from imgproxy_py.telemetry.metrics import Metrics, MetricsSettings
from imgproxy_py.telemetry.record import RequestRecord
from imgproxy_py.web.addresses import listen
from imgproxy_py.web.application import WebSettings, make_application
from imgproxy_py.web.doors import Door
from imgproxy_py.web.server import Server, ServerSettings
from imgproxy_py.web.shortcut import AROUND
from imgproxy_py.web.traffic import TRAFFIC
from tests.fakes import quiet_loop

from .conftest import NOW, PLAIN, PROBLEMS, Shop

FIXED = "/_/w:16/f:jpeg/plain/s3://bucket/cat.jpg"
AUTO = "/_/w:32/plain/s3://bucket/cat.jpg"
NAMED = f"/_/w:16/f:png/cb:1/fn:caf%C3%A9/exp:{int(NOW) + 99}/plain/s3://bucket/cat.jpg"
OVER = f"/_/w:16/f:jpeg/exp:{int(NOW) + 1}/plain/s3://bucket/cat.jpg"
QUERY = "/images/cat.jpg?w=16&format=jpeg"
IN_MEMORY = (FIXED, AUTO, NAMED, QUERY)
BROWSER = "image/avif,image/webp,image/apng,*/*;q=0.8"
SECRET = "open sesame"
LAST = b"GET /favicon.ico HTTP/1.1\r\nHost: x\r\nX-Request-ID: last\r\nConnection: close\r\n\r\n"


GIVEN_IDS = frozenset({"first", "last", "again", *(f"id{number}" for number in range(4))})


class Notes:
    """Logs that keep their records."""

    def __init__(self) -> None:
        self.records: list[RequestRecord] = []

    def answered(self, record: RequestRecord) -> None:
        self.records.append(record)

    def told(self) -> list[dict[str, Any]]:
        """Give what was noted, without what is another each time, and forget it."""
        noted, self.records = self.records, []
        names = set(RequestRecord.__slots__) - {"request_id", "started", "at", "total", "vary"}
        return [{name: getattr(one, name) for name in names} | {"id": _same(one.request_id)} for one in noted]


class Side:
    """A server of a shop's pictures, which answers at once or never does."""

    def __init__(self, shop: Shop, web_settings: WebSettings, *, prompt: bool) -> None:
        self.notes, self.metrics = Notes(), Metrics(MetricsSettings())
        doors = [
            Door(
                path=path,
                prefix=True,
                handler=pictures.handle,
                at_once=pictures.at_once if prompt else None,
                voice=voice,
                dialect=dialect,
            )
            for path, pictures, voice, dialect in (
                ("/", shop.imgproxy, PLAIN, "imgproxy"),
                ("/images/", shop.query, PROBLEMS, "query"),
            )
        ]
        logs: Any = self.notes
        self.application = make_application(doors, settings=web_settings, metrics=self.metrics, logs=logs)
        self.at_once = Counted(self.application[AROUND].at_once)
        self.application[AROUND].at_once = self.at_once  # type: ignore[method-assign]
        self.listening = listen("127.0.0.1:0")
        self.server = Server(self.application, self.listening, ServerSettings())

    async def ask(self, *pieces: bytes) -> bytes:
        """Send bytes, piece by piece, and give all that comes until the connection ends, dates and our ids made equal."""
        reader, writer = await asyncio.open_connection(*self.listening.getsockname()[:2])
        try:
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(0)
            answer = re.sub(rb"\r\nDate: [^\r]+", b"\r\nDate: now", await asyncio.wait_for(reader.read(), 10))
            return re.sub(rb"(?<=X-Request-ID: )[^\r]+", lambda match: _same(match[0].decode()).encode(), answer)
        finally:
            writer.close()

    def forget(self) -> None:
        """Forget what was noted and counted."""
        self.notes.records.clear()
        self.metrics._requests.clear()

    def counted(self) -> dict[tuple[str, str, int, str], int]:
        return dict(self.metrics._requests)


class Counted:
    """Counts what was answered at once."""

    def __init__(self, call: Callable[..., tuple[bytes, ...] | None]) -> None:
        self.call = call
        self.answered = 0

    def __call__(self, *asked: Any) -> tuple[bytes, ...] | None:
        answer = self.call(*asked)
        self.answered += answer is not None
        return answer


class Pair:
    """One shop served twice: `prompt` as we serve it, `plain` as if nothing could be answered at once."""

    def __init__(self, web_settings: WebSettings, **given: Any) -> None:
        self.shop = Shop(**given)
        self.prompt = Side(self.shop, web_settings, prompt=True)
        self.plain = Side(self.shop, web_settings, prompt=False)
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Pair:
        await self._stack.enter_async_context(quiet_loop())
        for side in (self.prompt, self.plain):
            await self._stack.enter_async_context(side.server)
        for target in (*IN_MEMORY, OVER):
            for accept in ("", BROWSER, "image/webp"):
                await self.plain.ask(request(target, Accept=accept, Authorization=f"Bearer {SECRET}"), LAST)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()
        self.shop.pool.close()

    async def compare(self, *pieces: bytes) -> tuple[bytes, int]:
        """Ask both sides, see that they say and tell the same, and give that, and how much was answered at once.

        All was asked once before, so that whatever can be in memory is there.
        """
        await self.plain.ask(*pieces)
        for side in (self.prompt, self.plain):
            side.forget()
        before = self.prompt.at_once.answered
        answers = [await side.ask(*pieces) for side in (self.prompt, self.plain)]
        assert answers[0] == answers[1]
        assert self.prompt.notes.told() == self.plain.notes.told()
        assert self.prompt.counted() == self.plain.counted()
        return answers[0], self.prompt.at_once.answered - before


def _same(request_id: str) -> str:
    return request_id if request_id in GIVEN_IDS else "ours"


def request(target: str, method: str = "GET", version: str = "1.1", body: bytes = b"", **fields: str) -> bytes:
    lines = [f"{method} {target} HTTP/{version}", "Host: x", "X-Request-ID: first"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in fields.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


def etag_in(answer: bytes) -> str:
    match = re.search(rb'ETag: ("[^"]+")', answer)
    assert match
    return match[1].decode()


Serve = Callable[..., Awaitable[Pair]]


@pytest.fixture
async def serve() -> Any:
    async with AsyncExitStack() as stack:

        async def start(web_settings: WebSettings | None = None, **given: Any) -> Pair:
            return await stack.enter_async_context(Pair(web_settings or WebSettings(), **given))

        yield start


# --- what is answered at once ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("target", IN_MEMORY)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("accept", ["", BROWSER, "image/webp"])
async def test_a_picture_in_memory_is_answered_at_once(serve, target, method, accept):
    pair = await serve(auto_webp=True)
    answer, at_once = await pair.compare(request(target, method, Accept=accept), LAST)
    assert at_once == 1
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"detail=memory" in answer
    unchanged, at_once = await pair.compare(request(target, method, Accept=accept, If_None_Match=etag_in(answer)), LAST)
    assert at_once == 1
    assert unchanged.startswith(b"HTTP/1.1 304 Not Modified\r\n")


async def test_a_tag_that_no_answer_tells_is_known_to_nobody(serve):
    pair = await serve(use_etag=False)
    picture = await pair.shop.memory.get(next(iter(pair.shop.memory._entries)))
    for known in (picture.etag, ""):
        answer, at_once = await pair.compare(request(FIXED, If_None_Match=known), LAST)
        assert (answer[:12], at_once) == (b"HTTP/1.1 200", 1)


async def test_all_headers_that_can_be_switched_on_leave_at_once(serve):
    pair = await serve(
        WebSettings(allow_origin="*", secret=SECRET),
        set_canonical_header=True,
        enable_debug_headers=True,
        enable_client_hints=True,
        cdn_cache_control=True,
        cache_tag_headers="Cache-Tag,Surrogate-Key",
        custom={"X-Ours": "käse", "Server": "other", "content-type": "image/custom"},
    )
    answer, at_once = await pair.compare(request(FIXED, Authorization=f"Bearer {SECRET}"), LAST)
    assert at_once == 1
    assert "X-Ours: käse\r\n".encode() in answer
    assert b"Server: imgproxy\r\n" in answer
    assert b"Access-Control-Allow-Origin: *\r\n" in answer


async def test_a_picture_that_a_purge_voids_is_made_anew(serve):
    pair = await serve()
    pair.shop.renderer.caches.purges.learn([("tag:nothing", 1)])
    assert (await pair.compare(request(FIXED), LAST))[1] == 1
    assert await pair.shop.memory.get(next(iter(pair.shop.memory._entries)))
    for key in list(pair.shop.memory._entries):
        await pair.shop.memory.delete(key)
    made = pair.shop.transformer.made
    assert b"fwd=miss" in await pair.prompt.ask(request(FIXED), LAST)
    assert pair.shop.transformer.made == made + 1


async def test_a_url_that_has_expired_is_refused_though_it_was_answered_before(serve):
    pair = await serve()
    assert (await pair.compare(request(OVER), LAST))[1] == 1
    pair.shop.clock.now = NOW + 5
    answer, at_once = await pair.compare(request(OVER), LAST)
    assert (answer[:12], at_once) == (b"HTTP/1.1 404", 0)
    answer, at_once = await pair.compare(request(NAMED), LAST)
    assert b"Cache-Control: max-age=94" in answer  # and the others' lifetimes end when their URLs do
    assert at_once == 1


# --- what is not -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "asked",
    [
        request(FIXED, Range="bytes=0-9"),
        request(FIXED, If_Match='"other"'),
        request(FIXED, If_Unmodified_Since="Sun, 06 Nov 1994 08:49:37 GMT"),
        request(FIXED, Expect="100-continue"),
        request(FIXED, version="1.0"),
        request(FIXED, version="1.0", Connection="keep-alive"),
        request(FIXED, Upgrade="websocket", Connection="upgrade"),
        request(FIXED, Content_Length="3", body=b"GET"),
        request(FIXED, Transfer_Encoding="chunked", body=b"3\r\nGET\r\n0\r\n\r\n"),
        request(FIXED, "POST"),
        request(FIXED, "OPTIONS"),
        request("/_/w:0x/plain/s3://bucket/cat.jpg"),
        request(f"http://x{FIXED}"),
        request("/health"),
        request(FIXED, Connection="close"),
    ],
    ids=lambda asked: asked.decode().replace("\r\n", " ")[:150],
)
async def test_what_is_not_plain_goes_the_way_of_all_others(serve, asked):
    pair = await serve()
    answer, at_once = await pair.compare(asked, LAST)
    assert answer.startswith(b"HTTP/1.")
    assert at_once == 0


async def test_without_the_secret_nothing_is_answered_at_once(serve):
    pair = await serve(WebSettings(secret=SECRET))
    for wrong in ({}, {"Authorization": "Bearer x"}):
        answer, at_once = await pair.compare(request(FIXED, **wrong), LAST)
        assert (answer[:12], at_once) == (b"HTTP/1.1 403", 0)


async def test_while_draining_every_answer_closes_its_connection(serve):
    pair = await serve()
    for side in (pair.prompt, pair.plain):
        side.application[TRAFFIC].draining = True
    answer, at_once = await pair.compare(request(FIXED), LAST)
    assert at_once == 0
    assert b"Connection: close" in answer
    assert answer.count(b"HTTP/1.1 ") == 1


async def test_headers_that_meddle_with_framing_are_left_to_aiohttp(serve):
    pair = await serve(custom={"Date": "never"})
    answer, at_once = await pair.compare(request(FIXED), LAST)
    assert at_once == 0
    assert b"HTTP/1.1 200" in answer


async def test_what_fails_at_once_is_told_as_any_failure(serve, monkeypatch):
    pair = await serve()

    def fail(*_: object) -> None:
        raise Overloaded(retry_after=7)

    monkeypatch.setattr(type(pair.shop.renderer.caches), "peek", fail)
    answer, at_once = await pair.compare(request(FIXED), LAST)
    assert (answer[:12], at_once) == (b"HTTP/1.1 429", 0)
    assert b"Retry-After: 7" in answer


# --- order -----------------------------------------------------------------------------------------------------------


async def test_requests_in_a_row_are_answered_in_their_order(serve):
    pair = await serve()
    row = b"".join(request(f"/_/w:{width}/f:png/plain/s3://bucket/cat.jpg") + request(FIXED) for width in (3, 4, 5))
    answer = await pair.prompt.ask(row, LAST)
    assert re.findall(rb"Cache-Status: imgproxy-py; (\w+)", answer) == [b"fwd", b"hit"] * 3
    assert answer.count(b"Content-Type: image/png") == 3


async def test_a_long_row_is_answered_whole(serve):
    pair = await serve()
    answer, _ = await pair.compare(request(FIXED) * 200, LAST)
    assert answer.count(b"detail=memory") == 200


async def test_a_client_who_takes_nothing_is_waited_for(serve):
    """Answers stay with us only as long as the client reads: what waits is bounded, and all arrives in the end."""
    pair = await serve()
    pair.prompt.listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.connect(pair.prompt.listening.getsockname()[:2])
    reader, writer = await asyncio.open_connection(sock=connection)
    writer.write(request(FIXED) * 500 + LAST)
    await asyncio.sleep(0.5)
    (wire,) = pair.prompt.server._wires()
    assert wire.transport
    assert wire.transport.get_write_buffer_size() < 100_000
    answer = await reader.read()
    assert answer.count(b"detail=memory") == 500
    writer.close()


# --- whatever is asked -----------------------------------------------------------------------------------------------

TAGS = st.sampled_from(['"x"', "*", 'W/"x"', "", "{etag}", 'W/{etag}, "x"', "{etag}{etag}"])
DATES = st.sampled_from(["Sun, 06 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:36 GMT", "yesterday", ""])
VALUES: dict[str, st.SearchStrategy[str]] = {
    "Accept": st.sampled_from([BROWSER, "image/webp", "image/webp;q=0", "*/*", "", "\xff"]),
    "If-None-Match": TAGS,
    "If-Match": TAGS,
    "If-Modified-Since": DATES,
    "If-Unmodified-Since": DATES,
    "Range": st.sampled_from(["bytes=0-9", "bytes=-5", "bytes=99999999-", "bytes=0-1,3-4", "x", ""]),
    "If-Range": TAGS,
    "DPR": st.sampled_from(["2", "x"]),
    "Connection": st.sampled_from(["close", "keep-alive", "upgrade", "Close, x"]),
    "Expect": st.sampled_from(["100-continue", "x"]),
    "Content-Length": st.just("0"),
    "Upgrade": st.just("websocket"),
    "Authorization": st.just("Bearer x"),
    "traceparent": st.sampled_from([f"00-{'a' * 32}-{'b' * 16}-01", "x"]),
    "x-request-id": st.sampled_from(["again", "?"]),
}
FIELDS = st.lists(
    st.sampled_from(sorted(VALUES)).flatmap(lambda name: st.tuples(st.just(name), VALUES[name])), max_size=3
)
TARGETS = st.sampled_from(
    [*IN_MEMORY, *IN_MEMORY, f"{FIXED}?x=1", OVER, "/_/w:x/plain/s3://bucket/cat.jpg", "/health", "/x"]
)
REQUESTS = st.tuples(
    st.sampled_from(["GET", "GET", "GET", "HEAD", "HEAD", "PUT"]),
    TARGETS,
    FIELDS,
    st.sampled_from(["1.1", "1.1", "1.1", "1.1", "1.0"]),
)


@pytest.fixture(scope="module")
def shared() -> Iterator[tuple[asyncio.Runner, Pair, str]]:
    with asyncio.Runner() as runner:
        pair = Pair(WebSettings(), auto_webp=True, enable_client_hints=True)
        runner.run(pair.__aenter__())
        etag = etag_in(runner.run(pair.plain.ask(request(FIXED), LAST)))
        yield runner, pair, etag
        runner.run(pair.__aexit__())
        assert pair.prompt.at_once.answered > 40, "hardly anything was answered at once: nothing was compared"


@settings(max_examples=200, deadline=None)
@given(asked=st.lists(REQUESTS, min_size=1, max_size=4), cut=st.floats(0, 1))
def test_the_same_bytes_are_said_and_the_same_is_told_whatever_is_asked(shared, asked, cut):
    runner, pair, etag = shared
    row = b""
    for number, (method, target, fields, version) in enumerate(asked):
        lines = [f"{method} {target} HTTP/{version}", "Host: x", f"X-Request-ID: id{number}"]
        lines += [f"{name}: {value.replace('{etag}', etag)}" for name, value in fields]
        row += "\r\n".join([*lines, "", ""]).encode("latin-1")
    at = int(len(row) * cut)
    runner.run(pair.compare(row[:at], row[at:], LAST))
