"""How near a picture comes to the best that could be made of its original: SSIMULACRA2, 100 for no difference.

The reference is the original decoded in full, made smaller with lanczos3, in sRGB, and never encoded. 90 is hard to tell
from it, 70 is good quality on a page, 50 is visibly compressed. The metric looks at six sizes of a picture, each half of the
one before; of pictures with a side under 256 pixels the package looks at fewer, so such scores are for comparing only.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy
import pyvips
from scipy import ndimage
from ssimulacra2 import compute_ssimulacra2, ssimulacra2

_SIGMA, _REACH = 1.5, 3.4  # five pixels to each side


class Scores:
    """Scores of pictures beside their originals; what was scored once is not scored again."""

    def __init__(self) -> None:
        self._references: dict[tuple[Path, int, int], bytes] = {}
        self._known: dict[tuple[Path, str], float] = {}

    def score(self, original: Path, picture: bytes) -> float:
        """Give the score of a picture beside its original, at the picture's own size."""
        key = original, hashlib.sha256(picture).hexdigest()
        if key not in self._known:
            image = _srgb(pyvips.Image.new_from_buffer(picture, ""))
            self._known[key] = ssimulacra2_of(self._reference(original, image.width, image.height), _png(image))
        return self._known[key]

    def _reference(self, original: Path, width: int, height: int) -> bytes:
        key = original, width, height
        if key not in self._references:
            self._references[key] = _png(reference(original, width, height))
        return self._references[key]


def reference(original: Path, width: int, height: int) -> pyvips.Image:
    """Give the picture that a perfect server would encode."""
    image = pyvips.Image.new_from_file(str(original), access="sequential")
    smaller = image.resize(width / image.width, vscale=height / image.height, kernel="lanczos3")
    return _srgb(smaller.copy_memory())


def ssimulacra2_of(reference_png: bytes, picture_png: bytes) -> float:
    """Give the score of two pictures of one size, in sRGB."""
    with _zero_beyond_the_border():
        return float(compute_ssimulacra2(io.BytesIO(reference_png), io.BytesIO(picture_png)))


@contextmanager
def _zero_beyond_the_border() -> Iterator[None]:
    """Have the package blur as the metric's definition does: what lies beyond any border is zero.

    Version 0.3 mirrors the picture at its left and right borders, which moves scores of small pictures by up to six
    points. Without that they agree with the Rust implementation to half a point.
    """
    before = ssimulacra2.blur_image
    ssimulacra2.blur_image = _blurred
    try:
        yield
    finally:
        ssimulacra2.blur_image = before


def _blurred(image: Any, sigma: float = _SIGMA) -> Any:
    return ndimage.gaussian_filter(
        numpy.asarray(image), sigma=sigma, truncate=_REACH, mode="constant", cval=0.0, axes=(0, 1)
    )


def _srgb(image: pyvips.Image) -> pyvips.Image:
    if image.get_typeof("icc-profile-data"):
        image = image.icc_transform("srgb", embedded=True, depth=8)
    return image.colourspace("srgb")[:3]


def _png(image: pyvips.Image) -> bytes:
    data: bytes = image.pngsave_buffer(compression=0, keep="none")
    return data
