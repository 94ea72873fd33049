"""Short ways to a picture: options as a URL spells them, bytes in, pixels out."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from dataclasses import replace
from functools import cache

import numpy as np
import pyvips

from imgproxy_py.dialects.imgproxy import ImgproxyConfig, ImgproxyDialect
from imgproxy_py.engine import libvips
from imgproxy_py.engine.interrupt import Interrupt
from imgproxy_py.engine.settings import EngineSettings
from imgproxy_py.engine.transformer import Transformer
from imgproxy_py.errors import ImgproxyError
from imgproxy_py.recipe.model import Recipe
from imgproxy_py.recipe.picture import Picture

_DIALECT = ImgproxyDialect(ImgproxyConfig(allow_security_options=True))


def recipe_of(options: str) -> Recipe:
    """The recipe that a URL with those options asks for; stages are divided by `|`, the last one's output counts."""
    stages = [_one_stage(part) for part in options.split("|")]
    return replace(stages[-1], stages=tuple(one.stages[0] for one in stages))


def _one_stage(options: str) -> Recipe:
    path = f"/unsafe/{options}/plain/local:///x" if options else "/unsafe/plain/local:///x"
    return _DIALECT.parse(path, now=0).recipe


@cache
def _transformer(settings: str) -> Transformer:
    return Transformer(EngineSettings.model_validate_json(settings))


def transformer(**settings: object) -> Transformer:
    return _transformer(EngineSettings(**{"workers": 2, **settings}).model_dump_json())


def transformed(data: bytes, options: str = "", **settings: object) -> Picture:
    return transformer(**settings).transform(data, recipe_of(options), Interrupt())


def opened(data: bytes) -> pyvips.Image:
    """The image in memory, orientation as stored."""
    return pyvips.Image.new_from_buffer(data, "").copy_memory()


def pixels_beyond(held: int, seconds: float = 2.0) -> int:
    """How many bytes of pixels libvips holds beyond so many, once its threads have let go of the last picture's."""
    end = time.monotonic() + seconds
    gc.collect()
    while libvips.memory() > held and time.monotonic() < end:
        time.sleep(0.01)
        gc.collect()
    return libvips.memory() - held


def made(data: bytes, options: str = "f:png", **settings: object) -> pyvips.Image:
    """The pixels of a picture, lossless unless the options say otherwise."""
    return opened(transformed(data, options, **settings).data)


def array(image: pyvips.Image) -> np.ndarray:
    """Pixels as rows × columns × bands."""
    return np.asarray(image.numpy()).reshape(image.height, image.width, image.bands)


def same(one: pyvips.Image, other: pyvips.Image) -> bool:
    """Whether two images have the same size, sample format and pixels."""
    return one.format == other.format and np.array_equal(array(one), array(other))


def distance(one: pyvips.Image, other: pyvips.Image) -> tuple[float, float]:
    """Mean and largest ΔE00 between two images of one size."""
    found = _on_grey(one).dE00(_on_grey(other))
    return float(found.avg()), float(found.max())


def _on_grey(image: pyvips.Image) -> pyvips.Image:
    image = image.colourspace("srgb")
    return (image.flatten(background=128) if image.hasalpha() else image).colourspace("lab")


def failure(work: Callable[[], object]) -> type[BaseException] | None:
    """What the work raises, without its traceback, which would hold images; `None` if it succeeds."""
    try:
        work()
    except ImgproxyError as error:
        return type(error)
    return None
