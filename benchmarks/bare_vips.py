"""The bare loop: a file is read, decoded, resized, converted to sRGB, encoded. Nothing else.

Told by a line of JSON which picture and how; then, line by line, how often. What a service has to find out (the size,
the orientation, the profile, by how much the decoder may shrink) is known here before the loop begins.
"""

from __future__ import annotations

import hashlib
import json
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyvips

_ANGLES = {1: 0, 3: 180, 6: 90, 8: 270}  # mirrored originals are none of our cases
_SCREEN = 72 / 25.4


@dataclass(frozen=True, slots=True, kw_only=True)
class Steps:
    """The arguments of each call, known beforehand."""

    path: str
    load: dict[str, Any]
    scale: tuple[float, float]
    angle: int
    connection_space: str
    saver: str
    save: dict[str, Any]


def known_steps(path: str, width: int, saver: str, save: dict[str, Any]) -> Steps:
    """Find out what the loop needs to know to make a picture of that width."""
    image = pyvips.Image.new_from_file(path)
    angle = _ANGLES[image.get("orientation") if image.get_typeof("orientation") else 1]
    wanted = width / (image.width if angle % 180 == 0 else image.height)
    width, height = max(1, round(image.width * wanted)), max(1, round(image.height * wanted))
    possible = min(image.width / width, image.height / height)
    shrink = next((power for power in (8, 4, 2) if power <= possible), 1)
    load: dict[str, Any] = {"access": "sequential", "fail_on": "truncated"} | ({"shrink": shrink} if shrink > 1 else {})
    loaded = pyvips.Image.new_from_file(path, **load)
    return Steps(
        path=path,
        load=load,
        scale=(wanted * (image.width / loaded.width), wanted * (image.height / loaded.height)),
        angle=angle,
        connection_space=_connection_space(image),
        saver=saver,
        save=save,
    )


def make(steps: Steps) -> bytes:
    """Make the picture once."""
    data = Path(steps.path).read_bytes()
    image = pyvips.Operation.call("jpegload_buffer", data, **steps.load)
    image = image.copy(xres=_SCREEN, yres=_SCREEN)
    image = image.resize(steps.scale[0], vscale=steps.scale[1])
    if steps.angle:
        image = image.copy_memory().rot(f"d{steps.angle}")
    if steps.connection_space:
        image = image.icc_transform("srgb", embedded=True, pcs=steps.connection_space, depth=8)
    made: bytes = pyvips.Operation.call(steps.saver, image, keep=0, **steps.save)
    return made


def _connection_space(image: pyvips.Image) -> str:
    """Give the connection space of the profile, blank if there is nothing to convert."""
    if not image.get_typeof("icc-profile-data"):
        return ""
    profile = image.get("icc-profile-data")
    if profile[48:56] == b"IEC sRGB":
        return ""
    return "xyz" if profile[20:24] == b"XYZ " else "lab"


def main() -> None:
    """Say what the picture is like; then make it as often as each line says."""
    pyvips.concurrency_set(1)
    pyvips.cache_set_max(0)
    asked = json.loads(sys.stdin.readline())
    steps = known_steps(asked["path"], asked["width"], asked["saver"], asked["save"])
    _say(_described(make(steps)))
    with ThreadPoolExecutor(asked["threads"]) as pool:
        for line in sys.stdin:
            _repeat(steps, int(line), pool if asked["threads"] > 1 else None)
            _say({})


def _repeat(steps: Steps, times: int, pool: ThreadPoolExecutor | None) -> None:
    if pool is None:
        for _ in range(times):
            make(steps)
    else:
        for future in [pool.submit(make, steps) for _ in range(times)]:
            future.result()


def _described(data: bytes) -> dict[str, Any]:
    image = pyvips.Image.new_from_buffer(data, "")
    return {
        "width": image.width,
        "height": image.height,
        "bytes": len(data),
        "digest": hashlib.sha256(data).hexdigest(),
    }


def _say(value: dict[str, Any]) -> None:
    print(json.dumps(value), flush=True)


if __name__ == "__main__":
    main()
