"""Options of encoding and delivery (dialect §4.4, §4.5, §5.4, §5.6)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import unquote_to_bytes

from imgproxy_py.dialects.draft import Draft
from imgproxy_py.dialects.imgproxy.options.arguments import (
    Arguments,
    FieldOption,
    Option,
    amount,
    at_most,
    base64_text,
    field_options,
    integer,
    named_options,
    padded_to,
    percent,
    read_or,
)
from imgproxy_py.dialects.lexical import Malformed, flag, from_base64, image_format, label, lookup, one_of, whole
from imgproxy_py.errors import LinkExpired
from imgproxy_py.recipe.formats import FORMAT_NAMES, Format
from imgproxy_py.recipe.model import (
    AutoQuality,
    AutoQualityMethod,
    AvifOptions,
    JpegOptions,
    Placeholder,
    PngOptions,
    Subsampling,
    WebpCompression,
    WebpOptions,
    WebpPreset,
)
from imgproxy_py.recipe.tags import MOST_TAGS, is_tag

BEST = "best"
DIGEST_DIGITS = {"md5": 32, "sha1": 40, "sha256": 64, "sha512": 128}
"""How many hex digits each digest has, by its name."""

_HEX = re.compile(r"[0-9a-fA-F]*\Z")

_output: dict[str, Format | Placeholder | None] = {
    **FORMAT_NAMES,
    BEST: None,
    **{one.value: one for one in Placeholder},
}
_output_name = lookup(_output)
_method = one_of(AutoQualityMethod)
_quant_table = whole(0, 8)
_palette = whole(2, 256)
_compression = one_of(WebpCompression)
_preset = one_of(WebpPreset)
_subsampling = one_of(Subsampling)


def _set_quality(text: str) -> int | None:
    return percent(text) or None


def _file_name(text: str) -> str:
    """Read the name of a colour profile: a plain file name, so that it leads nowhere else."""
    if not text or text.startswith(".") or "/" in text or "\\" in text or "\0" in text:
        raise Malformed(text, "srgb, cmyk, or the name of a file")
    return text


_FIELDS: tuple[FieldOption, ...] = (
    (("quality", "q"), "quality", _set_quality),
    (("max_bytes", "mb"), "max_bytes", whole(0)),
    (("strip_metadata", "sm"), "strip_metadata", flag),
    (("keep_copyright", "kcr"), "keep_copyright", flag),
    (("keep_provenance", "kpr"), "keep_provenance", flag),
    (("strip_color_profile", "scp"), "strip_color_profile", flag),
    (("color_profile", "cp", "icc"), "color_profile", _file_name),
    (("dpi",), "dpi", amount),
    (("enforce_thumbnail", "eth"), "enforce_thumbnail", flag),
    (("raw",), "raw", flag),
    (("cachebuster", "cb"), "cachebuster", str),
    (("return_attachment", "att"), "attachment", flag),
    (("fallback_image_url", "fiu"), "fallback_url", base64_text),
)


def set_format(draft: Draft, text: str) -> None:
    """Set the output: a format, `best`, or a placeholder. Raises `Malformed`."""
    wanted = _output_name(text)
    draft.best = text == BEST
    draft.placeholder = wanted if isinstance(wanted, Placeholder) else None
    draft.format = wanted if isinstance(wanted, Format) else None


def _format(draft: Draft, arguments: Arguments) -> None:
    at_most(arguments, 1)
    set_format(draft, arguments[0])


def _format_quality(draft: Draft, arguments: Arguments) -> None:
    draft.format_quality = _merged(draft.format_quality, dict(_pairs(arguments)))


def _pairs(arguments: Arguments) -> Iterator[tuple[Format, int]]:
    if len(arguments) % 2:
        raise Malformed(":".join(arguments), "pairs of format and quality")
    for name, quality in zip(arguments[::2], arguments[1::2], strict=True):
        yield image_format(name), percent(quality)


def _merged(old: tuple[tuple[Format, int], ...], new: dict[Format, int]) -> tuple[tuple[Format, int], ...]:
    """Join both, the new one ahead; quality 0 means, as everywhere in this dialect, that none is set."""
    return tuple(sorted((kind, quality) for kind, quality in (dict(old) | new).items() if quality))


def _skip_processing(draft: Draft, arguments: Arguments) -> None:
    draft.skip_formats = tuple(sorted({*draft.skip_formats, *map(image_format, arguments)}))


def _autoquality(draft: Draft, arguments: Arguments) -> None:
    method, target, minimum, maximum, error = padded_to(arguments, 5)
    draft.autoquality = AutoQuality(
        method=read_or(method, _method, None),
        target=read_or(target, amount, None),
        minimum=read_or(minimum, percent, None),
        maximum=read_or(maximum, percent, None),
        error=read_or(error, amount, None),
    )


def _jpeg_options(draft: Draft, arguments: Arguments) -> None:
    *switches, table = padded_to(arguments, 6)
    progressive, no_subsample, trellis, deringing, scans = (read_or(text, flag, None) for text in switches)
    draft.jpeg = JpegOptions(
        progressive=progressive,
        no_subsample=no_subsample,
        trellis_quant=trellis,
        overshoot_deringing=deringing,
        optimize_scans=scans,
        quant_table=read_or(table, _quant_table, None),
    )


def _png_options(draft: Draft, arguments: Arguments) -> None:
    interlaced, quantize, colors = padded_to(arguments, 3)
    draft.png = PngOptions(
        interlaced=read_or(interlaced, flag, None),
        quantize=read_or(quantize, flag, None),
        quantization_colors=read_or(colors, _palette, None),
    )


def _webp_options(draft: Draft, arguments: Arguments) -> None:
    compression, smart_subsample, preset = padded_to(arguments, 3)
    draft.webp = WebpOptions(
        compression=read_or(compression, _compression, None),
        smart_subsample=read_or(smart_subsample, flag, None),
        preset=read_or(preset, _preset, None),
    )


def _avif_options(draft: Draft, arguments: Arguments) -> None:
    at_most(arguments, 1)
    draft.avif = AvifOptions(subsample=read_or(arguments[0], _subsampling, None))


def _hashsum(draft: Draft, arguments: Arguments) -> None:
    method, digest = padded_to(arguments, 2)
    if method == "none":
        draft.hashsum = ""
        return
    digits = DIGEST_DIGITS.get(method)
    if digits is None:
        raise Malformed(method, "one of none, " + ", ".join(DIGEST_DIGITS))
    if len(digest) != digits or not _HEX.match(digest):
        raise Malformed(digest, f"{digits} hex digits")
    draft.hashsum = f"{method}:{digest.lower()}"


def _cache_tags(draft: Draft, arguments: Arguments) -> None:
    tags = tuple(sorted({*draft.cache_tags, *(_tag(text) for text in arguments if text)}))
    if len(tags) > MOST_TAGS:
        raise Malformed(tags[-1], f"at most {MOST_TAGS} tags")
    draft.cache_tags = tags


def _tag(text: str) -> str:
    tag = label(unquote_to_bytes(text), text)
    if not is_tag(tag):
        raise Malformed(text, "1 to 128 visible ASCII characters without commas")
    return tag


def _expires(draft: Draft, arguments: Arguments) -> None:
    at_most(arguments, 1)
    draft.expires_at = max(0, integer(arguments[0])) or None
    _refuse_expired(draft)


def _refuse_expired(draft: Draft) -> None:
    """Raise `LinkExpired` if the draft's time of expiry has passed."""
    if draft.expires_at is not None and draft.expires_at < draft.now:
        raise LinkExpired


def _filename(draft: Draft, arguments: Arguments) -> None:
    # Percent-encoded, although imgproxy takes it literally (dialect §16, Q8); a `%` that encodes nothing stands for itself.
    at_most(arguments, 2)
    name, *encoded = arguments
    data = from_base64(name.rstrip("=")) if encoded and flag(encoded[0]) else unquote_to_bytes(name)
    draft.filename = label(data, name)


def bypass_cache(draft: Draft, arguments: Arguments) -> None:
    """Neither read nor fill caches; it needs permission (dialect §5.6)."""
    at_most(arguments, 1)
    draft.bypass_cache = flag(arguments[0])


_COMPOUND: tuple[tuple[tuple[str, ...], Option], ...] = (
    (("format", "f", "ext"), _format),
    (("format_quality", "fq"), _format_quality),
    # `sp` and `jpego` are not documented; official clients send them (dialect §5.6).
    (("skip_processing", "skp", "sp"), _skip_processing),
    (("autoquality", "aq"), _autoquality),
    (("jpeg_options", "jpgo", "jpego"), _jpeg_options),
    (("png_options", "pngo"), _png_options),
    (("webp_options", "webpo"), _webp_options),
    (("avif_options", "avifo"), _avif_options),
    (("hashsum", "hs"), _hashsum),
    (("cache_tags", "ct"), _cache_tags),
    (("expires", "exp"), _expires),
    (("filename", "fn"), _filename),
)

OUTPUT: dict[str, Option] = field_options(_FIELDS) | named_options(_COMPOUND)
"""The options of encoding and delivery under all of their names."""
