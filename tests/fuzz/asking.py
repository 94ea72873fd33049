"""What holds for whatever a dialect reads."""

from __future__ import annotations

from collections.abc import Iterable
from math import isfinite

from imgproxy_py.delivery.headers import content_disposition
from imgproxy_py.dialects.port import Dialect
from imgproxy_py.dialects.proof import bare
from imgproxy_py.errors import CallerError
from imgproxy_py.recipe.formats import Format
from imgproxy_py.recipe.geometry import Size, load_shrink, plan, result_size, stored_gravity
from imgproxy_py.recipe.identity import cache_key, recipe_digest
from imgproxy_py.recipe.request import ClientHints, ImageRequest
from imgproxy_py.recipe.tags import cache_tags, is_tag
from imgproxy_py.telemetry.record import public_source

NOW = 5.0
HINTS = (None, ClientHints(dpr=7.125, width=7919))
SIZES = (Size(1, 1), Size(60, 40), Size(65535, 3))


def judge_bytes(dialects: Iterable[Dialect], data: bytes) -> None:
    """Have every dialect read the target that some bytes are."""
    target = data.decode("utf-8", "surrogateescape")
    for dialect in dialects:
        judge_target(dialect, target)


def judge_target(dialect: Dialect, target: str) -> None:
    """Read a target: refused as the caller's error, or usable, planned, and written so that it reads back the same."""
    for hints in HINTS:
        try:
            request = dialect.read(dialect.split(target), hints=hints, now=NOW)
        except CallerError:
            return
        _usable(request)
        _planned(request)
        _written(dialect, request)


def _usable(request: ImageRequest) -> None:
    request.source.url.encode()
    public_source(request.source).encode()
    disposition = content_disposition(request, ".jpg", attached_by_default=False)
    assert disposition.isascii(), disposition
    assert disposition.isprintable(), disposition
    assert all(map(is_tag, cache_tags(request)))
    recipe_digest(request.recipe)
    cache_key(request.source, request.recipe, "epoch")


def _planned(request: ImageRequest) -> None:
    for size in SIZES:
        for stage in request.recipe.stages:
            for orientation, longest in ((1, 0), (6, 1000)):
                numbers = plan(stage, size, orientation=orientation, max_result_dimension=longest)
                ends = result_size(stage, numbers)
                assert min(ends) >= 1, (size, stage, ends)
                assert isfinite(load_shrink(numbers, Format.JPEG))
                stored_gravity(numbers, stage)


def _written(dialect: Dialect, request: ImageRequest) -> None:
    try:
        target = dialect.write(request)
    except ValueError:
        return
    again = dialect.parse(target, now=0.0)
    assert bare(again) == bare(request), target
    assert dialect.write(again) == target
