"""The small commands, and how the command line explains itself."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

from imgproxy_py import __version__
from imgproxy_py.settings import reference

Run = Callable[..., Result]
COMMANDS = ("serve", "url", "explain", "render", "capacity", "sweep", "settings", "formats", "version")


def test_without_a_command_the_commands_are_listed(run: Run) -> None:
    shown = run().output
    assert all(f"\n  {name} " in shown for name in COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_explains_itself(name: str, run: Run) -> None:
    result = run(name, "--help")
    assert result.exit_code == 0
    assert result.stdout.startswith("Usage:")


@pytest.mark.parametrize("name", ["serve", "url", "explain", "render", "capacity", "settings"])
def test_commands_with_choices_show_examples(name: str, run: Run) -> None:
    assert f"Examples:\n    imgproxy-py {name}" in run(name, "--help").stdout


def test_version_names_the_library_too(run: Run) -> None:
    shown = run("version").stdout
    assert shown.startswith(f"imgproxy_py {__version__}, libvips 8.")


def test_formats_tell_what_can_be_read_and_written_here(run: Run) -> None:
    rows = {line.split()[0]: line.split() for line in run("formats").stdout.splitlines()}
    assert rows["jpeg"] == ["jpeg", "yes", "yes", "-", "-", "-", "image/jpeg"]
    assert rows["webp"] == ["webp", "yes", "yes", "yes", "yes", "-", "image/webp"]
    assert rows["ico"][1:3] == ["yes", "yes"]
    assert rows["svg"][1:3] == ["yes", "yes"]
    assert {rows[name][2] for name in ("pdf", "psd", "raw", "mp4", "webm")} == {"-"}


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("imgproxy_py.engine.codecs.jpeg._decoder", "'imgproxy_py[turbo]'"),
        ("imgproxy_py.engine.codecs.jpeg._encoder", "'imgproxy_py[turbo-encoder]'"),
        ("imgproxy_py.engine.native.library", "C compiler"),
    ],
)
def test_formats_tell_what_would_be_quicker(run: Run, monkeypatch: pytest.MonkeyPatch, name: str, advice: str) -> None:
    assert advice not in run("formats").stdout
    monkeypatch.setattr(name, lambda: None)
    assert advice in run("formats").stdout


def test_settings_prints_the_reference(run: Run) -> None:
    assert run("settings").stdout == reference()


def test_current_settings_are_shown_with_secrets_masked(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMGPROXY_KEY", "c0ffee")
    monkeypatch.setenv("IMGPROXY_SALT", "decade")
    monkeypatch.setenv("IMGPROXY_QUALITY", "55")
    result = run("settings", "--current")
    assert {"IMGPROXY_KEY=(secret)", "IMGPROXY_QUALITY=55"} <= set(result.stdout.splitlines())
    assert "c0ffee" not in result.output


def test_current_settings_come_from_the_file_too(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "service.env"
    path.write_text("IMGPROXY_QUALITY=44\n")
    assert "IMGPROXY_QUALITY=44" in run("settings", "--current", "--env-file", str(path)).stdout


def test_variables_without_effect_are_warned_of(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMGPROXY_QUALLITY", "55")
    result = run("settings", "--current")
    assert result.stderr == "imgproxy-py: IMGPROXY_QUALLITY is no setting, did you mean IMGPROXY_QUALITY?\n"
    assert result.exit_code == 0


def test_wrong_settings_are_all_named_on_standard_error(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMGPROXY_QUALITY", "loud")
    monkeypatch.setenv("IMGPROXY_TTL", "-1")
    result = run("settings", "--current")
    assert result.exit_code == 2
    assert result.stdout == ""
    assert "IMGPROXY_QUALITY='loud': expected whole number, 1–100" in result.stderr
    assert "IMGPROXY_TTL='-1': expected whole number, from 0" in result.stderr
