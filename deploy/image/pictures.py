"""Pictures for the image's trial, and what came back: run in the project's environment, which has libvips.

pictures.py make FOLDER    writes squares.png, large.jpg and an SVG with text for each family
pictures.py see            says of a picture on standard input: its size, and the colours of its corners
pictures.py ink            says how many columns are drawn on, of a white picture on standard input
"""

# ruff: noqa: T201

from __future__ import annotations

import sys
from pathlib import Path

import pyvips

FAMILIES = ("Arial", "serif", "Nowhere-Sans")
_TEXT = """<svg xmlns="http://www.w3.org/2000/svg" width="300" height="60">
  <text x="5" y="45" font-family="{}" font-size="40">imgproxy</text></svg>"""
_RED, _GREEN, _BLUE, _WHITE = [255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255]


def make(folder: Path) -> None:
    """Write the originals."""

    def square(color: list[int]) -> pyvips.Image:
        return (pyvips.Image.black(400, 300, bands=3) + color).cast("uchar").copy(interpretation="srgb")

    upper = square(_RED).join(square(_GREEN), "horizontal")
    upper.join(square(_BLUE).join(square(_WHITE), "horizontal"), "vertical").write_to_file(f"{folder}/squares.png")
    clouds = pyvips.Image.perlin(4000, 3000, uchar=True)
    colored = clouds.bandjoin([clouds.flip("horizontal"), clouds.flip("vertical")]).copy(interpretation="srgb")
    colored.write_to_file(f"{folder}/large.jpg", Q=92)
    for family in FAMILIES:
        (folder / f"{family}.svg").write_text(_TEXT.format(family))


def main() -> None:
    """Do what the first argument says."""
    match sys.argv[1:]:
        case ["make", folder]:
            make(Path(folder))
        case ["see"]:
            picture = pyvips.Image.new_from_buffer(sys.stdin.buffer.read(), "")
            right, lower = picture.width - 6, picture.height - 6
            corners = [picture(x, y)[:3] for x, y in ((5, 5), (right, 5), (5, lower), (right, lower))]
            print(picture.width, picture.height, *(int(value) for corner in corners for value in corner))
        case ["ink"]:
            picture = pyvips.Image.new_from_buffer(sys.stdin.buffer.read(), "").colourspace("b-w")[0]
            print(sum(value > 0 for value in (picture < 128).project()[0].tolist()[0]))
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    main()
