"""JPEG XL through libjxl."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from ctypes import byref, c_char, c_size_t, c_void_p
from dataclasses import dataclass, field
from typing import Any

import pyvips

from imgproxy_py.engine.codecs import libjxl
from imgproxy_py.engine.codecs.pixels import Metadata, animated, blob, exif_of, image_from
from imgproxy_py.engine.codecs.port import Demand
from imgproxy_py.engine.interrupt import Interrupt
from imgproxy_py.engine.settings import EngineSettings
from imgproxy_py.errors import BrokenImage, ImgproxyError, UndecodableImage
from imgproxy_py.recipe.formats import Format
from imgproxy_py.recipe.picture import Header

_FED_AT_ONCE = 256 * 1024
_MOST_FRAMES = 100_000
_BOXES = (b"Exif", b"xml ")
_LARGEST_BOX = 16 * 1024 * 1024
_EXIF_OFFSET = 4  # bytes before the TIFF header that tell where it starts (ISO/IEC 18181-2 §9.6)
_KEEP_EXIF, _KEEP_XMP, _KEEP_ICC = 1, 2, 8
_LOSSLESS = 100


def decoder() -> JxlDecoder | None:
    """Give the decoder, `None` if there is no libjxl."""
    library = libjxl.load()
    return JxlDecoder(library) if library else None


def encoder() -> JxlEncoder | None:
    """Give the encoder, `None` if there is no libjxl."""
    library = libjxl.load()
    return JxlEncoder(library) if library else None


@dataclass(slots=True)
class _Decoding:
    """One pass of libjxl through a file, fed piece by piece so that it can be stopped between."""

    library: Any
    handle: int
    data: bytes
    interrupt: Interrupt
    fed: int = 0

    def events(self) -> Iterator[int]:
        """Give each event as it comes; raises `BrokenImage`, `DeadlineExceeded`."""
        self._feed(0)
        while (status := self.library.JxlDecoderProcessInput(self.handle)) != libjxl.SUCCESS:
            self.interrupt.check()
            if status == libjxl.ERROR:
                raise BrokenImage("the original cannot be decoded")
            if status != libjxl.NEED_MORE_INPUT:
                yield status
            elif self.fed >= len(self.data):
                raise BrokenImage("the jxl file ends too early")
            else:
                self._feed(self.library.JxlDecoderReleaseInput(self.handle))

    def _feed(self, left: int) -> None:
        start, self.fed = self.fed - left, min(len(self.data), self.fed + _FED_AT_ONCE)
        self.library.JxlDecoderSetInput(self.handle, libjxl.address(self.data) + start, self.fed - start)
        if self.fed == len(self.data):
            self.library.JxlDecoderCloseInput(self.handle)

    def info(self) -> libjxl.BasicInfo:
        """Give the basic information, known after its event."""
        info = libjxl.BasicInfo()
        self.library.JxlDecoderGetBasicInfo(self.handle, byref(info))
        return info

    def frame(self) -> libjxl.FrameHeader:
        """Give the header of the frame whose event came."""
        header = libjxl.FrameHeader()
        self.library.JxlDecoderGetFrameHeader(self.handle, byref(header))
        return header

    def refuse_inks(self, info: libjxl.BasicInfo) -> None:
        """Raise `UndecodableImage` for CMYK, whose black would be left out."""
        for index in range(info.num_extra_channels):
            channel = libjxl.ExtraChannelInfo()
            self.library.JxlDecoderGetExtraChannelInfo(self.handle, index, byref(channel))
            if channel.type == libjxl.CHANNEL_BLACK:
                raise UndecodableImage("JPEG XL in CMYK cannot be decoded here")


@dataclass(slots=True)
class _Canvas:
    """The frames that were decoded."""

    frames: list[bytearray] = field(default_factory=list)
    delays: list[int] = field(default_factory=list)

    def receive(self, decoding: _Decoding, info: libjxl.BasicInfo) -> None:
        """Let libjxl decode the next frame into memory of ours."""
        layout, size = _layout(_bands(info), deep=_is_deep(info)), c_size_t()
        decoding.library.JxlDecoderImageOutBufferSize(decoding.handle, byref(layout), byref(size))
        frame = bytearray(size.value)
        place = (c_char * size.value).from_buffer(frame)
        decoding.library.JxlDecoderSetImageOutBuffer(decoding.handle, byref(layout), place, size.value)
        self.frames.append(frame)

    def image(self, info: libjxl.BasicInfo, metadata: Metadata, *, animate: bool) -> pyvips.Image:
        """Give the frames one below the other; raises `BrokenImage` if there is none."""
        if not self.frames:
            raise BrokenImage("the page that was asked for is not in the original")
        width, height, bands, deep = info.xsize, info.ysize, _bands(info), _is_deep(info)
        images = [image_from(frame, width, height, bands, deep=deep, metadata=metadata) for frame in self.frames]
        image = images[0] if len(images) == 1 else pyvips.Image.arrayjoin(images, across=1)
        return animated(image, self.delays[: len(images)], info.num_loops) if animate else image


@dataclass(slots=True)
class _Boxes:
    """EXIF and XMP, collected piece by piece while the file is decoded."""

    decoding: _Decoding
    found: dict[bytes, bytes] = field(default_factory=dict)
    _name: bytes = b""
    _piece: ctypes.Array[c_char] = field(default_factory=lambda: ctypes.create_string_buffer(_FED_AT_ONCE))
    _read: bytearray = field(default_factory=bytearray)

    def take(self, event: int) -> None:
        """Begin a box, or take a piece of the one begun."""
        if event == libjxl.BOX_NEED_MORE_OUTPUT:
            self._release()
            if len(self._read) < _LARGEST_BOX:
                self._offer()
        elif event == libjxl.BOX:
            self.finish()
            name = (c_char * 4)()
            self.decoding.library.JxlDecoderGetBoxType(self.decoding.handle, name, 1)
            if name.raw in _BOXES and name.raw not in self.found:
                self._name = name.raw
                self._offer()

    def finish(self) -> None:
        """End the box begun, if any."""
        if self._name:
            self._release()
            self.found[self._name] = bytes(self._read)
        self._name = b""
        self._read.clear()

    def _offer(self) -> None:
        self.decoding.library.JxlDecoderSetBoxBuffer(self.decoding.handle, self._piece, len(self._piece))

    def _release(self) -> None:
        unused = self.decoding.library.JxlDecoderReleaseBoxBuffer(self.decoding.handle)
        self._read += memoryview(self._piece)[: len(self._piece) - unused]


class JxlDecoder:
    """Reads JPEG XL of every depth, those over 8 bits as 16, and its animations."""

    def __init__(self, library: Any) -> None:
        self._library = library
        self._cms = libjxl.color_management(library)

    def header(self, data: bytes, kind: Format, demand: Demand) -> Header:
        """Give the header; raises `BrokenImage`. Frames of an animation are counted without being decoded."""
        with self._decoding(data, demand, libjxl.BASIC_INFO | libjxl.COLOR_ENCODING | libjxl.FRAME) as decoding:
            info, profile, frames = libjxl.BasicInfo(), b"", 0
            for event in decoding.events():
                if event == libjxl.BASIC_INFO:
                    info = decoding.info()
                    decoding.refuse_inks(info)
                elif event == libjxl.COLOR_ENCODING:
                    profile = self._profile(decoding)
                else:
                    frames += 1
                    if not info.have_animation or frames >= _MOST_FRAMES:
                        break
        bands = _bands(info)
        _, pages = demand.selected(max(1, frames))
        return Header(
            format=kind,
            width=info.xsize,
            height=info.ysize * pages,
            orientation=info.orientation,
            frames=max(1, frames),
            alpha=bands % 2 == 0,
            bands=bands,
            profile=bool(profile),
            animated=frames > 1,
        )

    def decode(self, data: bytes, kind: Format, demand: Demand) -> pyvips.Image:
        """Give a frame or several; raises `BrokenImage`, `DeadlineExceeded`."""
        wanted = libjxl.BASIC_INFO | libjxl.COLOR_ENCODING | libjxl.FRAME | libjxl.FULL_IMAGE | libjxl.BOX
        with self._decoding(data, demand, wanted) as decoding:
            return self._decoded(decoding, demand)

    @contextmanager
    def _decoding(self, data: bytes, demand: Demand, events: int) -> Iterator[_Decoding]:
        library = self._library
        handle = library.JxlDecoderCreate(None)
        try:
            library.JxlDecoderSubscribeEvents(handle, events)
            library.JxlDecoderSetKeepOrientation(handle, 1)
            library.JxlDecoderSetUnpremultiplyAlpha(handle, 1)
            library.JxlDecoderSetDecompressBoxes(handle, 1)
            if self._cms is not None:
                library.JxlDecoderSetCms(handle, self._cms)
            yield _Decoding(library, handle, data, demand.interrupt)
        finally:
            library.JxlDecoderDestroy(handle)

    def _profile(self, decoding: _Decoding) -> bytes:
        original = self._embedded_profile(decoding)
        if original:  # else wide colours would be cut to sRGB's
            self._library.JxlDecoderSetOutputColorProfile(decoding.handle, None, original, len(original))
        return libjxl.profile_of(self._library, decoding.handle)

    def _embedded_profile(self, decoding: _Decoding) -> bytes:
        coded, target = libjxl.ColorEncoding(), libjxl.TARGET_ORIGINAL
        if self._library.JxlDecoderGetColorAsEncodedProfile(decoding.handle, target, byref(coded)) == libjxl.SUCCESS:
            return b""
        return libjxl.icc_of(self._library, decoding.handle, target)

    def _decoded(self, decoding: _Decoding, demand: Demand) -> pyvips.Image:
        info, canvas, profile, boxes = libjxl.BasicInfo(), _Canvas(), b"", _Boxes(decoding)
        first, count = demand.loading.page, max(1, demand.loading.pages)
        if demand.frames > 1:
            first, count = 0, demand.frames
        if first:
            self._library.JxlDecoderSkipFrames(decoding.handle, first)
        for event in decoding.events():
            if event == libjxl.BASIC_INFO:
                info = decoding.info()
                decoding.refuse_inks(info)
            elif event == libjxl.COLOR_ENCODING:
                profile = self._profile(decoding)
            elif event == libjxl.FRAME:
                canvas.delays.append(_milliseconds(decoding.frame().duration, info))
            elif event == libjxl.NEED_IMAGE_OUT_BUFFER:
                canvas.receive(decoding, info)
            elif event == libjxl.FULL_IMAGE:
                if info.have_animation and len(canvas.frames) == count:
                    break
            else:
                boxes.take(event)
        boxes.finish()
        return canvas.image(info, _metadata(boxes.found, profile, info), animate=demand.frames > 1)


def _metadata(boxes: dict[bytes, bytes], profile: bytes, info: libjxl.BasicInfo) -> Metadata:
    exif = boxes.get(b"Exif", b"")[_EXIF_OFFSET:]
    return Metadata(icc=profile, exif=exif, xmp=boxes.get(b"xml ", b""), orientation=info.orientation)


def _bands(info: libjxl.BasicInfo) -> int:
    return int(info.num_color_channels) + (1 if info.alpha_bits else 0)


def _is_deep(info: libjxl.BasicInfo) -> bool:
    return int(info.bits_per_sample) > 8


def _milliseconds(ticks: int, info: libjxl.BasicInfo) -> int:
    return round(1000 * ticks * info.tps_denominator / info.tps_numerator) if info.tps_numerator else 0


class JxlEncoder:
    """Writes JPEG XL with 8 or 16 bits a sample, without loss at quality 100. Encoding cannot be interrupted."""

    def __init__(self, library: Any) -> None:
        self._library = library

    def encode(self, image: pyvips.Image, quality: int, keep: int, settings: EngineSettings) -> bytes:
        """Give the file; raises `pyvips.Error` if the pixels cannot be had."""
        if image.format not in ("uchar", "ushort"):
            image = image.cast("uchar")
        pixels = bytes(image.write_to_memory())
        handle = self._library.JxlEncoderCreate(None)
        try:
            self._describe(handle, image, keep, lossless=quality >= _LOSSLESS)
            self._add(handle, image, pixels, quality, settings.jxl_effort)
            return self._output(handle)
        finally:
            self._library.JxlEncoderDestroy(handle)

    def _describe(self, handle: int, image: pyvips.Image, keep: int, *, lossless: bool) -> None:
        library, info, coded = self._library, libjxl.BasicInfo(), libjxl.ColorEncoding()
        library.JxlEncoderInitBasicInfo(byref(info))
        alpha, bits = image.bands % 2 == 0, 16 if image.format == "ushort" else 8
        info.xsize, info.ysize, info.bits_per_sample = image.width, image.height, bits
        info.num_color_channels, info.num_extra_channels = (1 if image.bands <= 2 else 3), int(alpha)
        info.alpha_bits = bits if alpha else 0
        info.uses_original_profile = int(lossless)
        _check(library.JxlEncoderSetBasicInfo(handle, byref(info)))
        self._add_boxes(handle, image, keep)
        profile = blob(image, "icc-profile-data") if keep & _KEEP_ICC else b""
        if profile and library.JxlEncoderSetICCProfile(handle, profile, len(profile)) == libjxl.ENCODER_SUCCESS:
            return
        library.JxlColorEncodingSetToSRGB(byref(coded), int(image.bands <= 2))
        _check(library.JxlEncoderSetColorEncoding(handle, byref(coded)))

    def _add_boxes(self, handle: int, image: pyvips.Image, keep: int) -> None:
        exif = exif_of(image) if keep & _KEEP_EXIF else b""
        xmp = blob(image, "xmp-data") if keep & _KEEP_XMP else b""
        boxes = [
            (name, data) for name, data in ((b"Exif", exif and bytes(_EXIF_OFFSET) + exif), (b"xml ", xmp)) if data
        ]
        if not boxes:
            return
        _check(self._library.JxlEncoderUseBoxes(handle))
        for name, data in boxes:
            _check(self._library.JxlEncoderAddBox(handle, (c_char * 4).from_buffer_copy(name), data, len(data), 0))

    def _add(self, handle: int, image: pyvips.Image, pixels: bytes, quality: int, effort: int) -> None:
        library = self._library
        options = library.JxlEncoderFrameSettingsCreate(handle, None)
        _check(library.JxlEncoderFrameSettingsSetOption(options, libjxl.EFFORT, effort))
        if quality >= _LOSSLESS:
            _check(library.JxlEncoderSetFrameLossless(options, 1))
        else:
            _check(library.JxlEncoderSetFrameDistance(options, library.JxlEncoderDistanceFromQuality(quality)))
        layout = _layout(image.bands, deep=image.format == "ushort")
        _check(library.JxlEncoderAddImageFrame(options, byref(layout), pixels, len(pixels)))
        library.JxlEncoderCloseInput(handle)

    def _output(self, handle: int) -> bytes:
        written = bytearray()
        buffer = ctypes.create_string_buffer(_FED_AT_ONCE)
        status = libjxl.ENCODER_NEED_MORE_OUTPUT
        while status == libjxl.ENCODER_NEED_MORE_OUTPUT:
            at, left = c_void_p(ctypes.addressof(buffer)), c_size_t(len(buffer))
            status = self._library.JxlEncoderProcessOutput(handle, byref(at), byref(left))
            written += memoryview(buffer)[: len(buffer) - left.value]
        _check(status)
        return bytes(written)


def _layout(bands: int, *, deep: bool) -> libjxl.PixelFormat:
    return libjxl.PixelFormat(bands, libjxl.TYPE_UINT16 if deep else libjxl.TYPE_UINT8, 0, 0)


def _check(status: int) -> None:
    if status != libjxl.ENCODER_SUCCESS:
        raise ImgproxyError(private=f"JPEG XL cannot be encoded: status {status}")
