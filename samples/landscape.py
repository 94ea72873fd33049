"""Paints landscapes that behave like photographs: soft skies, ridges in haze, water, grain.

Encoders and resizers care about spectra, not subjects: a picture of smooth areas, edges and a little noise costs and
compresses like a photograph, which a test card does not. Everything follows from the seed.
"""

from __future__ import annotations

from dataclasses import dataclass

import pyvips

RGB = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Light:
    """The colours of an hour of the day: sky at the top and at the horizon, the sun's glow, the nearest ridge."""

    zenith: RGB
    horizon: RGB
    glow: RGB
    near: RGB


MORNING = Light((62, 104, 168), (246, 208, 170), (255, 226, 168), (28, 44, 40))
NOON = Light((38, 96, 186), (196, 222, 240), (255, 252, 236), (34, 62, 36))
DUSK = Light((30, 28, 74), (232, 120, 84), (255, 176, 96), (18, 18, 30))


def paint(width: int, height: int, *, light: Light, seed: int) -> pyvips.Image:
    """Paint an opaque 8-bit sRGB landscape of `width` × `height` pixels."""
    shore = int(height * 0.72)
    land = _land(width, shore, light, seed)
    whole = land.join(_water(land, height - shore, light, seed), "vertical")
    grained = whole + pyvips.Image.gaussnoise(width, height, sigma=4, mean=0, seed=seed + 90)
    return grained.cast("uchar").copy(interpretation="srgb").copy_memory()


def _land(width: int, height: int, light: Light, seed: int) -> pyvips.Image:
    picture = _sky(width, height, light, seed)
    layers = 5
    for layer in range(layers):
        near = layer / (layers - 1)
        colour = _between(light.horizon, light.near, 0.25 + 0.75 * near)
        picture = _ridge(picture, colour, level=0.45 + 0.4 * near, near=near, seed=seed + 10 + layer)
    return picture.copy_memory()


def _sky(width: int, height: int, light: Light, seed: int) -> pyvips.Image:
    place = pyvips.Image.xyz(width, height)
    depth = (place[1] / height) ** 0.8
    sky = _mix(light.zenith, light.horizon, depth)
    sun_x, sun_y = width * 0.68, height * 0.42
    distance = ((place[0] - sun_x) ** 2 + (place[1] - sun_y) ** 2) / (height * 0.28) ** 2
    sky = _blend(sky, light.glow, (distance * -1).exp() * 0.85)
    clouds = _unit(_octaves(width, height, cell=height // 3, seed=seed) * 2.6 - 0.15)
    return _blend(sky, _between(light.horizon, (255, 255, 255), 0.6), clouds * (1 - depth * 0.7) * 0.7)


def _ridge(picture: pyvips.Image, colour: RGB, *, level: float, near: float, seed: int) -> pyvips.Image:
    width, height = picture.width, picture.height
    rise = 0.3 - 0.16 * near
    line = _octaves(width, 1, cell=max(64, width // 4), seed=seed) * (rise * height) + (1 - rise / 3) * level * height
    line = line.embed(0, 0, width, height, extend="copy")
    inside = _unit(pyvips.Image.xyz(width, height)[1] - line)
    texture = _octaves(width, height, cell=max(16, height // 14), seed=seed + 30) * (16 + 32 * near)
    surface = texture.bandjoin([texture, texture * 0.8]) + list(colour)
    return _over(inside, surface, picture)


def _water(land: pyvips.Image, height: int, light: Light, seed: int) -> pyvips.Image:
    mirrored_height = min(land.height, height * 2)
    mirrored = land.crop(0, land.height - mirrored_height, land.width, mirrored_height).flipver()
    still = mirrored.resize(1, vscale=height / mirrored_height).gaussblur(3, precision="approximate")
    ripples = pyvips.Image.perlin(land.width // 6 + 1, height, cell_size=max(8, height // 24), seed=seed + 60)
    ripples = ripples.resize(land.width / ripples.width, vscale=1).crop(0, 0, land.width, height)
    return _blend(still * 0.86 + ripples * 18, light.zenith, 0.22)


def _octaves(width: int, height: int, *, cell: int, seed: int) -> pyvips.Image:
    """Sum Perlin noises of halving cells and weights; about 0.7 either way."""
    total = pyvips.Image.black(width, height)
    weight = 1.0
    while cell >= 4 and weight > 0.02:
        total = total + pyvips.Image.perlin(width, height, cell_size=min(cell, width), seed=seed) * weight
        cell, weight, seed = cell // 2, weight * 0.52, seed + 1
    return total


def _unit(image: pyvips.Image) -> pyvips.Image:
    return (image > 1).ifthenelse(1.0, (image < 0).ifthenelse(0.0, image))


def _mix(first: RGB, second: RGB, share: pyvips.Image) -> pyvips.Image:
    return share.bandjoin([share, share]) * [b - a for a, b in zip(first, second, strict=True)] + list(first)


def _blend(picture: pyvips.Image, colour: RGB, share: pyvips.Image | float) -> pyvips.Image:
    return picture + (picture * -1 + list(colour)) * share


def _over(share: pyvips.Image, front: pyvips.Image, back: pyvips.Image) -> pyvips.Image:
    return back + (front - back) * share


def _between(first: RGB, second: RGB, share: float) -> RGB:
    red, green, blue = (a + (b - a) * share for a, b in zip(first, second, strict=True))
    return red, green, blue
