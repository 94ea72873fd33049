"""How the servers are asked for a picture."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from benchmarks.client import Questions, asking
from benchmarks.measures import Turn
from benchmarks.peers import CannotRun, Wanted, ipx, ours, thumbor
from benchmarks.peers.template import Template
from benchmarks.processes import HOST, free_port, module, running, wait_for

_WANTED = Wanted(source="12mp.jpg", width=400, height=300, format="webp")
_WITH_QUALITY = Wanted(source="12mp.jpg", width=400, height=300, format="webp", quality=70)
_IMGPROXY = "peer=http://127.0.0.1:81/_/rs:fit:{width}:{height}[/q:{quality}]/plain/local:///{source}@{format}"


@pytest.mark.parametrize(
    ("wanted", "path"),
    [
        (_WANTED, "/rs:fit:400:300/plain/local:///12mp.jpg@webp"),
        (_WITH_QUALITY, "/rs:fit:400:300/q:70/plain/local:///12mp.jpg@webp"),
    ],
    ids=["its own quality", "a quality"],
)
def test_ours_is_asked_in_its_dialect_and_signed(wanted: Wanted, path: str) -> None:
    signature, _, rest = ours.target(wanted)[1:].partition("/")
    assert f"/{rest}" == path
    assert len(signature) == 43


@pytest.mark.parametrize(
    ("wanted", "path"),
    [
        (_WANTED, "400x300/filters:format(webp)/12mp.jpg"),
        (_WITH_QUALITY, "400x300/filters:format(webp):quality(70)/12mp.jpg"),
    ],
    ids=["its own quality", "a quality"],
)
def test_thumbor_is_asked_with_filters_and_signed(wanted: Wanted, path: str) -> None:
    signature, _, rest = thumbor.target(wanted)[1:].partition("/")
    assert rest == path
    assert len(signature) == 28


@pytest.mark.parametrize(
    ("wanted", "target"),
    [(_WANTED, "/s_400x300,f_webp/12mp.jpg"), (_WITH_QUALITY, "/s_400x300,f_webp,q_70/12mp.jpg")],
    ids=["its own quality", "a quality"],
)
def test_ipx_is_asked_with_modifiers(wanted: Wanted, target: str) -> None:
    assert ipx.target(wanted) == target


@pytest.mark.parametrize(
    ("wanted", "target"),
    [
        (_WANTED, "/_/rs:fit:400:300/plain/local:///12mp.jpg@webp"),
        (_WITH_QUALITY, "/_/rs:fit:400:300/q:70/plain/local:///12mp.jpg@webp"),
    ],
    ids=["its own quality", "a quality"],
)
def test_a_template_is_filled_in(wanted: Wanted, target: str) -> None:
    assert Template(_IMGPROXY).target(wanted) == target


@pytest.mark.parametrize(
    ("text", "takes"), [(_IMGPROXY, True), ("peer=http://127.0.0.1/{width}/{source}", False)], ids=["yes", "no"]
)
def test_a_template_takes_a_quality_if_it_has_a_place_for_it(text: str, takes: bool) -> None:
    assert Template(text).takes_quality is takes


@pytest.mark.parametrize(
    "text",
    [
        "http://127.0.0.1/{source}",
        "peer=",
        "=http://127.0.0.1/{source}",
        "peer=https://127.0.0.1/{source}",
        "peer=http://127.0.0.1/{width}",
        "peer=http://127.0.0.1/{source}/{depth}",
    ],
)
def test_a_template_that_cannot_be_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="placeholders"):
        Template(text)


def test_a_peer_where_nobody_answers_is_told() -> None:
    with pytest.raises(CannotRun, match="nobody answers"):
        Template(f"peer=http://{HOST}:{free_port()}/{{source}}").prepare()


def test_the_list_of_what_is_installed_is_pinned_and_names_no_registry() -> None:
    folder = Path(thumbor.__file__).parent
    lock = json.loads((folder / "package-lock.json").read_text())
    assert not any("resolved" in package for package in lock["packages"].values())
    assert all(
        re.fullmatch(r"[\d.]+", one)
        for one in json.loads((folder / "package.json").read_text())["dependencies"].values()
    )
    pinned = [line for line in (folder / "thumbor.txt").read_text().splitlines() if not line.startswith("#")]
    assert all(re.fullmatch(r"[\w-]+==[\d.]+", line) for line in pinned)


def _asked(work: Path, questions: Questions) -> Turn:
    """Ask a plain file server, described by a template, for one file."""
    (work / "12mp.jpg").write_bytes(b"x" * 1000)
    port = free_port()
    command = [
        module("x")[0],
        "-m",
        "http.server",
        "--bind",
        HOST,
        "--protocol",
        "HTTP/1.1",
        "--directory",
        str(work),
        str(port),
    ]
    template = Template(f"files=http://{HOST}:{port}/{{source}}")
    with running(command, work / "log", {}) as process:
        wait_for(process, port, work / "log")
        assert template.prepare() == f"files at {HOST}:{port}"
        with template.serving(work, work, keeps=False) as server, asking(work) as client:
            assert server.pid == process.pid
            assert server.target(_WANTED) == questions.targets[0]
            return client.ask(server, questions)


def test_a_turn_tells_what_the_server_did(tmp_path: Path) -> None:
    turn = _asked(tmp_path, Questions(targets=["/12mp.jpg"] * 20))
    assert (turn.answers, turn.sent) == (20, 20_000)
    assert turn.cpu is not None
    assert 0 < turn.cpu < 5
    assert turn.peak is not None
    assert 5_000_000 < turn.peak < 200_000_000
    assert turn.cpu_ms == pytest.approx(turn.cpu * 50)


def test_an_answer_of_another_status_ends_the_run(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="404"):
        _asked(tmp_path, Questions(targets=["/12mp.jpg", "/missing"]))
