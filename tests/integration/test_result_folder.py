"""A service keeps its folder of results within the bounds that are set."""

from __future__ import annotations

import os
import time
from pathlib import Path

from imgproxy_py.assembly import open_studio
from imgproxy_py.settings import Settings
from tests.fakes import until


async def test_a_service_sweeps_its_folder_of_results(tmp_path: Path) -> None:
    (place := tmp_path / "ab" / "cd").mkdir(parents=True)
    old, young = place / ("0" * 64), place / ("1" * 64)
    for path, unused in ((old, 7200), (young, 60)):
        path.write_bytes(b"x")
        os.utime(path, (0, time.time() - unused))
    settings = Settings.load({"result_store": f"local://{tmp_path}", "result_store_max_age": 3600})
    async with open_studio(settings):
        await until(lambda: not old.exists())
    assert young.exists()
