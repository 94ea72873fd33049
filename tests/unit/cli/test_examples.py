"""The URLs that a demo shows."""

from __future__ import annotations

from pathlib import Path

import pytest

from imgproxy_py.cli.examples import example_urls
from imgproxy_py.settings import Settings


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, size in (("small.png", 1), ("large.JPG", 3), ("middle.webp", 2), ("notes.txt", 9)):
        (tmp_path / name).write_bytes(bytes(size))
    (tmp_path / "folder.jpg").mkdir()
    return tmp_path


def test_the_largest_pictures_come_first(folder: Path) -> None:
    assert example_urls(Settings.load({"bind": "127.0.0.1:8080"}), folder) == [
        "http://127.0.0.1:8080/unsafe/rs:fill:480:320/g:sm/plain/local:///large.JPG@webp",
        "http://127.0.0.1:8080/unsafe/w:640/plain/local:///middle.webp@avif",
        "http://127.0.0.1:8080/images/small.png?w=400&fit=contain",
    ]


def test_they_are_signed_when_there_are_keys(folder: Path) -> None:
    settings = Settings.load({"key": "aa", "salt": "bb"})
    assert not any("unsafe" in url for url in example_urls(settings, folder))
    assert "&s=" in example_urls(settings, folder)[2]


@pytest.mark.parametrize(
    ("bind", "site"),
    [
        (":8080", "http://127.0.0.1:8080/"),
        ("0.0.0.0:80", "http://127.0.0.1:80/"),
        ("[::]:80", "http://127.0.0.1:80/"),
        ("[::1]:80", "http://[::1]:80/"),
        ("img.example.com:80", "http://img.example.com:80/"),
    ],
)
def test_they_can_be_opened_on_this_machine(bind: str, site: str, folder: Path) -> None:
    assert all(url.startswith(site) for url in example_urls(Settings.load({"bind": bind}), folder))


@pytest.mark.parametrize("bind", ["unix:/run/imgproxy.sock", "127.0.0.1:0"])
def test_there_are_none_where_no_url_is_known(bind: str, folder: Path) -> None:
    assert example_urls(Settings.load({"bind": bind}), folder) == []


def test_an_empty_folder_has_none(tmp_path: Path) -> None:
    assert example_urls(Settings.load(), tmp_path) == []


def test_one_picture_is_shown_three_times(tmp_path: Path) -> None:
    (tmp_path / "only.png").write_bytes(b"")
    assert len(example_urls(Settings.load(), tmp_path)) == 3


def test_what_the_settings_do_not_permit_is_left_out(folder: Path) -> None:
    settings = Settings.load({"allowed_processing_options": "w"})
    assert ["w:640" in url or "/images/" in url for url in example_urls(settings, folder)] == [True, True]
