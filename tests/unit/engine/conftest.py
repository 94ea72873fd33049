"""What tests of the engine share."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from imgproxy_py.engine import libvips
from tests.unit.engine.making import pixels_beyond


@pytest.fixture
def no_pixels_left() -> Iterator[None]:
    """The test leaves no pixels in memory that were not there before."""
    gc.collect()
    before = libvips.memory()
    yield
    assert pixels_beyond(before) <= 0
