"""Makes sample pictures of every kind that the service reads, into a folder given as the argument.

    python samples/make_samples.py var/samples

What is there already stays, so a second run is quick. The same version of this script and of libvips makes the same
pixels every time. `samples/README.md` says what each picture is good for.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyvips

VERSION = "1"
"""Another number makes every picture anew."""

STAMP = ".version"
FRAMES = 12

Maker = Callable[[], bytes]


def main(arguments: list[str]) -> int:
    """Make what is missing in the folder that the only argument names; answer the exit code."""
    if len(arguments) != 1:
        print("usage: make_samples.py FOLDER", file=sys.stderr)
        return 2
    folder = Path(arguments[0])
    folder.mkdir(parents=True, exist_ok=True)
    _forget_other_versions(folder)
    missing = [name for name in SAMPLES if not (folder / name).exists()]
    begun = time.perf_counter()
    for name in missing:
        _make(folder, name)
    if missing:
        print(f"{len(missing)} samples made in {time.perf_counter() - begun:.1f} s")
    return 0


def _forget_other_versions(folder: Path) -> None:
    stamp = folder / STAMP
    if stamp.exists() and stamp.read_text() == VERSION:
        return
    for name in SAMPLES:
        (folder / name).unlink(missing_ok=True)
    stamp.write_text(VERSION)


def _make(folder: Path, name: str) -> None:
    begun = time.perf_counter()
    data = SAMPLES[name]()
    unfinished = folder / f".{name}.part"
    unfinished.write_bytes(data)
    unfinished.rename(folder / name)  # a run that is stopped leaves no half pictures under good names
    print(f"  {name:<26} {len(data) / 1000:8.1f} kB {(time.perf_counter() - begun) * 1000:6.0f} ms", flush=True)


# Photographs


def _people() -> bytes:
    import pyvips

    wall = pyvips.Image.black(900, 600).new_from_image([120, 150, 170]).cast("uchar").copy(interpretation="srgb")
    for left, top, height in ((70, 130, 340), (400, 210, 220), (590, 70, 330)):
        face = pyvips.Image.svgload(str(Path(__file__).with_name("face.svg")), scale=height / 240)
        wall = wall.composite2(face, "over", x=left, y=top)
    return wall.flatten().jpegsave_buffer(Q=88, optimize_coding=True, keep="none")


def _portrait() -> bytes:
    from landscape import NOON, paint

    upright = _with_profile(paint(3000, 4000, light=NOON, seed=21), "srgb")
    held = _with_camera(upright.rot270(), orientation=6)
    return held.jpegsave_buffer(Q=90, subsample_mode="on", optimize_coding=True)


def _landscape() -> bytes:
    return _with_camera(_morning(1920, 1080), orientation=1).jpegsave_buffer(Q=85, optimize_coding=True)


def _progressive() -> bytes:
    from landscape import DUSK, paint

    return paint(1600, 1067, light=DUSK, seed=5).jpegsave_buffer(Q=80, interlace=True, optimize_coding=True)


def _display_p3() -> bytes:
    wide = _morning(1200, 800).icc_transform("p3", input_profile="srgb", depth=8)
    return _with_profile(wide, "p3").jpegsave_buffer(Q=85, optimize_coding=True)


def _cmyk() -> bytes:
    inks = _morning(900, 600).icc_transform("cmyk", input_profile="srgb", depth=8)
    return _with_profile(inks, "cmyk").jpegsave_buffer(Q=85, optimize_coding=True)


def _grey_jpeg() -> bytes:
    return _morning(900, 600).colourspace("b-w").jpegsave_buffer(Q=85, optimize_coding=True)


def _avif() -> bytes:
    return _morning(1200, 800).heifsave_buffer(compression="av1", Q=60, effort=0)


def _tiff() -> bytes:
    return _morning(900, 600).tiffsave_buffer(compression="lzw", predictor="horizontal")


def _tall() -> bytes:
    return _morning(320, 4800).jpegsave_buffer(Q=80, optimize_coding=True)


def _wide() -> bytes:
    return _morning(6000, 300).jpegsave_buffer(Q=80, optimize_coding=True)


def _morning(width: int, height: int) -> pyvips.Image:
    from landscape import MORNING, paint

    return paint(width, height, light=MORNING, seed=7)


# Drawings

_MARK = """<svg xmlns="http://www.w3.org/2000/svg" width="300" height="200">
<rect width="300" height="200" fill="#fdf6e3"/><path d="M60 30h110v34H98v26h56v32H98v48H60z" fill="#c2412d"/>
<circle cx="240" cy="60" r="26" fill="#2a6f97"/><path d="M200 170l40-60 40 60z" fill="#5a8f3c"/></svg>"""

_GLOW = """<svg xmlns="http://www.w3.org/2000/svg" width="800" height="600">
<defs><radialGradient id="g"><stop offset="0" stop-color="#ffd166"/><stop offset=".55" stop-color="#ef476f"
stop-opacity=".8"/><stop offset="1" stop-color="#ef476f" stop-opacity="0"/></radialGradient>
<filter id="b" x="-50%" y="-50%" width="200%" height="200%"><feGaussianBlur stdDeviation="14"/></filter></defs>
<ellipse cx="400" cy="520" rx="220" ry="36" fill="#000" opacity=".45" filter="url(#b)"/>
<circle cx="400" cy="280" r="240" fill="url(#g)"/><circle cx="330" cy="210" r="60" fill="#fff" opacity=".35"
filter="url(#b)"/></svg>"""

_POSTER = """<?xml version="1.0" encoding="UTF-8"?>
<svg xmlns="http://www.w3.org/2000/svg" width="640" height="400" viewBox="0 0 640 400">
  <title>A lake at dusk</title>
  <defs>
    <linearGradient id="sky" x2="0" y2="1">
      <stop offset="0" stop-color="#1d2b64"/><stop offset=".7" stop-color="#f8946c"/>
      <stop offset="1" stop-color="#ffd89b"/>
    </linearGradient>
    <radialGradient id="sun"><stop offset="0" stop-color="#fff5d6"/><stop offset="1" stop-color="#ffb347"/></radialGradient>
  </defs>
  <rect width="640" height="400" fill="url(#sky)"/>
  <circle cx="430" cy="220" r="46" fill="url(#sun)"/>
  <path d="M0 270 120 180l90 70 110-110 130 120 90-60 100 80v130H0z" fill="#3b2f55"/>
  <rect y="300" width="640" height="100" fill="#241d3a"/>
  <g stroke="#ffcf8a" stroke-width="3" stroke-linecap="round" opacity=".7">
    <path d="M390 318h80M404 334h52M414 350h32"/>
  </g>
  <text x="32" y="64" font-family="serif" font-size="40" fill="#fff">A lake at dusk</text>
  <text x="32" y="96" font-family="sans-serif" font-size="16" fill="#fff" opacity=".8">drawn by hand, sharp at any size</text>
</svg>
"""


def _soft_alpha() -> bytes:
    return _drawn(_GLOW).pngsave_buffer(compression=6)


def _palette() -> bytes:
    return _opaque(_MARK, scale=2).pngsave_buffer(palette=True, Q=90, effort=1)


def _grey_png() -> bytes:
    return _opaque(_MARK, scale=2).colourspace("b-w").pngsave_buffer(compression=6)


def _deep() -> bytes:
    import pyvips

    place = pyvips.Image.xyz(800, 400)
    across, down = place[0] * (65535 / 799), place[1] * (65535 / 399)
    ramp = across.bandjoin([down, across * -1 + 65535]).cast("ushort")
    return ramp.copy(interpretation="rgb16").pngsave_buffer(compression=6)


def _soft_webp() -> bytes:
    return _drawn(_GLOW).webpsave_buffer(Q=80, effort=2)


def _svg() -> bytes:
    return _POSTER.encode()


def _animated_gif() -> bytes:
    return _animation(240).gifsave_buffer(effort=3, dither=0.6)


def _animated_webp() -> bytes:
    return _animation(320).webpsave_buffer(Q=75, effort=2)


def _animation(side: int) -> pyvips.Image:
    """Draw a pendulum's swing, frames stacked one under the other as libvips wants them."""
    import math

    import pyvips

    def frame(number: int) -> pyvips.Image:
        angle = 50 * math.sin(2 * math.pi * number / FRAMES)
        return _opaque(
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{side}" height="{side}" viewBox="0 0 100 100">'
            '<rect width="100" height="100" fill="#12355b"/>'
            f'<g transform="rotate({angle:.2f} 50 12)"><path d="M50 12V74" stroke="#d7f9ff"/>'
            '<circle cx="50" cy="76" r="11" fill="#ff8c42"/></g></svg>'
        )

    strip = pyvips.Image.arrayjoin([frame(number) for number in range(FRAMES)], across=1).copy()
    strip.set_type(pyvips.GValue.gint_type, "page-height", side)
    strip.set_type(pyvips.GValue.gint_type, "loop", 0)
    strip.set_type(pyvips.GValue.array_int_type, "delay", [80] * FRAMES)
    return strip


def _orientation(value: int) -> Maker:
    """Give the maker of a picture that, turned as EXIF orientation `value` says, always looks the same."""

    def make() -> bytes:
        upright = _opaque(_MARK)
        stored = {
            1: lambda: upright,
            2: upright.fliphor,
            3: upright.rot180,
            4: upright.flipver,
            5: lambda: upright.rot90().fliphor(),
            6: upright.rot270,
            7: lambda: upright.rot270().fliphor(),
            8: upright.rot90,
        }[value]()
        return _with_camera(stored, orientation=value).jpegsave_buffer(Q=90, subsample_mode="off")

    return make


def _drawn(svg: str, *, scale: float = 1) -> pyvips.Image:
    import pyvips

    return pyvips.Image.svgload_buffer(svg.encode(), scale=scale)


def _opaque(svg: str, *, scale: float = 1) -> pyvips.Image:
    return _drawn(svg, scale=scale).flatten(background=[255, 255, 255]).copy_memory()


# What cameras and studios add


def _with_camera(image: pyvips.Image, *, orientation: int) -> pyvips.Image:
    import pyvips

    marked = image.copy()
    marked.set_type(pyvips.GValue.gint_type, "orientation", orientation)
    tags = {
        "exif-ifd0-Make": "imgproxy_py",
        "exif-ifd0-Model": "Landscape painter",
        "exif-ifd0-Artist": "The imgproxy_py founders",
        "exif-ifd0-Copyright": "Public domain",
        "exif-ifd2-DateTimeOriginal": "2026:06:21 05:12:00",
    }
    for name, text in tags.items():
        marked.set_type(pyvips.GValue.gstr_type, name, f"{text} ({text}, ASCII, {len(text) + 1} components)")
    return marked


def _with_profile(image: pyvips.Image, name: str) -> pyvips.Image:
    import pyvips

    profiled = image.copy()
    profiled.set_type(pyvips.GValue.blob_type, "icc-profile-data", pyvips.Operation.call("profile_load", name))
    return profiled


SAMPLES: dict[str, Maker] = {
    "portrait-12mp.jpg": _portrait,
    "landscape.jpg": _landscape,
    "people.jpg": _people,
    "progressive.jpg": _progressive,
    "display-p3.jpg": _display_p3,
    "cmyk.jpg": _cmyk,
    "grey.jpg": _grey_jpeg,
    **{f"orientation-{value}.jpg": _orientation(value) for value in range(1, 9)},
    "soft-alpha.png": _soft_alpha,
    "palette.png": _palette,
    "grey.png": _grey_png,
    "deep-16bit.png": _deep,
    "soft-alpha.webp": _soft_webp,
    "animated.webp": _animated_webp,
    "animated.gif": _animated_gif,
    "poster.svg": _svg,
    "landscape.avif": _avif,
    "landscape.tiff": _tiff,
    "tall.jpg": _tall,
    "wide.jpg": _wide,
}

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
