"""Pages of PDF through pypdfium2."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import pyvips

from imgproxy_py.engine.codecs.extras import imported
from imgproxy_py.engine.codecs.pixels import image_from, stacked
from imgproxy_py.engine.codecs.port import Demand
from imgproxy_py.engine.interrupt import Interrupt
from imgproxy_py.errors import BrokenImage, UndecodableImage
from imgproxy_py.recipe.formats import Format
from imgproxy_py.recipe.picture import Header

_WHITE = 0xFFFFFFFF
_ASKED_AGAIN = 0.05

# PDFium keeps global state and is not safe to be called by two threads.
_PDFIUM = threading.Lock()


def decoder() -> PdfDecoder | None:
    """Give the decoder, `None` if pypdfium2 is not installed."""
    module, raw = imported("pypdfium2"), imported("pypdfium2.raw")
    return PdfDecoder(module, raw) if module and raw else None


class PdfDecoder:
    """Renders pages on white, at 72 dpi or any other size, annotations included, forms' scripts never.

    One page is rendered at a time in a process. Rendering stops at the deadline; opening and parsing cannot be stopped.
    """

    def __init__(self, module: ModuleType, raw: ModuleType) -> None:
        self._module, self._raw = module, raw

    def header(self, data: bytes, kind: Format, demand: Demand) -> Header:
        """Give the size of the pages stacked, a point a pixel; raises `BrokenImage`, `UndecodableImage`."""
        with self._pages(data, demand) as (pages, available):
            sizes = [_size(page, 1.0) for page in pages]
        width, height = max(width for width, _ in sizes), sum(height for _, height in sizes)
        return Header(format=kind, width=width, height=height, frames=available)

    def decode(self, data: bytes, kind: Format, demand: Demand) -> pyvips.Image:
        """Give the pages stacked; raises `BrokenImage`, `UndecodableImage`, `DeadlineExceeded`."""
        with self._pages(data, demand) as (pages, _):
            return stacked([self._rendered(page, 1 / demand.shrink, demand.interrupt) for page in pages])

    @contextmanager
    def _pages(self, data: bytes, demand: Demand) -> Iterator[tuple[Iterator[Any], int]]:
        with _held(_PDFIUM, demand.interrupt):
            document = self._opened(data)
            try:
                available = len(document)
                first, count = demand.selected(available)
                yield (document[index] for index in range(first, first + count)), available
            except self._module.PdfiumError as error:
                raise BrokenImage("the original's page cannot be read", private=str(error)) from error
            finally:
                document.close()  # and its pages

    def _opened(self, data: bytes) -> Any:
        try:
            return self._module.PdfDocument(data)
        except self._module.PdfiumError as error:
            if getattr(error, "err_code", None) == self._raw.FPDF_ERR_PASSWORD:
                raise UndecodableImage("the PDF is locked by a password") from error
            raise BrokenImage("the original's header cannot be read", private=str(error)) from error

    def _rendered(self, page: Any, scale: float, interrupt: Interrupt) -> pyvips.Image:
        raw = self._raw
        width, height = _size(page, scale)
        bitmap = self._module.PdfBitmap.new_native(width, height, raw.FPDFBitmap_BGRx, rev_byteorder=True)
        raw.FPDFBitmap_FillRect(bitmap, 0, 0, width, height, _WHITE)
        flags = raw.FPDF_ANNOT | raw.FPDF_REVERSE_BYTE_ORDER
        pause = self._pause(interrupt)
        status = raw.FPDF_RenderPageBitmap_Start(bitmap, page, 0, 0, width, height, 0, flags, pause)
        while status == raw.FPDF_RENDER_TOBECONTINUED and not interrupt.stopped:
            status = raw.FPDF_RenderPage_Continue(page, pause)
        raw.FPDF_RenderPage_Close(page)
        interrupt.check()
        if status != raw.FPDF_RENDER_DONE:
            raise BrokenImage("the original's page cannot be rendered")
        rows = image_from(bytes(bitmap.buffer), bitmap.stride // 4, height, 4)
        return rows.crop(0, 0, width, height)[0:3]

    def _pause(self, interrupt: Interrupt) -> Any:
        pause = self._raw.IFSDK_PAUSE(version=1)
        kind = type(pause.NeedToPauseNow)
        pause.NeedToPauseNow = kind(lambda _: int(interrupt.stopped))
        return pause


def _size(page: Any, scale: float) -> tuple[int, int]:
    width, height = page.get_size()
    if not (math.isfinite(width) and math.isfinite(height)):
        raise BrokenImage("the original's page has no size")
    return max(1, round(width * scale)), max(1, round(height * scale))


@contextmanager
def _held(lock: threading.Lock, interrupt: Interrupt) -> Iterator[None]:
    while not lock.acquire(timeout=_ASKED_AGAIN):
        interrupt.check()
    try:
        yield
    finally:
        lock.release()
