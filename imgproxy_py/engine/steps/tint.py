"""Monochrome and duotone: shades of one or between two colours, by luma (dialect §5.2)."""

from __future__ import annotations

import pyvips

from imgproxy_py.engine.color import in_standard_colors
from imgproxy_py.engine.pixels import LUMA, recolored, samples, white_of
from imgproxy_py.engine.work import Work
from imgproxy_py.recipe.model import Color


def monochrome(work: Work) -> Work:
    """Give the work in shades from black over one colour to white, each as bright as what it stands for."""
    wanted = work.stage.colors.monochrome
    if wanted is None or not wanted.intensity:
        return work
    work = in_standard_colors(work)

    def change(plain: pyvips.Image) -> pyvips.Image:
        return _mixed(plain, _shades(_luma(plain), wanted.color, plain), wanted.intensity)

    return work.showing(recolored(work.image, change, [wanted.color]))


def duotone(work: Work) -> Work:
    """Give the work in shades between a dark and a light colour."""
    wanted = work.stage.colors.duotone
    if wanted is None or not wanted.intensity:
        return work
    work = in_standard_colors(work)

    def change(plain: pyvips.Image) -> pyvips.Image:
        dark, light = samples(wanted.dark, plain), samples(wanted.light, plain)
        slopes = [(to - start) / white_of(plain) for start, to in zip(dark, light, strict=True)]
        return _mixed(plain, _luma(plain).linear(slopes, dark), wanted.intensity)

    return work.showing(recolored(work.image, change, [wanted.dark, wanted.light]))


def _luma(plain: pyvips.Image) -> pyvips.Image:
    return plain.recomb([list(LUMA)])


def _mixed(plain: pyvips.Image, tinted: pyvips.Image, share: float) -> pyvips.Image:
    return tinted if share == 1 else plain * (1 - share) + tinted * share


def _shades(luma: pyvips.Image, color: Color, plain: pyvips.Image) -> pyvips.Image:
    """Give, for each luma, the shade of that luma on the way from black to the colour and on to white."""
    white, base = white_of(plain), samples(color, plain)
    middle = sum(weight * band for weight, band in zip(LUMA, base, strict=True))
    dark = (luma < middle).ifthenelse(luma, middle)
    light = luma - dark
    up = [band / middle if middle else 0.0 for band in base]
    on = [(white - band) / (white - middle) if middle < white else 0.0 for band in base]
    return dark.linear(up, [0, 0, 0]) + light.linear(on, [0, 0, 0])
