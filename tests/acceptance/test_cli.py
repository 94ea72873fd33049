"""The commands beside a running service, in this process where one of their own would say the same."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import pyvips

from imgproxy_py.dialects.signing import KeyPair, Signer
from imgproxy_py.recipe.formats import Format, sniff
from tests import pictures
from tests.acceptance.service import IN_MEMORY, Service, cli, command, serving

KEYS = {"key": "736563726574", "salt": "68656c6c6f"}
PHOTO = pictures.jpeg(pictures.marked(300, 200))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("cli")
    (directory / "a.jpg").write_bytes(PHOTO)
    (directory / "é ö.jpg").write_bytes(PHOTO)
    (directory / "half.jpg").write_bytes(pictures.truncated(PHOTO, 0.6))
    return directory


@pytest.fixture(scope="module")
def variables(folder: Path) -> dict[str, str]:
    """The environment that service and commands share."""
    secret = {"source_url_encryption_key": "00" * 16}
    return {**KEYS, **secret, "local_filesystem_root": str(folder), "images_source": "local:///"}


@pytest.fixture(scope="module")
def signed(variables: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with serving(tmp_path_factory.mktemp("signed"), **variables) as running:
        yield running


def url(*arguments: str, **variables: str) -> str:
    done = command("url", *arguments, **variables)
    assert done.returncode == 0, done.stderr
    return done.stdout.decode().strip()


@pytest.mark.parametrize(
    "arguments",
    [
        ("local:///a.jpg", "rs:fill:30:20", "g:sm", "--format", "webp"),
        ("local:///a.jpg", "rs:fill:30:20", "--format", "webp", "--encoding", "base64"),
        ("local:///a.jpg", "rs:fill:30:20", "--format", "webp", "--encoding", "encrypted"),
        ("local:///é ö.jpg", "rs:fill:30:20", "--format", "webp"),
        ("a.jpg", "w=30", "h=20", "fit=cover", "format=webp", "--dialect", "query"),
        ("é ö.jpg", "w=30", "h=20", "fit=cover", "--format", "webp", "--dialect", "query"),
    ],
    ids=" ".join,
)
def test_a_url_that_is_written_is_answered(
    arguments: tuple[str, ...], signed: Service, variables: dict[str, str]
) -> None:
    prefix = f"http://127.0.0.1:{signed.port}"
    written = url(*arguments, "--prefix", prefix, **variables)
    assert written.startswith(f"{prefix}/")
    answer = signed.get(written.removeprefix(prefix))
    assert (answer.size, answer.headers["Content-Type"]) == ((30, 20), "image/webp")


def test_a_url_that_would_be_refused_is_not_written() -> None:
    for arguments in (("local:///a.jpg", "w:abc"), ("a.jpg", "w=0", "--dialect", "query"), ("local:///a.jpg", "w")):
        done = command("url", *arguments)
        assert done.returncode != 0
        assert done.stdout == b""
        assert done.stderr


def test_a_rendered_file_is_what_the_service_answers(signed: Service, folder: Path, tmp_path: Path) -> None:
    done = cli("render", str(folder / "a.jpg"), "rs:fill:40:30", "q:70", "-o", str(tmp_path / "card.webp"))
    assert done.returncode == 0
    assert "jpeg 300×200" in done.stderr.decode()
    target = url("local:///a.jpg", "rs:fill:40:30", "q:70", "--format", "webp", **KEYS)
    assert (tmp_path / "card.webp").read_bytes() == signed.get(target).body


def test_a_picture_is_rendered_from_standard_input_to_standard_output() -> None:
    done = cli("render", "-", "w:33", "f:png", "-o", "-", stdin=PHOTO)
    assert sniff(done.stdout) is Format.PNG
    assert pyvips.Image.new_from_buffer(done.stdout, "").width == 33


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("half.jpg", "w:10"), "ends too early"),
        (("none.jpg", "w:10"), "none.jpg"),
        (("a.jpg", "w:abc"), "'abc', expected an integer"),
        (("a.jpg", "-o", "out.xyz"), "expected a file that ends in"),
    ],
    ids=" ".join,
)
def test_what_cannot_be_rendered_is_told_in_a_sentence(arguments: tuple[str, ...], said: str, folder: Path) -> None:
    source, *rest = arguments
    done = command("render", str(folder / source), *rest)
    assert done.returncode != 0
    assert said in done.stderr.decode()
    assert b"Traceback" not in done.stderr


def explained(target: str, *arguments: str, **variables: str) -> dict[str, str]:
    done = command("explain", target, *arguments, **variables)
    assert done.returncode == 0, done.stderr
    lines = [re.match(r"(\S+(?: \S+)?)\s+(.*)", line) for line in done.stdout.decode().splitlines()]
    return {match[1]: match[2] for match in lines if match}


def test_a_url_is_explained_with_its_plan(signed: Service, folder: Path, variables: dict[str, str]) -> None:
    target = url("local:///a.jpg", "rs:fill:40:30", "--format", "webp", **KEYS)
    told = explained(target, "--original", str(folder / "a.jpg"), **variables)
    assert told["dialect"] == "imgproxy"
    assert told["signed text"] == "/rs:fill:40:30/plain/local:///a.jpg@webp"
    assert told["signature"].endswith("holds")
    assert told["source"] == "local:///a.jpg"
    assert told["format"] == "webp: the URL names it"
    assert told["result"] == "webp 40×30"
    assert "effective dpr 1" in told["plan"]
    assert signed.get(target).size == (40, 30)


def test_two_spellings_are_explained_by_one_cache_key(signed: Service, variables: dict[str, str]) -> None:
    one = url("local:///a.jpg", "rs:fill:43:30", "--format", "webp", **variables)
    other = url("a.jpg", "h=30", "w=43", "fit=cover", "format=webp", "--dialect", "query", **variables)
    assert explained(one, **variables)["cache key"] == explained(other, **variables)["cache key"]
    assert signed.get(one).status == 200
    assert signed.get(other).cache == IN_MEMORY


def test_the_policy_of_a_url_is_explained(variables: dict[str, str]) -> None:
    rules = {"cache_policies": "local:///b tiers=none; local:/// tiers=memory seconds=60 sie=5"}
    assert explained(url("local:///b.jpg", "w:10", **KEYS), **variables, **rules)["policy"] == "local:///b: not kept"
    assert explained(url("local:///a.jpg", "w:10", **KEYS), **variables, **rules)["policy"] == (
        "local:///: kept in memory; fresh for 60 s; "
        "given stale for 0 s while it is refreshed, for 5 s in place of an error"
    )
    assert explained(url("local:///a.jpg", "w:10", **KEYS), **variables)["policy"].startswith("kept in every tier; ")


def test_a_wrong_policy_stops_the_command_and_says_why(variables: dict[str, str]) -> None:
    done = command("explain", "/unsafe/plain/local:///a.jpg", **variables, cache_policies="local:/// ttl=60")
    assert done.returncode == 2
    assert "IMGPROXY_CACHE_POLICIES='local:/// ttl=60': expected tiers, seconds, swr, sie" in done.stderr.decode()


def test_a_wrong_signature_is_explained(variables: dict[str, str]) -> None:
    told = explained("/wrong/w:10/plain/local:///a.jpg", **variables)
    assert told["signature"] == "'wrong': The signature does not match"
    assert told["signed text"] == "/w:10/plain/local:///a.jpg"


def test_the_settings_are_the_documented_ones() -> None:
    done = command("settings")
    assert done.returncode == 0
    assert done.stdout.decode() == (Path(__file__).parents[2] / "docs" / "settings.md").read_text(encoding="utf-8")


def test_the_formats_that_are_told_are_the_ones_that_work(signed: Service) -> None:
    done = command("formats")
    head, *rows = [line.split() for line in done.stdout.decode().splitlines()]
    assert head[:3] == ["format", "read", "write"]
    writable = {row[0] for row in rows if row[2] == "yes"} - {"svg"}
    assert {"jpeg", "png", "webp", "avif", "gif", "tiff"} <= writable
    for name in (row[0] for row in rows if row[0] != "svg"):
        answer = signed.get(signed_target(f"/w:32/plain/local:///a.jpg@{name}"))
        assert (answer.status == 200) == (name in writable)


def signed_target(rest: str) -> str:
    pair = KeyPair(bytes.fromhex(KEYS["key"]), bytes.fromhex(KEYS["salt"]))
    return f"/{Signer((pair,), 32).sign(rest)}{rest}"


def test_commands_tell_of_themselves() -> None:
    listed = command("--help").stdout.decode()
    for name in ("serve", "render", "explain", "url", "settings", "formats", "version"):
        assert name in listed
    assert re.match(r"\S*\s*\d+\.\d+", command("version").stdout.decode())


@pytest.mark.parametrize(
    "arguments",
    [
        ("url", "local:///é ö.jpg", "rs:fill:30:20", "--format", "webp"),
        ("url", "local:///a.jpg", "w:abc"),
        ("explain", "/wrong/w:10/plain/local:///a.jpg"),
        ("render", "none.jpg", "w:10"),
    ],
    ids=" ".join,
)
def test_a_process_of_its_own_says_the_same(arguments: tuple[str, ...], variables: dict[str, str]) -> None:
    alone, here = cli(*arguments, **variables), command(*arguments, **variables)
    assert (alone.returncode, alone.stdout, alone.stderr) == (here.returncode, here.stdout, here.stderr)
