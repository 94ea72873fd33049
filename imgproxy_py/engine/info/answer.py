"""What is told of an original, in the order in which it is told (dialect §5.7)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import orjson
import pyvips

from imgproxy_py.engine.classification.images import ClassFound, ImageClassification
from imgproxy_py.engine.codecs.registry import video_facts
from imgproxy_py.engine.color import with_output_profile
from imgproxy_py.engine.detection.looking import square_of_file, upright
from imgproxy_py.engine.info.colors import average, dominant_colors, has_transparency, palette, seen
from imgproxy_py.engine.info.exif import exif
from imgproxy_py.engine.info.hashes import hashsums, perceptual_hash
from imgproxy_py.engine.info.iptc import iptc, photoshop
from imgproxy_py.engine.info.xmp import xmp
from imgproxy_py.engine.pipeline import run
from imgproxy_py.engine.placeholders import blurhash, thumbhash
from imgproxy_py.engine.steps.seen import Seen
from imgproxy_py.engine.steps.seen import seen as objects_in
from imgproxy_py.engine.work import Work, plan_for
from imgproxy_py.recipe.formats import ABILITIES, VIDEOS
from imgproxy_py.recipe.geometry import Size
from imgproxy_py.recipe.info import Info
from imgproxy_py.recipe.model import Resize, ResizingType, Stage

Facts = dict[str, Any]

# Large enough for the finest that is told of it, a perceptual hash of 32 × 32 shades among it.
_LOOKED_AT = Stage(resize=Resize(type=ResizingType.FIT, width=256, height=256))
_SHARE_DIGITS = 6


@dataclass(frozen=True, kw_only=True)
class Original:
    """An original that questions are asked about: its bytes, and the work at its beginning, whose stage tells the crop."""

    data: bytes
    work: Work
    info: Info = field(default_factory=Info)
    classification: ImageClassification = field(default_factory=ImageClassification)

    @cached_property
    def header(self) -> pyvips.Image:
        """The opened file, with its metadata."""
        return self.work.opened().image

    @cached_property
    def looked_at(self) -> pyvips.Image:
        """Its pixels in sRGB as they are to be seen, 256 at most on a side."""
        work, _ = with_output_profile(run(self.begun(_LOOKED_AT)))
        return work.interrupt.watch(work.image).copy_memory()

    @cached_property
    def colors(self) -> pyvips.Image:
        """What is looked at as colours are counted on."""
        return seen(self.looked_at)

    def begun(self, stage: Stage) -> Work:
        """Give the work at the beginning of another stage, its file opened anew."""
        work = self.work
        size = Size(work.header.width, work.header.height)
        numbers = plan_for(stage, size, work.header, work.limits, vector=False)
        return replace(work, image=None, stage=stage, plan=numbers).opened()


def answer(original: Original) -> bytes:
    """Give what is asked of an original as a JSON object.

    Raises `pyvips.Error` if its pixels cannot be had, `BadRequest` for classes that nothing here knows, and the errors of
    steps.
    """
    told: Facts = {}
    for tell in _asked(original.info):
        told |= tell(original)
        original.work.interrupt.check()
    return orjson.dumps(told)


def _asked(info: Info) -> Iterator[Callable[[Original], Facts]]:
    yield from (tell for name, tell in _FACTS if getattr(info, name))
    if all(info.blurhash):
        yield _blurhash


def _size(original: Original) -> Facts:
    return {"size": len(original.data)}


def _format(original: Original) -> Facts:
    kind = original.work.header.format
    return {"format": str(kind), "mime_type": ABILITIES[kind].media_type}


def _dimensions(original: Original) -> Facts:
    header = original.work.header
    width, height = Size(header.width, header.height).turned(header.orientation >= 5)
    return {"width": width, "height": height, "orientation": header.orientation}


def _exif(original: Original) -> Facts:
    return {"exif": exif(original.header, canonical=original.info.exif_canonical)}


def _iptc(original: Original) -> Facts:
    data = _blob(original.header, "iptc-data")
    return {"iptc": iptc(data), "photoshop": photoshop(data)}


def _xmp(original: Original) -> Facts:
    return {"xmp": xmp(_blob(original.header, "xmp-data"))}


def _blob(image: pyvips.Image, name: str) -> bytes:
    return bytes(image.get(name)) if image.get_typeof(name) else b""


def _video(original: Original) -> Facts:
    kind = original.work.header.format
    return video_facts(original.data, kind, original.work.interrupt) if kind in VIDEOS else {}


def _objects(original: Original) -> Facts:
    work = original.begun(Stage())
    found = objects_in(work, (), upright(work.header.orientation))
    return {"objects": [_object(one) for one in found]}


def _object(one: Seen) -> Facts:
    what, box = one.detection, one.box
    return {
        "class_id": what.class_id,
        "class_name": what.class_name,
        "confidence": round(what.confidence, _SHARE_DIGITS),
        **_box(box.left, box.top, box.width, box.height),
    }


def _classes(original: Original) -> Facts:
    info, file, interrupt = original.info, original.work.file, original.work.interrupt
    found = original.classification.surest(
        info.classify, info.classify_among, lambda side: square_of_file(file, side, interrupt), interrupt
    )
    return {"classification": [_class(one) for one in found]}


def _class(one: ClassFound) -> Facts:
    return {"class_id": one.class_id, "name": one.name, "confidence": round(one.confidence, _SHARE_DIGITS)}


def _box(left: float, top: float, width: float, height: float) -> Facts:
    sides = {"left": left, "top": top, "width": width, "height": height}
    return {name: round(value, _SHARE_DIGITS) for name, value in sides.items()}


def _colorspace(original: Original) -> Facts:
    return {"colorspace": original.header.interpretation}


def _bands(original: Original) -> Facts:
    return {"bands": original.header.bands}


def _sample_format(original: Original) -> Facts:
    return {"sample_format": original.header.format}


def _pages_number(original: Original) -> Facts:
    return {"pages_number": original.work.header.frames}


def _alpha(original: Original) -> Facts:
    told: Facts = {"has_alpha": original.work.header.alpha}
    if original.info.check_transparency:
        told["has_transparency"] = told["has_alpha"] and _is_transparent(original)
    return {"alpha": told}


def _is_transparent(original: Original) -> bool:
    work = original.begun(Stage())
    return has_transparency(work.interrupt.watch(work.image))


def _crop(original: Original) -> Facts:
    """Tell the area that a crop would show, in shares of the picture as it is to be seen."""
    stage = Stage(crop=original.work.stage.crop, objects_position=original.work.stage.objects_position)
    work = run(original.begun(stage))
    box = upright(work.header.orientation).shown(work.view.box)
    return {"crop": _box(box.left, box.top, box.width, box.height)}


def _palette(original: Original) -> Facts:
    return {"palette": palette(original.colors, original.info.palette)}


def _average(original: Original) -> Facts:
    return {"average": average(original.colors, ignoring_transparent=original.info.average_ignores_transparent)}


def _dominant(original: Original) -> Facts:
    found = dominant_colors(original.colors, complete=original.info.dominant_colors_complete)
    return {"dominant_colors": found}


def _blurhash(original: Original) -> Facts:
    return {"blurhash": blurhash(original.looked_at, *original.info.blurhash)}


def _thumb_hash(original: Original) -> Facts:
    return {"thumb_hash": thumbhash(original.looked_at).hex()}


def _perceptual_hash(original: Original) -> Facts:
    return {"perceptual_hash": perceptual_hash(original.looked_at)}


def _hashsums(original: Original) -> Facts:
    return {"hashsums": hashsums(original.data, original.info.hashsums)}


_FACTS: tuple[tuple[str, Callable[[Original], Facts]], ...] = (
    ("size", _size),
    ("format", _format),
    ("dimensions", _dimensions),
    ("exif", _exif),
    ("iptc", _iptc),
    ("xmp", _xmp),
    ("video_meta", _video),
    ("colorspace", _colorspace),
    ("bands", _bands),
    ("sample_format", _sample_format),
    ("pages_number", _pages_number),
    ("alpha", _alpha),
    ("crop", _crop),
    ("detect_objects", _objects),
    ("classify", _classes),
    ("palette", _palette),
    ("average", _average),
    ("dominant_colors", _dominant),
    ("thumb_hash", _thumb_hash),
    ("perceptual_hash", _perceptual_hash),
    ("hashsums", _hashsums),
)
"""What each field of a question is answered by, in order."""
