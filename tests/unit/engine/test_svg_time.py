"""Whatever an SVG repeats, it is judged in time that grows with its length and no faster."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from imgproxy_py.engine.svg.css import fragments, without_foreign_references
from imgproxy_py.engine.svg.document import prepared
from imgproxy_py.errors import SourceTooLarge
from imgproxy_py.recipe.credentials import without_svg_manifest
from imgproxy_py.recipe.limits import Limits
from tests import pictures
from tests.unit.engine.making import failure

LONG = 100_000


@contextmanager
def within(seconds: float) -> Iterator[None]:
    begun = time.process_time()
    yield
    assert time.process_time() - begun < seconds


@pytest.mark.parametrize("side", ["1" * LONG + "é", "1" + " " * LONG + "é", " " * LONG + "é", "1." * LONG, "1e" * LONG])
def test_a_side_is_read_once(side: str) -> None:
    with within(2):
        assert failure(lambda: prepared(pictures.svg(side, "10"), Limits())) is None
        assert failure(lambda: prepared(pictures.svg("", "", attributes=f'viewBox="0 0 9 {side}"'), Limits())) is None


@pytest.mark.parametrize(
    ("width", "height", "attributes"),
    [
        ("1e999%", "1e12", ""),
        ("1e999", "10", ""),
        ("10", "", 'viewBox="0 0 1e999 1e999"'),
        ("", "", 'viewBox="0 0 1e999 1"'),
    ],
)
def test_what_is_infinite_is_too_large(width: str, height: str, attributes: str) -> None:
    data = pictures.svg(width, height, attributes=attributes)
    assert failure(lambda: prepared(data, Limits())) is SourceTooLarge


@pytest.mark.parametrize("piece", ["url('#a'", "image-set(", "expression(", "\\a (", "\\a {", "\\a [", "url(x)({["])
def test_css_that_nests_deeply_is_refused(piece: str) -> None:
    nested = piece * (LONG // len(piece) // 10)
    for judge in (without_foreign_references, fragments):
        with within(2):
            assert failure(lambda judge=judge: judge(nested)) is SourceTooLarge


@pytest.mark.parametrize("sanitizing", [True, False])
@pytest.mark.parametrize("sheet", ["a{b:%s;opacity:0.5;c:url(x)}", "%s{mask:url(#a)}", "@media x{a{opacity:%s}}"])
def test_numbers_of_thousands_of_digits_in_css_are_refused(sheet: str, sanitizing: bool) -> None:
    data = pictures.svg(body=f"<style>{sheet % ('1' * 5000)}</style>")
    with within(2):
        assert failure(lambda: prepared(data, Limits(), sanitizing=sanitizing)) is SourceTooLarge


@pytest.mark.parametrize("piece", [b"<c2pa:manifest", b"<c2pa:manifest>", b"</c2pa:manifest ", b"<c2pa:manifest/"])
def test_manifests_are_looked_for_once(piece: bytes) -> None:
    data = b"<svg><!--" + piece * (LONG // len(piece)) + b"--></svg>"
    with within(2):
        assert without_svg_manifest(data).startswith(b"<svg><!--")


@pytest.mark.parametrize(
    "manifest",
    [
        b"<c2pa:manifest/>",
        b'<c2pa:manifest a="b" />',
        b"<c2pa:manifest a='b'>AAAA</c2pa:manifest >",
        b"<c2pa:manifest></c2pa:manifest>",
    ],
)
def test_manifests_go_and_nothing_else(manifest: bytes) -> None:
    assert without_svg_manifest(b"<svg>a%bb%bc</svg>" % (manifest, manifest)) == b"<svg>abc</svg>"
    assert without_svg_manifest(b"<c2pa:manifests/>") == b"<c2pa:manifests/>"
