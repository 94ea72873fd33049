"""`imgproxy-py warm` beside a running service: what was warmed is in its caches, whoever ended it, however it is signed."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import pictures
from tests.acceptance.origin import Origin
from tests.acceptance.service import COMMAND, IN_MEMORY, Service, cli, command, environment, serving, until

KEYS = {"key": "736563726574", "salt": "68656c6c6f"}
SECRET = "hunter2"
PICTURE = pictures.png(pictures.marked(60, 40))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("originals")
    (directory / "a b.png").write_bytes(PICTURE)
    (directory / "c.png").write_bytes(PICTURE)
    return directory


@pytest.fixture(scope="module")
def variables(folder: Path) -> dict[str, str]:
    return {"local_filesystem_root": str(folder), "images_source": "local:///", "enable_webp_detection": "true"}


@pytest.fixture(scope="module")
def service(variables: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """One for all; each test has widths of its own."""
    with serving(tmp_path_factory.mktemp("service"), **variables) as running:
        yield running


def counts(stdout: bytes) -> dict[str, int]:
    """The numbers of a summary by what they are of."""
    lines = (line for line in stdout.decode().splitlines() if line)
    return {line[:24].strip(): int(line[24:34].replace(",", "")) for line in lines}


def test_what_is_warmed_is_found_in_a_cache(service: Service, tmp_path: Path) -> None:
    targets = ["/_/w:8/plain/local:///c.png", "/images/a%20b.png?w=9&format=png", "/_/w:7/plain/local:///c.png@png"]
    urls = tmp_path / "urls.txt"
    urls.write_text("# to begin with\n" + "\n".join(targets))
    base = f"http://127.0.0.1:{service.port}"
    first = cli("warm", str(urls), "--base", base)
    assert first.returncode == 0, first.stderr
    assert counts(first.stdout) == {"warmed": 3, "made": 3, "failed": 0}
    assert all(service.get(target).cache == IN_MEMORY for target in targets)
    again = command("warm", str(urls), "--base", base)
    assert counts(again.stdout) == {"warmed": 3, "memory": 3, "failed": 0}
    assert sorted(one.name for one in tmp_path.glob("urls.txt*")) == ["urls.txt"]


def test_each_kind_of_client_finds_its_own(service: Service) -> None:
    done = command(
        *("warm", "-", "--base", f"http://127.0.0.1:{service.port}", "--accept", "webp", "--accept", "jpeg"),
        stdin=b"/_/w:6/plain/local:///c.png\n/_/w:6/plain/local:///c.png@gif\n",
    )
    assert counts(done.stdout) == {"warmed": 3, "made": 3, "the same for all": 1, "failed": 0}
    webp = service.get("/_/w:6/plain/local:///c.png", Accept="image/webp,*/*")
    assert (webp.headers["Content-Type"], webp.cache) == ("image/webp", IN_MEMORY)


def test_a_sitemap_with_templates_widths_signatures_and_a_secret(
    variables: dict[str, str], tmp_path: Path, origin: Origin
) -> None:
    shared = {**variables, **KEYS, "secret": SECRET}
    pictures_named = "".join(
        f"<image><loc>{one}</loc></image>" for one in ("local:///a b.png", "local:///c.png", "local:///none.png")
    )
    origin.put("/1.xml", f"<urlset><url><loc>/page</loc>{pictures_named}</url></urlset>".encode())
    index = origin.put("/sitemap.xml", b"<sitemapindex><sitemap><loc>/1.xml</loc></sitemap></sitemapindex>")
    failed = tmp_path / "failed"
    with serving(tmp_path, **shared) as service:
        base = ("--base", f"http://127.0.0.1:{service.port}", "--sign", "--authorize", "--failures", str(failed))
        widths = ("--template", "/w:{width}/plain/{source}@png", "--width", "8", "--width", "9")
        done = command("warm", index, *base, *widths, **shared)
        assert done.returncode == 1, done.stderr
        assert counts(done.stdout) == {"warmed": 4, "made": 4, "failed": 2}
        lines = failed.read_text().splitlines()
        assert lines[::2] == ["# 404 Not Found; as jpeg"] * 2
        targets = {one.split("/", 4)[4] for one in lines[1::2]}
        assert targets == {f"w:{width}/plain/local:///none.png@png" for width in (8, 9)}
        queries = command(
            "warm", "-", *base, stdin=b"/images/c.png?w=8&format=png\n/unsafe/w:9/plain/local:///c.png@png", **shared
        )
        assert counts(queries.stdout) == {"warmed": 2, "memory": 2, "failed": 0}
        assert not failed.exists()
        # The list of failures is a list, too.
        (Path(variables["local_filesystem_root"]) / "none.png").write_bytes(PICTURE)
        failed.write_text("\n".join(lines))
        repaired = command("warm", str(failed), "--base", base[1], "--authorize", **shared)
        assert counts(repaired.stdout) == {"warmed": 2, "made": 2, "failed": 0}


@pytest.mark.parametrize(
    "ending",
    [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.slow), signal.SIGKILL],
    ids=lambda one: one.name,
)
def test_whatever_ends_it_the_next_run_goes_on_from_there(
    ending: signal.Signals, service: Service, tmp_path: Path
) -> None:
    urls, journal = tmp_path / "urls.txt", tmp_path / "urls.txt.warmed"
    urls.write_text("".join(f"/_/w:{width}/h:{ending.value}/plain/local:///c.png@png\n" for width in range(1, 201)))
    arguments = ("warm", str(urls), "--base", f"http://127.0.0.1:{service.port}")
    first = subprocess.Popen(
        [COMMAND, *arguments, "--rate", "20"],
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # the background ignores it
    )
    until(lambda: journal.exists() and journal.read_text().count("\n") > 5)
    first.send_signal(ending)
    _, stderr = first.communicate(timeout=30)
    done = journal.read_text().count("\n")
    assert 5 < done < 200
    if ending is not signal.SIGKILL:
        assert first.returncode == 130
        assert b"interrupted; the same command goes on from here" in stderr
    second = command(*arguments)
    assert second.returncode == 0, second.stderr
    found = counts(second.stdout)
    assert (found["done before"], found["warmed"]) == (done, 200 - done)
    assert not journal.exists()
    assert all(service.get(target).cache == IN_MEMORY for target in urls.read_text().split())


def test_a_terminal_sees_a_bar(service: Service) -> None:
    ours, theirs = pty.openpty()
    arguments = [COMMAND, "warm", "-", "--base", f"http://127.0.0.1:{service.port}"]
    shown = bytearray()

    def read() -> None:
        try:
            while piece := os.read(ours, 4096):
                shown.extend(piece)
        except OSError:  # the other end is closed
            pass

    reader = threading.Thread(target=read)
    reader.start()
    running = subprocess.Popen(
        arguments,
        env=environment() | {"TERM": "xterm-256color", "COLUMNS": "160"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=theirs,
    )
    running.communicate(b"".join(b"/_/w:%d/plain/local:///c.png@png\n" % width for width in range(51, 59)), timeout=60)
    os.close(theirs)
    reader.join(10)
    os.close(ours)
    assert running.returncode == 0
    assert "8/8" in shown.decode()
    assert "8 warmed, 8 of them made, 0 failed" in shown.decode()
