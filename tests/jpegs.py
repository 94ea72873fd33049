"""JPEGs of the kinds that encoders write, of something with coefficients everywhere."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import simplejpeg
from PIL import Image, ImageFile

ImageFile.MAXBLOCK = 1 << 22  # Pillow writes an optimised JPEG in one go, and noise comes to more than it expects

Encoder = Callable[[np.ndarray], bytes]


def noisy(width: int, height: int, seed: int = 1) -> np.ndarray:
    """Something with coefficients everywhere: a gradient under noise."""
    noise = np.random.default_rng(seed).integers(0, 120, (height, width, 3))
    slope = np.linspace(0, 135, width)[None, :, None] + np.zeros((height, 1, 3))
    return (noise + slope).astype(np.uint8)


def by_pillow(mode: str = "RGB", **options: Any) -> Encoder:
    def written(samples: np.ndarray) -> bytes:
        out = io.BytesIO()
        Image.fromarray(samples).convert(mode).save(out, "JPEG", **{"quality": 85, **options})
        return out.getvalue()

    return written


def by_turbo(sampling: str) -> Encoder:
    return lambda samples: simplejpeg.encode_jpeg(samples, colorspace="RGB", colorsubsampling=sampling)


BASELINE: dict[str, Encoder] = {
    "4:4:4": by_turbo("444"),
    "4:2:2": by_turbo("422"),
    "4:2:0": by_turbo("420"),
    "4:4:0": by_turbo("440"),
    "grey": by_pillow("L"),
    "restarts": by_pillow(restart_marker_blocks=3),
    "restarts in 4:2:2": by_pillow(restart_marker_rows=1, subsampling=1),
    "own tables": by_pillow(optimize=True),
    "coarse": by_pillow(quality=5),
    "fine": by_pillow(quality=100, subsampling=0),
}
"""In one scan, of grey or of light and colours that are sampled half as often at most."""

PLAIN: dict[str, Encoder] = {
    **BASELINE,
    "4:1:1": by_turbo("411"),
    "RGB": by_pillow(keep_rgb=True),
    "progressive": by_pillow(progressive=True),
    "progressive 4:4:4": by_pillow(progressive=True, subsampling=0),
    "progressive grey": by_pillow("L", progressive=True),
}
"""Of 8 bits, in grey or three components, coded by Huffman."""
