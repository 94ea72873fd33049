"""A camera's raw data through rawpy (LibRaw)."""

from __future__ import annotations

import io
from types import ModuleType
from typing import Any

import pyvips

from imgproxy_py.engine.codecs.extras import imported
from imgproxy_py.engine.codecs.pixels import Metadata, blob, image_from, with_metadata
from imgproxy_py.engine.codecs.port import Demand
from imgproxy_py.errors import BrokenImage
from imgproxy_py.recipe.formats import Format
from imgproxy_py.recipe.picture import Header

# LibRaw's `flip` as EXIF's orientation.
_ORIENTATIONS = {0: 1, 3: 3, 5: 8, 6: 6}
_FAILURES = (ValueError, OSError, RuntimeError, MemoryError)
_HALF = 2.0


def decoder() -> RawDecoder | None:
    """Give the decoder, `None` if rawpy is not installed."""
    module = imported("rawpy")
    return RawDecoder(module) if module else None


class RawDecoder:
    """Develops raw data to sRGB of 16 bits with the camera's white balance. Development cannot be interrupted.

    At half size or less each pixel is made of one cell of the colour filter, which is quick. EXIF comes from the file's
    own preview, if that has any.
    """

    def __init__(self, module: ModuleType) -> None:
        self._module = module
        self._failures = (*_FAILURES, module.LibRawError, module.NotSupportedError)

    def header(self, data: bytes, kind: Format, demand: Demand) -> Header:
        """Give the header, of the preview if that is demanded; raises `BrokenImage`."""
        with self._opened(data) as raw:
            preview = self._preview(raw) if demand.embedded_thumbnail else None
            if preview is not None:
                return Header(format=kind, width=preview.width, height=preview.height, bands=preview.bands)
            sizes = raw.sizes
            return Header(format=kind, width=sizes.width, height=sizes.height, orientation=_orientation(raw))

    def decode(self, data: bytes, kind: Format, demand: Demand) -> pyvips.Image:
        """Give the developed picture, or the preview; raises `BrokenImage`."""
        with self._opened(data) as raw:
            preview = self._preview(raw)
            if demand.embedded_thumbnail and preview is not None:
                return preview
            try:
                found = raw.postprocess(
                    use_camera_wb=True, half_size=demand.shrink >= _HALF, output_bps=16, user_flip=0
                )
            except self._failures as error:
                raise BrokenImage("the original's pixels cannot be decoded", private=str(error)) from error
            exif = blob(preview, "exif-data") if preview is not None else b""
            metadata = Metadata(exif=exif, orientation=_orientation(raw))
        height, width, bands = found.shape
        return image_from(memoryview(found).cast("B"), width, height, bands, deep=True, metadata=metadata)

    def _opened(self, data: bytes) -> Any:
        try:
            return self._module.imread(io.BytesIO(data))
        except self._failures as error:
            raise BrokenImage("the original's header cannot be read", private=str(error)) from error

    def _preview(self, raw: Any) -> pyvips.Image | None:
        try:
            found = raw.extract_thumb()
            if found.format != self._module.ThumbFormat.JPEG:
                return None
            image = pyvips.Image.jpegload_buffer(found.data)
        except (*self._failures, pyvips.Error):
            return None
        return with_metadata(image, Metadata(orientation=_orientation(raw)))


def _orientation(raw: Any) -> int:
    return _ORIENTATIONS.get(raw.sizes.flip, 1)
