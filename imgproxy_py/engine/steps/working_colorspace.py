"""Bring the pixels into the colour space that the steps work in (dialect §7, step 4; §10)."""

from __future__ import annotations

from dataclasses import replace

import pyvips

from imgproxy_py.engine.color import connection_space, without_profile
from imgproxy_py.engine.libvips import kind_of
from imgproxy_py.engine.work import Work
from imgproxy_py.errors import UndecodableImage

_KEPT = frozenset({"rgb", "srgb", "b-w"})
_DEEP = {"rgb16": "srgb", "grey16": "b-w"}
_WITHOUT_IMPORT = frozenset({"rgb", "srgb", "rgb16", "scrgb", "grey16", "b-w"})
_INTEGER_SAMPLES = frozenset({"uchar", "ushort"})


def working_colorspace(work: Work) -> Work:
    """Give the work in sRGB or grey, 8 bits a sample, or 16 where they are to be kept.

    Raises `UndecodableImage` for pixels of which nobody says what colours they are.
    """
    samples = kind_of(work.image)
    if samples.format == "uchar" and samples.interpretation in _KEPT:
        return work
    work = _linear_float(work)
    kind = work.image.interpretation
    if kind == "scrgb":
        work = work.showing(without_profile(work.image))  # which describes other numbers than linear light
    if kind in _DEEP:
        return work if work.high_depth else work.showing(work.image.colourspace(_DEEP[kind]))
    work = _imported(work)
    deep = work.high_depth and kind != "cmyk"
    try:
        return work.showing(work.image.colourspace("rgb16" if deep else "srgb"))
    except pyvips.Error as error:
        raise UndecodableImage(f"the original's colours ({kind}) cannot be read", private=str(error)) from error


def _imported(work: Work) -> Work:
    image = work.image
    has_profile = image.get_typeof("icc-profile-data") != 0
    if not has_profile or image.interpretation in _WITHOUT_IMPORT or image.format not in _INTEGER_SAMPLES:
        return work
    try:
        imported = image.icc_import(embedded=True, pcs=connection_space(image.get("icc-profile-data")))
    except pyvips.Error:
        return work  # a damaged profile is no profile
    return replace(work, image=imported, imported=True)


def _linear_float(work: Work) -> Work:
    image = work.image
    if image.format not in ("float", "double") or image.interpretation not in ("b-w", "multiband"):
        return work
    if image.bands <= 2:  # linear light in one channel, as scanners and renderers write it, and maybe alpha
        linear = image[0].bandjoin([image[band] for band in (0, *range(image.bands))]).copy(interpretation="scrgb")
        return work.showing(linear.colourspace("grey16"))
    return work.showing(image.copy(interpretation="scrgb"))
