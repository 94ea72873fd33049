"""What is pictured: a name, a source and the options of a URL."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pyvips

from imgproxy_py.dialects.imgproxy import ImgproxyConfig, ImgproxyDialect
from imgproxy_py.engine.interrupt import Interrupt
from imgproxy_py.engine.settings import EngineSettings
from imgproxy_py.engine.transformer import Transformer
from tests import pictures

EXPECTED = Path(__file__).parent / "expected"


def scene() -> pyvips.Image:
    """Soft shades, hard edges and a fine pattern in one picture, no two corners alike."""
    shades = pictures.marked(240, 160)
    at = pyvips.Image.xyz(240, 160)
    ring = ((at[0] - 130) ** 2 + (at[1] - 70) ** 2) ** 0.5
    pattern = ((at[0] * 60).sin() * 60 + 128).cast("uchar").bandjoin([90, 60]).copy(interpretation="srgb")
    disc = (ring < 42).ifthenelse([250, 210, 40], shades)
    return ((at[1] > 110) & (at[0] > 90) & (at[0] < 180)).ifthenelse(pattern, disc).cast("uchar")


def faded() -> pyvips.Image:
    return pictures.with_alpha(scene())


def drawing() -> bytes:
    body = (
        '<defs><linearGradient id="g"><stop stop-color="#08f"/><stop offset="1" stop-color="#f40"/></linearGradient></defs>'
        '<rect x="5" y="5" width="110" height="70" rx="14" fill="url(#g)"/><circle cx="35" cy="40" r="20" fill="#fff8"/>'
    )
    return pictures.svg("120", "80", body)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One picture: how its original is made, what is asked, and the settings that differ from the default."""

    name: str
    source: Callable[[], bytes]
    options: str
    linear: bool = False

    @property
    def expected(self) -> Path:
        """Where the picture lies that the result is compared with."""
        return EXPECTED / f"{self.name}.png"

    def picture(self) -> pyvips.Image:
        """Make the picture as it is now."""
        settings = EngineSettings(workers=1, use_linear_colorspace=self.linear, watermark_opacity=0.8)
        made = Transformer(settings, watermark=drawing())
        path = f"/unsafe/{self.options}/plain/local:///x"
        recipe = ImgproxyDialect(ImgproxyConfig()).parse(path, now=0).recipe
        return pyvips.Image.new_from_buffer(made.transform(self.source(), recipe, Interrupt()).data, "").copy_memory()


def _png() -> bytes:
    return pictures.png(scene())


def _jpeg(orientation: int = 1) -> Callable[[], bytes]:
    return lambda: pictures.jpeg(pictures.with_orientation(scene(), orientation), Q=95)


CASES = [
    Case(name=name, source=source, options=options, linear=linear)
    for name, source, options, linear in [
        ("fit", _png, "rs:fit:120:120/f:png", False),
        ("fit-linear-light", _png, "rs:fit:120:120/f:png", True),
        ("fill-centre", _png, "rs:fill:80:100/f:png", False),
        ("fill-south-east", _png, "rs:fill:80:100/g:soea/f:png", False),
        ("fill-focus-point", _png, "rs:fill:80:100/g:fp:0.2:0.3/f:png", False),
        ("fill-smart", _png, "rs:fill:60:100/g:sm/f:png", False),
        ("fill-down", _png, "c:180:100/rs:fill-down:400:400/f:png", False),
        ("force", _png, "rs:force:120:60/f:png", False),
        ("crop-north-west", _png, "c:100:80:nowe/f:png", False),
        ("crop-share-resized", _png, "c:0.5:0.5:ea/w:90/f:png", False),
        ("extend-south", _png, "rs:fit:100:100/ex:1:so/f:png", False),
        ("padding-on-colour", _png, "w:100/pd:5:10:15:20/bg:3a6ea5/f:png", False),
        ("orientation-6", _jpeg(6), "w:80/f:png", False),
        ("orientation-7-turned-and-flipped", _jpeg(7), "w:120/rot:90/fl:1/f:png", False),
        ("orientation-5-cropped", _jpeg(5), "c:120:90:soea/f:png", False),
        ("blur", _png, "w:120/bl:3/f:png", False),
        ("sharpen", _png, "w:120/sh:2/f:png", False),
        ("pixelate", _png, "w:120/pix:9/f:png", False),
        ("alpha-resized", lambda: pictures.png(faded()), "w:120/f:png", False),
        ("alpha-on-white", lambda: pictures.png(faded()), "w:120/f:jpeg/q:95", False),
        ("alpha-on-colour", lambda: pictures.png(faded()), "w:120/bg:ff8800/f:png", False),
        ("trim", lambda: pictures.png(pictures.bordered(90, 60, (10, 20, 5, 30))), "t:10/f:png", False),
        ("grey", lambda: pictures.png(pictures.grey(scene())), "w:120/f:png", False),
        ("palette", lambda: pictures.palette_png(4), "w:120/el:1/f:png", False),
        ("cmyk", lambda: pictures.jpeg(pictures.cmyk(scene()), Q=95), "w:120/f:png", False),
        ("display-p3", lambda: pictures.png(pictures.wide_gamut(scene())), "w:120/f:png", False),
        ("sixteen-bits-reduced", lambda: pictures.png(pictures.deep(scene())), "w:120/f:png", False),
        ("svg-enlarged", drawing, "w:160/f:png", False),
        ("svg-fill", drawing, "rs:fill:70:90/f:png", False),
        ("watermark", _png, "w:120/wm:1:soea:6:6:0.4/f:png", False),
        ("watermark-tiled", _png, "w:120/wm:0.5:re:10:10:0.2/f:png", False),
        ("jpeg", _png, "w:120/f:jpeg", False),
        ("webp", _png, "w:120/f:webp", False),
        ("avif", _png, "w:120/f:avif", False),
        ("gif", _png, "w:120/f:gif", False),
        ("from-webp", lambda: pictures.webp(scene(), Q=95), "w:100/f:png", False),
        ("from-avif", lambda: pictures.avif(scene(), Q=90), "w:100/f:png", False),
        ("first-frame", lambda: pictures.gif(pictures.animation()), "f:png", False),
    ]
]
