"""libjxl's C interface, as much of it as pictures need (decode.h, encode.h of versions 0.9 to 0.12).

No binding gives 16 bits, profile, metadata and frames alike under a free licence, so the library that the imagecodecs
wheel carries, or the system's, is called directly. Calls release the GIL.
"""

from __future__ import annotations

import ctypes
from ctypes import POINTER, Structure, byref, c_char, c_double, c_float, c_int, c_size_t, c_uint8, c_uint32, c_void_p
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar

_SYSTEM = ("libjxl.so.0.12", "libjxl.so.0.11", "libjxl.so.0.10", "libjxl.so.0.9")
_OLDEST, _NEWEST = 9_000, 12_999

SUCCESS, ERROR, NEED_MORE_INPUT, NEED_IMAGE_OUT_BUFFER, BOX_NEED_MORE_OUTPUT = 0, 1, 2, 5, 7
BASIC_INFO, COLOR_ENCODING, FRAME, FULL_IMAGE, BOX = 0x40, 0x100, 0x400, 0x1000, 0x4000
"""JxlDecoderStatus; the second line are events too."""

TARGET_ORIGINAL, TARGET_DATA = 0, 1
TYPE_UINT8, TYPE_UINT16 = 2, 3
CHANNEL_BLACK = 4
SRGB_PRIMARIES, D65, SRGB_TRANSFER = 1, 1, 13
ENCODER_SUCCESS, ENCODER_NEED_MORE_OUTPUT = 0, 2
EFFORT = 0


class BasicInfo(Structure):
    """JxlBasicInfo."""

    _fields_: ClassVar = [
        ("have_container", c_int),
        ("xsize", c_uint32),
        ("ysize", c_uint32),
        ("bits_per_sample", c_uint32),
        ("exponent_bits_per_sample", c_uint32),
        ("intensity_target", c_float),
        ("min_nits", c_float),
        ("relative_to_max_display", c_int),
        ("linear_below", c_float),
        ("uses_original_profile", c_int),
        ("have_preview", c_int),
        ("have_animation", c_int),
        ("orientation", c_int),
        ("num_color_channels", c_uint32),
        ("num_extra_channels", c_uint32),
        ("alpha_bits", c_uint32),
        ("alpha_exponent_bits", c_uint32),
        ("alpha_premultiplied", c_int),
        ("preview", c_uint32 * 2),
        ("tps_numerator", c_uint32),
        ("tps_denominator", c_uint32),
        ("num_loops", c_uint32),
        ("have_timecodes", c_int),
        ("intrinsic", c_uint32 * 2),
        ("padding", c_uint8 * 100),
    ]


class ExtraChannelInfo(Structure):
    """JxlExtraChannelInfo."""

    _fields_: ClassVar = [
        ("type", c_int),
        ("bits_per_sample", c_uint32),
        ("exponent_bits_per_sample", c_uint32),
        ("dim_shift", c_uint32),
        ("name_length", c_uint32),
        ("alpha_premultiplied", c_int),
        ("spot_color", c_float * 4),
        ("cfa_channel", c_uint32),
    ]


class FrameHeader(Structure):
    """JxlFrameHeader; `layer` is not looked at."""

    _fields_: ClassVar = [
        ("duration", c_uint32),
        ("timecode", c_uint32),
        ("name_length", c_uint32),
        ("is_last", c_int),
        ("layer", c_uint32 * 10),
    ]


class PixelFormat(Structure):
    """JxlPixelFormat."""

    _fields_: ClassVar = [
        ("num_channels", c_uint32),
        ("data_type", c_int),
        ("endianness", c_int),
        ("align", c_size_t),
    ]


class ColorEncoding(Structure):
    """JxlColorEncoding."""

    _fields_: ClassVar = [
        ("color_space", c_int),
        ("white_point", c_int),
        ("white_point_xy", c_double * 2),
        ("primaries", c_int),
        ("primaries_xy", c_double * 6),
        ("transfer_function", c_int),
        ("gamma", c_double),
        ("rendering_intent", c_int),
    ]


class Cms(Structure):
    """JxlCmsInterface, which is only handed on."""

    _fields_: ClassVar = [("pointers", c_void_p * 8)]


_Decoder, _Encoder, _Settings = c_void_p, c_void_p, c_void_p

_SIGNATURES: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "JxlDecoderVersion": (c_uint32, ()),
    "JxlDecoderCreate": (_Decoder, (c_void_p,)),
    "JxlDecoderDestroy": (None, (_Decoder,)),
    "JxlDecoderSubscribeEvents": (c_int, (_Decoder, c_int)),
    "JxlDecoderSetKeepOrientation": (c_int, (_Decoder, c_int)),
    "JxlDecoderSetUnpremultiplyAlpha": (c_int, (_Decoder, c_int)),
    "JxlDecoderSetDecompressBoxes": (c_int, (_Decoder, c_int)),
    "JxlDecoderSetCms": (c_int, (_Decoder, Cms)),
    "JxlDecoderSkipFrames": (None, (_Decoder, c_size_t)),
    "JxlDecoderSetInput": (c_int, (_Decoder, c_void_p, c_size_t)),
    "JxlDecoderReleaseInput": (c_size_t, (_Decoder,)),
    "JxlDecoderCloseInput": (None, (_Decoder,)),
    "JxlDecoderProcessInput": (c_int, (_Decoder,)),
    "JxlDecoderGetBasicInfo": (c_int, (_Decoder, POINTER(BasicInfo))),
    "JxlDecoderGetExtraChannelInfo": (c_int, (_Decoder, c_size_t, POINTER(ExtraChannelInfo))),
    "JxlDecoderGetFrameHeader": (c_int, (_Decoder, POINTER(FrameHeader))),
    "JxlDecoderGetColorAsEncodedProfile": (c_int, (_Decoder, c_int, POINTER(ColorEncoding))),
    "JxlDecoderGetICCProfileSize": (c_int, (_Decoder, c_int, POINTER(c_size_t))),
    "JxlDecoderGetColorAsICCProfile": (c_int, (_Decoder, c_int, c_void_p, c_size_t)),
    "JxlDecoderSetOutputColorProfile": (c_int, (_Decoder, c_void_p, c_void_p, c_size_t)),
    "JxlDecoderImageOutBufferSize": (c_int, (_Decoder, POINTER(PixelFormat), POINTER(c_size_t))),
    "JxlDecoderSetImageOutBuffer": (c_int, (_Decoder, POINTER(PixelFormat), c_void_p, c_size_t)),
    "JxlDecoderGetBoxType": (c_int, (_Decoder, c_char * 4, c_int)),
    "JxlDecoderSetBoxBuffer": (c_int, (_Decoder, c_void_p, c_size_t)),
    "JxlDecoderReleaseBoxBuffer": (c_size_t, (_Decoder,)),
    "JxlEncoderCreate": (_Encoder, (c_void_p,)),
    "JxlEncoderDestroy": (None, (_Encoder,)),
    "JxlEncoderInitBasicInfo": (None, (POINTER(BasicInfo),)),
    "JxlEncoderSetBasicInfo": (c_int, (_Encoder, POINTER(BasicInfo))),
    "JxlColorEncodingSetToSRGB": (None, (POINTER(ColorEncoding), c_int)),
    "JxlEncoderSetColorEncoding": (c_int, (_Encoder, POINTER(ColorEncoding))),
    "JxlEncoderSetICCProfile": (c_int, (_Encoder, c_void_p, c_size_t)),
    "JxlEncoderUseBoxes": (c_int, (_Encoder,)),
    "JxlEncoderAddBox": (c_int, (_Encoder, c_char * 4, c_void_p, c_size_t, c_int)),
    "JxlEncoderFrameSettingsCreate": (_Settings, (_Encoder, c_void_p)),
    "JxlEncoderFrameSettingsSetOption": (c_int, (_Settings, c_int, ctypes.c_int64)),
    "JxlEncoderSetFrameDistance": (c_int, (_Settings, c_float)),
    "JxlEncoderSetFrameLossless": (c_int, (_Settings, c_int)),
    "JxlEncoderDistanceFromQuality": (c_float, (c_float,)),
    "JxlEncoderAddImageFrame": (c_int, (_Settings, POINTER(PixelFormat), c_void_p, c_size_t)),
    "JxlEncoderCloseInput": (None, (_Encoder,)),
    "JxlEncoderProcessOutput": (c_int, (_Encoder, POINTER(c_void_p), POINTER(c_size_t))),
}


def load() -> ctypes.CDLL | None:
    """Give the library with its functions declared, `None` if there is none of a version that is known to fit."""
    return next((library for name in _candidates() if (library := _loaded(name)) is not None), None)


def _candidates() -> list[str]:
    package = find_spec("imagecodecs")
    folders = [Path(folder) for folder in (package.submodule_search_locations or ())] if package else []
    # The wheel's module finds the libjxl beside it, and symbols are looked up in what a library depends on, too.
    return [str(one) for folder in folders for one in folder.glob("_jpegxl.*.so")] + list(_SYSTEM)


def _loaded(name: str) -> ctypes.CDLL | None:
    try:
        library = ctypes.CDLL(name)
        version = library.JxlDecoderVersion()
        if not _OLDEST <= version <= _NEWEST:
            return None
        for function, (result, arguments) in _SIGNATURES.items():
            declared = getattr(library, function)
            declared.restype, declared.argtypes = result, arguments
    except (OSError, AttributeError):
        return None
    return library


def color_management(library: ctypes.CDLL) -> Cms | None:
    """Give libjxl's own colour management, `None` if it was built without."""
    try:
        default = library.JxlGetDefaultCms
    except AttributeError:
        return None
    default.restype, default.argtypes = POINTER(Cms), ()
    found: Cms = default().contents
    return found


def address(data: bytes) -> int:
    """Give where the bytes lie, as long as the caller keeps them."""
    return ctypes.cast(ctypes.c_char_p(data), c_void_p).value or 0


def profile_of(library: ctypes.CDLL, decoder: int) -> bytes:
    """Give the ICC profile of the pixels that come out, blank if they are sRGB's or its grey."""
    coded = ColorEncoding()
    if library.JxlDecoderGetColorAsEncodedProfile(decoder, TARGET_DATA, byref(coded)) == SUCCESS and _is_srgb(coded):
        return b""
    return icc_of(library, decoder, TARGET_DATA)


def icc_of(library: ctypes.CDLL, decoder: int, target: int) -> bytes:
    """Give the ICC profile of the original or of what comes out, blank if there is none."""
    size = c_size_t()
    if library.JxlDecoderGetICCProfileSize(decoder, target, byref(size)) != SUCCESS or not size.value:
        return b""
    profile = ctypes.create_string_buffer(size.value)
    found = library.JxlDecoderGetColorAsICCProfile(decoder, target, profile, size.value) == SUCCESS
    return profile.raw if found else b""


def _is_srgb(coded: ColorEncoding) -> bool:
    grey = coded.color_space == 1
    primaries = grey or coded.primaries == SRGB_PRIMARIES
    return bool(primaries and coded.white_point == D65 and coded.transfer_function == SRGB_TRANSFER)
