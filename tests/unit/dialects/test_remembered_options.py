"""Options that were read before are not read again, and nobody can tell."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgproxy_py.dialects.imgproxy import ImgproxyDialect
from imgproxy_py.dialects.imgproxy import dialect as module
from imgproxy_py.dialects.imgproxy.config import ImgproxyConfig
from imgproxy_py.dialects.imgproxy.info import InfoDialect
from imgproxy_py.errors import CallerError, LinkExpired
from imgproxy_py.recipe.request import ClientHints, ImageRequest

PRESETS = ("small=w:10", "default=q:60", "fit=h:5", "soon=exp:150")
OPTIONS = (
    *("w:10", "rs:fill:30:20", "q:80/f:webp", "pr:small", "pr:soon", "raw:1", "-", "w:1/-/h:2", "hashsum:sha256:abc"),
    *("exp:100", "exp:100/exp:0", "exp:500", "cb:1", "fiu:aHR0cHM6Ly9leGFtcGxlLmNvbS9i", "w:x", "nonsense:1", "fit"),
    *("c:5:5", "wm:0.5/wmu:aHR0cHM6Ly9leGFtcGxlLmNvbS9i", "small", "small:fit", "skp:png", "dpr:2"),
)
SOURCES = (
    *("plain/https://example.com/a.jpg", "plain/https://example.com/a.jpg@png", "plain/s3://b/c?v@webp", "plain/"),
    *("aHR0cHM6Ly9leGFtcGxlLmNvbS9i", "aHR0cHM6Ly9leGFtcGxlLmNvbS9i.webp", "aHR0.bmpx", "plain/a@b@c", "*", ""),
)
CONFIGS = (ImgproxyConfig(presets=PRESETS), ImgproxyConfig(presets=PRESETS, only_presets=True), ImgproxyConfig())
ASKED = st.tuples(
    st.lists(st.sampled_from(OPTIONS), max_size=3),
    st.sampled_from(SOURCES),
    st.sampled_from([None, None, ClientHints(width=7, dpr=2.0)]),
)


def reading(dialect: ImgproxyDialect, path: str, now: float, hints: ClientHints | None) -> ImageRequest | str:
    try:
        return dialect.read(dialect.split(path), hints=hints, now=now)
    except CallerError as error:
        return repr((error, error.private))


@given(
    asked=st.lists(ASKED, max_size=8),
    config=st.sampled_from(CONFIGS),
    info=st.booleans(),
)
def test_a_url_means_the_same_whatever_was_read_before(asked, config, info):
    kind, prefix = (InfoDialect, "/info") if info else (ImgproxyDialect, "")
    config = ImgproxyConfig() if info else config
    dialect = kind(config)
    for now, (options, source, hints) in product((50.0, 200.0, 900.0), asked):
        path = "/".join([f"{prefix}/_", *options, source])
        assert reading(dialect, path, now, hints) == reading(kind(config), path, now, hints)


@pytest.mark.parametrize("options", ["exp:100", "exp:100/exp:0", "pr:until"])
def test_a_url_expires_though_it_was_read_before(options):
    dialect = ImgproxyDialect(ImgproxyConfig(presets=("until=exp:100",)))
    for _ in range(2):
        dialect.parse(f"/_/{options}/plain/a.jpg", now=99.0)
    with pytest.raises(LinkExpired):
        dialect.parse(f"/_/{options}/plain/a.jpg", now=101.0)


def test_options_are_applied_once_for_all_sources(monkeypatch):
    dialect, applied = ImgproxyDialect(), []
    apply = dialect._options.apply
    monkeypatch.setattr(dialect._options, "apply", lambda *given: applied.append(given) or apply(*given))
    for source in ("a.jpg", "b.jpg@png", "c.jpg@png"):
        dialect.parse(f"/_/w:10/plain/{source}", now=0.0)
    assert len(applied) == 1
    dialect.parse("/_/w:10/h:5/plain/a.jpg", now=0.0)
    assert len(applied) == 2


def test_what_is_remembered_is_bounded(monkeypatch):
    monkeypatch.setattr(module, "_REMEMBERED", 5)
    dialect = ImgproxyDialect()
    for number in range(20):
        dialect.parse(f"/_/w:{number}/plain/a.jpg", now=0.0)
    dialect.parse(f"/_/cb:{'x' * 2000}/plain/a.jpg", now=0.0)
    dialect.parse("/_/w:99/plain/a.jpg", hints=ClientHints(width=5), now=0.0)
    assert list(dialect._known) == [(f"w:{number}",) for number in range(15, 20)]


@pytest.mark.parametrize("options", ["raw:1", "w:5"])
def test_extensions_of_strangers_do_not_fill_the_memory(options):
    dialect = ImgproxyDialect()
    for number in range(50):
        reading(dialect, f"/_/{options}/plain/a.jpg@x{number}", 0.0, None)
    assert len(dialect._known[options,].requests) <= 1
