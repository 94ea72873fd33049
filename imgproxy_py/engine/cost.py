"""What a picture will cost, told by its original's header: places are shared out by it before any pixel is decoded.

Costs are milliseconds of CPU on a core at 2.8 GHz, estimated from pixels: those that the decoder has to look at after its
own scaling, those that the resize reads, those that are written, each at the rate of its format and effort. An estimate is
within a factor of about three of what is measured. That is enough to tell the small from the huge; how fast this machine
is, and how well the estimates hold for what it is asked for, the pool measures as it goes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Generic, TypeVar

from imgproxy_py.engine.choice import Choice
from imgproxy_py.engine.codec_rates import DECODING, encoding_rate, jpeg_decoding_cost
from imgproxy_py.engine.encoder_settings import EncoderSettings
from imgproxy_py.engine.opening import Opened
from imgproxy_py.recipe.formats import Format
from imgproxy_py.recipe.frames import looks_at_pixels
from imgproxy_py.recipe.geometry import Plan, Size, load_shrink, plan, result_size
from imgproxy_py.recipe.limits import Limits
from imgproxy_py.recipe.model import (
    AutoQualityMethod,
    ColorEffects,
    Effects,
    Kernel,
    Output,
    Recipe,
    Stage,
)
from imgproxy_py.recipe.picture import Header

T = TypeVar("T")

LEAST = 1.0
"""What anything costs at least: recognising it, reading its header, calling libvips."""


@dataclass(frozen=True, slots=True)
class Priced(Generic[T]):
    """Work that was begun far enough to know its cost; `finish` does the rest and gives its result."""

    cost: float
    finish: Callable[[], T]


_MEGAPIXEL = 1_000_000

# Milliseconds for a megapixel, if nothing else is said.
_WEBP_SCALED = 0.6
"""How much of its decoding WebP costs when its decoder scales it."""
_RESIZING, _RESIZING_LINEAR = 3.0, 25.0
"""For a megapixel that the resize reads."""
_PROFILE = 12.0
"""For a megapixel of the result whose colours are converted."""
_EFFECT = 30.0
"""For a megapixel of the result and each effect."""
_LOOKING = 60.0
"""For finding what a picture shows."""
_TRIMMING = 150.0
"""For a megapixel of the original whose borders are looked for."""

_SET_UP = 30_000
"""An encoder's own preparations, as pixels."""
_SEARCH = 5
"""How often a picture is written, or read and compared, where its quality or its length is searched."""

_SCALABLE = frozenset({Format.JPEG, Format.WEBP, Format.PDF, Format.RAW, Format.SVG})


def cost_of(opened: Opened, recipe: Recipe, limits: Limits, choice: Choice) -> float:
    """Give the cost in milliseconds of making a recipe of an original; raises `OutputUnsupported`."""
    header, output = opened.header, recipe.output
    if recipe.info is None and choice.hands_back(header, output):
        return LEAST
    size, cost = Size(header.width, header.height), LEAST
    for number, stage in enumerate(recipe.stages):
        first = number == 0
        vector = first and header.format is Format.SVG
        orientation = header.orientation if first else 1
        numbers = plan(
            stage, size, orientation=orientation, vector=vector, max_result_dimension=limits.max_result_dimension
        )
        shrink = _shrink(numbers, stage, header, choice) if first else 1.0
        if first:
            cost += decoding_cost(header, opened.file.data, shrink, effort=opened.file.effort)
        resized = numbers.scale_x != 1 or numbers.scale_y != 1
        read, size = size.width * size.height / shrink**2 if resized else 0.0, result_size(stage, numbers)
        cost += stage_cost(stage, header, read, size, linear=choice.settings.use_linear_colorspace)
    if recipe.info is None and output.placeholder is None:
        cost += encoding_cost(size, output, _formats(header, recipe, choice), choice.settings)
    return cost * opened.frames


def decoding_cost(header: Header, data: bytes, shrink: float, *, effort: float = 0.0) -> float:
    """Give the cost of decoding one frame, `shrink` times smaller; `effort` is an SVG's."""
    pixels = header.width * header.height / _MEGAPIXEL
    if header.format is Format.JPEG:
        return jpeg_decoding_cost(data, pixels, shrink)
    cost = DECODING[header.format] * pixels
    if header.format is Format.SVG:
        return cost * (1 + effort) / shrink**2
    if header.format is Format.PDF or header.format is Format.RAW:
        return cost / shrink**2
    return cost * _WEBP_SCALED if header.format is Format.WEBP and shrink > 1 else cost


def stage_cost(stage: Stage, header: Header, read: float, size: Size, *, linear: bool) -> float:
    """Give the cost of a stage whose resize reads so many pixels and whose result has that size."""
    written = size.width * size.height / _MEGAPIXEL
    cost = (_RESIZING_LINEAR if linear else _RESIZING) * read / _MEGAPIXEL + _EFFECT * written * _effects(stage)
    if stage.trim:
        cost += _TRIMMING * header.width * header.height / _MEGAPIXEL
    if header.profile:
        cost += _PROFILE * written
    return cost + _LOOKING if looks_at_pixels((stage,)) else cost


def _effects(stage: Stage) -> int:
    count = int(stage.watermark is not None)
    for asked, idle in ((stage.effects, _NO_EFFECTS), (stage.colors, _NO_COLORS)):
        if asked != idle:
            count += sum(getattr(asked, one.name) != getattr(idle, one.name) for one in fields(asked))
    return count


_NO_EFFECTS, _NO_COLORS = Effects(), ColorEffects()


def encoding_cost(size: Size, output: Output, formats: tuple[Format, ...], settings: EncoderSettings) -> float:
    """Give the cost of writing a picture in each of these formats, its quality searched where that is asked for."""
    pixels = (size.width * size.height + _SET_UP) / _MEGAPIXEL
    searched = (output.autoquality.method or settings.autoquality_method) is not AutoQualityMethod.NONE
    times = _SEARCH if searched or output.max_bytes else 1
    return sum(encoding_rate(one, output, settings) for one in formats) * pixels * times


def _formats(header: Header, recipe: Recipe, choice: Choice) -> tuple[Format, ...]:
    """Give the formats that a picture is written in: one, or those among which `best` chooses."""
    return choice.candidates(recipe.output) if recipe.output.best else (choice.format_of(header, recipe),)


def _shrink(numbers: Plan, stage: Stage, header: Header, choice: Choice) -> float:
    """Give by how much the decoder scales (`scale_on_load` decides): not what is trimmed or looked at first."""
    if header.format not in _SCALABLE or stage.trim or choice.settings.disable_shrink_on_load:
        return 1.0
    return 1.0 if stage.resize.kernel is Kernel.NEAREST else load_shrink(numbers, header.format)
