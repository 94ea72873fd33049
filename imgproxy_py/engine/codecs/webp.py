"""WebP by libwebp itself: the files that libvips would write, byte for byte, for less time.

imagecodecs has a build of libwebp that takes 0.7 to 0.9 of the time of the one within libvips, the less the smaller the
picture.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import pyvips

from imgproxy_py.engine.codecs.extras import imported, numpy
from imgproxy_py.engine.libvips import kind_of, samples_of, size_of
from imgproxy_py.recipe.formats import ABILITIES, Format

_PLAIN = frozenset({3, 4})
_MOST = ABILITIES[Format.WEBP].max_side


@cache
def _encoder() -> Any:
    imagecodecs = imported("imagecodecs") if numpy() else None
    return imagecodecs.webp_encode if imagecodecs and imagecodecs.WEBP.available else None


def load() -> None:
    """Load what is installed of the libraries, which takes a while."""
    _encoder()


def file_of(image: pyvips.Image, quality: int, effort: int) -> bytes | None:
    """Give the lossy WebP that libvips writes of a still image without metadata, `None` if it is to do so itself.

    `quality` is 0–100, `effort` 0–6. Raises `pyvips.Error` if the pixels cannot be had; that can be interrupted, the
    encoder cannot.
    """
    encoder, size = _encoder(), size_of(image)
    if encoder is None or max(size) >= _MOST or not _is_plain(image):  # imagecodecs refuses the largest size itself
        return None
    image = image.copy_memory()
    bands = kind_of(image).bands
    samples = numpy().frombuffer(samples_of(image, size.width * size.height * bands), "uint8")
    lines = samples.reshape(size.height, size.width, bands)
    return bytes(encoder(lines, level=quality, lossless=False, method=effort, numthreads=1))


def _is_plain(image: pyvips.Image) -> bool:
    kind = kind_of(image)
    if kind.format != "uchar" or kind.interpretation != "srgb" or kind.bands not in _PLAIN:
        return False
    return image.get_typeof("page-height") == 0 or bool(image.get("page-height") == size_of(image).height)
