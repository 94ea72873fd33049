"""The recipe: everything about a request that changes pixels, as frozen values.

Two requests that want the same picture have equal recipes, whatever dialect, spelling or order they came in.
"""

from imgproxy_py.recipe.model.areas import Box, Ramp
from imgproxy_py.recipe.model.color import Color
from imgproxy_py.recipe.model.coloring import ColorEffects, Colorize, Duotone, Gradient, Monochrome
from imgproxy_py.recipe.model.effects import (
    BlurAreas,
    BlurDetections,
    DrawDetections,
    Effects,
    ProgressiveBlur,
    UnsharpMasking,
    UnsharpMode,
)
from imgproxy_py.recipe.model.loading import Loading, VideoAnimation, VideoFrame, VideoTile
from imgproxy_py.recipe.model.output import (
    AutoQuality,
    AutoQualityMethod,
    AvifOptions,
    JpegOptions,
    Output,
    Placeholder,
    PngOptions,
    Subsampling,
    WebpCompression,
    WebpOptions,
    WebpPreset,
)
from imgproxy_py.recipe.model.placing import (
    Crop,
    CropObjects,
    Gravity,
    GravityType,
    Kernel,
    Padding,
    Resize,
    ResizingType,
    Trim,
)
from imgproxy_py.recipe.model.recipe import LimitOverrides, Recipe
from imgproxy_py.recipe.model.stage import Stage, Watermark

__all__ = [
    "AutoQuality",
    "AutoQualityMethod",
    "AvifOptions",
    "BlurAreas",
    "BlurDetections",
    "Box",
    "Color",
    "ColorEffects",
    "Colorize",
    "Crop",
    "CropObjects",
    "DrawDetections",
    "Duotone",
    "Effects",
    "Gradient",
    "Gravity",
    "GravityType",
    "JpegOptions",
    "Kernel",
    "LimitOverrides",
    "Loading",
    "Monochrome",
    "Output",
    "Padding",
    "Placeholder",
    "PngOptions",
    "ProgressiveBlur",
    "Ramp",
    "Recipe",
    "Resize",
    "ResizingType",
    "Stage",
    "Subsampling",
    "Trim",
    "UnsharpMasking",
    "UnsharpMode",
    "VideoAnimation",
    "VideoFrame",
    "VideoTile",
    "Watermark",
    "WebpCompression",
    "WebpOptions",
    "WebpPreset",
]
