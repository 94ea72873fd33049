"""`imgproxy-py purge`: which tags are meant, and what is refused before anybody is told."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from typer.testing import Result

from imgproxy_py.dialects.imgproxy import ImgproxyDialect
from imgproxy_py.dialects.imgproxy.config import ImgproxyConfig
from imgproxy_py.recipe.tags import cache_tags

Run = Callable[..., Result]
EDGE = ("--varnish", "http://127.0.0.1:1", "--dry-run")


@pytest.fixture(autouse=True)
def secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMGPROXY_PURGE_VARNISH_SECRET", "hunter2")


def tag_of(target: str, config: ImgproxyConfig | None = None) -> str:
    """The tag that an answer to this URL carries."""
    return cache_tags(ImgproxyDialect(config or ImgproxyConfig()).parse(target, now=0.0))[0]


@pytest.mark.parametrize(
    ("source", "target"),
    [
        ("local:///a b.png", "/unsafe/w:1/plain/local:///a%20b.png@webp"),
        ("s3://bucket/кот.jpg", "/unsafe/plain/s3://bucket/%D0%BA%D0%BE%D1%82.jpg"),
        ("https://example.com/a.jpg?b=1&c=2", "/unsafe/plain/https://example.com/a.jpg%3Fb=1&c=2"),
        ("https://example.com/é.jpg", "/unsafe/plain/https://example.com/%C3%A9.jpg"),
        ("s3://bucket/a.jpg", "/unsafe/czM6Ly9idWNrZXQvYS5qcGc.png"),
    ],
)
def test_the_tag_is_the_one_of_answers(source: str, target: str, run: Run) -> None:
    result = run("purge", source, *EDGE)
    assert result.exit_code == 0, result.output
    assert result.stdout.split()[0] == tag_of(target)


def test_a_key_lies_in_the_source_of_images(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMGPROXY_IMAGES_SOURCE", "s3://bucket/originals")
    monkeypatch.setenv("IMGPROXY_USE_S3", "true")
    monkeypatch.setenv("IMGPROXY_PATH_PREFIX", "/pictures")
    result = run("purge", "a/b c.jpg", *EDGE)
    assert result.stdout.split("\n")[0].endswith("  s3://bucket/originals/a/b c.jpg")
    assert result.stdout.split()[0] == tag_of("/unsafe/plain/s3://bucket/originals/a/b%20c.jpg")


def test_a_text_without_scheme_may_mean_two_originals(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMGPROXY_IMAGES_SOURCE", "local:///originals")
    monkeypatch.setenv("IMGPROXY_BASE_URL", "https://example.com/")
    lines = run("purge", "a.jpg", *EDGE).stdout.splitlines()
    assert [line.split()[1] for line in lines[:2]] == ["https://example.com/a.jpg", "local:///originals/a.jpg"]


def test_a_dry_run_tells_tags_and_caches_and_nobody_else(run: Run) -> None:
    result = run("purge", "--tag", "preset-card", *EDGE)
    assert result.exit_code == 0
    assert result.stdout == "preset-card  as given\nwould be told varnish http://127.0.0.1:1\n"


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ((), "nothing to purge: give originals, tags with --tag, --prefix, or --path"),
        (("--tag", "a b", *EDGE), "'a b': expected a tag of 1 to 128 visible ASCII characters without commas"),
        (("--tag", "a,b", *EDGE), "'a,b': expected a tag of 1 to 128 visible ASCII characters without commas"),
        (("--path", "/a*b", *EDGE), "'/a*b': expected a path as it goes on the wire, * at its end only"),
        (("--path", "/a", "--no-edges", *EDGE), "paths are for caches in front, and none is told"),
        (
            ("local:///a.jpg",),
            (
                "nobody to tell: neither IMGPROXY_REDIS_URL is set nor a cache in front that knows tags; see IMGPROXY_PURGE_… "
                "in docs/settings.md, or give --varnish"
            ),
        ),
    ],
)
def test_what_is_wrong_is_refused(arguments: tuple[str, ...], reason: str, run: Run) -> None:
    result = run("purge", *arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == f"imgproxy-py: {reason}\n"


def test_a_cache_that_refuses_ends_it_with_1(run: Run) -> None:
    result = run("purge", "local:///a.jpg", "--varnish", "http://127.0.0.1:1")
    assert result.exit_code == 1
    assert "REFUSED  varnish http://127.0.0.1:1: cannot be asked" in result.stdout
    assert result.stderr == "imgproxy-py: 1 of 1 refused\n"
    assert "hunter2" not in result.output


def test_our_own_caches_come_first_and_may_be_all(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMGPROXY_REDIS_URL", "redis://127.0.0.1:1")
    both = run("purge", "--tag", "preset-card", *EDGE).stdout.splitlines()
    assert both[1:] == ["would be told our own caches", "would be told varnish http://127.0.0.1:1"]
    alone = run("purge", "--tag", "preset-card", "--no-edges", *EDGE).stdout.splitlines()
    assert alone[1:] == ["would be told our own caches"]


def test_prefixes_are_urls_or_beginnings_of_keys_and_reach_no_cache_in_front(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IMGPROXY_REDIS_URL", "redis://127.0.0.1:1")
    monkeypatch.setenv("IMGPROXY_IMAGES_SOURCE", "s3://bucket/originals")
    lines = run("purge", "--prefix", "2024/", "--prefix", "https://example.com/é", *EDGE).stdout.splitlines()
    assert lines == [
        "s3://bucket/originals/2024/  as a prefix",
        "https://example.com/%C3%A9  as a prefix",
        "would be told our own caches",
    ]


def test_a_redis_that_does_not_answer_ends_it_with_1(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMGPROXY_REDIS_URL", "redis://127.0.0.1:1")
    result = run("purge", "local:///a.jpg")
    assert result.exit_code == 1
    assert "REFUSED  our own caches: Redis does not answer" in result.stdout


def test_paths_are_for_caches_in_front_alone(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMGPROXY_REDIS_URL", "redis://127.0.0.1:1")
    lines = run("purge", "--path", "/images/*", "--path", "/images/*", *EDGE).stdout.splitlines()
    assert lines == ["/images/*  as a path", "would be told varnish http://127.0.0.1:1"]
