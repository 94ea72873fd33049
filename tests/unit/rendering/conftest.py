from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.fakes import quiet_loop


@pytest.fixture(autouse=True)
async def no_noise() -> AsyncIterator[None]:
    async with quiet_loop():
        yield
