"""Every variable of the dialect's table (§14) is accepted, with the table's default unless ours is meant to differ."""

from __future__ import annotations

import os

import pytest

from imgproxy_py.settings import Settings
from imgproxy_py.settings.kinds import spelled

TABLE = {
    "KEY": "",
    "SALT": "",
    "SIGNATURE_SIZE": "32",
    "TRUSTED_SIGNATURES": "",
    "SOURCE_URL_ENCRYPTION_KEY": "",
    "PATH_PREFIX": "",
    "ARGUMENTS_SEPARATOR": ":",
    "PRESETS": "",
    "PRESETS_SEPARATOR": ",",
    "PRESETS_PATH": "",
    "ONLY_PRESETS": "false",
    "INFO_PRESETS": "",
    "INFO_PRESETS_PATH": "",
    "INFO_ONLY_PRESETS": "",
    "ALLOWED_PROCESSING_OPTIONS": "",
    "ALLOWED_INFO_OPTIONS": "",
    "ALLOW_SECURITY_OPTIONS": "false",
    "MAX_CHAINED_PIPELINES": "0",
    "BASE_URL": "",
    "URL_REPLACEMENTS": "",
    "BASE64_URL_INCLUDES_FILENAME": "false",
    "SOURCE_URL_QUERY_SEPARATOR": "?",
    "ALLOWED_SOURCES": "",
    "ALLOW_LOOPBACK_SOURCE_ADDRESSES": "false",
    "ALLOW_LINK_LOCAL_SOURCE_ADDRESSES": "false",
    "ALLOW_PRIVATE_SOURCE_ADDRESSES": "true",
    "MAX_SRC_RESOLUTION": "50",
    "MAX_SRC_FILE_SIZE": "0",
    "MAX_ANIMATION_FRAMES": "1",
    "MAX_ANIMATION_FRAME_RESOLUTION": "0",
    "MAX_RESULT_DIMENSION": "0",
    "MAX_REDIRECTS": "10",
    "SECRET": "",
    "ALLOW_ORIGIN": "",
    "TIMEOUT": "10",
    "DOWNLOAD_TIMEOUT": "5",
    "WORKERS": str(2 * (os.cpu_count() or 1)),
    "REQUESTS_QUEUE_SIZE": "0",
    "AUTO_WEBP": "false",
    "AUTO_AVIF": "false",
    "AUTO_JXL": "false",
    "ENFORCE_WEBP": "false",
    "ENFORCE_AVIF": "false",
    "ENFORCE_JXL": "false",
    "ENABLE_CLIENT_HINTS": "false",
    "PREFERRED_FORMATS": "jpeg,png,gif",
    "SKIP_PROCESSING_FORMATS": "",
    "ALWAYS_RASTERIZE_SVG": "false",
    "SANITIZE_SVG": "true",
    "QUALITY": "80",
    "FORMAT_QUALITY": "webp=79,avif=63,jxl=77",
    "JPEG_PROGRESSIVE": "false",
    "PNG_INTERLACED": "false",
    "PNG_QUANTIZE": "false",
    "PNG_QUANTIZATION_COLORS": "256",
    "WEBP_EFFORT": "2",  # the table has 4; docs/encoding.md tells why
    "WEBP_PRESET": "default",
    "AVIF_SPEED": "9",  # the table has 8; docs/encoding.md tells why
    "JXL_EFFORT": "4",
    "AUTO_ROTATE": "true",
    "STRIP_METADATA": "true",
    "KEEP_COPYRIGHT": "true",
    "STRIP_COLOR_PROFILE": "true",
    "PRESERVE_HDR": "false",
    "ENFORCE_THUMBNAIL": "false",
    "RETURN_ATTACHMENT": "false",
    "USE_LINEAR_COLORSPACE": "false",
    "DISABLE_SHRINK_ON_LOAD": "false",
    "WATERMARK_DATA": "",
    "WATERMARK_PATH": "",
    "WATERMARK_URL": "",
    "WATERMARK_OPACITY": "1",
    "FALLBACK_IMAGE_DATA": "",
    "FALLBACK_IMAGE_PATH": "",
    "FALLBACK_IMAGE_URL": "",
    "FALLBACK_IMAGE_HTTP_CODE": "200",
    "FALLBACK_IMAGE_TTL": "0",
    "TTL": "31536000",
    "CACHE_CONTROL_PASSTHROUGH": "false",
    "USE_ETAG": "true",
    "ETAG_BUSTER": "",
    "USE_LAST_MODIFIED": "true",
    "LAST_MODIFIED_BUSTER": "",
    "SET_CANONICAL_HEADER": "false",
    "ENABLE_DEBUG_HEADERS": "false",
    "DEVELOPMENT_ERRORS_MODE": "false",
    "HEALTH_CHECK_PATH": "",
    "USER_AGENT": "imgproxy/%current_version",
    "LOCAL_FILESYSTEM_ROOT": "",
    "USE_S3": "false",
    "USE_GCS": "false",
    "USE_ABS": "false",
    "USE_SWIFT": "false",
}


@pytest.mark.parametrize("name", TABLE)
def test_each_variable_has_the_default_of_the_table(name: str) -> None:
    assert spelled(getattr(Settings.load(), name.lower())) == TABLE[name]


@pytest.mark.parametrize("name", TABLE)
def test_blank_means_the_default_except_where_blank_is_a_value(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"IMGPROXY_{name}", "")
    settings = Settings.load()
    expected = "" if name == "SOURCE_URL_QUERY_SEPARATOR" else TABLE[name]
    assert spelled(getattr(settings, name.lower())) == expected
    assert settings.unknown() == ()


@pytest.mark.parametrize("name", [name for name, default in TABLE.items() if default and name != "WORKERS"])
def test_the_default_written_out_is_the_default(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"IMGPROXY_{name}", TABLE[name])
    assert spelled(getattr(Settings.load(), name.lower())) == TABLE[name]


@pytest.mark.parametrize(
    ("former", "field"),
    [("IMGPROXY_ENABLE_WEBP_DETECTION", "auto_webp"), ("IMGPROXY_ENABLE_AVIF_DETECTION", "auto_avif")],
)
def test_names_of_version_3_are_accepted(former: str, field: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(former, "true")
    assert getattr(Settings.load(), field) is True
    monkeypatch.setenv(f"IMGPROXY_{field.upper()}", "false")
    assert getattr(Settings.load(), field) is False
    assert Settings.load().unknown() == ()
