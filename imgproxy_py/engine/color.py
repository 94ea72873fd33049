"""Colour profiles: recognising, importing, exporting, removing (dialect §10)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pyvips

from imgproxy_py.engine.pixels import as_color
from imgproxy_py.engine.profiles import Profile
from imgproxy_py.engine.standard_colors import standardised
from imgproxy_py.engine.work import Work
from imgproxy_py.recipe.formats import ABILITIES

PROFILE = "icc-profile-data"
SRGB = "srgb"
"""libvips' name for its own sRGB profile."""

_GREY = frozenset({"b-w", "grey16"})
_SRGB_MAKER, _SRGB_MODEL = b"IEC ", b"sRGB"


def connection_space(profile: bytes) -> str:
    """Give the profile connection space that a profile names in its header (ICC.1 §7.2.7), as libvips calls it."""
    return "xyz" if profile[20:24] == b"XYZ " else "lab"


def is_plain_srgb(profile: bytes) -> bool:
    """Tell whether a profile is the well-known "sRGB IEC61966-2.1", by manufacturer and model in its header."""
    return profile[48:52] == _SRGB_MAKER and profile[52:56] == _SRGB_MODEL


def in_linear_light(work: Work, resample: Callable[[pyvips.Image], pyvips.Image]) -> Work:
    """Give the work resampled in scRGB, and back in the colour space it came in."""
    kind = work.image.interpretation
    work = _imported_for_linear(work)
    linear = resample(work.image.colourspace("scrgb"))
    return work.showing(linear.colourspace(kind))


def in_standard_colors(work: Work) -> Work:
    """Give the work in sRGB (or standard grey), where a colour of the URL is what it says.

    A profile that is to be kept is exported to again when the picture is finished.
    """
    kind = work.image.interpretation
    work = _imported_for_linear(work)
    return work if work.image.interpretation == kind else work.showing(work.image.colourspace(kind))


def _imported_for_linear(work: Work) -> Work:
    image = work.image
    if work.imported or image.get_typeof(PROFILE) == 0 or is_plain_srgb(image.get(PROFILE)):
        return work
    try:
        imported = image.icc_import(embedded=True, pcs=connection_space(image.get(PROFILE)))
    except pyvips.Error:
        return work
    return replace(work, image=imported, imported=True)


def with_output_profile(work: Work) -> tuple[Work, bool]:
    """Give the work in its output profile, and whether that profile is to be written.

    The profile that the URL names comes first, where the format can hold it. Stripped, or for a format that holds none:
    converted to sRGB (grey: its standard gamma). Otherwise the original's profile stays, and pixels that were imported
    from it are exported back.
    """
    if work.profile is not None and work.profile.fits(work.output):
        return work.showing(_in_profile(work, work.profile)), True
    if work.image.get_typeof(PROFILE) == 0:
        return work, False
    if not work.asked.strip_color_profile and ABILITIES[work.output].icc:
        return _exported(work) if work.imported else (work, True)
    if work.imported or is_plain_srgb(work.image.get(PROFILE)):
        return work, False
    return _standardised(work), False


def _in_profile(work: Work, profile: Profile) -> pyvips.Image:
    """Give the image's colours in a profile, and that embedded."""
    image = work.image
    options = {"depth": 16 if image.format == "ushort" else 8, "intent": "relative", "black_point_compensation": True}
    if image.get_typeof(PROFILE) and not work.imported and not is_plain_srgb(image.get(PROFILE)):
        try:
            return image.icc_transform(
                profile.place, embedded=True, pcs=connection_space(image.get(PROFILE)), **options
            )
        except pyvips.Error:
            pass  # a damaged profile is no profile
    image = as_color(without_profile(image))
    if profile.place != SRGB:
        return image.icc_transform(profile.place, input_profile=SRGB, **options)
    return _with_profile(image, profile.data)  # its colours are in it already


def _with_profile(image: pyvips.Image, profile: bytes) -> pyvips.Image:
    image = image.copy()
    image.set_type(pyvips.GValue.blob_type, PROFILE, profile)
    return image


def _exported(work: Work) -> tuple[Work, bool]:
    depth = 16 if work.image.format == "ushort" else 8
    try:
        return work.showing(work.image.icc_export(pcs=connection_space(work.image.get(PROFILE)), depth=depth)), True
    except pyvips.Error:
        return work, False


def _standardised(work: Work) -> Work:
    profile, even_near = work.image.get(PROFILE), work.settings.convert_near_srgb
    image = standardised(work.image, profile, work.interrupt, even_near=even_near)
    return work.showing(_transformed(work.image) if image is None else image)


def _transformed(image: pyvips.Image) -> pyvips.Image:
    standard = "sgrey" if image.interpretation in _GREY else "srgb"
    depth = 16 if image.format == "ushort" else 8
    pcs = connection_space(image.get(PROFILE))
    try:
        return image.icc_transform(standard, embedded=True, pcs=pcs, depth=depth)
    except pyvips.Error:
        return image  # a damaged profile is no profile


def without_profile(image: pyvips.Image) -> pyvips.Image:
    """Give the image without its profile, its numbers as they are."""
    if not image.get_typeof(PROFILE):
        return image
    image = image.copy()
    image.remove(PROFILE)
    return image
