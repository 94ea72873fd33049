"""Where values come from, and which beats which."""

from __future__ import annotations

from pathlib import Path

import pytest

from imgproxy_py.settings import Settings, SettingsError, UnknownVariable


@pytest.fixture
def env_file(tmp_path: Path) -> Path:
    path = tmp_path / "service.env"
    path.write_text("# a comment\nIMGPROXY_QUALITY=70\nexport IMGPROXY_TTL=60\nPATH=/nowhere\n")
    return path


def test_flags_beat_the_environment_which_beats_the_file(env_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert Settings.load(env_file=env_file).quality == 70
    monkeypatch.setenv("IMGPROXY_QUALITY", "75")
    assert Settings.load(env_file=env_file).quality == 75
    assert Settings.load({"quality": 90}, env_file).quality == 90
    assert Settings.load({"quality": 90}, env_file).ttl == 60


def test_the_environment_can_name_the_file(env_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMGPROXY_ENV_FILE", str(env_file))
    assert Settings.load().quality == 70
    assert Settings.load().unknown() == ()


def test_a_blank_variable_leaves_the_word_to_the_file(env_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMGPROXY_QUALITY", "")
    assert Settings.load(env_file=env_file).quality == 70


@pytest.mark.parametrize("contents", [None, b"\xff\xfe\x00"])
def test_a_file_that_cannot_be_read_stops_the_start(tmp_path: Path, contents: bytes | None) -> None:
    path = tmp_path / "service.env"
    if contents is not None:
        path.write_bytes(contents)
    with pytest.raises(SettingsError, match=r"IMGPROXY_ENV_FILE=.*a readable file"):
        Settings.load(env_file=path)


def test_a_file_is_read_literally(tmp_path: Path) -> None:
    path = tmp_path / "service.env"
    path.write_text("IMGPROXY_URL_REPLACEMENTS=mys3://*/=s3://my-${1}/\n")
    assert Settings.load(env_file=path).url_replacements == "mys3://*/=s3://my-${1}/"


def test_other_programs_variables_are_not_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QUALITY", "7")
    monkeypatch.setenv("imgproxy_quality", "8")
    assert Settings.load().quality == 80


def test_variables_without_effect_are_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMGPROXY_USE_SWIFT", "true")
    monkeypatch.setenv("IMGPROXY_WATERMARK_URL", "")
    assert Settings.load().unused() == ("IMGPROXY_USE_SWIFT",)


def test_unknown_variables_are_listed_with_what_was_probably_meant(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "service.env"
    path.write_text("IMGPROXY_QUALLITY=70\n")
    monkeypatch.setenv("IMGPROXY_AUTO_WEPB", "1")
    monkeypatch.setenv("IMGPROXY_XYZZY", "1")
    assert Settings.load(env_file=path).unknown() == (
        UnknownVariable("IMGPROXY_AUTO_WEPB", "IMGPROXY_AUTO_WEBP"),
        UnknownVariable("IMGPROXY_QUALLITY", "IMGPROXY_QUALITY"),
        UnknownVariable("IMGPROXY_XYZZY"),
    )
    assert str(Settings.load().unknown()[0]) == "IMGPROXY_AUTO_WEPB is no setting, did you mean IMGPROXY_AUTO_WEBP?"


def test_warnings_have_a_sentence_for_each_variable_without_effect(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMGPROXY_USE_SWIFT", "true")
    monkeypatch.setenv("IMGPROXY_QUALLITY", "70")
    assert Settings.load().warnings() == [
        "IMGPROXY_USE_SWIFT is accepted without effect yet",
        "IMGPROXY_QUALLITY is no setting, did you mean IMGPROXY_QUALITY?",
    ]


@pytest.mark.parametrize(
    ("given", "idle"),
    [
        ({"s3_endpoint": "http://x"}, (("IMGPROXY_S3_ENDPOINT", "IMGPROXY_USE_S3"),)),
        ({"s3_endpoint": "http://x", "use_s3": "1"}, ()),
        ({"s3_endpoint": "http://x", "result_store": "s3://results"}, ()),
        ({"gcs_key": "{}"}, (("IMGPROXY_GCS_KEY", "IMGPROXY_USE_GCS"),)),
        ({"abs_name": "a", "use_gcs": "1"}, (("IMGPROXY_ABS_NAME", "IMGPROXY_USE_ABS"),)),
        ({"cookie_passthrough_all": "1"}, (("IMGPROXY_COOKIE_PASSTHROUGH_ALL", "IMGPROXY_COOKIE_PASSTHROUGH"),)),
        ({}, ()),
    ],
)
def test_what_another_setting_would_have_to_switch_on_is_told(
    given: dict[str, str], idle: tuple[tuple[str, str], ...]
) -> None:
    settings = Settings.load(given)
    assert settings.idle() == idle
    assert settings.warnings() == [f"{name} has no effect without {switch}" for name, switch in idle]


def test_settings_do_not_change() -> None:
    with pytest.raises(ValueError, match="frozen"):
        Settings.load().quality = 3
