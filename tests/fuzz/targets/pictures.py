"""Whole pictures: the first line of an input is a URL's options, the rest an original; `?` begins a question about one.

What is made is a picture of the format that it says, or JSON, or the error says whose fault it is; memory comes back.
"""

from __future__ import annotations

import gc
import json
import random
import time
from collections.abc import Callable, Iterator

from imgproxy_py.dialects.imgproxy import ImgproxyConfig, ImgproxyDialect
from imgproxy_py.dialects.imgproxy.info import InfoDialect
from imgproxy_py.engine import libvips
from imgproxy_py.engine.interrupt import Interrupt
from imgproxy_py.engine.settings import EngineSettings
from imgproxy_py.engine.transformer import Transformer
from imgproxy_py.errors import CallerError, ImageError, SourceTooLarge
from imgproxy_py.recipe.formats import sniff
from imgproxy_py.recipe.model import Recipe
from imgproxy_py.recipe.source import SourceRef
from tests.fuzz.files import MARKS, examples, mended
from tests.fuzz.words import OPTION_EXAMPLES

SECONDS, MEGABYTES, LONGEST = 20, 2000, 65536
WORDS = MARKS
DIALECT = ImgproxyDialect(ImgproxyConfig(allow_security_options=True, allow_bypass_cache=True, max_chained_pipelines=3))
LIMITS = {
    "watermarks_cache_bytes": 0,
    "max_src_resolution": 0.5,
    "max_result_resolution": 0.5,
    "max_animation_frames": 5,
}
STRICT = Transformer(EngineSettings(workers=1, **LIMITS))
TOLERANT = Transformer(EngineSettings(workers=1, serve_truncated=True, always_rasterize_svg=True, **LIMITS))
# No option that loosens a limit; and none that searches: those encode many times over, and are tested for it.
CHOICES = tuple(
    one for one in OPTION_EXAMPLES if one.partition(":")[0] not in ("msr", "mafr", "aq", "mb", "raw", "exp")
)
FORMATS = ("f:jpg", "f:png", "f:webp", "f:gif", "f:tiff", "f:avif", "f:bmp", "f:ico", "f:jxl", "f:heic", "")
_PATIENCE = 200
PLAIN = ("", "rs:fill:20:10:1", "w:7/f:png")
QUESTIONS = (
    *("exif:1:1", "colorspace:1/bands:1/sf:1/pn:1", "alpha:1:1", "crop:0.5:0.5:sm", "p:16", "avg:1:1", "dc:1:1"),
    *("bh:4:3", "th:1", "ph:1", "chs:md5:sha256", "pg:1", "vts:0.1"),
)
ASKING = InfoDialect(ImgproxyConfig())


def seeds() -> Iterator[bytes]:
    """Give every example with some options."""
    for number, data in enumerate(examples()):
        yield PLAIN[number % len(PLAIN)].encode() + b"\n" + data
    for options in CHOICES:
        yield options.encode() + b"\n" + examples()[1]
    for number, options in enumerate(QUESTIONS):
        yield b"?" + options.encode() + b"\n" + examples()[number]


def mutated(data: bytes, chance: random.Random, mutate: Callable[[bytes], bytes]) -> bytes:
    """Ask for something else, or change the original."""
    options, _, original = data.partition(b"\n")
    if chance.random() < 0.3:
        options = "/".join((*chance.sample(CHOICES, chance.randint(0, 4)), chance.choice(FORMATS))).strip("/").encode()
        if chance.random() < 0.2:
            options = b"?" + "/".join(chance.sample(QUESTIONS, chance.randint(0, 4))).encode()
        elif chance.random() < 0.1:
            options += b"/-/" + chance.choice(CHOICES).encode()
    else:
        original = mended(mutate(original), chance)
    return options + b"\n" + original


def judge(data: bytes) -> int:
    """Make the picture; an input whose options say nothing (-1) is not kept."""
    options, _, original = data.partition(b"\n")
    recipe = _recipe(options.decode("utf-8", "surrogateescape"))
    if recipe is None:
        return -1
    held = libvips.memory()  # by others, where this is not the process' only work
    for transformer in (STRICT, TOLERANT):
        _transform(transformer, original, recipe)
        _released(held)
    return 0


def _released(held: int) -> None:
    """See that no pixels are held: libvips' threads give theirs back as they end, which may be a moment later."""
    for _ in range(_PATIENCE):
        if libvips.memory() <= held:
            return
        gc.collect()
        time.sleep(0.01)
    raise AssertionError(f"{libvips.memory()} bytes of pixels are held")


def _recipe(options: str) -> Recipe | None:
    dialect, mount = (ASKING, "/info") if options.startswith("?") else (DIALECT, "")
    target = f"{mount}/_/{options.removeprefix('?')}/plain/local:///x".replace("//plain", "/plain")
    try:
        return dialect.parse(target, now=0.0).recipe
    except CallerError:
        return None


def _marks(recipe: Recipe) -> dict[SourceRef, bytes]:
    named = (stage.watermark.source for stage in recipe.stages if stage.watermark)
    return {source: examples()[1] for source in named if source}


def _transform(transformer: Transformer, original: bytes, recipe: Recipe) -> None:
    try:
        picture = transformer.transform(original, recipe, Interrupt(), _marks(recipe))
    except (CallerError, ImageError, SourceTooLarge):
        return
    if picture.info or picture.placeholder is not None:
        json.loads(picture.data)
    else:
        assert sniff(picture.data) is picture.format
        assert picture.width > 0
        assert picture.height > 0
