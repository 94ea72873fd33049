"""Draws what each option does, on the same three pictures, as sheets for the documentation.

    python samples/make_gallery.py var/samples docs

reads the samples in the first folder and writes `gallery.md` and `images/options-*.webp` into the second.
"""

from __future__ import annotations

import base64
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from imgproxy_py.dialects.imgproxy import ImgproxyConfig, ImgproxyDialect
from imgproxy_py.engine.interrupt import Interrupt
from imgproxy_py.engine.settings import EngineSettings
from imgproxy_py.engine.transformer import Transformer

if TYPE_CHECKING:
    import pyvips

ORIGINALS = ("landscape.jpg", "soft-alpha.png", "people.jpg")
CELL_WIDTH, CELL_HEIGHT, GAP, LABEL_HEIGHT = 240, 160, 12, 22
BEFORE = "rs:fit:240:160"
QUALITY = 70
INTRODUCTION = """\
# What options do

Each row is what its options make of the same three pictures: one without transparency, one with it, one with faces.
`make gallery` draws the sheets anew with the engine of the service; how each option counts is told in
[the dialect](dialect-imgproxy.md) and in [colours and effects](effects.md).
"""


def encoded(text: str) -> str:
    """Give the text as URLs carry it."""
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


@dataclass(frozen=True)
class Sheet:
    """A sheet: its title, and the options of each row after a caption where they cannot be read as they are."""

    title: str
    rows: tuple[str | tuple[str, str], ...]

    @property
    def name(self) -> str:
        """The sheet's file, without its extension."""
        return "options-" + self.title.lower().replace(",", "").replace(" ", "-")


TEXT = encoded("<b>Sample</b> <span foreground='#c00'>text</span>")

SHEETS = (
    Sheet(
        "Sizes and cuts",
        (
            BEFORE,
            "rs:fill:160:160",
            "rs:fill:160:160/g:sm",
            "rs:fill:160:160/g:fp:0.9:0.2",
            "rs:force:240:100",
            "rs:fit:240:160:0:1/bg:ddd",
            "rs:fit:200:200/exar:1/bg:ddd",
            "c:0.5:0.5:nowe/rs:fit:240:160",
            "car:1/rs:fit:240:160",
            "rs:fit:120:160/z:0.5/el:1",
            "w:60/-/rs:fit:240:160:1/ra:nearest",
        ),
    ),
    Sheet(
        "Turns and frames",
        (
            "rot:90/rs:fit:240:160",
            "fl:1/rs:fit:240:160",
            "fl:0:1/rs:fit:240:160",
            "rs:fit:200:140/pd:10:20/bg:345",
            f"{BEFORE}/bg:f80",
            f"{BEFORE}/bg:f80/bga:0.5",
            "t:40/rs:fit:240:160",
        ),
    ),
    Sheet(
        "Colours",
        (
            BEFORE,
            f"{BEFORE}/br:60",
            f"{BEFORE}/br:-60",
            f"{BEFORE}/co:1.6",
            f"{BEFORE}/sa:0",
            f"{BEFORE}/sa:2",
            f"{BEFORE}/a:20:1.2:1.4",
            f"{BEFORE}/mc:1:d2a56d",
            f"{BEFORE}/mc:0.5:3366cc",
            f"{BEFORE}/dt:1:102a54:ffd9a0",
            f"{BEFORE}/col:0.4:c03060",
            f"{BEFORE}/col:0.4:c03060:1",
            f"{BEFORE}/gr:0.8:000:down:0.4",
            f"{BEFORE}/gr:1:204080:45",
        ),
    ),
    Sheet(
        "Blur and sharpness",
        (
            BEFORE,
            f"{BEFORE}/bl:4",
            f"{BEFORE}/sh:2",
            f"{BEFORE}/ush:always:1:12",
            f"{BEFORE}/pix:10",
            f"{BEFORE}/ba:6:0.3:0.2:0.4:0.5",
            f"{BEFORE}/pbl:8:down:0.3",
            f"{BEFORE}/pbl:8:left:0.5:0.9",
        ),
    ),
    Sheet(
        "Watermarks",
        (
            f"{BEFORE}/wm:1:soea:8:8:0.3",
            f"{BEFORE}/wm:0.4:ce:0:0:0.6",
            f"{BEFORE}/wm:0.6:re:10:10:0.15",
            f"{BEFORE}/wm:0.6:ch:10:10:0.15",
            f"{BEFORE}/wm:1:ce:0:0:0.5/wmr:30",
            f"{BEFORE}/wm:1:ce:0:0:0.5/wmsh:4",
            f"{BEFORE}/wm:1:no:0:6/wms:120:30",
            ("wmt: a text with markup", f"{BEFORE}/wm:1:so:0:6:0.5/wmt:{TEXT}"),
        ),
    ),
    Sheet(
        "Objects",
        (
            f"{BEFORE}/dd:1",
            f"{BEFORE}/bd:8",
            "rs:fill:120:120/g:obj:face",
            "co:1.5:face/rs:fit:240:160",
            "rs:fill:120:160/g:obj:face/op:no",
        ),
    ),
)


class Gallery:
    """Draws sheets from the originals in a folder, with a watermark of its own."""

    def __init__(self, originals: Path) -> None:
        import pyvips  # fonts are found once the engine has set them up, which its import above does

        self._vips = pyvips
        self._dialect = ImgproxyDialect(ImgproxyConfig())
        self._transformer = Transformer(EngineSettings(workers=1), watermark=_watermark())
        self._originals = [(originals / name).read_bytes() for name in ORIGINALS]

    def sheet(self, sheet: Sheet) -> pyvips.Image:
        """Draw a sheet: a row an option, a column an original."""
        strips = [self._strip(*_captioned(row)) for row in sheet.rows]
        return self._vips.Image.arrayjoin(strips, across=1, shim=GAP, background=[255, 255, 255])

    def _strip(self, caption: str, options: str) -> pyvips.Image:
        cells = [self._cell(data, options) for data in self._originals]
        pictures = self._vips.Image.arrayjoin(cells, shim=GAP, background=[255, 255, 255])
        label = self._vips.Image.text(_escaped(caption), font="monospace 11", dpi=84, rgba=True)
        canvas = (self._vips.Image.black(pictures.width, LABEL_HEIGHT, bands=3) + 255).cast("uchar")
        titled = canvas.copy(interpretation="srgb").composite2(label, "over", x=0, y=4).flatten().cast("uchar")
        return titled.join(pictures, "vertical")

    def _cell(self, data: bytes, options: str) -> pyvips.Image:
        recipe = self._dialect.parse(f"/_/{options}/f:png/plain/local:///a", now=0).recipe
        made = self._transformer.transform(data, recipe, Interrupt())
        image = self._vips.Image.new_from_buffer(made.data, "").colourspace("srgb")
        left, top = (CELL_WIDTH - image.width) // 2, (CELL_HEIGHT - image.height) // 2
        alpha = image if image.hasalpha() else image.addalpha()
        return _chequered(self._vips).composite2(alpha, "over", x=left, y=top).flatten().cast("uchar")


def _captioned(row: str | tuple[str, str]) -> tuple[str, str]:
    return (row, row) if isinstance(row, str) else row


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;")


def _chequered(vips: type[pyvips]) -> pyvips.Image:
    """Give what shows through: a board of light greys."""
    board = (vips.Image.xyz(CELL_WIDTH, CELL_HEIGHT) / 8).cast("int")
    odd = (board[0] + board[1]) % 2
    return (odd * 18 + 235).cast("uchar").bandjoin([(odd * 18 + 235).cast("uchar")] * 2).copy(interpretation="srgb")


def _watermark() -> bytes:
    return (
        b'<svg xmlns="http://www.w3.org/2000/svg" width="120" height="60"><g fill="#c03030">'
        b'<rect x="2" y="2" width="116" height="56" rx="12" fill="#fff" stroke="#c03030" stroke-width="4"/>'
        b'<circle cx="32" cy="30" r="16"/><rect x="58" y="20" width="46" height="7"/>'
        b'<rect x="58" y="34" width="34" height="7"/></g></svg>'
    )


def _page() -> Iterator[str]:
    yield INTRODUCTION
    for sheet in SHEETS:
        yield f"## {sheet.title}\n"
        yield f"![{sheet.title}](images/{sheet.name}.webp)\n"


def main(arguments: list[str]) -> int:
    """Draw the sheets and write the page; answer the exit code."""
    if len(arguments) != 2:
        print("usage: make_gallery.py SAMPLES DOCS", file=sys.stderr)
        return 2
    samples, docs = map(Path, arguments)
    gallery = Gallery(samples)
    for sheet in SHEETS:
        path = docs / "images" / f"{sheet.name}.webp"
        gallery.sheet(sheet).webpsave(str(path), Q=QUALITY, effort=6)
        print(f"{path}: {len(sheet.rows)} options")
    (docs / "gallery.md").write_text("\n".join(_page()))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
