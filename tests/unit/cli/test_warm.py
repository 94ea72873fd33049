"""`imgproxy-py warm`: what is refused before anything is asked."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner, Result

from imgproxy_py.cli import app

KEYS = {"IMGPROXY_KEY": "736563726574", "IMGPROXY_SALT": "68656c6c6f", "IMGPROXY_IMAGES_SOURCE": "local:///"}


def warm(*arguments: str, stdin: str = "") -> Result:
    return CliRunner().invoke(app, ["warm", *arguments], input=stdin)


@pytest.mark.parametrize(
    ("arguments", "stdin", "reason"),
    [
        (("-",), "/a", "'/a': a path needs --base"),
        (("-",), "# nothing", "-: an empty list"),
        (("none.txt",), "", "'none.txt': No such file or directory"),
        (("-", "--base", "ftp://x"), "/a", "--base ftp://x: expected an http or https URL"),
        (("-", "--base", "http://x", "--accept", "png"), "/a", "--accept png: expected avif, webp, jpeg, jxl"),
        (("-", "--base", "http://x", "--sign"), "/a", "--sign needs IMGPROXY_KEY and IMGPROXY_SALT"),
        (("-", "--authorize"), "http://x/a", "--authorize needs IMGPROXY_SECRET"),
        (("-", "--base", "http://x", "--width", "8"), "/a", "--width needs a --template"),
        (("-", "--base", "http://x", "--column", "key"), "url\n/a", "no column 'key' among url"),
        (("http://127.0.0.1:1/sitemap.xml",), "", "cannot be had (ClientConnectorError)"),
    ],
)
def test_what_is_wrong_is_refused_before_anything_is_asked(arguments: tuple[str, ...], stdin: str, reason: str) -> None:
    result = warm(*arguments, stdin=stdin)
    assert (result.exit_code, result.stdout) == (2, "")
    assert reason in result.stderr


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        ("/unsafe/nonsense:8/plain/local:///c.png", "expected the name of an option"),
        ("/images/c.png?w=8&s=already", "signed already"),
        ("/c2lnbmF0dXJl/w:8/plain/local:///c.png", ""),
        ("/images/c.png?w=a", "expected"),
    ],
)
def test_what_cannot_be_signed_is_named(entry: str, reason: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    result = warm("-", "--base", "http://127.0.0.1:1", "--sign", stdin=entry)
    assert result.exit_code == 2
    assert result.stderr.startswith(f"imgproxy-py: {entry!r}: ")
    assert reason in result.stderr
