"""Wrong values: all of them at once, each with its name, what was given, and what was expected."""

from __future__ import annotations

import pytest

from imgproxy_py.settings import Settings, SettingsError, WrongSetting

FLAG = "one of 1 t T TRUE true True 0 f F FALSE false False"


def refusals(monkeypatch: pytest.MonkeyPatch, **variables: str) -> dict[str, WrongSetting]:
    for name, value in variables.items():
        monkeypatch.setenv(f"IMGPROXY_{name}", value)
    with pytest.raises(SettingsError) as caught:
        Settings.load()
    return {one.name.removeprefix("IMGPROXY_"): one for one in caught.value.wrong}


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("AUTO_ROTATE", "yes", FLAG),
        ("AUTO_ROTATE", "on", FLAG),
        ("QUALITY", "80.0", "whole number, 1–100"),
        ("QUALITY", "8_0", "whole number, 1–100"),
        ("QUALITY", " 80", "whole number, 1–100"),
        ("QUALITY", "0x50", "whole number, 1–100"),
        ("QUALITY", "101", "whole number, 1–100"),
        ("SIGNATURE_SIZE", "0", "whole number, 1–32"),
        ("SIGNATURE_SIZE", "33", "whole number, 1–32"),
        ("WORKERS", "-1", "whole number, from 1"),
        ("MAX_SRC_RESOLUTION", "nan", "number, from 0"),
        ("MAX_SRC_RESOLUTION", "inf", "number, from 0"),
        ("MAX_SRC_RESOLUTION", "-1", "number, from 0"),
        ("DOWNLOAD_TIMEOUT", "0", "number, above 0"),
        ("WATERMARK_OPACITY", "1.5", "number, 0–1"),
        ("WEBP_PRESET", "photos", "one of default picture photo drawing icon text"),
        ("ARGUMENTS_SEPARATOR", " ", "a text that is not blank"),
        ("IMAGES_SOURCE", "/srv/pictures", "s3://bucket/prefix or local:///prefix"),
        ("URL_REPLACEMENTS", "a=b;c", "pattern=replacement, several divided by semicolons"),
    ],
)
def test_a_wrong_value_names_itself_and_what_was_expected(
    name: str, value: str, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert refusals(monkeypatch, **{name: value}) == {name: WrongSetting(f"IMGPROXY_{name}", value, expected)}


def test_all_wrong_values_are_reported_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = refusals(monkeypatch, QUALITY="x", USE_S3="maybe", KEY="aabb", SALT="zz", FORMAT_QUALITY="webp:7")
    assert list(wrong) == ["FORMAT_QUALITY", "QUALITY", "SALT", "USE_S3"]


def test_the_message_has_a_line_for_each(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMGPROXY_QUALITY", "x")
    monkeypatch.setenv("IMGPROXY_USE_S3", "maybe")
    with pytest.raises(SettingsError) as caught:
        Settings.load()
    assert str(caught.value).splitlines() == [
        "2 settings are wrong:",
        "  IMGPROXY_QUALITY='x': expected whole number, 1–100",
        f"  IMGPROXY_USE_S3='maybe': expected {FLAG}",
    ]


@pytest.mark.parametrize("name", ["KEY", "SALT", "SOURCE_URL_ENCRYPTION_KEY"])
def test_wrong_secrets_are_not_shown(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "not hex" not in str(refusals(monkeypatch, **{name: "not hex"})[name])


@pytest.mark.parametrize(("key", "salt"), [("aa", ""), ("", "aa"), ("aa,bb", "aa"), ("aa", "aa,bb")])
def test_there_must_be_as_many_salts_as_keys(key: str, salt: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMGPROXY_KEY", key)
    monkeypatch.setenv("IMGPROXY_SALT", salt)
    with pytest.raises(SettingsError, match="as many salts as there are keys"):
        Settings.load()


def test_a_wrong_name_of_an_override_is_refused() -> None:
    with pytest.raises(SettingsError, match="no setting of this name"):
        Settings.load({"qualty": 3})
