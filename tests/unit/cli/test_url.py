"""URLs from the command line: the published signatures, both dialects, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

from imgproxy_py.dialects.imgproxy.config import ImgproxyConfig
from imgproxy_py.dialects.imgproxy.dialect import ImgproxyDialect
from imgproxy_py.dialects.query import QueryConfig, QueryDialect
from imgproxy_py.dialects.signing import KeyPair
from imgproxy_py.recipe.formats import Format

Run = Callable[..., Result]

KEY = "943b421c9eb07c830af81030552c86009268de4e532ba2ee2eab8247c6da0881"
SALT = "520f986b998545b4785e0defbc4f3c1203f22de2374a3d53cb7a7fe9fea309c5"
KEYS = ("--key", KEY, "--salt", SALT)
PAIRS = (KeyPair(bytes.fromhex(KEY), bytes.fromhex(SALT)),)
CIPHER_KEY = "1eb5b0e971ad7f45324c1bb15c947cb207c43152fa5c6c7f35c4f36e0c18e0f1"


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (
            ("https://example.com/images/a b.jpg?v=1", "rs:fit:300:200", "--format", "webp", *KEYS),
            (
                "/YAwJmSCXsp_9R1s8IZXgyZiG6PHi_K170gfGYEJDq4Q/rs:fit:300:200"
                "/plain/https://example.com/images/a%20b.jpg%3Fv=1@webp"
            ),
        ),
        (
            ("https://example.com/cat.jpg", *KEYS),
            "/t2AyaRXEAi2hRgFUOPrfGDSXi_Jr6K_jp-RSM5h8rZ8/plain/https://example.com/cat.jpg",
        ),
        (
            ("https://example.com/cat.jpg", "w:100", "h:100", "--format", "avif", "--encoding", "base64", *KEYS),
            "/z-O0G7wBEk29dpLAYwP0C1f5Qni4tcaaDgwAfczfqok/w:100/h:100/aHR0cHM6Ly9leGFtcGxlLmNvbS9jYXQuanBn.avif",
        ),
        (("local:///a@2x.jpg",), "/unsafe/plain/local:///a%402x.jpg"),
    ],
)
def test_published_signatures_come_out(arguments: tuple[str, ...], expected: str, run: Run) -> None:
    result = run("url", *arguments)
    assert (result.exit_code, result.stdout) == (0, expected + "\n"), result.stderr


def test_a_size_shortens_the_signature(run: Run) -> None:
    result = run("url", "https://example.com/cat.jpg", *KEYS, "--signature-size", "8")
    assert result.stdout == "/t2AyaRXEAi0/plain/https://example.com/cat.jpg\n"


def test_keys_come_from_the_environment_and_flags_beat_it(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMGPROXY_KEY", KEY)
    monkeypatch.setenv("IMGPROXY_SALT", SALT)
    assert run("url", "https://example.com/cat.jpg").stdout.startswith("/t2AyaRXEAi2h")
    assert not run("url", "https://example.com/cat.jpg", "--key", "aa").stdout.startswith("/t2AyaRXEAi2h")


def test_keys_come_from_a_file(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "service.env"
    path.write_text(f"IMGPROXY_KEY={KEY}\nIMGPROXY_SALT={SALT}\n")
    assert run("url", "https://example.com/cat.jpg", "--env-file", str(path)).stdout.startswith("/t2AyaRXEAi2h")


def test_an_encrypted_source_reads_back(run: Run) -> None:
    target = run("url", "s3://bucket/key.png", "--encoding", "encrypted", "--encryption-key", CIPHER_KEY).stdout.strip()
    dialect = ImgproxyDialect(ImgproxyConfig(encryption_key=bytes.fromhex(CIPHER_KEY)))
    assert dialect.parse(target, now=0).source.url == "s3://bucket/key.png"
    assert "/enc/" in target


def test_prefixes_stand_in_front(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMGPROXY_PATH_PREFIX", "/pictures")
    result = run("url", "local:///a.jpg", "--prefix", "https://img.example.com/")
    assert result.stdout == "https://img.example.com/pictures/unsafe/plain/local:///a.jpg\n"


def test_presets_are_known(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMGPROXY_PRESETS", "small=w:100")
    assert run("url", "local:///a.jpg", "pr:small").stdout == "/unsafe/pr:small/plain/local:///a.jpg\n"
    assert run("url", "local:///a.jpg", "pr:large").exit_code == 2
    monkeypatch.setenv("IMGPROXY_ONLY_PRESETS", "true")
    assert run("url", "local:///a.jpg", "small").stdout == "/unsafe/small/plain/local:///a.jpg\n"


def test_the_query_dialect_signs_sorted_parameters(run: Run) -> None:
    arguments = ("a b.jpg", "w=300", "fit=cover", "h=200", "--dialect", "query", "--format", "webp", *KEYS)
    target = run("url", *arguments).stdout.strip()
    assert target.startswith("/images/a%20b.jpg?w=300&fit=cover&h=200&format=webp&s=")
    dialect = QueryDialect(QueryConfig(images_source="local:///", shared=ImgproxyConfig(pairs=PAIRS)))
    request = dialect.parse(target, now=0)
    assert (request.source.url, request.recipe.output.format) == ("local:///a b.jpg", Format.WEBP)


@pytest.mark.parametrize("source", ["a.jpg", "/a.jpg", "s3://bucket/originals/a.jpg"])
def test_a_key_may_be_given_with_its_place(source: str, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMGPROXY_IMAGES_SOURCE", "s3://bucket/originals")
    assert run("url", source, "--dialect", "query").stdout == "/images/a.jpg\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("local:///a.jpg", "w300"), "'w300': expected name:arguments"),
        (("local:///a.jpg", "rs:fil:1"), "rs: 'fil', expected one of"),
        (("local:///a.jpg", "--format", "bmpx"), "'bmpx', expected one of"),
        (("local:///a.jpg", "--key", "zz", "--salt", "aa"), "IMGPROXY_KEY='(secret)': expected hex digits"),
        (("local:///a.jpg", "--key", "aa"), "as many salts as there are keys (1)"),
        (("local:///a.jpg", "--signature-size", "40"), "IMGPROXY_SIGNATURE_SIZE='40': expected whole number, 1–32"),
        (("local:///a.jpg", "--encoding", "encrypted"), "encrypted sources need a key"),
        (("local:///a.jpg", "--dialect", "thumbor"), "'thumbor' is not one of 'imgproxy', 'query'"),
        (("a.jpg", "w:300", "--dialect", "query"), "'w:300': expected name=value"),
        (("a.jpg", "w=0", "q=300", "--dialect", "query"), "w: '0', expected an integer from 1"),
        (("https://example.com/a.jpg", "--dialect", "query"), "expected a key below local:///"),
    ],
)
def test_what_the_service_would_refuse_is_refused_here(arguments: tuple[str, ...], said: str, run: Run) -> None:
    result = run("url", *arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert said in result.stderr
