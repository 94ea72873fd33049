"""The whole service over HTTP, row by row of the dialect's §13 and of the settings of §14 that shape requests."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer
from yarl import URL

from imgproxy_py.assembly import open_application
from imgproxy_py.recipe.formats import Format, sniff
from imgproxy_py.settings import Settings, SettingsError
from imgproxy_py.stores.conditions import http_date
from tests.factories import jpeg, png

MODIFIED = 784111777.0
AT, BEFORE, AFTER = (http_date(MODIFIED + seconds) for seconds in (0, -1, 1))
LATER = "2030-01-01T00:00:00Z"
LATER_DATE = "Tue, 01 Jan 2030 00:00:00 GMT"


@dataclass
class Answer:
    status: int
    headers: Any
    body: bytes

    @property
    def said(self) -> tuple[int, str]:
        return self.status, self.body.decode()


@dataclass
class Origin:
    """A web server with one picture that keeps HTTP's rules, and a memory."""

    data: bytes = field(default_factory=jpeg)
    headers: dict[str, str] = field(default_factory=lambda: {"ETag": '"v1"', "Last-Modified": AT})
    status: int = 200
    asked: list[web.Request] = field(default_factory=list)
    url: str = ""

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request)
        if self.status != 200:
            return web.Response(status=self.status, text="the origin's own words")
        return web.Response(body=self.data, content_type="image/jpeg", headers=self.headers)

    def methods(self) -> list[str]:
        return [request.method for request in self.asked]


@dataclass
class Client:
    session: ClientSession
    base: str
    origin: Origin

    async def get(self, target: str, method: str = "GET", **headers: str) -> Answer:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        url = URL(self.base + target, encoded=True)
        async with self.session.request(method, url, headers=named, allow_redirects=False) as answer:
            return Answer(answer.status, answer.headers, await answer.read())

    def cat(self, options: str = "w:16", ending: str = "") -> str:
        return f"/_/{options}/plain/{self.origin.url}/cat.jpg{ending}"


Serve = Callable[..., Awaitable[Client]]


@pytest.fixture
async def serve(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Serve]:
    async with AsyncExitStack() as stack:

        async def start(**settings: Any) -> Client:
            origin = Origin()
            origin.url = await _started(stack, _everything(origin.handle))
            loaded = Settings.load({"allow_loopback_source_addresses": "true", **settings})
            base = await _started(stack, await stack.enter_async_context(open_application(loaded)))
            session = await stack.enter_async_context(ClientSession(auto_decompress=False))
            return Client(session, base, origin)

        yield start


def _everything(handler: Any) -> web.Application:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler)
    return app


async def _started(stack: AsyncExitStack, app: web.Application) -> str:
    server = TestServer(app)
    await server.start_server(access_log=None)
    stack.push_async_callback(server.close)
    return f"http://{server.host}:{server.port}"


# --- §13.1 routes ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "target", "status", "body"),
    [
        ("GET", "/health", 200, b"imgproxy is running"),
        ("GET", "/alive", 200, b"imgproxy is running"),
        ("GET", "/favicon.ico", 404, b" "),
        ("GET", "/.well-known/security.txt", 404, b" "),
        ("OPTIONS", "/_/w:16/plain/x", 200, b" "),
        ("HEAD", "/health", 200, b""),
        ("POST", "/_/w:16/plain/x", 404, b" "),
        ("PUT", "/", 404, b" "),
        ("GET", "/", 200, None),
    ],
)
async def test_routes(serve: Serve, method: str, target: str, status: int, body: bytes | None) -> None:
    client = await serve(health_check_path="/alive")
    answer = await client.get(target, method)
    assert answer.status == status
    assert body is None or answer.body == body
    assert client.origin.asked == []


async def test_the_health_check_needs_no_prefix_and_no_secret(serve: Serve) -> None:
    client = await serve(path_prefix="/img", secret="word", health_check_path="/alive")
    for target in ("/health", "/alive"):
        answer = await client.get(target)
        assert answer.said == (200, "imgproxy is running")
        assert (answer.headers["Content-Type"], answer.headers["Cache-Control"]) == ("text/plain", "no-cache")


async def test_a_path_prefix_is_where_everything_lies(serve: Serve) -> None:
    client = await serve(path_prefix="img/")
    assert (await client.get("/img" + client.cat())).status == 200
    assert (await client.get(client.cat())).status == 404
    assert (await client.get("/img")).status == (await client.get("/img/")).status == 200


@pytest.mark.parametrize(
    ("authorization", "status"),
    [("Bearer word", 200), ("Bearer wor", 403), ("bearer word", 403), ("word", 403), ("", 403)],
)
async def test_a_secret_must_be_borne(serve: Serve, authorization: str, status: int) -> None:
    client = await serve(secret="word")
    answer = await client.get(client.cat(), **({"Authorization": authorization} if authorization else {}))
    assert answer.status == status
    assert status == 200 or answer.said == (403, "Forbidden")
    assert all("Authorization" not in request.headers for request in client.origin.asked)


async def test_the_secret_is_told_to_no_origin_even_where_the_header_is_passed_on(serve: Serve) -> None:
    client = await serve(secret="word", request_headers_passthrough="Authorization,X-User")
    answer = await client.get(client.cat(), Authorization="Bearer word", X_User="7")
    assert answer.status == 200
    assert client.origin.asked[0].headers["X-User"] == "7"
    assert "Authorization" not in client.origin.asked[0].headers


@pytest.mark.parametrize("target", ["/_/w:x/plain/x", "/health", "/"])
@pytest.mark.parametrize("method", ["GET", "OPTIONS"])
async def test_cors(serve: Serve, method: str, target: str) -> None:
    client = await serve(allow_origin="https://shop.test")
    headers = (await client.get(target, method)).headers
    assert headers["Access-Control-Allow-Origin"] == "https://shop.test"
    assert headers["Access-Control-Allow-Methods"] == "GET, OPTIONS"
    assert "Access-Control-Allow-Origin" not in (await (await serve()).get(target, method)).headers


@pytest.mark.parametrize(("given", "kept"), [("abc-1_Z", True), ("a b", False), ("x" * 200, False)])
async def test_every_answer_says_who_and_which_request(serve: Serve, given: str, kept: bool) -> None:
    client = await serve()
    for target in (client.cat(), "/_/w:x/plain/x", "/health"):
        headers = (await client.get(target, X_Request_ID=given)).headers
        assert headers["Server"] == "imgproxy"
        assert (headers["X-Request-ID"] == given) is kept


# --- §13.3 headers of pictures ---------------------------------------------------------------------------------------


async def test_a_canonical_link_names_the_original(serve: Serve) -> None:
    client = await serve(set_canonical_header="true")
    answer = await client.get(client.cat())
    assert answer.headers["Link"] == f'<{client.origin.url}/cat.jpg>; rel="canonical"'


@pytest.mark.parametrize(
    ("settings", "accept", "ending", "kind", "vary"),
    [
        ({}, "image/webp", "", Format.JPEG, None),
        ({"auto_webp": "1"}, "image/webp", "", Format.WEBP, "Accept"),
        ({"auto_webp": "1"}, "*/*", "", Format.JPEG, "Accept"),
        ({"auto_webp": "1"}, "image/webp", "@png", Format.PNG, None),
        ({"auto_webp": "1", "auto_avif": "1"}, "image/avif,image/webp", "", Format.AVIF, "Accept"),
        ({"enforce_webp": "1"}, "image/webp", "@png", Format.WEBP, "Accept"),
        ({"enforce_webp": "1"}, "image/png", "@png", Format.PNG, "Accept"),
        ({"enforce_avif": "1", "auto_webp": "1"}, "image/webp", "", Format.WEBP, "Accept"),
        ({"enforce_webp": "1"}, "image/webp;q=0", "@png", Format.PNG, "Accept"),
        ({"preferred_formats": "webp"}, "", "", Format.WEBP, None),
        ({"preferred_formats": "png,jpeg"}, "", "", Format.JPEG, None),
    ],
)
async def test_formats_are_negotiated(
    serve: Serve, settings: dict[str, str], accept: str, ending: str, kind: Format, vary: str | None
) -> None:
    client = await serve(**settings)
    answer = await client.get(client.cat("w:32", ending), Accept=accept)
    assert sniff(answer.body) is kind
    assert answer.headers.get("Vary") == vary


@pytest.mark.parametrize(
    ("hints", "options", "width"),
    [
        ({"Sec_CH_Width": "20"}, "q:50", "20"),
        ({"Width": "20"}, "q:50", "20"),
        ({"Sec_CH_Width": "20", "Width": "40"}, "q:50", "20"),
        ({"Sec_CH_Width": "20"}, "w:10", "10"),
        ({"Sec_CH_DPR": "2"}, "w:10", "20"),
        ({"DPR": "2"}, "w:10/dpr:1", "10"),
        ({"DPR": "2", "Width": "20"}, "q:50", "20"),
        ({"DPR": "9"}, "w:10", "10"),
        ({"Width": "-3"}, "q:50", "64"),
    ],
)
async def test_client_hints(serve: Serve, hints: dict[str, str], options: str, width: str) -> None:
    client = await serve(enable_client_hints="true", enable_debug_headers="true")
    answer = await client.get(client.cat(options), **hints)
    assert answer.headers["X-Result-Width"] == width
    deaf = await serve(enable_debug_headers="true")
    unheeded = await deaf.get(deaf.cat("w:10"), **hints)
    assert (unheeded.headers["X-Result-Width"], unheeded.headers.get("Vary")) == ("10", None)


async def test_hints_are_varied_by_where_they_can_change_the_picture(serve: Serve) -> None:
    client = await serve(enable_client_hints="true")
    assert (await client.get(client.cat("q:50"))).headers["Vary"] == "Sec-CH-DPR, DPR, Sec-CH-Width, Width"
    assert "Vary" not in (await client.get(client.cat("w:10/dpr:1"))).headers


# --- §13.4 lifetimes -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "origin", "said"),
    [
        ({}, {"Cache-Control": "max-age=7"}, "max-age=31536000, public"),
        ({"ttl": "9"}, {}, "max-age=9, public"),
        ({"ttl": "0"}, {}, "no-cache"),
        ({"ttl": "0", "cdn_ttl": "60"}, {}, "max-age=0, public, s-maxage=60"),
        ({"cache_control_passthrough": "1"}, {"Cache-Control": "max-age=7"}, "max-age=7"),
        ({"cache_control_passthrough": "1"}, {"Expires": "0"}, "max-age=0, public"),
        ({"cache_control_passthrough": "1"}, {}, "max-age=31536000, public"),
    ],
)
@pytest.mark.parametrize("options", ["w:16", "raw:1"])
async def test_lifetimes(
    serve: Serve, options: str, settings: dict[str, str], origin: dict[str, str], said: str
) -> None:
    client = await serve(**settings)
    client.origin.headers = origin
    assert (await client.get(client.cat(options))).headers["Cache-Control"] == said


async def test_errors_of_the_dialect_have_no_lifetime(serve: Serve) -> None:
    client = await serve()
    client.origin.status = 404
    for target in (client.cat(), "/_/w:x/plain/x"):
        assert "Cache-Control" not in (await client.get(target)).headers


# --- §13.5 conditions: ours are judged here, by the origin's validators ----------------------------------------------


@pytest.mark.parametrize(
    ("settings", "known", "status"),
    [
        ({}, {"If_Modified_Since": AT}, 304),
        ({}, {"If_Modified_Since": AFTER}, 304),
        ({}, {"If_Modified_Since": BEFORE}, 200),
        ({}, {"If_Modified_Since": "no date"}, 200),
        ({"use_last_modified": "0"}, {"If_Modified_Since": AT}, 200),
        ({}, {"If_None_Match": '"v1"'}, 200),  # the origin's own tag is none of ours
        ({}, {"If_None_Match": '"other"', "If_Modified_Since": AT}, 200),  # the tag decides alone
        ({"last_modified_buster": LATER}, {"If_Modified_Since": AT}, 200),
        ({"last_modified_buster": LATER}, {"If_Modified_Since": LATER_DATE}, 304),
        ({"last_modified_buster": "1990-01-01T00:00:00Z"}, {"If_Modified_Since": AT}, 304),
    ],
)
async def test_a_cold_picture_is_not_made_for_who_has_it(
    serve: Serve, settings: dict[str, str], known: dict[str, str], status: int
) -> None:
    client = await serve(memory_cache_bytes="0", **settings)
    answer = await client.get(client.cat(), **known)
    assert answer.status == status
    if status == 304:
        assert client.origin.methods() == ["HEAD"]
        assert answer.body == b""
        assert "Content-Type" not in answer.headers


async def test_the_entity_tag_holds_cold_and_warm_and_through_the_origins_changes(serve: Serve) -> None:
    client = await serve(memory_cache_bytes="0")
    first = await client.get(client.cat())
    etag = first.headers["ETag"]
    again = await client.get(client.cat(), If_None_Match=etag)
    assert (again.status, again.headers["ETag"], again.headers["Last-Modified"]) == (304, etag, AT)
    assert again.headers["Cache-Control"] == first.headers["Cache-Control"]
    client.origin.headers = {"ETag": '"v2"', "Last-Modified": AT}
    changed = await client.get(client.cat(), If_None_Match=etag)
    assert changed.status == 200
    assert changed.headers["ETag"] != etag


@pytest.mark.parametrize("origin", [{}, {"ETag": '"v1"'}, {"Last-Modified": AT}])
async def test_an_origin_with_few_validators_is_fetched_and_the_tag_still_holds(
    serve: Serve, origin: dict[str, str]
) -> None:
    client = await serve(memory_cache_bytes="0", originals_cache_bytes="0")
    client.origin.headers = origin
    etag = (await client.get(client.cat())).headers["ETag"]
    client.origin.asked.clear()
    assert (await client.get(client.cat(), If_None_Match=etag)).status == 304
    assert client.origin.methods() == (["HEAD"] if origin else ["HEAD", "GET"])


@pytest.mark.parametrize(
    ("settings", "present", "absent"),
    [
        ({}, {"ETag", "Last-Modified"}, set()),
        ({"use_etag": "0"}, {"Last-Modified"}, {"ETag"}),
        ({"use_last_modified": "0"}, {"ETag"}, {"Last-Modified"}),
    ],
)
async def test_validators_are_sent_where_they_are_on(
    serve: Serve, settings: dict[str, str], present: set[str], absent: set[str]
) -> None:
    client = await serve(**settings)
    headers = (await client.get(client.cat())).headers
    assert all(name in headers for name in present)
    assert not any(name in headers for name in absent)
    assert headers.get("Last-Modified", AT) == AT


async def test_busters_make_validators_new(serve: Serve) -> None:
    plain, busted = await serve(), await serve(etag_buster="2", last_modified_buster=LATER)
    old, new = await plain.get(plain.cat()), await busted.get(busted.cat())
    assert old.headers["ETag"] != new.headers["ETag"]
    assert new.headers["Last-Modified"] == LATER_DATE
    assert (await busted.get(busted.cat(), If_None_Match=old.headers["ETag"])).status == 200


# --- §13.6 raw -------------------------------------------------------------------------------------------------------


async def test_raw_relays_statuses_and_conditions(serve: Serve) -> None:
    client = await serve()
    answer = await client.get(client.cat("raw:1"), If_None_Match='"v1"', Range="bytes=0-1")
    assert (answer.status, answer.body, answer.headers["ETag"]) == (200, client.origin.data, '"v1"')
    assert client.origin.asked[0].headers["If-None-Match"] == '"v1"'
    assert client.origin.asked[0].headers["Range"] == "bytes=0-1"
    client.origin.status = 404
    missing = await client.get(client.cat("raw:1"))
    assert missing.said == (404, "the origin's own words")
    assert "Content-Disposition" not in missing.headers


# --- §13.7 fallback --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("where", ["data", "path", "url"])
@pytest.mark.parametrize(("code", "status"), [("200", 200), ("404", 404), ("0", 500)])
async def test_a_fallback_image_stands_in(serve: Serve, where: str, code: str, status: int, tmp_path: Path) -> None:
    path = tmp_path / "none.png"
    path.write_bytes(png())
    other = Origin(data=png())
    async with AsyncExitStack() as stack:
        other.url = await _started(stack, _everything(other.handle))
        given = {
            "data": base64.b64encode(png()).decode(),
            "path": str(path),
            "url": f"{other.url}/none.png",
        }[where]
        client = await serve(
            **{f"fallback_image_{where}": given},
            fallback_image_http_code=code,
            fallback_image_ttl="5",
            allowed_sources="http://127.0.0.1:*/cat",
            max_redirects="0",
        )
        client.origin.status = 500
        answer = await client.get(client.cat())
    assert answer.status == (502 if status == 500 else status)
    assert sniff(answer.body) is Format.PNG
    assert (answer.headers["Fallback-Image"], answer.headers["Cache-Control"]) == ("1", "max-age=5, public")


async def test_a_fallback_of_a_url_must_be_on_the_list(serve: Serve) -> None:
    client = await serve(allowed_sources="http://127.0.0.1:*/cat")
    client.origin.status = 404
    encoded = base64.urlsafe_b64encode(f"{client.origin.url}/secret.png".encode()).decode().rstrip("=")
    answer = await client.get(client.cat(f"fiu:{encoded}"))
    assert answer.said == (404, "Invalid source URL")
    assert client.origin.asked == []


def test_a_fallback_that_is_no_base64_stops_the_start() -> None:
    with pytest.raises(SettingsError, match="IMGPROXY_FALLBACK_IMAGE_DATA"):
        Settings.load({"fallback_image_data": "no base64!"})


# --- §14: which options, which sources, what is skipped --------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "options", "said"),
    [
        ({"allowed_processing_options": "w,h"}, "w:16", None),
        ({"allowed_processing_options": "w,h"}, "width:16", (404, "Invalid URL")),
        ({"allowed_processing_options": "w,pr", "presets": "a=q:50"}, "w:16/pr:a", None),
        ({}, "msr:1", (403, "Invalid URL")),
        ({}, "maf:9", (403, "Invalid URL")),
        ({"allow_security_options": "1"}, "msr:1", None),
        ({"allow_security_options": "1"}, "msr:0.0001", (422, "Invalid source image")),
        ({}, "bc:1", (403, "Invalid URL")),
        ({"allow_bypass_cache": "1"}, "bc:1", None),
        ({"allowed_sources": "http://elsewhere/"}, "w:16", (404, "Invalid source URL")),
        ({"allowed_sources": "http://127.0.0.1:*/"}, "w:16", None),
        ({"allow_loopback_source_addresses": "0"}, "w:16", (404, "Invalid source URL")),
        ({"max_src_file_size": "10"}, "w:16", (422, "Invalid source image")),
        ({"max_src_resolution": "0.001"}, "w:16", (422, "Invalid source image")),
        ({"arguments_separator": ","}, "w,16", None),
    ],
)
async def test_what_is_permitted(
    serve: Serve, settings: dict[str, str], options: str, said: tuple[int, str] | None
) -> None:
    client = await serve(**settings)
    answer = await client.get(client.cat(options))
    if said is None:
        assert answer.status == 200
    else:
        assert answer.said == said


@pytest.mark.parametrize(
    ("settings", "options", "ending", "skipped"),
    [
        ({}, "w:16", "", False),
        ({"skip_processing_formats": "jpeg"}, "w:16", "", True),
        ({"skip_processing_formats": "jpeg"}, "w:16", "@jpeg", True),
        ({"skip_processing_formats": "jpeg"}, "w:16", "@png", False),
        ({"skip_processing_formats": "png,gif"}, "w:16", "", False),
        ({}, "w:16/skp:jpg:png", "", True),
    ],
)
async def test_formats_that_are_skipped_come_back_as_they_are(
    serve: Serve, settings: dict[str, str], options: str, ending: str, skipped: bool
) -> None:
    client = await serve(**settings)
    answer = await client.get(client.cat(options, ending))
    assert (answer.body == client.origin.data) is skipped


async def test_base_url_and_replacements_rewrite_sources(serve: Serve) -> None:
    first = await serve()
    client = await serve(base_url=f"{first.origin.url}/", url_replacements="mine://=pictures/")
    assert (await client.get("/_/w:16/plain/mine://cat.jpg")).status == 200
    assert first.origin.asked[0].path == "/pictures/cat.jpg"


async def test_a_base64_source_may_carry_a_file_name(serve: Serve) -> None:
    client = await serve(base64_url_includes_filename="true")
    encoded = base64.urlsafe_b64encode(f"{client.origin.url}/cat.jpg".encode()).decode().rstrip("=")
    answer = await client.get(f"/_/w:16/{encoded}.png/nice-cat.jpg")
    assert sniff(answer.body) is Format.PNG


async def test_a_hashsum_guards_against_another_original(serve: Serve) -> None:
    client = await serve(originals_cache_bytes="0")
    right = hashlib.sha512(client.origin.data).hexdigest()
    assert (await client.get(client.cat(f"w:16/hs:sha512:{right}"))).status == 200
    client.origin.data = png()
    assert (await client.get(client.cat(f"w:16/hs:sha512:{right}"))).status == 200  # in memory: the same picture
    answer = await client.get(client.cat(f"w:17/hs:sha512:{right}"))
    assert answer.said == (422, "Invalid source image")


# --- cookies and headers ---------------------------------------------------------------------------------------------


async def test_cookies_of_this_very_service_go_to_its_own_originals(serve: Serve) -> None:
    client = await serve(cookie_passthrough="1")
    host = client.origin.url.removeprefix("http://")
    answer = await client.get(client.cat(), Cookie="a=b", Host=host)
    assert client.origin.asked[0].headers["Cookie"] == "a=b"
    assert (answer.headers["Cache-Control"], answer.headers["Vary"]) == ("max-age=31536000, private", "Cookie")
    await client.get(client.cat("w:17"), Cookie="a=b")
    assert "Cookie" not in client.origin.asked[-1].headers


async def test_custom_headers_go_out_and_come_back(serve: Serve) -> None:
    client = await serve(
        custom_request_headers="X-Key=1\\;X-Two=2",
        custom_response_headers="X-Shop=yes",
        response_headers_passthrough="X-License",
    )
    client.origin.headers["X-License"] = "CC0"
    answer = await client.get(client.cat())
    asked = client.origin.asked[0].headers
    assert (asked["X-Key"], asked["X-Two"]) == ("1", "2")
    assert (answer.headers["X-Shop"], answer.headers["X-License"]) == ("yes", "CC0")
    assert answer.headers["Cache-Control"] == "max-age=31536000, public"  # nothing of the caller was told
