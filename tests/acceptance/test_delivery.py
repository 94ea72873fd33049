"""What clients and CDNs may rely on, from the running service (delivery, and dialect §13)."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from http.client import HTTPException
from pathlib import Path

import pytest

from imgproxy_py.recipe.formats import Format, sniff
from tests import pictures
from tests.acceptance.origin import Origin, Page
from tests.acceptance.service import IN_MEMORY, MADE, Service, ask, serving

PHOTO = pictures.jpeg(pictures.marked(300, 200))
ALPHA = pictures.png(pictures.with_alpha(pictures.marked(120, 80)))
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox"
KITTEN = "attachment; filename=\"k_tzchen.webp\"; filename*=UTF-8''k%C3%A4tzchen.webp"
MODERN = "image/avif,image/webp,*/*;q=0.8"


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("shop")
    (directory / "a.jpg").write_bytes(PHOTO)
    (directory / "alpha.png").write_bytes(ALPHA)
    (directory / "b c.jpg").write_bytes(PHOTO)
    (directory / "drawing.svg").write_bytes(pictures.svg())
    return directory


@pytest.fixture(scope="module")
def plain(shop: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service with both dialects and nothing switched on."""
    settings = {"local_filesystem_root": str(shop), "images_source": "local:///"}
    with serving(
        tmp_path_factory.mktemp("plain"),
        **settings,
        allow_loopback_source_addresses="true",
        presets="card=rs:fill:50:40",
    ) as running:
        yield running


@pytest.fixture(scope="module")
def rich(shop: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service with negotiation, client hints, CORS, debug headers, tags and CDN lifetimes."""
    settings = {
        "local_filesystem_root": str(shop),
        "images_source": "local:///",
        "auto_webp": "true",
        "auto_avif": "true",
        "enable_client_hints": "true",
        "allow_origin": "https://shop.example",
        "enable_debug_headers": "true",
        "cache_tag_headers": "Cache-Tag,Surrogate-Key",
        "ttl": "600",
        "cdn_ttl": "3600",
        "cdn_cache_control": "true",
        "stale_while_revalidate": "30",
        "stale_if_error": "60",
        "health_check_path": "/alive",
        "presets": "default=q:60,card=rs:fill:50:40",
    }
    with serving(tmp_path_factory.mktemp("rich"), **settings) as running:
        yield running


# Success


def test_an_answer_says_exactly_what_it_is(plain: Service) -> None:
    answer = plain.get("/unsafe/w:31/plain/local:///a.jpg")
    headers = answer.headers
    assert answer.size == (31, 21)
    assert (headers["Content-Type"], headers["Content-Length"]) == ("image/jpeg", str(len(answer.body)))
    assert headers["Content-Disposition"] == 'inline; filename="a.jpg"'
    assert headers["Cache-Control"] == "max-age=31536000, public"
    assert headers["Server"] == "imgproxy"
    assert headers["Content-Security-Policy"] == POLICY
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert headers["Accept-Ranges"] == "bytes"
    assert headers["ETag"].startswith('"')
    assert parsedate_to_datetime(headers["Last-Modified"]).year >= 2020
    assert headers["X-Request-ID"]
    for absent in ("Vary", "Expires", "Server-Timing", "X-Result-Width", "Access-Control-Allow-Origin", "Cache-Tag"):
        assert headers[absent] is None


@pytest.mark.parametrize(
    ("target", "media_type", "kind"),
    [
        ("/unsafe/w:9/plain/local:///a.jpg", "image/jpeg", Format.JPEG),
        ("/unsafe/w:9/plain/local:///alpha.png", "image/png", Format.PNG),
        ("/unsafe/w:9/plain/local:///a.jpg@webp", "image/webp", Format.WEBP),
        ("/unsafe/w:32/plain/local:///a.jpg@avif", "image/avif", Format.AVIF),
        ("/unsafe/w:9/f:gif/plain/local:///a.jpg", "image/gif", Format.GIF),
        ("/unsafe/w:9/f:tiff/plain/local:///a.jpg", "image/tiff", Format.TIFF),
        ("/unsafe/plain/local:///drawing.svg", "image/svg+xml", Format.SVG),
        ("/images/a.jpg?w=9&format=webp", "image/webp", Format.WEBP),
    ],
)
def test_every_format_comes_as_itself(target: str, media_type: str, kind: Format, plain: Service) -> None:
    answer = plain.get(target)
    assert (answer.status, answer.headers["Content-Type"]) == (200, media_type)
    assert sniff(answer.body) is kind


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("/unsafe/w:9/fn:cat/plain/local:///a.jpg", 'inline; filename="cat.jpg"'),
        ("/unsafe/w:9/att:1/plain/local:///a.jpg@png", 'attachment; filename="a.png"'),
        ("/unsafe/w:9/plain/local:///b%20c.jpg", 'inline; filename="b c.jpg"'),
        (
            "/images/a.jpg?w=9&dl=k%C3%A4tzchen.jpg&format=webp",
            "attachment; filename=\"k_tzchen.webp\"; filename*=UTF-8''k%C3%A4tzchen.webp",
        ),
    ],
)
def test_a_picture_is_saved_under_its_name(target: str, said: str, plain: Service) -> None:
    assert plain.get(target).headers["Content-Disposition"] == said


def test_lifetimes_end_when_the_url_expires(plain: Service) -> None:
    soon = int(time.time()) + 100
    said = plain.get(f"/unsafe/w:9/exp:{soon}/plain/local:///a.jpg").headers["Cache-Control"]
    assert 90 <= int(said.removeprefix("max-age=").partition(",")[0]) <= 100
    assert plain.get("/unsafe/w:9/exp:1000/plain/local:///a.jpg").said == (404, "Invalid URL")
    assert plain.get("/images/a.jpg?w=9&exp=1000").problem["type"] == "link-expired"


def test_a_cdn_is_told_its_own_lifetimes_and_tags(rich: Service) -> None:
    headers = rich.get("/unsafe/pr:card/plain/local:///a.jpg").headers
    assert headers["Cache-Control"] == (
        "max-age=600, public, s-maxage=3600, stale-while-revalidate=30, stale-if-error=60"
    )
    assert headers["CDN-Cache-Control"] == headers["Surrogate-Control"] == "max-age=3600"
    assert headers["Cache-Tag"].split(",")[1:] == ["preset-card"]
    assert headers["Surrogate-Key"] == headers["Cache-Tag"].replace(",", " ")


def test_debug_headers_tell_sizes_and_times(rich: Service) -> None:
    headers = rich.get("/unsafe/w:33/plain/local:///a.jpg").headers
    assert [headers[f"X-{name}"] for name in ("Origin-Width", "Origin-Height", "Result-Width", "Result-Height")] == [
        *("300", "200"),
        *("33", "22"),
    ]
    assert headers["X-Origin-Content-Length"] == str(len(PHOTO))
    assert [part.partition(";")[0] for part in headers["Server-Timing"].split(", ")] == [
        *("queue", "fetch", "decode", "transform", "encode"),
    ]


# Negotiation


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        ("", "image/jpeg"),
        ("*/*", "image/jpeg"),
        ("image/*", "image/jpeg"),
        ("image/webp", "image/webp"),
        (MODERN, "image/avif"),
        ("image/avif;q=0,image/webp", "image/webp"),
    ],
)
@pytest.mark.parametrize("target", ["/unsafe/w:40/plain/local:///a.jpg", "/images/a.jpg?w=40"])
def test_the_format_is_what_the_client_names(target: str, accept: str, media_type: str, rich: Service) -> None:
    answer = rich.get(target, Accept=accept)
    assert (answer.status, answer.headers["Content-Type"]) == (200, media_type)
    assert "Accept" in answer.headers["Vary"]


def test_a_format_in_the_url_is_kept_and_not_varied_by(rich: Service) -> None:
    answer = rich.get("/unsafe/w:40/dpr:1/plain/local:///a.jpg@png", Accept=MODERN)
    assert answer.headers["Content-Type"] == "image/png"
    assert "Accept" not in (answer.headers["Vary"] or "").replace("Accept-CH", "")


def test_errors_and_304_vary_as_the_picture_does(rich: Service) -> None:
    target = "/unsafe/w:40/plain/local:///a.jpg"
    picture = rich.get(target, Accept=MODERN)
    unchanged = rich.get(target, Accept=MODERN, If_None_Match=picture.headers["ETag"])
    missing = rich.get("/unsafe/w:40/plain/local:///none.jpg", Accept=MODERN)
    assert (unchanged.status, missing.status) == (304, 404)
    assert picture.headers["Vary"] == unchanged.headers["Vary"] == missing.headers["Vary"]


def test_each_negotiated_format_has_an_etag_of_its_own(rich: Service) -> None:
    target = "/unsafe/w:41/plain/local:///a.jpg"
    tags = {rich.get(target, Accept=accept).headers["ETag"] for accept in ("", "image/webp", "image/avif")}
    assert len(tags) == 3


def test_client_hints_choose_dpr_and_width(rich: Service) -> None:
    target = "/unsafe/h:0/plain/local:///a.jpg@png"
    assert rich.get(target, Sec_CH_Width="100").image.width == 100
    assert rich.get(target, Sec_CH_Width="100", Sec_CH_DPR="2").image.width == 100
    assert rich.get("/unsafe/w:50/plain/local:///a.jpg@png", DPR="2").image.width == 100
    assert rich.get("/unsafe/w:50/dpr:1/plain/local:///a.jpg@png", DPR="2").image.width == 50
    assert "Sec-CH-DPR, DPR, Sec-CH-Width, Width" in rich.get(target).headers["Vary"]


def test_client_hints_are_ignored_unless_switched_on(plain: Service) -> None:
    answer = plain.get("/unsafe/plain/local:///a.jpg@png", Sec_CH_Width="100", DPR="2")
    assert answer.size == (300, 200)
    assert answer.headers["Vary"] is None


# Conditional requests, HEAD, ranges


@pytest.mark.parametrize("target", ["/unsafe/w:51/plain/local:///a.jpg", "/images/a.jpg?w=51&format=jpeg"])
def test_a_known_picture_is_not_sent_again(target: str, plain: Service) -> None:
    first = plain.get(target)
    etag = first.headers["ETag"]
    for known in (etag, f"W/{etag}", f'"other", {etag}', "*"):
        again = plain.get(target, If_None_Match=known)
        assert (again.status, again.body, again.headers["ETag"]) == (304, b"", etag)
        assert again.headers["Cache-Control"] == first.headers["Cache-Control"]
    assert plain.get(target, If_None_Match='"other"').status == 200
    assert plain.get(target, If_Modified_Since=first.headers["Last-Modified"]).status == 304
    assert plain.get(target, If_None_Match='"other"', If_Modified_Since=first.headers["Last-Modified"]).status == 200
    assert plain.get(target, If_Match='"other"').status == 412
    assert plain.get(target, If_Match=etag).status == 200


def test_a_known_picture_needs_no_work_even_where_no_cache_has_it(
    plain: Service, origin: Origin, shop: Path, tmp_path: Path
) -> None:
    url = origin.put("/a.png", Page(ALPHA, headers={"ETag": '"v1"'}))
    target = f"/unsafe/w:23/plain/{url}"
    settings = {"local_filesystem_root": str(shop), "allow_loopback_source_addresses": "true"}
    with serving(tmp_path, **settings) as cold:
        etag = plain.get(target).headers["ETag"]
        fetched = origin.times("/a.png")
        answer = cold.get(target, If_None_Match=etag)
        assert (answer.status, answer.headers["ETag"]) == (304, etag)
        assert origin.times("/a.png") == fetched
        assert origin.times("/a.png", "HEAD") == 1
        assert cold.metric("stage_duration_seconds_count", stage="transform") == 0
        origin.put("/a.png", Page(ALPHA, headers={"ETag": '"v2"'}))
        assert cold.get(target, If_None_Match=etag).status == 200


@pytest.mark.parametrize(
    "target", ["/unsafe/w:52/plain/local:///a.jpg", "/images/a.jpg?w=52", "/images/a.jpg?w=x", "/x/y"]
)
def test_a_head_is_a_get_without_its_body(target: str, plain: Service) -> None:
    got = plain.get(target)
    headed = plain.get(target, method="HEAD")
    assert (headed.status, headed.body) == (got.status, b"")
    for name in ("Content-Type", "Content-Length", "ETag", "Cache-Control", "Vary", "Content-Disposition"):
        assert headed.headers[name] == got.headers[name]


def test_parts_of_a_picture_are_sent(plain: Service) -> None:
    target = "/unsafe/w:53/plain/local:///a.jpg"
    whole = plain.get(target)
    size, etag = len(whole.body), whole.headers["ETag"]
    for asked, first, last in (
        ("0-9", 0, 9),
        ("10-", 10, size - 1),
        ("-5", size - 5, size - 1),
        ("5-999999", 5, size - 1),
    ):
        part = plain.get(target, Range=f"bytes={asked}")
        assert (part.status, part.headers["Content-Range"]) == (206, f"bytes {first}-{last}/{size}")
        assert part.body == whole.body[first : last + 1]
    beyond = plain.get(target, Range=f"bytes={size}-")
    assert (beyond.status, beyond.headers["Content-Range"]) == (416, f"bytes */{size}")
    assert plain.get(target, Range="bytes=0-9", If_Range=etag).status == 206
    assert plain.get(target, Range="bytes=0-9", If_Range='"other"').body == whole.body
    assert plain.get(target, Range="nonsense").body == whole.body


# Raw


def test_a_raw_original_is_relayed_untouched(plain: Service, origin: Origin) -> None:
    url = origin.put("/doc.bin", b"no picture" * 1000, Content_Type="application/x-thing", ETag='"t"')
    answer = plain.get(f"/unsafe/raw:1/w:10/plain/{url}")
    assert (answer.status, answer.body) == (200, b"no picture" * 1000)
    assert (answer.headers["Content-Type"], answer.headers["ETag"]) == ("application/x-thing", '"t"')
    assert plain.line(answer)["outcome"] == "bypassed"
    assert plain.get(f"/unsafe/raw:1/plain/{url}", If_None_Match='"t"').status == 304
    missing = plain.get(f"/unsafe/raw:1/plain/{origin.url('/none')}")
    assert missing.said == (404, "nothing here")


def test_parts_of_a_raw_original_are_relayed(plain: Service, origin: Origin) -> None:
    part = plain.get("/unsafe/raw:1/plain/local:///a.jpg", Range="bytes=2-5")
    assert (part.status, part.body) == (206, PHOTO[2:6])
    assert part.headers["Content-Range"] == f"bytes 2-5/{len(PHOTO)}"
    url = origin.put("/part", Page(b"cdef", "206 Partial Content", {"Content-Range": "bytes 2-5/10"}))
    relayed = plain.get(f"/unsafe/raw:1/plain/{url}", Range="bytes=2-5")
    assert (relayed.status, relayed.body, relayed.headers["Content-Range"]) == (206, b"cdef", "bytes 2-5/10")
    assert origin.asked[-1].headers["range"] == "bytes=2-5"


def test_a_raw_stream_that_breaks_off_breaks_off(plain: Service, origin: Origin) -> None:
    url = origin.put("/half", Page(b"x" * 100_000, sent=1000, then="close"))
    with pytest.raises((HTTPException, ConnectionError)):
        plain.get(f"/unsafe/raw:1/plain/{url}")
    assert plain.is_alive()


# Who may ask


def test_the_secret_guards_pictures_alone(shop: Path, tmp_path: Path) -> None:
    settings = {"local_filesystem_root": str(shop), "images_source": "local:///", "secret": "open sesame"}
    with serving(tmp_path, **settings) as service:
        target = "/unsafe/w:9/plain/local:///a.jpg"
        assert service.get(target).said == (403, "Forbidden")
        assert service.get(target, Authorization="Bearer other").said == (403, "Forbidden")
        assert service.get(target, Authorization="Bearer open sesame").status == 200
        assert service.get("/images/a.jpg?w=9").problem["type"] == "forbidden"
        assert service.get("/images/a.jpg?w=9", Authorization="Bearer open sesame").status == 200
        assert service.get(target, method="HEAD").status == 403
        for open_to_all in ("/", "/health", "/ready"):
            assert service.get(open_to_all).status == 200
        assert "open sesame" not in json.dumps(service.events)


def test_browsers_of_the_allowed_origin_may_read(rich: Service) -> None:
    preflight = rich.get("/unsafe/w:9/plain/local:///a.jpg", method="OPTIONS", Origin="https://shop.example")
    for answer in (preflight, rich.get("/unsafe/w:9/plain/local:///a.jpg"), rich.get("/unsafe/w:x/y")):
        assert answer.headers["Access-Control-Allow-Origin"] == "https://shop.example"
        assert answer.headers["Access-Control-Allow-Methods"] == "GET, OPTIONS"
    assert preflight.said == (200, " ")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_other_methods_are_not_there(method: str, plain: Service) -> None:
    assert plain.get("/unsafe/w:9/plain/local:///a.jpg", method=method).said == (404, " ")
    refused = plain.get("/images/a.jpg", method=method)
    assert (refused.status, refused.headers["Allow"]) == (405, "GET, HEAD")


# What is around pictures


def test_the_front_page_the_probes_and_what_browsers_try(plain: Service, rich: Service) -> None:
    landing = plain.get("/")
    assert (landing.status, landing.headers["Content-Type"]) == (200, "text/html")
    assert landing.headers["Cache-Control"] == "no-cache"
    health = plain.get("/health")
    assert health.said == (200, "imgproxy is running")
    assert (health.headers["Content-Type"], health.headers["Cache-Control"]) == ("text/plain", "no-cache")
    assert rich.get("/alive").said == (200, "imgproxy is running")
    ready = json.loads(plain.get("/ready").body)
    assert ready["ready"]
    assert not ready["draining"]
    assert ready["checks"]
    assert {"jpeg", "bmp"} <= set(ready["formats"]["read"])
    assert "pdf" not in ready["formats"]["write"]
    for path in ("/favicon.ico", "/.well-known/security.txt"):
        assert plain.get(path).said == (404, " ")
    for path in ("/", "/health", "/favicon.ico"):
        assert plain.get(path).headers["Content-Security-Policy"] == POLICY


def test_a_request_id_of_the_clients_is_kept_if_it_is_harmless(plain: Service) -> None:
    assert plain.get("/health", X_Request_ID="abc_DEF-1").headers["X-Request-ID"] == "abc_DEF-1"
    for odd in ("a b", "a;b", "x" * 500, "ä"):
        given = plain.get("/health", X_Request_ID=odd).headers["X-Request-ID"]
        assert given
        assert given != odd


def test_every_wrong_parameter_is_told_at_once(plain: Service) -> None:
    answer = plain.get("/images/a.jpg?w=abc&h=0&q=200&format=bmpx&nonsense=1&fit=cover&fit=fill")
    problem = answer.problem
    assert answer.status == problem["status"] == 400
    assert problem["type"] == "bad-request"
    assert problem["instance"] == answer.headers["X-Request-ID"]
    wrong = {one["parameter"]: one for one in problem["errors"]}
    assert set(wrong) == {"w", "h", "q", "format", "nonsense", "fit"}
    assert wrong["w"]["value"] == "abc"
    assert all(one["expected"] for one in wrong.values())


# What operators see


def test_every_request_has_one_line(plain: Service) -> None:
    made = plain.get("/unsafe/w:61/plain/local:///a.jpg", traceparent=f"00-{'a' * 32}-{'b' * 16}-01")
    line = plain.line(made)
    assert line["time"].endswith("Z")
    assert (line["level"], line["event"], line["method"], line["dialect"]) == (
        "info",
        "request_answered",
        "GET",
        "imgproxy",
    )
    assert (line["status"], line["outcome"], line["trace_id"]) == (200, "made", "a" * 32)
    assert (line["source"], line["format_in"], line["format_out"]) == ("local:///a.jpg", "jpeg", "jpeg")
    assert (line["width"], line["height"]) == (61, 41)
    assert (line["bytes_in"], line["bytes_out"]) == (len(PHOTO), len(made.body))
    assert line["bytes_saved"] == len(PHOTO) - len(made.body)
    assert len(line["recipe"]) >= 16
    for stage in ("queue", "fetch", "decode", "transform", "encode", "total"):
        assert line[f"{stage}_ms"] >= 0
    again = plain.get("/unsafe/w:61/plain/local:///a.jpg")
    assert (made.cache, again.cache) == (MADE, IN_MEMORY)
    hit = plain.line(again)
    assert (hit["outcome"], hit["recipe"]) == ("memory", line["recipe"])
    assert "fetch_ms" not in hit
    quiet = plain.get("/health")
    wrong = plain.line(plain.get("/images/a.jpg?w=x"))
    assert (wrong["level"], wrong["status"], wrong["error"], wrong["dialect"]) == (
        "warning",
        400,
        "bad-request",
        "query",
    )
    ids = [one.get("request_id") for one in plain.events]
    assert ids.count(made.headers["X-Request-ID"]) == 1
    assert quiet.headers["X-Request-ID"] not in ids


def test_no_line_tells_credentials_or_tokens(plain: Service, origin: Origin) -> None:
    origin.put("/a.png", ALPHA)
    for place, status in ((origin.port, 200), (origin.port, 404), (1, 404)):  # there, not there, nobody there
        path = "a.png" if status == 200 else "none.png"
        answer = plain.get(f"/unsafe/w:62/plain/http://user:hush1%40127.0.0.1:{place}/{path}%3Ftoken=hush2")
        assert answer.status == status
        assert plain.line(answer)["source"] == f"http://127.0.0.1:{place}/{path}"
    assert plain.get("/images/a.jpg?w=9&s=hush3").status == 200
    headers = {"Authorization": "Bearer hush5", "Cookie": "hush6=1"}
    plain.line(plain.get("/unsafe/w:9/plain/local:///a.jpg?token=hush4", **headers))
    told = json.dumps(plain.events)
    assert [f"hush{number}" for number in range(1, 7) if f"hush{number}" in told] == []


def test_metrics_are_read_at_their_own_address(plain: Service) -> None:
    plain.get("/unsafe/w:63/plain/local:///a.jpg")
    plain.get("/unsafe/w:63/plain/local:///a.jpg")
    exposed = ask(plain.metrics_port, "/metrics")
    assert exposed.headers["Content-Type"].startswith("text/plain; version=")
    assert plain.metric("requests_total", outcome="made", status="200", dialect="imgproxy") >= 1
    assert plain.metric("requests_total", outcome="memory") >= 1
    assert plain.metric("request_duration_seconds_count") >= 2
    assert plain.metric("stage_duration_seconds_count", stage="encode") >= 1
    assert plain.metric("cache_bytes", tier="memory") > 0
    assert plain.metric("places") >= 1
    for name in (
        "places_in_use",
        "queue_depth",
        "vips_memory_bytes",
        "event_loop_lag_seconds_count",
        "cache_evictions",
    ):
        assert f"imgproxy_{name}".encode() in exposed.body
    assert b"imgproxy_requests" not in plain.get("/metrics").body


# One picture, one entry


def test_both_dialects_and_every_spelling_share_one_picture(plain: Service) -> None:
    spellings = (
        "/unsafe/rs:fill:71:51/plain/local:///a.jpg@png",
        "/x/f:png/h:51/w:71/rt:fill/bG9jYWw6Ly8vYS5qcGc",
        "/unsafe/resize:fill:71:51:0:0/gravity:ce:0:0/cb:2/plain/local:///a.jpg@png",
        "/images/a.jpg?w=71&h=51&fit=cover&format=png",
        "/images/a.jpg?fm=png&height=51&width=71&fit=cover&enlarge=0&dpr=1&gravity=center",
    )
    answers = [plain.get(spelling) for spelling in spellings]
    assert [answer.cache for answer in answers] == [MADE] + [IN_MEMORY] * (len(spellings) - 1)
    assert len({(answer.body, answer.headers["ETag"]) for answer in answers}) == 1


def test_a_preset_is_what_it_stands_for(plain: Service) -> None:
    by_name = plain.get("/unsafe/preset:card/plain/local:///a.jpg@png")
    assert by_name.size == (50, 40)
    for same in (
        "/unsafe/pr:card/plain/local:///a.jpg@png",
        "/unsafe/rs:fill:50:40/plain/local:///a.jpg@png",
        "/images/a.jpg?preset=card&format=png",
        "/images/a.jpg?p=card&format=png",
    ):
        assert plain.get(same).cache == IN_MEMORY


def test_the_default_preset_is_applied_before_the_urls_own(rich: Service) -> None:
    worse, same, own = (rich.get(f"/unsafe/{options}plain/local:///a.jpg@jpg") for options in ("", "q:60/", "q:95/"))
    assert worse.body == same.body
    assert len(own.body) > len(worse.body)


def test_with_presets_only_nothing_else_can_be_asked(shop: Path, tmp_path: Path) -> None:
    settings = {
        "local_filesystem_root": str(shop),
        "only_presets": "true",
        "presets": "small=w:20,square=rs:fill:20:20",
    }
    with serving(tmp_path, **settings) as service:
        assert service.get("/unsafe/small/plain/local:///a.jpg@png").size == (20, 13)
        assert service.get("/unsafe/small:square/plain/local:///a.jpg@png").size == (20, 20)
        for wrong in ("w:20", "none", "preset:small", "small/w:20"):
            assert service.get(f"/unsafe/{wrong}/plain/local:///a.jpg").said == (404, "Invalid URL")


def test_skipped_formats_come_back_as_they_are(shop: Path, plain: Service) -> None:
    answer = plain.get("/unsafe/w:20/skp:jpg/plain/local:///a.jpg")
    assert answer.body == PHOTO
    assert plain.get("/unsafe/w:20/skp:jpg/plain/local:///a.jpg@png").size == (20, 13)
