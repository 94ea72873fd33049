"""What the dialects are configured with."""

from __future__ import annotations

from pathlib import Path

import pytest

from imgproxy_py.dialects.imgproxy.config import ImgproxyConfig
from imgproxy_py.dialects.query import QueryConfig
from imgproxy_py.dialects.signing import KeyPair
from imgproxy_py.recipe.formats import Format
from imgproxy_py.settings import Settings, SettingsError


def test_without_settings_the_dialect_has_its_own_defaults() -> None:
    assert Settings.load().imgproxy_config() == ImgproxyConfig()


def test_keys_and_salts_become_pairs_in_their_order() -> None:
    settings = Settings.load({"key": "aa, bb", "salt": "cc,dd"})
    assert settings.key_pairs() == (KeyPair(b"\xaa", b"\xcc"), KeyPair(b"\xbb", b"\xdd"))


def test_every_part_arrives() -> None:
    settings = Settings.load(
        {
            "signature_size": 8,
            "trusted_signatures": "one, two",
            "source_url_encryption_key": "00" * 16,
            "path_prefix": "/pictures/",
            "arguments_separator": "_",
            "only_presets": True,
            "allowed_processing_options": "w,h",
            "allow_security_options": True,
            "base_url": "https://example.com/",
            "url_replacements": "a://*/=b://${1}/; c=d=e",
            "base64_url_includes_filename": True,
            "source_url_query_separator": "",
            "auto_rotate": False,
            "strip_metadata": False,
            "keep_copyright": False,
            "strip_color_profile": False,
            "preserve_hdr": True,
            "enforce_thumbnail": True,
        }
    )
    assert settings.imgproxy_config() == ImgproxyConfig(
        signature_size=8,
        trusted_signatures=("one", "two"),
        encryption_key=bytes(16),
        path_prefix="/pictures",
        arguments_separator="_",
        only_presets=True,
        allowed_options=frozenset({"w", "h"}),
        allow_security_options=True,
        base_url="https://example.com/",
        url_replacements=(("a://*/", "b://${1}/"), ("c", "d=e")),
        base64_url_includes_filename=True,
        source_url_query_separator="",
        auto_rotate=False,
        strip_metadata=False,
        keep_copyright=False,
        strip_color_profile=False,
        preserve_hdr=True,
        enforce_thumbnail=True,
    )


def test_the_query_dialect_shares_the_configuration_and_needs_a_source_of_images() -> None:
    assert Settings.load().query_config(frozenset()) is None
    settings = Settings.load({"images_source": "s3://bucket/originals", "images_max_side": 4000, "path_prefix": "/p"})
    assert settings.query_config(frozenset({Format.PNG})) == QueryConfig(
        images_source="s3://bucket/originals",
        max_side=4000,
        savable=frozenset({Format.PNG}),
        shared=ImgproxyConfig(path_prefix="/p"),
    )


def test_presets_come_from_the_list_and_then_from_the_file(tmp_path: Path) -> None:
    path = tmp_path / "presets"
    path.write_text("# thumbnails\nsmall=w:100\n\nlarge=w:1000\n")
    settings = Settings.load({"presets": "a=w:1|b=w:2", "presets_separator": "|", "presets_path": path})
    assert settings.preset_definitions() == ("a=w:1", "b=w:2", "# thumbnails", "small=w:100", "", "large=w:1000")


def test_a_presets_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="IMGPROXY_PRESETS_PATH="):
        Settings.load({"presets_path": tmp_path / "none"}).preset_definitions()


def test_best_may_be_what_urls_without_a_format_mean() -> None:
    assert Settings.load({"best_format_by_default": True}).imgproxy_config() == ImgproxyConfig(best=True)
