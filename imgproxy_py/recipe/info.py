"""What somebody wants to know of an original, in place of a picture of it (dialect §5.7)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Info:
    """Which fields an answer has.

    `exif_canonical` names EXIF tags as the standard does. `classify` is how many classes are told, of those that are
    `classify_among` (none = all). `palette` is a number of colours 2–256, 0 for none; `blurhash` the components across
    and down, 1–9, zeros for none. `hashsums` are the names of digests, sorted. The area that `crop` tells is the first
    stage's.
    """

    size: bool = True
    format: bool = True
    dimensions: bool = True
    exif: bool = True
    exif_canonical: bool = False
    iptc: bool = True
    xmp: bool = True
    video_meta: bool = True
    detect_objects: bool = False
    classify: int = 0
    classify_among: tuple[str, ...] = ()
    colorspace: bool = False
    bands: bool = False
    sample_format: bool = False
    pages_number: bool = False
    alpha: bool = False
    check_transparency: bool = False
    crop: bool = False
    palette: int = 0
    average: bool = False
    average_ignores_transparent: bool = True
    dominant_colors: bool = False
    dominant_colors_complete: bool = False
    blurhash: tuple[int, int] = (0, 0)
    thumb_hash: bool = False
    perceptual_hash: bool = False
    hashsums: tuple[str, ...] = ()
