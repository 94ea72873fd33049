"""Values of the JavaScript client's types: each literal, each optional field given and left out, numbers at their bounds.

What the declarations do not tell (which numbers, which texts) stands in `LEAVES`, by the name of the type or of its
field; a type that is in neither has no examples, and that is an error.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from imgproxy_py.dialects.lexical import to_base64
from tests.clients.declarations import All, Array, Declarations, Literal, Name, Primitive, Record, Type, Union

Said = tuple[int, str]
"""A status, and the text of an error."""

GOOD: Said = (200, "")
INVALID: Said = (404, "Invalid URL")
UNWRITABLE: Said = (422, "Invalid URL")
TOO_LARGE: Said = (422, "Invalid source image")


@dataclass(frozen=True)
class Example:
    """A value, and what is said to who asks for a picture with it."""

    value: Any
    said: Said = GOOD


def no(value: Any, said: Said = INVALID) -> Example:
    """A value that the client takes and the dialect refuses."""
    return Example(value, said)


def base64(text: str) -> str:
    return to_base64(text.encode())


SHARES = [0, 0.5, 1]
COUNTS = [0, 30, no(1.5)]
COLORS = ["f80", "FF8800", no("ff880080")]  # the client lets an alpha through that the dialect does not have
CLASSES = ["face", "red"]
OFFSETS = [0, 10, -5.5, 0.2]
TAGS = ["a", "b%2Fc"]
STEPS = [0.5, -1, 0]

LEAVES: dict[str, list[Any]] = {
    "Autoquality.allowed_error": SHARES,
    "Autoquality.max_quality": [90, 0, 100, no(80.5)],
    "Autoquality.min_quality": [10, 0, 100, no(10.5)],
    "Autoquality.target": [0.02, 0, 10240],
    "Background": COLORS,
    "BackgroundAlpha": SHARES,
    "BackgroundRGB.b": [0, 255, no(256), no(-1), no(1.5)],
    "BackgroundRGB.g": [136, 0, no(256)],
    "BackgroundRGB.r": [255, 0, no(256)],
    "BaseGravity.x_offset": OFFSETS,
    "BaseGravity.y_offset": OFFSETS,
    "Blur": [0, 1.5],
    "BlurArea.height": [0.5, 0, 1],
    "BlurArea.left": [0.25, 0, 1],
    "BlurArea.top": [0.25, 0, 1],
    "BlurArea.width": [0.5, 0, 1],
    "BlurAreas.sigma": [4, 0, 0.5],
    "BlurDetections.class_names": CLASSES,
    "BlurDetections.sigma": [4, 0, no(-1)],
    "Blurhash.x_components": [4, 0, 9],
    "Blurhash.y_components": [3, 0, 9],
    "Brightness": [30, -255, 255, no(1.5)],
    "CacheBuster": ["v1"],
    "CacheTags": TAGS,
    "Classify.class_names": ["red", "green"],
    "Classify.top_k": [2, 0],
    "ColorProfile": ["srgb", "cmyk", "house.icc", no("none.icc", UNWRITABLE), no("../house.icc"), no(".icc")],
    "Colorize.color": COLORS,
    "Colorize.opacity": [0.5, 0, 1],
    "Contrast": [0, 0.5, 2.5],
    "Crop.height": [40, 0, 0.5, 1000, 30.7],
    "Crop.width": [40, 0, 0.5, 1000, 30.7],
    "CropAspectRatio.aspect_ratio": [1.5, 0, 1],
    "CropObjects.class_names": CLASSES,
    "CropObjects.scale_factor": [1.2, 0, 1],
    "DPI": [300, 72.5, no(-1)],
    "DPR": [0.5, 2],
    "DrawDetections.class_names": CLASSES,
    "Duotone.color1": ["123", "112233", no("#112233"), no("11223380")],
    "Duotone.color2": ["fed", "FFEEDD", no("yellow")],
    "Duotone.intensity": [0.5, 0, 1],
    "Expires": [int(time.time()) + 3600, no(1), no(time.time() + 3600.5)],
    "FPGravity.x": [0.5, 0, 1],
    "FPGravity.y": [0.5, 0, 1],
    "FallbackImageUrl": [base64("local:///small.png"), no("local")],
    "Filename.name": [base64("holiday"), base64("k%C3%A4tzchen"), "a%20b"],
    "FormatQualityType.quality": [50, 0, 100, no(101), no(50.5)],
    "Gradient.color": COLORS,
    "Gradient.direction": [45, -90, 400.5],
    "Gradient.opacity": [0.5, 0, 1],
    "Gradient.start": SHARES,
    "Gradient.stop": SHARES,
    "Height": COUNTS,
    "MaxAnimationFrameResolution": [0, 0.5, no(0.001, TOO_LARGE)],
    "MaxAnimationFrames": [1, 2, 100, no(1.5)],
    "MaxBytes": [0, 600, no(1.5)],
    "MaxResultDimension": [0, 30, no(1.5)],
    "MaxSrcFileSize": [0, 1_000_000, no(10, TOO_LARGE), no(1.5)],
    "MaxSrcResolution": [1, 0.5, no(0.001, TOO_LARGE)],
    "MinHeight": [0, 90, no(1.5)],
    "MinWidth": [0, 90, no(1.5)],
    "Monochrome.color": COLORS,
    "Monochrome.intensity": [0.5, 0, 1],
    "ObjGravity.class_names": [*CLASSES, "all"],
    "ObjectsPositionFocusPointOptions.x": SHARES,
    "ObjectsPositionFocusPointOptions.y": SHARES,
    "ObjectsPositionNormalOptions.xOffset": OFFSETS,
    "ObjectsPositionNormalOptions.yOffset": OFFSETS,
    "ObjwGravity.class_weights.class": [*CLASSES, "all"],
    "ObjwGravity.class_weights.weight": [1, 2.5, 0, no(-1)],
    "PNGOptions.quantization_colors": [17, 2, 256, no(2.5)],
    "Padding": [0, 5, no(1.5)],
    "PaddingDetails.bottom": [0, 5, no(-1)],
    "PaddingDetails.left": [0, 5, no(-1)],
    "PaddingDetails.right": [0, 5, no(-1)],
    "PaddingDetails.top": [0, 5, no(-1)],
    "Page": [0, 1],
    "Pages": [1, 2, 100],
    "Palette": [0, 2, 256],
    "Pixelate": [0, 1, 6, no(1.5)],
    "Preset": ["card", "dark"],
    "ProgressiveBlur.direction": [45, -90, 400.5],
    "ProgressiveBlur.sigma": [4, 0, 0.5],
    "ProgressiveBlur.start": SHARES,
    "ProgressiveBlur.stop": SHARES,
    "Quality": [0, 1, 100, no(50.5)],
    "Resize.height": COUNTS,
    "Resize.width": COUNTS,
    "Saturation": [0, 0.5, 2],
    "Sharpen": [0, 0.7],
    "Size.height": COUNTS,
    "Size.width": COUNTS,
    "Style": [base64("rect { fill: #0c0 }"), no("rect")],
    "Trim.color": ["f0f0eb", "fff", no("f0f0ebff")],
    "Trim.threshold": [10, 0, -1.5],
    "UnsharpMasking.divider": [24, 0.5],
    "UnsharpMasking.weight": [1, 3.5],
    "VideoThumbnailAnimation.delay": [100, no(0), no(-5)],
    "VideoThumbnailAnimation.focus_x": SHARES,
    "VideoThumbnailAnimation.focus_y": SHARES,
    "VideoThumbnailAnimation.frame_height": [24, no(0), no(1.5)],
    "VideoThumbnailAnimation.frame_width": [40, no(0), no(1.5)],
    "VideoThumbnailAnimation.frames": [3, 1, no(0)],
    "VideoThumbnailAnimation.step": STEPS,
    "VideoThumbnailSecond": [2, 1, 100],
    "VideoThumbnailTile.columns": [2, 1, no(0)],
    "VideoThumbnailTile.focus_x": SHARES,
    "VideoThumbnailTile.focus_y": SHARES,
    "VideoThumbnailTile.rows": [2, 1, no(0)],
    "VideoThumbnailTile.step": STEPS,
    "VideoThumbnailTile.tile_height": [24, no(0), no(1.5)],
    "VideoThumbnailTile.tile_width": [40, no(0), no(1.5)],
    "Watermark.opacity": [1, 0, 0.5],
    "Watermark.scale": [0.3, 0, 1, no(-1)],
    "Watermark.x_offset": OFFSETS,
    "Watermark.y_offset": OFFSETS,
    "WatermarkRotate": [0, 45, -30.5],
    "WatermarkShadow": [0, 1.5],
    "WatermarkSize.height": [0, 12, no(1.5)],
    "WatermarkSize.width": [0, 12, no(1.5)],
    "WatermarkText": [base64("<b>ä</b>"), no("text!")],
    "WatermarkUrl": [base64("local:///blue.png"), no("text")],
    "Width": COUNTS,
    "Zoom": [0.5, 2],
    "ZoomObj.zoom_x": [0.5, 2],
    "ZoomObj.zoom_y": [0.5, 1],
}

# Formats that imgproxy writes and we do not (dialect §1.5); and an SVG cannot be made of a raster (§6.2).
LITERALS: dict[tuple[str, Any], Said] = {
    ("Format", "mp4"): INVALID,
    ("Format", "pdf"): INVALID,
    ("Format", "svg"): UNWRITABLE,
    ("FormatQualityType.format", "mp4"): INVALID,
    ("FormatQualityType.format", "pdf"): INVALID,
    ("SkipProcessing", "mp4"): INVALID,
    ("SkipProcessing", "pdf"): INVALID,
}

# Values of types whose fields depend on one another, beyond those that are made of fields alone.
MORE: dict[str, list[Any]] = {
    "Autoquality": [
        {"method": "size", "target": 800, "min_quality": 10, "max_quality": 80},
        {"method": "dssim", "target": 0.02, "min_quality": 60, "max_quality": 90, "allowed_error": 0.001},
        {"method": "ml", "target": 0.02, "allowed_error": 1},
        {"method": "dssim", "allowed_error": 0},
    ],
    "JPEGOptions": [{"progressive": True, "optimize_scans": True, "quant_table": 3}],
    "ObjectsPositionFocusPointOptions": [{"type": "fp", "x": 0.2, "y": 0.9}],
    "Preset": [no(["poster"]), no(["card", "poster"])],
    "VideoThumbnailAnimation": [
        {"step": 0.5, "delay": 50, "frames": 2, "frame_width": 30, "frame_height": 30, "fill": 1, "focus_x": 0, "focus_y": 1},
        {"step": 0.5, "delay": 50, "frames": 2, "frame_width": 30, "frame_height": 30, "extend_frame": 1, "trim": 1},
    ],
    "VideoThumbnailTile": [
        {"step": 0.5, "columns": 2, "rows": 1, "tile_width": 30, "tile_height": 30, "fill": 1, "focus_x": 0, "focus_y": 1},
        {"step": 0.5, "columns": 2, "rows": 1, "tile_width": 30, "tile_height": 30, "extend_tile": 1, "trim": 1},
    ],
    "WatermarkSize": [{"width": 20, "height": 10}],
}  # fmt: skip


@dataclass(frozen=True)
class Examples:
    """Makes examples of declared types; `used` are the leaves that were needed, `wild` are those of `WildOptions`."""

    declared: Declarations
    wild: list[Any]
    used: set[str] = field(default_factory=set)

    def options(self, of: str) -> dict[str, list[Example]]:
        """Give the examples of each option of an intersection of interfaces, by its first name."""
        fields = self.declared.record(Name(of)).fields
        return {name: self.of(fields[name].type, name) for name in self.declared.spellings(of)}

    def of(self, kind: Type, key: str) -> list[Example]:
        """Give examples of a type, the first of them a good one; `key` is where it is met: `Record.field` or a name."""
        return list(self._of(kind, key))

    def _of(self, kind: Type, key: str) -> Iterator[Example]:
        match kind:
            case Name():
                yield from self._named(kind)
            case Literal(value):
                yield Example(value, LITERALS.get((key, value), GOOD))
            case Primitive("boolean"):
                yield from (Example(True), Example(False))
            case Primitive():
                yield from self._leaf(key)
            case Array(item):
                yield from self._lists(item, key)
            case Union(members):
                yield from self._any_of(members, key)
            case Record() | All():
                yield from self._records(self.declared.record(kind), key)

    def _named(self, name: Name) -> Iterator[Example]:
        if name.name == "WildOptions":
            yield from map(_example, self.wild)
            return
        key = name.argument.name if isinstance(name.argument, Name) else name.name
        yield from self.of(self.declared.named(name), key)
        yield from map(_example, MORE.get(name.name, ()))

    def _leaf(self, key: str) -> Iterator[Example]:
        self.used.add(key)
        assert key in LEAVES, f"{key} is new: say in LEAVES which values to try"
        yield from map(_example, LEAVES[key])

    def _any_of(self, members: tuple[Type, ...], key: str) -> Iterator[Example]:
        for member in members:
            if member == Primitive("string") and _is_flag(members):
                yield from (Example("f"), Example("yes"))  # whatever is not true is false
            else:
                yield from self.of(member, key)

    def _lists(self, item: Type, key: str) -> Iterator[Example]:
        each = self.of(item, key)
        yield from (Example([one.value], one.said) for one in each)
        good = [one.value for one in each if one.said == GOOD]
        if len(good) > 1:
            yield Example(good)

    def _records(self, record: Record, key: str) -> Iterator[Example]:
        fields = {name: self.of(one.type, f"{key}.{name}") for name, one in record.fields.items()}
        least = {name: fields[name][0].value for name, one in record.fields.items() if not one.optional}
        yield Example(least)
        for name, examples in fields.items():
            yield from (replace(one, value=least | {name: one.value}) for one in examples)
        yield Example({name: examples[0].value for name, examples in fields.items()})


def _example(one: Any) -> Example:
    return one if isinstance(one, Example) else Example(one)


def _is_flag(members: tuple[Type, ...]) -> bool:
    return Literal(True) in members or Primitive("boolean") in members
