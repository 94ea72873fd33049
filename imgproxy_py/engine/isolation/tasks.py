"""What is done in isolation, written once for both sides."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any, Protocol

from imgproxy_py.engine.encoding import Encoding, encode
from imgproxy_py.engine.isolation.sheet import Sheet, read, written
from imgproxy_py.engine.loading import AtOnce, ImageFile
from imgproxy_py.engine.settings import EngineSettings
from imgproxy_py.recipe.formats import Format
from imgproxy_py.recipe.model import Loading


class Task(Protocol):
    """Work for another process, which hands over what it makes in `outbox`, a file of memory, and tells of it."""

    def perform(self, settings: EngineSettings, inbox: int, outbox: int) -> dict[str, Any]:
        """Do it, with what is in `inbox`; the answer is what JSON can hold."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Encode:
    """Encode the image in the inbox; the file's bytes are put into the outbox."""

    encoding: Encoding
    sheet: Sheet

    def perform(self, settings: EngineSettings, inbox: int, outbox: int) -> dict[str, Any]:
        """Give the length of the file."""
        data = encode(read(self.sheet, inbox), self.encoding, settings)
        with os.fdopen(outbox, "wb", closefd=False) as file:
            file.write(data)
        return {"length": len(data)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Decode:
    """Decode the file in the inbox, all its pixels at once; they are put into the outbox."""

    format: Format
    length: int
    tolerant: bool
    loading: Loading
    shrink: float
    embedded_thumbnail: bool

    def perform(self, settings: EngineSettings, inbox: int, outbox: int) -> dict[str, Any]:
        """Give the sheet that describes the pixels."""
        data = os.pread(inbox, self.length, 0)
        file = ImageFile(data=data, format=self.format, tolerant=self.tolerant, loading=self.loading)
        image = file.open(shrink=self.shrink, embedded_thumbnail=self.embedded_thumbnail, at_once=AtOnce.YES)
        return written(image, outbox).document()
