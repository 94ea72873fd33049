"""What is malformed, damaged, enormous or hostile: each has its status in both voices, and costs nobody anything."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from imgproxy_py.recipe.formats import Format
from tests import pictures, servers
from tests.acceptance.clients import get_once, parsed_head, raw
from tests.acceptance.origin import Origin, Page
from tests.acceptance.service import Service, serving

INVALID_URL = (404, "Invalid URL")
NO_IMAGE = (422, "Invalid source image")
BROKEN = (422, "Broken or unsupported image")
UNREACHABLE = "Source is unreachable"
FORBIDDEN_SOURCE = (404, "Invalid source URL")
DOWNLOAD_TIMEOUT = 1.0
GOOD = pictures.png(pictures.marked(60, 40))


# Originals that are no good. The same page is asked for as a web page in the imgproxy dialect, and as an object of S3 in
# the query dialect: the origin serves for both.


@dataclass(frozen=True)
class Bad:
    page: Page
    plain: tuple[int, str]
    problem: tuple[int, str]


def file(data: bytes, plain: tuple[int, str], problem: tuple[int, str]) -> Bad:
    return Bad(Page(data), plain, problem)


@cache
def bad_originals() -> dict[str, Bad]:
    cases: dict[str, Bad] = {}
    for kind, data in pictures.readable().items():
        said = (422, "Broken or unsupported SVG image") if kind is Format.SVG else BROKEN
        for percent in (40, 70, 95):
            cut = pictures.truncated(data, percent / 100)
            cases[f"{percent} % of a {kind}"] = file(cut, said, (422, "broken-image"))
    for name, data in {
        "nothing at all": b"",
        "text": b"this is no picture\n" * 100,
        "a web page": b"<!doctype html><html><body><svg></svg></body></html>",
        "zeros": bytes(5000),
        "random bytes": random.Random(5).randbytes(5000),
    }.items():
        cases[name] = file(data, NO_IMAGE, (415, "unsupported-image"))
    for name, data in {
        "a beginning of a bmp": b"BM" + bytes(60),
        "a beginning of an ico": b"\0\0\1\0\1\0" + bytes(60),
        "a beginning of a heic": b"\0\0\0\x18ftypheic\0\0\0\0heicmif1" + bytes(60),
        "a beginning of a jxl": b"\xff\x0a" + bytes(60),
    }.items():
        cases[name] = file(data, BROKEN, (422, "broken-image"))
    for name, data in {
        "a png bomb": pictures.png_bomb(),
        "a jpeg bomb": pictures.jpeg_bomb(),
        "a gif bomb": pictures.gif_bomb(),
        "a webp bomb": pictures.webp_bomb(),
        "too many bytes": GOOD + bytes(2_000_000),
    }.items():
        cases[name] = file(data, NO_IMAGE, (422, "source-too-large"))
    for status in (404, 410, 403, 401):
        page = Page(b"<Error/>", f"{status} No", {"Content-Type": "application/xml"})
        cases[f"status {status}"] = Bad(page, (status, UNREACHABLE), (404, "source-missing"))
    for status in (500, 503):
        page = Page(b"<Error/>", f"{status} Down", {"Content-Type": "application/xml"})
        cases[f"status {status}"] = Bad(page, (502, UNREACHABLE), (502, "source-unreachable"))
    broken_off = (422, "Source response is incomplete")
    for then in ("reset", "close"):
        page = Page(GOOD, sent=len(GOOD) // 2, then=then)
        cases[f"vanishes while read, by {then}"] = Bad(page, broken_off, (502, "source-unreachable"))
    late = (504, UNREACHABLE)
    cases["stalls amid its body"] = Bad(Page(GOOD, sent=50, then="stall"), late, (504, "source-timeout"))
    return cases


@pytest.fixture(scope="module")
def web() -> Iterator[Origin]:
    with Origin() as one:
        yield one


@pytest.fixture(scope="module")
def reading(web: Origin, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service that reads `web` as the web and as S3."""
    settings = {
        "allow_loopback_source_addresses": "true",
        "max_src_file_size": "1000000",
        "download_timeout": f"{DOWNLOAD_TIMEOUT}",
        "images_source": "s3://bad",
        "use_s3": "true",
        "s3_endpoint": web.url(""),
        "s3_region": "us-east-1",
        "s3_max_attempts": "1",
    }
    credentials = {"AWS_ACCESS_KEY_ID": servers.ACCESS_KEY, "AWS_SECRET_ACCESS_KEY": servers.SECRET_KEY}
    web.put("/", b"<ListAllMyBucketsResult/>")  # for the readiness check
    with serving(tmp_path_factory.mktemp("reading"), around=credentials, **settings) as running:
        yield running


def nothing_is_left(service: Service) -> None:
    for name in ("places_in_use", "queue_depth", "flights"):
        service.reaches(0, name)
    assert service.is_alive()


@pytest.mark.parametrize("name", bad_originals())
def test_a_bad_original_has_its_status_in_both_voices_and_is_not_kept(name: str, reading: Service, web: Origin) -> None:
    bad = bad_originals()[name]
    path = f"/bad/{name.replace(' ', '-').replace('%', 'percent').replace(',', '')}"
    url = web.put(path, bad.page)
    kept = reading.metric("cache_puts_total")
    for _ in range(2):
        before = web.times(path)
        plain = reading.get(f"/unsafe/w:20/plain/{url}")
        assert plain.said == bad.plain
        assert web.times(path) == before + 1
        assert reading.line(plain)["error"]
        problem = reading.get(f"/images/{path.removeprefix('/bad/')}?w=20")
        assert (problem.status, problem.problem["type"]) == bad.problem
        assert problem.problem["instance"] == problem.headers["X-Request-ID"]
        assert web.times(path) > before + 1
        assert max(plain.seconds, problem.seconds) < 3 * DOWNLOAD_TIMEOUT
    assert reading.metric("cache_puts_total") == kept
    nothing_is_left(reading)
    web.put(path, GOOD)
    assert reading.get(f"/unsafe/w:20/plain/{url}").size == (20, 13)


@pytest.mark.parametrize("seeds", [range(8), pytest.param(range(8, 60), marks=pytest.mark.slow)], ids=["few", "many"])
@pytest.mark.parametrize("kind", list(pictures.readable()), ids=str)
def test_corrupt_files_are_made_or_refused_and_nothing_else(
    kind: Format, seeds: range, reading: Service, web: Origin
) -> None:
    data = pictures.readable()[kind]
    statuses: Counter[int] = Counter()
    for seed in seeds:
        url = web.put(f"/bad/corrupt-{kind}-{seed}", pictures.corrupted(data, seed))
        statuses[reading.get(f"/unsafe/w:20/f:png/plain/{url}").status] += 1
    assert set(statuses) <= {200, 422}
    nothing_is_left(reading)


@pytest.mark.parametrize("many", [12, pytest.param(60, marks=pytest.mark.slow)])
async def test_damaged_files_do_no_harm_to_the_pictures_beside_them(many: int, reading: Service, web: Origin) -> None:
    """libvips gathers all threads' complaints in one place: nobody may be blamed for another's."""
    good = web.put("/bad/good.png", pictures.png(pictures.noise(120, 80)))
    damaged = [
        web.put(f"/bad/damaged-{kind}-{seed}", pictures.corrupted(pictures.readable()[kind], seed))
        for kind in (Format.PNG, Format.GIF, Format.WEBP, Format.JPEG, Format.TIFF)
        for seed in range(many)
    ]
    statuses: dict[str, Counter[int]] = {"good": Counter(), "damaged": Counter()}
    waiting = iter(
        [one for number, url in enumerate(damaged) for one in (("damaged", url, 20), ("good", good, number + 1))]
    )

    async def ask() -> None:
        for name, url, width in waiting:
            answer = await get_once(reading.port, f"/unsafe/w:{width}/f:png/el:1/plain/{url}")
            statuses[name][answer.status] += 1

    await asyncio.gather(*(ask() for _ in range(16)))
    assert set(statuses["good"]) == {200}
    assert set(statuses["damaged"]) <= {200, 422}
    nothing_is_left(reading)


def test_bombs_leave_no_memory_behind(reading: Service, web: Origin) -> None:
    bombs = [pictures.png_bomb(), pictures.jpeg_bomb(), pictures.gif_bomb(), pictures.webp_bomb()]
    urls = [web.put(f"/bad/bomb-{number}", bomb) for number, bomb in enumerate(bombs)]
    reading.get(f"/unsafe/w:21/plain/{urls[0]}")
    before = reading.metric("process_resident_memory_bytes")
    for number in range(40):
        answer = reading.get(f"/unsafe/w:21/cb:{number}/plain/{urls[number % len(urls)]}")
        assert answer.said == NO_IMAGE
        assert answer.seconds < 5
    assert reading.metric("process_resident_memory_bytes") - before < 64_000_000
    kept = reading.metric("pixels_bytes")  # of pictures that others asked for
    assert reading.metric("vips_memory_bytes") <= kept  # at once, not when the garbage collector comes


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ("http://169.254.169.254/latest/meta-data/", FORBIDDEN_SOURCE),
        ("http://[fe80::1]/a.png", FORBIDDEN_SOURCE),
        ("ftp://127.0.0.1/a.png", (404, UNREACHABLE)),
        ("file:///etc/passwd", (404, UNREACHABLE)),
        ("/bad/round", (404, UNREACHABLE)),
        ("http://127.0.0.1:1/a.png", (404, UNREACHABLE)),
    ],
)
def test_a_redirect_leads_nowhere_that_is_forbidden(
    place: str, said: tuple[int, str], reading: Service, web: Origin
) -> None:
    url = web.put("/bad/round", Page(b"", "302 Found", {"Location": place}))
    answer = reading.get(f"/unsafe/w:20/plain/{url}")
    assert answer.said == said
    assert answer.seconds < 3 * DOWNLOAD_TIMEOUT
    nothing_is_left(reading)


def test_a_silent_source_is_late(reading: Service, web: Origin) -> None:
    url = web.put("/bad/silent", GOOD, held=True)
    answer = reading.get(f"/unsafe/w:20/plain/{url}")
    assert answer.said == (504, UNREACHABLE)
    assert DOWNLOAD_TIMEOUT <= answer.seconds < 3 * DOWNLOAD_TIMEOUT
    nothing_is_left(reading)


@pytest.fixture(scope="module")
def careful(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service that reaches nothing of its own host or network."""
    with serving(tmp_path_factory.mktemp("careful"), allow_private_source_addresses="false") as running:
        yield running


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "localhost",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "0.0.0.0",
        "2130706433",
        "0x7f.1",
        "10.0.0.1",
        "[fd00::1]",
    ],
)
def test_addresses_within_are_no_sources(host: str, careful: Service, web: Origin) -> None:
    web.put("/a.png", GOOD)
    before = web.times("/a.png")
    answer = careful.get(f"/unsafe/plain/http://{host}:{web.port}/a.png")
    assert answer.said == FORBIDDEN_SOURCE
    assert web.times("/a.png") == before


def test_a_truncated_picture_that_is_served_by_wish_is_never_kept(web: Origin, tmp_path: Path) -> None:
    url = web.put("/bad/half.jpg", pictures.truncated(pictures.jpeg(pictures.noise(200, 200)), 0.7))
    settings = {"serve_truncated": "true", "allow_loopback_source_addresses": "true"}
    with serving(tmp_path, **settings) as service:
        for times in (1, 2):
            answer = service.get(f"/unsafe/w:20/plain/{url}")
            assert answer.size == (20, 20)
            assert answer.headers["Cache-Control"] == "no-store"
            assert answer.cache == "imgproxy-py; fwd=miss"
            assert web.times("/bad/half.jpg") == times
        assert service.metric("cache_puts_total") == 0


# Malformed URLs


@pytest.mark.parametrize(
    "target",
    [
        "/unsafe",
        "/unsafe/",
        "//unsafe/plain/local:///a.png",
        "/unsafe/fit/100/100/ce/0/plain/local:///a.png",
        "/unsafe/w:abc/plain/local:///a.png",
        "/unsafe/w:-1/plain/local:///a.png",
        "/unsafe/w:1_0/plain/local:///a.png",
        "/unsafe/w:%31/plain/local:///a.png",
        "/unsafe/w:99999999999999999999/plain/local:///a.png",
        "/unsafe/dpr:nan/plain/local:///a.png",
        "/unsafe/dpr:inf/plain/local:///a.png",
        "/unsafe/dpr:0/plain/local:///a.png",
        "/unsafe/rs:crop:1:1/plain/local:///a.png",
        "/unsafe/rs:fit:1:1:1:1:ce:0:0:9/plain/local:///a.png",
        "/unsafe/g:fp:2:0/plain/local:///a.png",
        "/unsafe/bg:12345/plain/local:///a.png",
        "/unsafe/rot:45/plain/local:///a.png",
        "/unsafe/pr:none/plain/local:///a.png",
        "/unsafe/exp:1/plain/local:///a.png",
        "/unsafe/W:10/plain/local:///a.png",
        "/unsafe/nonsense:10/plain/local:///a.png",
        "/unsafe/plain/local:///a.png@bmpx",
        "/unsafe/plain/local:///a.png@png@jpg",
        "/unsafe/plain/%zz",
        "/unsafe/plain/local:///a%2",
        "/unsafe/plain/@png",
        "/unsafe/w:10/!!!!",
        "/unsafe/w:10/a",
        "/unsafe/w:10/aHR0cDovLw+/a",
        "/unsafe/w:10/bG9jYWw6Ly8vYS5wbmc.png.jpg",
        "/unsafe/enc/AAAA",
        "/unsafe/w:10",
    ],
)
def test_a_malformed_url_is_told_so(target: str, service: Service, folder: Path) -> None:
    (folder / "a.png").write_bytes(GOOD)
    status, body = exchange(service, target.encode())
    assert (status, body) == (404, b"Invalid URL")


@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("/images/a.png?w=%zz", 400),
        ("/images/a.png?w", 400),
        ("/images/a.png?w=1&w=2", 400),
        ("/images/a.png?w=0", 400),
        ("/images/a.png?q=200", 400),
        ("/images/a.png?format=bmpx", 400),
        ("/images/a.png?nonsense=1", 400),
        ("/images/?w=1", 400),
        ("/images/../a.png?w=1", 400),
        ("/images/%2e%2e/a.png", 400),
        ("/images/a%00.png", 400),
        ("/images/a%5Cb.png", 400),
        ("/images//a.png", 400),
        ("/images/%ff.png", 400),
        ("/images/a.png?exp=1", 410),
        ("/images/none.png", 404),
    ],
)
def test_a_malformed_query_is_a_problem(target: str, status: int, service: Service, folder: Path) -> None:
    (folder / "a.png").write_bytes(GOOD)
    answer = service.get(target)
    assert (answer.status, answer.problem["status"]) == (status, status)
    assert str(folder) not in answer.body.decode()


@pytest.mark.parametrize(
    "key",
    ["../../../../etc/passwd", "%2e%2e/%2e%2e/%2e%2e/etc/passwd", "%252e%252e/etc/passwd", "/etc/passwd", "a.png/"],
)
def test_nobody_reads_outside_of_the_folder(key: str, service: Service) -> None:
    for target in (f"/unsafe/plain/local:///{key}", f"/unsafe/raw:1/plain/local:///{key}"):
        answer = service.get(target)
        assert answer.status in (404, 422)
        assert b"root:" not in answer.body
    assert service.get(f"/images/{key}").status in (400, 404)


def test_links_out_of_the_folder_are_not_followed(service: Service, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "secret.png").write_bytes(GOOD)
    (folder / "out.png").unlink(missing_ok=True)
    (folder / "out.png").symlink_to(tmp_path / "secret.png")
    assert service.get("/unsafe/plain/local:///out.png").status == 404


@pytest.mark.parametrize(
    ("length", "statuses"), [(16_000, {404}), (17_000, {414}), (200_000, {414}), (3_000_000, {414, 0})]
)
def test_urls_that_are_too_long_are_refused(length: int, statuses: set[int], service: Service) -> None:
    for beginning in ("/unsafe/plain/local:///", "/unsafe/w:10/", "/images/a.png?w=1&x="):
        status, _ = exchange(service, beginning.encode() + b"a" * (length - len(beginning)))
        assert status in statuses | ({400} if beginning.startswith("/images") and length < 16_384 else set())
    assert service.is_alive()


@pytest.mark.parametrize(
    "data",
    [
        b"nonsense\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /\x00 HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET /a b HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 100_000 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: -5\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\r\n" * 1000,
    ],
)
def test_what_is_no_http_is_refused_politely(data: bytes, service: Service) -> None:
    answered = raw(service.port, data, 0.5)  # what may yet become a request is waited for
    if answered:
        assert 400 <= parsed_head(answered)[0] < 500
        assert b"Traceback" not in answered
        assert b"aiohttp" not in answered.lower()
    assert service.is_alive()


FUZZED = 3000
HEALTHY = (
    b"/unsafe/rs:fill:30:40:1/g:sm/plain/local:///a.png@webp",
    b"/unsafe/w:10/h:20/q:50/bg:ff0000/pd:1:2/bG9jYWw6Ly8vYS5wbmc.jpg",
    b"/unsafe/c:10:10:nowe:1:1/rot:90/fl:1:0/bl:1/sh:1/pix:3/plain/local:///a.png",
    b"/unsafe/t:10:ff00ff:1:1/ex:1:so:1:1/exar:1/dpr:2/z:1:2/plain/local%3A///a.png",
    b"/unsafe/fn:name:0/att:1/cb:x/exp:99999999999/fq:png:10:webp:20/plain/local:///a.png",
    b"/images/a.png?w=10&h=10&fit=cover&gravity=0.5,0.5&format=webp&q=10",
    b"/images/a.png?crop=1,1,5,5&rotate=90&flip=hv&trim=1&pad=1,2&bg=fff&blur=1&dl=x.png&exp=99999999999",
)
PIECES = (
    *(b":", b"/", b"//", b"%", b"%00", b"%2F", b"%3A", b"@", b"?", b"&", b"=", b".", b"..", b"~", b"\xff", b"\xc3\xa9"),
    *(b"\x01", b"-1", b"0", b"1e9", b"1e999", b"nan", b"inf", b"1_0", b" ", b"\t", b"999999999999999999999", b"plain"),
    *(
        b"raw:1",
        b"pr:x",
        b"msr:1",
        b"maf:0",
        b"wm:1:re",
        b"f:svg",
        b"f:gif",
        b"enc/",
        b"s3://x/y",
        b"http://[::1/",
        b"-",
    ),
    *(
        b"\xf0\x9f\x90\xb1",
        b"{",
        b"}",
        b"|",
        b"\\",
        b"^",
        b"`",
        b'"',
        b"<",
        b">",
        b"#",
        b";",
        b",",
        b"w=",
        b"s=",
        b"\xed\xa0\x80",
    ),
)


def mutated(chance: random.Random) -> bytes:
    target = bytearray(chance.choice(HEALTHY))
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(1, len(target) + 1)
        match chance.randrange(4):
            case 0:
                target[at:at] = chance.choice(PIECES)
            case 1:
                target[at : at + chance.randint(1, 6)] = chance.choice(PIECES)
            case 2:
                target[at:at] = bytes(chance.randrange(0x21, 0x7F) for _ in range(chance.randint(1, 4)))
            case _:
                del target[at : at + chance.randint(1, 8)]
    return bytes(target)


async def test_no_target_whatever_is_answered_with_a_failure_of_ours(service: Service, folder: Path) -> None:
    (folder / "a.png").write_bytes(pictures.png(pictures.marked(12, 8)))
    chance = random.Random(20_261_121)
    targets = [mutated(chance) for _ in range(FUZZED)]
    waiting = iter(targets)
    statuses: Counter[int] = Counter()
    failed: list[tuple[int, bytes]] = []

    async def ask() -> None:
        for target in waiting:
            status = await status_of(service.port, target)
            statuses[status] += 1
            if status >= 500:
                failed.append((status, target))

    started = time.monotonic()
    async with asyncio.timeout(60):
        await asyncio.gather(*(ask() for _ in range(16)))
    print(f"{dict(statuses)} in {time.monotonic() - started:.1f} s")
    assert failed == []
    assert statuses[200] > 50
    assert statuses[404] > 200
    assert statuses[400] > 200
    assert service.is_alive()
    assert service.own_errors() == []


async def status_of(port: int, target: bytes) -> int:
    """The status for a target as it stands, 0 for a connection closed without one."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(b"GET " + target + b" HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        answered = await reader.read()
        return parsed_head(answered)[0] if answered else 0
    except ConnectionError:
        return 0
    finally:
        writer.transport.abort()


def exchange(service: Service, target: bytes) -> tuple[int, bytes]:
    """Status and body for a target as it stands; status 0 if the connection was closed without an answer."""
    answered = raw(service.port, b"GET " + target + b" HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    if not answered:
        return 0, b""
    return parsed_head(answered)[0], answered.partition(b"\r\n\r\n")[2]
