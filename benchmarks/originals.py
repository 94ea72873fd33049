"""The originals that every server is asked for, made from a folder of photographs.

    2mp.jpg 12mp.jpg 24mp.jpg         photographs of about that size
    12mp-progressive.jpg              the same 12 megapixels, in scans that each refine them
    49mp.jpg 49mp-progressive.jpg     four of the 12 megapixels, side by side
    2mp-p3.jpg 12mp-adobe.jpg …       the same coded pictures, tagged with a wide-gamut profile

None carries EXIF, so that no server has to turn it and others do not, and none a profile but those that are named for it.
What the folder lacks is made of its 12 megapixels. They stay in `var/bench/originals` for the next run.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pyvips

from benchmarks.icc import adobe_rgb
from benchmarks.jpegs import bare, numbered, with_profile
from imgproxy_py.recipe.jpeg import jpeg_header

VERSION = "1"
"""Another number makes every original anew."""

FOLDER_VARIABLE = "IMGPROXY_BENCH_PICTURES"
"""The variable of the environment that names a folder of photographs."""

PROFILES = ("p3", "adobe")
_TOLERANCE = 0.35  # of the megapixels: photographs come in the sizes that cameras have


@dataclass(frozen=True, slots=True)
class Originals:
    """A folder of originals, by name."""

    folder: Path

    def path(self, name: str) -> Path:
        """Give the path of an original."""
        return self.folder / name

    def size(self, name: str) -> tuple[int, int]:
        """Give width and height of an original."""
        header = jpeg_header(self.path(name).read_bytes())
        if header is None:
            raise ValueError(f"{name} is no JPEG")
        return header.width, header.height

    def copies(self, name: str, count: int) -> list[str]:
        """Give so many files of one picture, no two alike in their bytes; those there already stay."""
        names = [f"copy-{number}-{name}" for number in range(count)]
        data = self.path(name).read_bytes()
        for number, copy in enumerate(names):
            if not self.path(copy).exists():
                _write(self.path(copy), numbered(data, number))
        return names


def prepared(pictures: Path, into: Path) -> Originals:
    """Make the originals of a folder of photographs; raise `SystemExit` if it holds no JPEG."""
    folder = into / hashlib.sha256(f"{VERSION} {pictures.resolve()}".encode()).hexdigest()[:12]
    folder.mkdir(parents=True, exist_ok=True)
    for name, make in _makers(pictures, folder).items():
        if not (folder / name).exists():
            _write(folder / name, make())
    return Originals(folder)


def _makers(pictures: Path, folder: Path) -> dict[str, Callable[[], bytes]]:
    """Give how each original is made; later ones are made of earlier ones."""

    def made(name: str) -> bytes:
        return (folder / name).read_bytes()

    def profiled(size: int, name: str) -> Callable[[], bytes]:
        return lambda: with_profile(made(f"{size}mp.jpg"), _profile(name))

    return {
        "12mp.jpg": lambda: bare(nearest(pictures, 12).read_bytes()),
        "2mp.jpg": lambda: _photograph(pictures, 2) or _resized(made("12mp.jpg"), 2),
        "24mp.jpg": lambda: _photograph(pictures, 24) or _tiled(made("12mp.jpg"), across=2, down=1),
        "12mp-progressive.jpg": lambda: _tiled(made("12mp.jpg"), across=1, down=1, interlace=True),
        "49mp.jpg": lambda: _tiled(made("12mp.jpg"), across=2, down=2),
        "49mp-progressive.jpg": lambda: _tiled(made("12mp.jpg"), across=2, down=2, interlace=True),
        **{f"{size}mp-{name}.jpg": profiled(size, name) for size in (2, 12) for name in PROFILES},
    }


def nearest(pictures: Path, megapixels: int) -> Path:
    """Give the JPEG of a folder whose size is nearest; of several the one with the most bytes a pixel in the middle."""
    sizes = _sizes(pictures)
    if not sizes:
        raise SystemExit(f"{pictures} holds no JPEG; `make samples` makes some, --pictures names another folder")
    wanted = megapixels * 1_000_000
    least = min(abs(size - wanted) for size in sizes.values())
    equals = sorted((path for path, size in sizes.items() if abs(size - wanted) == least), key=_bytes)
    return equals[len(equals) // 2]


def _photograph(pictures: Path, megapixels: int) -> bytes | None:
    path, wanted = nearest(pictures, megapixels), megapixels * 1_000_000
    near = abs(_sizes(pictures)[path] - wanted) <= wanted * _TOLERANCE
    return bare(path.read_bytes()) if near else None


def _sizes(pictures: Path) -> dict[Path, int]:
    headers = {path: jpeg_header(path.read_bytes()) for path in sorted(pictures.glob("*.jpg"))}
    return {path: header.width * header.height for path, header in headers.items() if header}


def _bytes(path: Path) -> int:
    return path.stat().st_size


def _resized(data: bytes, megapixels: int) -> bytes:
    image = pyvips.Image.new_from_buffer(data, "")
    scale = (megapixels * 1_000_000 / (image.width * image.height)) ** 0.5
    return _encoded(image.resize(scale))


def _tiled(data: bytes, *, across: int, down: int, interlace: bool = False) -> bytes:
    return _encoded(pyvips.Image.new_from_buffer(data, "").replicate(across, down), interlace=interlace)


def _encoded(image: pyvips.Image, *, interlace: bool = False) -> bytes:
    data: bytes = image.jpegsave_buffer(Q=90, optimize_coding=True, interlace=interlace, keep="none")
    return data


def _profile(name: str) -> bytes:
    if name == "adobe":
        return adobe_rgb()
    profile: bytes = pyvips.Operation.call("profile_load", name)
    return profile


def _write(path: Path, data: bytes) -> None:
    unfinished = path.with_suffix(".part")
    unfinished.write_bytes(data)
    unfinished.rename(path)  # a run that is stopped leaves no half pictures under good names
