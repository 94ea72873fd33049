"""The command line serves: the demo, several processes, and what stops the start."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.request import Request, urlopen

import pytest
import pyvips

from tests.acceptance.service import command

COMMAND = (sys.executable, "-c", "from imgproxy_py.cli import main; main()", "serve")


def environment(**variables: str) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("IMGPROXY_")}
    return inherited | {f"IMGPROXY_{name}": value for name, value in variables.items()}


@dataclass
class Served:
    """A server that answers, the events it logged until then, and how it ended."""

    process: subprocess.Popen[str]
    address: str
    events: list[dict[str, object]]

    def get(self, path: str, **headers: str) -> tuple[int, str, bytes]:
        with urlopen(Request(f"http://{self.address}{path}", headers=headers), timeout=20) as answer:
            return answer.status, answer.headers["Content-Type"], answer.read()


@contextmanager
def serving(*flags: str, started: str = "server_started", **variables: str) -> Iterator[Served]:
    """Serve until the end of the block, then ask for the end and insist on a good one."""
    process = subprocess.Popen(
        [*COMMAND, *flags], env=environment(**variables), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        events: list[dict[str, object]] = []
        assert process.stdout is not None
        for line in process.stdout:
            events.append(json.loads(line))
            if events[-1]["event"] == started:
                break
        else:
            pytest.fail(process.communicate()[1])
        yield Served(process, str(events[-1]["address"]), events)
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)
        assert process.returncode == 0
    finally:
        process.kill()
        process.communicate()


def refused(*flags: str, code: int = 2, **variables: str) -> str:
    done = subprocess.run(
        [*COMMAND, *flags], env=environment(**variables), capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == code
    return done.stderr


def refused_at_once(*flags: str, **variables: str) -> str:
    """What is said of settings that are wrong by themselves: seen before anything is opened, so in this process."""
    done = command("serve", *flags, **{name.lower(): value for name, value in variables.items()})
    assert done.returncode == 2
    return done.stderr.decode()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number, name in enumerate(("a.jpg", "b c.png")):
        pyvips.Image.black(640 - 100 * number, 480, bands=3).copy(interpretation="srgb").write_to_file(
            str(tmp_path / name)
        )
    (tmp_path / "notes.txt").write_text("no picture")
    return tmp_path


def test_the_demo_serves_a_folder_in_both_dialects_and_prints_urls_that_answer(folder: Path) -> None:
    with serving("--demo", str(folder), "--bind", f"127.0.0.1:{free_port()}") as served:
        status, media_type, body = served.get("/unsafe/rs:fill:100:50/plain/local:///a.jpg@png")
        assert (status, media_type) == (200, "image/png")
        assert pyvips.Image.new_from_buffer(body, "").width == 100
        status, media_type, body = served.get("/images/b%20c.png?w=54", Accept="image/webp")
        assert (status, media_type) == (200, "image/webp")
        assert served.get("/health")[0] == 200
        assert served.process.stderr is not None
        assert served.process.stderr.readline() == "Open one of these:\n"
        urls = [served.process.stderr.readline().strip() for _ in range(3)]
        for url in urls:
            assert url.startswith(f"http://{served.address}/")
            assert served.get(url.removeprefix(f"http://{served.address}"))[1].startswith("image/")


def test_several_processes_answer_at_one_address(folder: Path) -> None:
    flags = ("--demo", str(folder), "--bind", "127.0.0.1:0", "--workers", "2")
    with serving(*flags, started="supervisor_started") as served:
        assert served.events[-1]["processes"] == 2
        assert served.get("/unsafe/w:10/plain/local:///a.jpg")[0] == 200


def test_the_file_of_variables_is_read_and_flags_beat_the_environment(folder: Path) -> None:
    (folder / "service.env").write_text(f"IMGPROXY_LOCAL_FILESYSTEM_ROOT={folder}\nIMGPROXY_PATH_PREFIX=/pictures\n")
    flags = ("--env-file", str(folder / "service.env"), "--bind", "127.0.0.1:0")
    with serving(*flags, BIND="nonsense:99999") as served:
        assert served.get("/pictures/unsafe/plain/local:///a.jpg")[0] == 200


def test_operators_are_warned_of_what_they_may_not_want(folder: Path) -> None:
    with serving("--bind", "127.0.0.1:0", USE_SWIFT="true", QUALLITY="70") as served:
        told = {event["event"]: event for event in served.events}
    assert told["setting_without_effect"]["name"] == "IMGPROXY_USE_SWIFT"
    assert told["setting_unknown"]["meant"] == "IMGPROXY_QUALITY"
    assert {"signatures_not_required", "private_sources_allowed"} <= set(told)


def test_a_careful_operator_is_not_warned(folder: Path) -> None:
    careful = {"KEY": "aa", "SALT": "bb", "ALLOW_PRIVATE_SOURCE_ADDRESSES": "false"}
    with serving("--bind", "127.0.0.1:0", **careful) as served:
        assert [event["event"] for event in served.events] == ["server_started"]


def test_wrong_settings_stop_the_start_all_at_once() -> None:
    said = refused_at_once("--workers", "0", "--bind", "here", QUALITY="loud")
    assert "3 settings are wrong" in said
    assert "IMGPROXY_PROCESSES='0': expected whole number, from 1" in said


def test_a_wrong_preset_stops_the_start() -> None:
    assert "small: w: '-1', expected an integer from 0" in refused_at_once(PRESETS="small=w:-1")


@pytest.mark.parametrize(("processes", "code"), [("1", 2), pytest.param("2", 1, marks=pytest.mark.slow)])
def test_a_network_that_cannot_be_used_stops_the_start_as_a_wrong_setting_does(
    tmp_path: Path, processes: str, code: int
) -> None:
    network = tmp_path / "net.onnx"
    network.write_bytes(b"no network")
    names = tmp_path / "net.names"
    names.write_text("cat\n")
    bind = {"BIND": "127.0.0.1:0", "PROCESSES": processes}
    without = refused(code=code, OBJECT_DETECTION_NET=str(network), **bind)
    assert "IMGPROXY_OBJECT_DETECTION_CLASSES='': expected a text file" in without
    broken = refused(code=code, CLASSIFICATION_NET=str(network), CLASSIFICATION_CLASSES=str(names), **bind)
    assert f"IMGPROXY_CLASSIFICATION_NET='{network}': expected a network that can be used" in broken
    assert "Traceback" not in without + broken


@pytest.mark.parametrize("name", ["WATERMARK_PATH", "FALLBACK_IMAGE_PATH"])
def test_a_file_that_is_not_there_is_named_with_its_setting(tmp_path: Path, name: str) -> None:
    said = refused(**{name: str(tmp_path / "none.png"), "BIND": "127.0.0.1:0"})
    assert f"IMGPROXY_{name}='{tmp_path / 'none.png'}': expected a file that can be read" in said
    assert "Traceback" not in said


def test_a_watermark_that_is_no_picture_is_named_with_its_setting(tmp_path: Path) -> None:
    path = tmp_path / "mark.png"
    path.write_bytes(b"no picture")
    said = refused(WATERMARK_PATH=str(path), BIND="127.0.0.1:0")
    assert f"IMGPROXY_WATERMARK_PATH='{path}': expected a picture" in said
    assert "Traceback" not in said


def test_a_cache_in_front_that_lacks_a_setting_stops_the_start() -> None:
    said = refused(PURGE_SECRET="s", PURGE_FASTLY_SERVICE="x", BIND="127.0.0.1:0")
    assert "IMGPROXY_PURGE_FASTLY_TOKEN" in said
    assert "Traceback" not in said


def test_an_address_that_is_taken_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        bind = f"127.0.0.1:{server.getsockname()[1]}"
        assert f"IMGPROXY_BIND='{bind}': Address already in use" in refused("--bind", bind)


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    assert "none' does not exist" in refused_at_once("--demo", str(tmp_path / "none"))
