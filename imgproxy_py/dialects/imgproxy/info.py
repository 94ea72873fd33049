"""URLs that ask what an original is: `/info/{signature}/{option}/…/{source}` (dialect §5.7).

Grammar, signature and sources are those of pictures. Several short names mean other things here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, replace

from imgproxy_py.dialects.draft import Draft, Naming
from imgproxy_py.dialects.imgproxy.config import ImgproxyConfig
from imgproxy_py.dialects.imgproxy.dialect import ImgproxyDialect
from imgproxy_py.dialects.imgproxy.options import OPTIONS, SECURITY_OPTIONS
from imgproxy_py.dialects.imgproxy.options.arguments import (
    Arguments,
    FieldOption,
    Option,
    at_most,
    classes,
    count,
    field_options,
    named_options,
    padded_to,
    read_or,
)
from imgproxy_py.dialects.imgproxy.options.output import DIGEST_DIGITS
from imgproxy_py.dialects.imgproxy.presets import OptionReader
from imgproxy_py.dialects.imgproxy.writer import (
    Table,
    Words,
    crop_words,
    differing,
    flag_words,
    gravity_words,
    words_of,
)
from imgproxy_py.dialects.lexical import Malformed, flag, lookup, whole
from imgproxy_py.errors import BadRequest
from imgproxy_py.recipe.info import Info
from imgproxy_py.recipe.model import Recipe, Stage
from imgproxy_py.recipe.request import ImageRequest

INFO_PATH = "/info"
"""What stands before the signature."""

_PREFIX = "info_"
_component = whole(0, 9)
_digest = lookup({name: name for name in DIGEST_DIGITS})


class InfoDraft(Draft):
    """A question in the making: a draft, and what is to be told under the names of `Info`."""

    info_size: bool = True
    info_format: bool = True
    info_dimensions: bool = True
    info_exif: bool = True
    info_exif_canonical: bool = False
    info_iptc: bool = True
    info_xmp: bool = True
    info_video_meta: bool = True
    info_detect_objects: bool = False
    info_classify: int = 0
    info_classify_among: tuple[str, ...] = ()
    info_colorspace: bool = False
    info_bands: bool = False
    info_sample_format: bool = False
    info_pages_number: bool = False
    info_alpha: bool = False
    info_check_transparency: bool = False
    info_palette: int = 0
    info_average: bool = False
    info_average_ignores_transparent: bool = True
    info_dominant_colors: bool = False
    info_dominant_colors_complete: bool = False
    info_blurhash: tuple[int, int] = (0, 0)
    info_thumb_hash: bool = False
    info_perceptual_hash: bool = False
    info_hashsums: tuple[str, ...] = ()

    def _recipe(self, named: Naming) -> Recipe:
        asked = {one.name: getattr(self, _PREFIX + one.name) for one in fields(Info) if one.name != "crop"}
        recipe = super()._recipe(named)
        return replace(recipe, info=Info(**asked, crop=recipe.stages[0].crop is not None))


def _palette(text: str) -> int:
    colors = count(text)
    if colors != 0 and not 2 <= colors <= 256:
        raise Malformed(text, "0, or an integer from 2 to 256")
    return colors


_FIELDS: tuple[FieldOption, ...] = (
    (("size", "s"), "info_size", flag),
    (("format", "f"), "info_format", flag),
    (("dimensions", "d"), "info_dimensions", flag),
    (("iptc",), "info_iptc", flag),
    (("xmp",), "info_xmp", flag),
    (("video_meta", "vm"), "info_video_meta", flag),
    (("detect_objects", "do"), "info_detect_objects", flag),
    (("colorspace", "cs"), "info_colorspace", flag),
    (("bands", "b"), "info_bands", flag),
    (("sample_format", "sf"), "info_sample_format", flag),
    (("pages_number", "pn"), "info_pages_number", flag),
    (("palette", "p"), "info_palette", _palette),
    (("thumb_hash", "th"), "info_thumb_hash", flag),
    (("perceptual_hash", "phash", "ph"), "info_perceptual_hash", flag),
)


def _two_flags(first: str, second: str) -> Option:
    def apply(draft: Draft, arguments: Arguments) -> None:
        at_most(arguments, 2)
        setattr(draft, first, flag(arguments[0]))
        if len(arguments) > 1 and arguments[1]:
            setattr(draft, second, flag(arguments[1]))

    return apply


def _classify(draft: Draft, arguments: Arguments) -> None:
    top, *names = arguments
    vars(draft).update(info_classify=count(top), info_classify_among=classes(names))


def _blurhash(draft: Draft, arguments: Arguments) -> None:
    across, down = (read_or(text, _component, 0) for text in padded_to(arguments, 2))
    vars(draft)["info_blurhash"] = (across, down) if across and down else (0, 0)


def _hashsums(draft: Draft, arguments: Arguments) -> None:
    vars(draft)["info_hashsums"] = tuple(sorted({_digest(text) for text in arguments if text}))


_COMPOUND: tuple[tuple[tuple[str, ...], Option], ...] = (
    (("exif",), _two_flags("info_exif", "info_exif_canonical")),
    (("alpha", "a"), _two_flags("info_alpha", "info_check_transparency")),
    (("average", "avg"), _two_flags("info_average", "info_average_ignores_transparent")),
    (("dominant_colors", "dc"), _two_flags("info_dominant_colors", "info_dominant_colors_complete")),
    (("classify", "cl"), _classify),
    (("blurhash", "bh"), _blurhash),
    (("calc_hashsums", "chs"), _hashsums),
)

# What means the same as in URLs of pictures.
_SHARED = (
    *("crop", "c", "objects_position", "obj_pos", "op", "page", "pg", "video_thumbnail_second", "vts"),
    *("video_thumbnail_keyframes", "vtk", "cachebuster", "cb", "cache_tags", "ct", "expires", "exp", "hashsum", "hs"),
)
_LIMITS = ("max_src_resolution", "msr", "max_src_file_size", "msfs")

INFO_OPTIONS: dict[str, Option] = {
    **{name: OPTIONS[name] for name in _SHARED},
    **field_options(_FIELDS),
    **named_options(_COMPOUND),
}
"""Every option of `/info` that needs no permission, under all of its names; `preset` excepted."""

INFO_SECURITY_OPTIONS: dict[str, Option] = {name: SECURITY_OPTIONS[name] for name in _LIMITS}
"""The options that loosen limits."""


class InfoDialect(ImgproxyDialect):
    """Reads and writes the URLs of `/info`; `config` is that of pictures, with the presets and lists of `/info`.

    Raises `ValueError` for a configuration that cannot be.
    """

    def __init__(self, config: ImgproxyConfig) -> None:
        config = replace(config, max_chained_pipelines=1)  # nothing is made that a second one could begin with
        super().__init__(
            replace(config, path_prefix=config.path_prefix.rstrip("/") + INFO_PATH),
            options=OptionReader(config, INFO_OPTIONS, INFO_SECURITY_OPTIONS, InfoDraft),
        )

    def _extended(self, draft: Draft, extension: str) -> None:
        raise BadRequest("A question about an original has no output format")

    def _words(self, request: ImageRequest, base: ImageRequest) -> Iterator[Words]:
        yield from differing(_STAGE_WORDS, request.recipe.stages[0], base.recipe.stages[0])
        yield from differing(_INFO_WORDS, _info(request), _info(base))
        yield from differing(words_of(*_SHARED, *_LIMITS, "bc"), request, base)


def _info(request: ImageRequest) -> Info:
    return request.recipe.info or Info()


_STAGE_WORDS: Table[Stage] = (("c", crop_words), ("op", lambda stage: gravity_words(stage.objects_position)))
_INFO_WORDS: Table[Info] = (
    ("s", lambda info: flag_words(info.size)),
    ("f", lambda info: flag_words(info.format)),
    ("d", lambda info: flag_words(info.dimensions)),
    ("exif", lambda info: (*flag_words(info.exif), *flag_words(info.exif_canonical))),
    ("iptc", lambda info: flag_words(info.iptc)),
    ("xmp", lambda info: flag_words(info.xmp)),
    ("vm", lambda info: flag_words(info.video_meta)),
    ("do", lambda info: flag_words(info.detect_objects)),
    ("cl", lambda info: (str(info.classify), *info.classify_among)),
    ("cs", lambda info: flag_words(info.colorspace)),
    ("b", lambda info: flag_words(info.bands)),
    ("sf", lambda info: flag_words(info.sample_format)),
    ("pn", lambda info: flag_words(info.pages_number)),
    ("a", lambda info: (*flag_words(info.alpha), *flag_words(info.check_transparency))),
    ("p", lambda info: (str(info.palette),)),
    ("avg", lambda info: (*flag_words(info.average), *flag_words(info.average_ignores_transparent))),
    ("dc", lambda info: (*flag_words(info.dominant_colors), *flag_words(info.dominant_colors_complete))),
    ("bh", lambda info: tuple(map(str, info.blurhash))),
    ("th", lambda info: flag_words(info.thumb_hash)),
    ("ph", lambda info: flag_words(info.perceptual_hash)),
    ("chs", lambda info: info.hashsums or ("",)),
)
