"""Headers of files of every format, read by the decoders; what is read of a JPEG without one is the same."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator

import pyvips

from imgproxy_py.engine.settings import EngineSettings
from imgproxy_py.engine.transformer import Transformer
from imgproxy_py.errors import ImageError, SourceTooLarge
from imgproxy_py.recipe.formats import Format
from imgproxy_py.recipe.jpeg import jpeg_header
from imgproxy_py.recipe.jpeg_scans import for_an_eighth
from tests.fuzz.files import MARKS, examples, mended

SECONDS, MEGABYTES, LONGEST = 10, 1500, 65536
WORDS = MARKS
TRANSFORMER = Transformer(EngineSettings(workers=1, serve_truncated=True, max_animation_frames=10))


def seeds() -> Iterator[bytes]:
    """Give files of every format."""
    yield from examples()


def mutated(data: bytes, chance: random.Random, mutate: Callable[[bytes], bytes]) -> bytes:
    """Change bytes, and mend a PNG's checksums."""
    return mended(mutate(data), chance)


def judge(data: bytes) -> None:
    """Open a file: a header that makes sense, or an error that says what is wrong with it."""
    try:
        header = TRANSFORMER.open(data).header
    except (ImageError, SourceTooLarge):
        return
    assert header.width > 0
    assert header.height > 0
    assert header.frames > 0
    assert 1 <= header.orientation <= 8
    if header.format is Format.JPEG:
        _agrees(data)


def _agrees(data: bytes) -> None:
    """The limits are judged by our reading: what is decoded must not be larger."""
    ours, eighth = jpeg_header(data), for_an_eighth(data)
    assert eighth is data or jpeg_header(eighth) == ours
    try:
        image = pyvips.Image.jpegload_buffer(data, fail_on="none")
    except pyvips.Error:
        return
    if ours is not None:
        assert (ours.width, ours.height, ours.bands) == (image.width, image.height, image.bands)
        assert ours.orientation == (image.get("orientation") if image.get_typeof("orientation") else 1)
