"""The reference of settings: complete, as written in the documentation, and silent about secrets."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from imgproxy_py.settings import Settings, current, reference
from imgproxy_py.settings.model import COMPONENTS

PAGE = Path(__file__).parents[3] / "docs" / "settings.md"


def test_the_page_is_made_from_the_declarations() -> None:
    assert PAGE.read_text() == reference(), "make it anew: imgproxy-py settings > docs/settings.md"


def test_each_setting_belongs_to_one_component() -> None:
    counted = Counter(name for _, component in COMPONENTS for name in component.model_fields)
    assert set(counted) == set(Settings.model_fields)
    assert set(counted.values()) == {1}


def test_each_setting_has_a_sentence() -> None:
    silent = [name for name, field in Settings.model_fields.items() if not (field.description or "").endswith(".")]
    assert silent == []


def test_each_component_is_inherited_and_introduced() -> None:
    for _, component in COMPONENTS:
        assert issubclass(Settings, component)
        assert component.__doc__


def test_the_reference_names_kind_default_and_meaning() -> None:
    assert "| `IMGPROXY_SIGNATURE_SIZE` | whole number, 1–32 | `32` | How many bytes" in reference()
    assert "| `IMGPROXY_GRACEFUL_STOP_TIMEOUT` | number, above 0 |  |" in reference()
    assert "| `IMGPROXY_WORKERS` | whole number, from 1 | `2 × CPUs` |" in reference()


def test_current_values_are_shown_with_secrets_masked() -> None:
    lines = current(Settings.load({"key": "c0ffee", "salt": "aa", "quality": 55})).splitlines()
    assert "IMGPROXY_KEY=(secret)" in lines
    assert "IMGPROXY_TRUSTED_SIGNATURES=" in lines
    assert "IMGPROXY_QUALITY=55" in lines
    assert len(lines) == len(Settings.model_fields)


def test_current_values_can_be_a_file_of_variables(tmp_path: Path) -> None:
    path = tmp_path / "service.env"
    path.write_text(current(Settings.load()))
    assert Settings.load(env_file=path) == Settings.load()


@pytest.mark.parametrize("value", ["redis://user:hunter2@cache:6379/0", "https://:hunter2@s3.example.com"])
def test_credentials_in_urls_are_masked(value: str) -> None:
    assert "hunter2" not in current(Settings.load({"s3_endpoint": value}))
