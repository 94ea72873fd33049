"""HEIC through libheif: read with pi-heif or pillow-heif, written with pillow-heif."""

from __future__ import annotations

import io
from types import ModuleType
from typing import Any

import pyvips

from imgproxy_py.engine.codecs.extras import imported
from imgproxy_py.engine.codecs.pixels import Metadata, blob, eight_bit, exif_of, image_from
from imgproxy_py.engine.codecs.port import Demand
from imgproxy_py.engine.settings import EngineSettings
from imgproxy_py.errors import BrokenImage, ImgproxyError
from imgproxy_py.recipe.formats import Format
from imgproxy_py.recipe.picture import Header

# What the bindings raise for a damaged file.
_FAILURES = (ValueError, EOFError, SyntaxError, RuntimeError, OSError, IndexError)
_BANDS = {"L": 1, "LA": 2, "RGB": 3, "RGBA": 4, "RGBa": 4}
_P3_PRIMARIES, _SRGB_TRANSFER = 12, 13  # ITU-T H.273 tables 2 and 3
_WHOLE_CHROMA = 90  # the quality from which libvips' encoders leave colours as fine as light
_KEEP_EXIF, _KEEP_XMP, _KEEP_ICC = 1, 2, 8


def decoder() -> HeifDecoder | None:
    """Give the decoder, `None` if neither binding is installed."""
    module = imported("pillow_heif") or imported("pi_heif")
    return HeifDecoder(module) if module else None


def encoder() -> HeifEncoder | None:
    """Give the encoder, `None` if pillow-heif is not installed; pi-heif brings none."""
    module = imported("pillow_heif")
    return HeifEncoder(module) if module and module.libheif_info()["encoders"] else None


class HeifDecoder:
    """Reads the primary image of HEIC, 10 and 12 bits a sample as 16.

    libheif turns and mirrors the pixels as the file says, so EXIF's orientation no longer counts. Decoding cannot be
    interrupted.
    """

    def __init__(self, module: ModuleType) -> None:
        self._module = module
        module.options.DECODE_THREADS = 1
        module.options.DEPTH_IMAGES = module.options.AUX_IMAGES = False

    def header(self, data: bytes, kind: Format, demand: Demand) -> Header:
        """Give the header; raises `BrokenImage`."""
        image = self._opened(data, demand)
        bands, _ = _layout(image)
        width, height = image.size
        return Header(
            format=kind,
            width=width,
            height=height,
            alpha=bands % 2 == 0,
            bands=bands,
            profile=bool(_profile(image.info)),
        )

    def decode(self, data: bytes, kind: Format, demand: Demand) -> pyvips.Image:
        """Give the primary image, or its thumbnail; raises `BrokenImage`."""
        image = self._opened(data, demand)
        bands, deep = _layout(image)
        announced = image.size
        try:
            pixels = _kept(image.data)
        except _FAILURES as error:
            raise BrokenImage("the original's pixels cannot be decoded", private=str(error)) from error
        if image.size != announced:
            raise BrokenImage("the original is not of the size that its header says")
        found = image_from(pixels, image.size[0], image.size[1], bands, deep=deep, metadata=_metadata(image.info))
        return found.unpremultiply().cast(found.format) if image.mode.startswith("RGBa") else found

    def _opened(self, data: bytes, demand: Demand) -> Any:
        try:
            file = self._module.open_heif(data, convert_hdr_to_8bit=False)
            image = file[file.primary_index]
            if demand.embedded_thumbnail and image.info["thumbnails"] and hasattr(image, "get_thumbnail"):
                return image.get_thumbnail(0)
        except _FAILURES as error:
            raise BrokenImage("the original's header cannot be read", private=str(error)) from error
        return image


def _kept(pixels: Any) -> bytes | memoryview:
    """Give samples that live as long as they are wanted: pi-heif's view does not keep alive what it shows."""
    return pixels if isinstance(pixels, memoryview) and pixels.obj is not None else bytes(pixels)


def _layout(image: Any) -> tuple[int, bool]:
    mode, _, depth = image.mode.partition(";")
    if mode not in _BANDS:
        raise BrokenImage(f"the original has samples of an unknown kind, {image.mode}")
    return _BANDS[mode], bool(depth)


def _metadata(info: dict[str, Any]) -> Metadata:
    return Metadata(icc=_profile(info), exif=info.get("exif") or b"", xmp=info.get("xmp") or b"", orientation=1)


def _profile(info: dict[str, Any]) -> bytes:
    if info.get("icc_profile"):
        return bytes(info["icc_profile"])
    coded = info.get("nclx_profile") or {}
    if coded.get("color_primaries") == _P3_PRIMARIES and coded.get("transfer_characteristics") == _SRGB_TRANSFER:
        return bytes(pyvips.Image.profile_load("p3"))
    return b""


class HeifEncoder:
    """Writes HEIC with 8 bits a sample; encoding cannot be interrupted."""

    def __init__(self, module: ModuleType) -> None:
        self._module = module

    def encode(self, image: pyvips.Image, quality: int, keep: int, settings: EngineSettings) -> bytes:
        """Give the file; raises `pyvips.Error` if the pixels cannot be had."""
        image = _storable(image)
        mode = {1: "L", 3: "RGB", 4: "RGBA"}[image.bands]
        extra = {
            "exif": exif_of(image) if keep & _KEEP_EXIF else b"",
            "xmp": blob(image, "xmp-data") if keep & _KEEP_XMP else b"",
            "icc_profile": blob(image, "icc-profile-data") if keep & _KEEP_ICC else b"",
        }
        pixels = image.write_to_memory()
        target = io.BytesIO()
        try:
            self._module.encode(
                mode,
                (image.width, image.height),
                pixels,
                target,
                quality=quality,
                chroma=444 if quality >= _WHOLE_CHROMA else 420,
                enc_params={"preset": settings.heic_preset, "x265:pools": "none"},  # in our thread alone
                **{name: value for name, value in extra.items() if value},
            )
        except _FAILURES as error:
            raise ImgproxyError(private=f"HEIC cannot be encoded: {error}") from error
        return target.getvalue()


def _storable(image: pyvips.Image) -> pyvips.Image:
    image = eight_bit(image)
    return image.colourspace("srgb") if image.bands == 2 else image
