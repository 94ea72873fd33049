"""BlurHash, ThumbHash and LQIP.

The expected hashes are what the reference implementations give for the same pixels: BlurHash's in C, as packaged in
blurhash-python 1.2.2, and thumbhash 0.1.1 of npm.
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Callable

import orjson
import pytest
import pyvips

from imgproxy_py.engine.placeholders import blurhash, lqip, placeholder_json, thumbhash
from imgproxy_py.recipe.formats import Format, sniff
from imgproxy_py.recipe.model import Placeholder
from tests import pictures
from tests.unit.engine.making import opened

Pixel = Callable[[int, int], tuple[int, ...]]


def drawn(width: int, height: int, pixel: Pixel) -> pyvips.Image:
    data = bytes(value for y in range(height) for x in range(width) for value in pixel(x, y))
    return pyvips.Image.new_from_memory(data, width, height, len(pixel(0, 0)), "uchar").copy(interpretation="srgb")


RAMP = drawn(40, 30, lambda x, y: (x * 6, y * 8, (x + y) * 3))
PORTRAIT = drawn(20, 50, lambda x, y: (255 - y * 5, x * 12, x * y % 256))
NOISE = drawn(33, 24, lambda x, y: ((x * 7919 + y * 104729) % 256, (x * 31 + y * 17) % 256, (x * x + y * y) % 256))
FADED = drawn(32, 32, lambda x, y: (x * 8, 255 - y * 8, 128, min(255, x * y)))
HOLES = drawn(
    48, 21, lambda x, y: (x * x % 256, (y * 12 + x) % 256, (x * 3 + y * y) % 256, 255 if (x * x + 5 * y) % 3 else 0)
)
CURVES = drawn(40, 30, lambda x, y: (x * x % 256, (y * y * 3 + x) % 256, (x * y + 7 * x) % 256))
PLAIN = pictures.solid(10, 10)
BLACK = pictures.solid(7, 5, (0, 0, 0))
DOT = pictures.solid(1, 1, (200, 10, 30))


MANY_WAVES = (
    "|NHV9pxTf2xXjEXTbcs;VFtJjVa[jDNtWGn-V[oGjWrqf4w3jJI]WYVsU#tOi|W;aPNeZ:n$Z8ovS6xHWa,uS#6yWT"
    "OAYf%1sowbs8{{W,NxoiWXauR$oHNHsD#?a%r=XexvfBo5oNs;bWawfzs;adawWTWSjXr?WYnnS^"
)


@pytest.mark.parametrize(
    ("image", "x", "y", "expected"),
    [
        (PLAIN, 1, 1, "00AVYT"),
        (PLAIN, 4, 3, "LIAVYTyGfQyGyGkDfQkDfQfQfQfQ"),
        (PLAIN, 3, 4, "TIAVYTyGfQyGkDfQfQfQfQyGkDfQ"),
        (BLACK, 1, 1, "000000"),
        (BLACK, 4, 3, "L00000fQfQfQfQfQfQfQfQfQfQfQ"),
        (BLACK, 3, 4, "T00000fQfQfQfQfQfQfQfQfQfQfQ"),
        (DOT, 1, 1, "00M^0N"),
        (DOT, 4, 3, "L~M^0N|x|x|x|x|x|x|x|x|x|x|x"),
        (DOT, 3, 4, "T~M^0N|x|x|x|x|x|x|x|x|x|x|x"),
        (RAMP, 1, 1, "00G91z"),
        (RAMP, 4, 3, "LqG91z2kwzX5l@WYjtf7gKfkfQfj"),
        (RAMP, 3, 4, "TqG91z2kwzl@WYjtgKfkfQnkWojt"),
        (PORTRAIT, 1, 1, "00H-rp"),
        (PORTRAIT, 4, 3, "L,H-rpqef{s9|rn$fSo3$1jvfTjv"),
        (PORTRAIT, 3, 4, "T,H-rpqef{|rn$fS$1jvfTw[jcfS"),
        (NOISE, 1, 1, "00HV9p"),
        (NOISE, 4, 3, "L6HV9p=-j8^K-^i=WOrnncz.jB:r"),
        (NOISE, 3, 4, "T6HV9p=-j8-^i=WOncz.jB%viMS$"),
        (NOISE, 9, 9, MANY_WAVES),
    ],
)
def test_blurhash_is_that_of_the_reference(image: pyvips.Image, x: int, y: int, expected: str) -> None:
    assert blurhash(image, x, y) == expected


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        (BLACK, "000802058000000000000000000000000000000000"),
        (CURVES, "9bd705158a1052956377887586587685e6a004f1b8"),
        (PORTRAIT, "9d280e531a607c6888878777a68ffaf888"),
        (NOISE, "5f080215800316b510329242932574f7ffdffd379a"),
        (FADED, "e067861d0a29c0987f66937769c07f030ccc40768089946878"),
        (HOLES, "ddc7850a8c0a626550788459f23ef5a978787078870877"),
    ],
)
def test_thumbhash_is_that_of_the_reference(image: pyvips.Image, expected: str) -> None:
    assert thumbhash(image).hex() == expected


@pytest.mark.parametrize(("image", "constants"), [(PLAIN, "6395010700"), (DOT, "547a2b9f5e")])
def test_thumbhash_of_one_colour_has_the_references_constants(image: pyvips.Image, constants: str) -> None:
    assert thumbhash(image).hex().startswith(constants)  # the reference's waves of no height are rounding errors


def test_a_transparent_pictures_blurhash_is_that_of_the_picture_on_white() -> None:
    assert blurhash(HOLES, 4, 3) == blurhash(HOLES.flatten(background=255), 4, 3)
    assert blurhash(HOLES, 4, 3) != blurhash(HOLES[:3], 4, 3)


@pytest.mark.parametrize(
    "change",
    [
        lambda image: image.resize(20, kernel="nearest"),
        pictures.deep,
        lambda image: image.bandjoin(255),
    ],
    ids=["larger", "of 16 bits", "with idle alpha"],
)
def test_hashes_are_of_what_is_seen(change: Callable[[pyvips.Image], pyvips.Image]) -> None:
    image = pictures.rgb(pictures.noise(32, 24).gaussblur(3))
    changed = change(image)
    assert blurhash(changed, 4, 3)[2:6] == blurhash(image, 4, 3)[2:6]
    assert thumbhash(changed)[:3] == thumbhash(image)[:3]


def test_grey_pictures_have_hashes() -> None:
    grey = pictures.grey(RAMP)
    assert blurhash(grey, 4, 3) == blurhash(grey.colourspace("srgb"), 4, 3)
    assert thumbhash(grey) == thumbhash(grey.colourspace("srgb"))


@pytest.mark.parametrize(("width", "height", "tiny"), [(400, 200, (20, 10)), (10, 300, (1, 20)), (8, 5, (8, 5))])
def test_lqip_is_the_picture_in_twenty_pixels(width: int, height: int, tiny: tuple[int, int]) -> None:
    text = lqip(pictures.marked(width, height))
    head, _, data = text.partition(",")
    assert head == "data:image/webp;base64"
    assert sniff(b64decode(data)) is Format.WEBP
    image = opened(b64decode(data))
    assert (image.width, image.height) == tiny
    assert len(text) < 400


def test_lqip_keeps_transparency() -> None:
    image = opened(b64decode(lqip(pictures.with_alpha(pictures.marked(200, 100))).partition(",")[2]))
    assert image(0, 5)[3] < 30
    assert image(19, 5)[3] > 220


@pytest.mark.parametrize("kind", Placeholder, ids=str)
def test_a_placeholder_is_json_with_the_pictures_size(kind: Placeholder) -> None:
    found = orjson.loads(placeholder_json(kind, pictures.marked(300, 200)))
    assert found.keys() == {kind.value, "width", "height"}
    assert (found["width"], found["height"]) == (300, 200)


def test_blurhash_has_more_waves_along_the_longer_side() -> None:
    def components(width: int, height: int) -> str:
        return str(orjson.loads(placeholder_json(Placeholder.BLURHASH, pictures.marked(width, height)))["blurhash"])[0]

    assert components(60, 40) == components(40, 40) == "L"  # 4 × 3
    assert components(40, 60) == "T"  # 3 × 4


def test_thumbhash_is_in_base64() -> None:
    image = pictures.marked(60, 40)
    found = orjson.loads(placeholder_json(Placeholder.THUMBHASH, image))
    assert b64decode(found["thumbhash"], validate=True) == thumbhash(image)
