"""Signatures and encrypted sources, through running services that have the published keys (dialect §2)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import pytest

from tests import pictures
from tests.acceptance.origin import Origin
from tests.acceptance.service import Answer, Service, command, serving

K = "943b421c9eb07c830af81030552c86009268de4e532ba2ee2eab8247c6da0881"
S = "520f986b998545b4785e0defbc4f3c1203f22de2374a3d53cb7a7fe9fea309c5"
SECRET = ("736563726574", "68656C6C6F")
TEST = ("746573742d6b6579", "746573742d73616c74")
SECOND = ("746573742d6b657932", "746573742d73616c7432")
LONG = (K, S)
EVERY = (SECRET, TEST, SECOND, LONG)

FORGOTTEN = (
    "The signature appears to be a processing option. The signature section should always be present in the URL."
)
FORBIDDEN = (403, "Forbidden")
TRUSTED = ("let-me-in", "and_me")


@dataclass(frozen=True)
class Vector:
    name: str
    pair: tuple[str, str]
    signed: str
    size: int
    signature: str

    def __str__(self) -> str:
        return self.name


S6 = "/rs:fit:300:200/plain/https://example.com/images/a%20b.jpg%3Fv=1@webp"
VECTORS = (
    Vector(
        "S1",
        SECRET,
        "/rs:fill:300:400:0/g:sm/aHR0cDovL2V4YW1w/bGUuY29tL2ltYWdl/cy9jdXJpb3NpdHku/anBn.png",
        32,
        "oKfUtW34Dvo2BGQehJFR4Nr0_rIjOtdtzJ3QFsUcXH8",
    ),
    Vector("S2", TEST, "/rs:fill:4:4/plain/local:///test1.png", 32, "My9d3xq_PYpVHsPrCyww0Kh1w5KZeZhIlWhsa4az1TI"),
    Vector("S3", TEST, "/asd", 32, "oWaL7QoW5TsgbuiS9-5-DI8S3Ibbo1gdB2SteJh3a20"),
    Vector("S4", TEST, "/asd", 8, "oWaL7QoW5Ts"),
    Vector("S5", SECOND, "/asd", 32, "jYz1UZ7j1BCdSzH3pZhaYf0iuz0vusoOTdqJsUT6WXI"),
    Vector("S6", LONG, S6, 32, "YAwJmSCXsp_9R1s8IZXgyZiG6PHi_K170gfGYEJDq4Q"),
    Vector("S7", LONG, S6, 16, "YAwJmSCXsp_9R1s8IZXgyQ"),
    Vector("S8", LONG, "/plain/https://example.com/cat.jpg", 32, "t2AyaRXEAi2hRgFUOPrfGDSXi_Jr6K_jp-RSM5h8rZ8"),
    Vector(
        "S9",
        LONG,
        "/w:100/h:100/aHR0cHM6Ly9leGFtcGxlLmNvbS9jYXQuanBn.avif",
        32,
        "z-O0G7wBEk29dpLAYwP0C1f5Qni4tcaaDgwAfczfqok",
    ),
)
S1, S2, S3, S4, S5, _, S7, S8, _ = VECTORS
ENCRYPTED = {
    "E1": (
        "1eb5b0e971ad7f45324c1bb15c947cb207c43152fa5c6c7f35c4f36e0c18e0f1",
        "http://example.com/images/curiosity.jpg",
        "p5VjorNdhs7mRRw8gA9TWoRlGci3l1kuzqN43UQlRaRIQ0qtBKW3qFABIsx-ZRz_cVc8iVTYbhsNsxNBL1BHaQ",
    ),
    "E2": (
        "000102030405060708090a0b0c0d0e0f",
        "s3://bucket/key.png",
        "Dw4NDAsKCQgHBgUEAwIBAIZc7Crpf4TVzxvZjAyDcGk_TdrGBzBr5rSiHoifI-HA",
    ),
}
Start = Callable[..., Service]


def keyless(start: Start, name: str = "E1") -> Service:
    """A service that asks for no signature, and has the key of an encrypted source."""
    return start(source_url_encryption_key=ENCRYPTED[name][0])


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Start]:
    """Services by their settings, each started once; `http://example.com` is an origin of ours, by way of a proxy."""
    directory = tmp_path_factory.mktemp("signatures")
    picture = pictures.png(pictures.marked(400, 500))
    (directory / "test1.png").write_bytes(picture)
    running: dict[tuple[tuple[str, str], ...], Service] = {}
    with Origin() as origin, ExitStack() as stack:
        origin.put("/images/curiosity.jpg", picture)

        def start(**variables: str) -> Service:
            key = tuple(sorted(variables.items()))
            if key not in running:
                around = {"http_proxy": origin.url(""), "https_proxy": origin.url("")}
                variables = {"local_filesystem_root": str(directory), "download_timeout": "2", **variables}
                running[key] = stack.enter_context(serving(directory, around=around, **variables))
            return running[key]

        yield start


def signing(start: Start, size: int = 32, **variables: str) -> Service:
    """A service with every pair of the vectors, and texts it trusts."""
    return start(
        key=",".join(key for key, _ in EVERY),
        salt=",".join(salt for _, salt in EVERY),
        signature_size=str(size),
        trusted_signatures=",".join(TRUSTED),
        images_source="local:///",
        **variables,
    )


def changed(signature: str) -> str:
    return ("a" if signature[0] != "a" else "b") + signature[1:]


@pytest.mark.parametrize("vector", VECTORS, ids=str)
def test_the_published_signature_is_let_in(vector: Vector, start: Start) -> None:
    answer = signing(start, vector.size).get(f"/{vector.signature}{vector.signed}")
    assert answer.status != 403
    assert answer.status < 500


@pytest.mark.parametrize("vector", VECTORS, ids=str)
def test_any_other_signature_is_forbidden(vector: Vector, start: Start) -> None:
    service = signing(start, vector.size)
    for wrong in (changed(vector.signature), vector.signature[:-1], vector.signature + "=", "unsafe", "%20"):
        assert service.get(f"/{wrong}{vector.signed}").said == FORBIDDEN
    assert service.get(f"/{vector.signature}{vector.signed}x").said == FORBIDDEN


def test_a_signed_picture_is_made(start: Start) -> None:
    service = signing(start)
    assert service.get(f"/{S1.signature}{S1.signed}").size == (300, 400)
    assert service.get(f"/{S2.signature}{S2.signed}").size == (4, 4)


def test_a_pair_that_is_not_configured_signs_nothing(start: Start) -> None:
    service = start(key=SECRET[0], salt=SECRET[1])
    assert service.get(f"/{S1.signature}{S1.signed}").status == 200
    assert service.get(f"/{S5.signature}{S5.signed}").said == FORBIDDEN


def test_a_truncated_signature_counts_only_where_it_is_configured(start: Start) -> None:
    assert signing(start).get(f"/{S4.signature}{S4.signed}").said == FORBIDDEN
    assert signing(start, 8).get(f"/{S3.signature}{S3.signed}").said == FORBIDDEN
    assert signing(start, 8).get(f"/{S4.signature}{S4.signed}").status != 403


@pytest.mark.parametrize("trusted", TRUSTED)
def test_a_trusted_signature_passes_for_any_url(trusted: str, start: Start) -> None:
    service = signing(start)
    assert service.get(f"/{trusted}/w:7/plain/local:///test1.png").image.width == 7
    assert service.get(f"/{trusted}x/w:7/plain/local:///test1.png").said == FORBIDDEN


@pytest.mark.parametrize("signature", ["unsafe", "insecure", "_", "whatever"])
def test_without_keys_any_text_is_a_signature(signature: str, start: Start) -> None:
    assert keyless(start).get(f"/{signature}/w:7/plain/local:///test1.png").image.width == 7


def test_without_keys_an_option_in_place_of_the_signature_is_told_so(start: Start) -> None:
    assert keyless(start).get("/w:7/plain/local:///test1.png").said == (403, FORGOTTEN)


def test_with_keys_an_option_in_place_of_the_signature_is_just_forbidden(start: Start) -> None:
    assert signing(start).get("/w:7/plain/local:///test1.png").said == FORBIDDEN


def test_the_path_prefix_is_not_signed(start: Start) -> None:
    service = signing(start, path_prefix="/pictures")
    assert service.get(f"/pictures/{S2.signature}{S2.signed}").size == (4, 4)
    assert service.get(f"/pictures/{changed(S2.signature)}{S2.signed}").said == FORBIDDEN
    assert service.get(f"/{S2.signature}{S2.signed}").status == 404


def test_the_query_is_not_signed(start: Start) -> None:
    assert signing(start).get(f"/{S2.signature}{S2.signed}?utm=1&w=9").size == (4, 4)


def test_a_path_that_a_proxy_has_rewritten_still_holds_its_signature(start: Start) -> None:
    rewritten = S2.signed.replace(":", "%3A", 3).replace("local:///", "local:/")
    assert signing(start).get(f"/{S2.signature}{rewritten}").size == (4, 4)
    assert signing(start).get(f"/{S2.signature}/{S2.signed}").size == (4, 4)


def test_a_forbidden_url_is_not_fetched(start: Start) -> None:
    service = signing(start)
    answer = service.get(f"/{changed(S8.signature)}{S8.signed}")
    assert answer.said == FORBIDDEN
    line = service.line(answer)
    assert "source" not in line
    assert line["error"] == "forbidden"


@pytest.mark.parametrize("name", ENCRYPTED)
def test_an_encrypted_source_is_read(name: str, start: Start) -> None:
    _, url, sealed = ENCRYPTED[name]
    service = keyless(start, name)
    answer = service.get(f"/unsafe/w:50/enc/{sealed}.png")
    assert service.line(answer)["source"] == url
    assert answer.status == (200 if url.startswith("http") else 404)


def test_an_encrypted_source_that_was_tampered_with_is_no_url(start: Start) -> None:
    _, _, sealed = ENCRYPTED["E1"]
    service = keyless(start)
    for wrong in (sealed[:-2], "AAAA", sealed[:-10] + changed(sealed[-10:]), "!" + sealed):
        answer: Answer = service.get(f"/unsafe/enc/{wrong}")
        assert answer.said == (404, "Invalid URL")


def test_the_query_dialect_takes_the_same_keys(start: Start) -> None:
    service = signing(start)
    written = command("url", "test1.png", "w=9", "fit=cover", "--dialect", "query", "--key", K, "--salt", S)
    target = written.stdout.decode().strip()
    assert service.get(target).image.width == 9
    for wrong in (target[:-1], target.replace("w=9", "w=10"), target.partition("&s=")[0]):
        answer = service.get(wrong)
        assert (answer.status, answer.problem["type"]) == (403, "forbidden")
