"""Which codecs this installation has. What is missing is missing for good: extras are looked for once, when one asks."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from imgproxy_py.engine.codecs import bmp, heif, ico, jxl, pdf, psd, raw, video
from imgproxy_py.engine.codecs.port import Decoder, Encoder
from imgproxy_py.engine.interrupt import Interrupt
from imgproxy_py.recipe.formats import VIDEOS, Format

EXTRAS = {
    Format.HEIC: "heif",
    Format.JXL: "jxl",
    Format.PDF: "pdf",
    Format.PSD: "psd",
    Format.RAW: "raw",
    **dict.fromkeys(VIDEOS, "video"),
}
"""The extra of this package that an installation needs for reading a format."""

ENCODER_EXTRAS = {Format.HEIC: "heif-encoder", Format.JXL: "jxl"}
"""The one that it needs for writing."""

_DISTRIBUTIONS = ("pillow", "pillow-heif", "pi-heif", "imagecodecs", "pypdfium2", "psd-tools", "rawpy", "av")


_DECODERS: dict[Format, Callable[[], Decoder | None]] = {
    Format.BMP: bmp.BmpDecoder,
    Format.ICO: ico.IcoDecoder,
    Format.HEIC: heif.decoder,
    Format.JXL: jxl.decoder,
    Format.PDF: pdf.decoder,
    Format.PSD: psd.decoder,
    Format.RAW: raw.decoder,
    **dict.fromkeys(VIDEOS, video.decoder),
}
_ENCODERS: dict[Format, Callable[[], Encoder | None]] = {
    Format.BMP: bmp.BmpEncoder,
    Format.ICO: ico.IcoEncoder,
    Format.HEIC: heif.encoder,
    Format.JXL: jxl.encoder,
}


@cache
def decoder(kind: Format) -> Decoder | None:
    """Give the decoder of a format, its library loaded; `None` for those that libvips reads or nobody here."""
    return _DECODERS[kind]() if kind in _DECODERS else None


@cache
def encoder(kind: Format) -> Encoder | None:
    """Give the encoder of a format, its library loaded; `None` for those that libvips writes or nobody here."""
    return _ENCODERS[kind]() if kind in _ENCODERS else None


@cache
def decoders() -> dict[Format, Decoder]:
    """Give the decoder of each format that libvips cannot read and this installation can, all libraries loaded."""
    return {kind: one for kind in _DECODERS if (one := decoder(kind)) is not None}


@cache
def encoders() -> dict[Format, Encoder]:
    """Give the encoder of each format that libvips cannot write and this installation can, all libraries loaded."""
    return {kind: one for kind in _ENCODERS if (one := encoder(kind)) is not None}


@cache
def versions() -> str:
    """Give the versions of the libraries that decode and encode, those that are installed."""
    return " ".join(f"{name} {one}" for name in _DISTRIBUTIONS if (one := _version(name)))


def _version(distribution: str) -> str:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return ""


def video_facts(data: bytes, kind: Format, interrupt: Interrupt) -> dict[str, Any]:
    """Give `video_meta` and `video_streams` of a video, nothing if none can be read here; raises an `ImageError`."""
    found = decoder(kind)
    return found.facts(data, kind, interrupt) if isinstance(found, video.VideoDecoder) else {}
