"""What `imgproxy-py capacity` begins from, measured: `.venv/bin/python -m loadtests.costs`.

CPU of a picture by original, width and format; memory by threads at work; what Redis needs for an entry. The service is
the real one, on loopback, with the settings it has by default but for caches. A few minutes; stop what else runs.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from pathlib import Path

from benchmarks.arithmetic import Spread
from benchmarks.machine import machine
from benchmarks.processes import HOST, free_port, get, running, wait_for
from benchmarks.service import Service, serving, signed
from imgproxy_py.caches.codec import encode
from imgproxy_py.recipe.formats import Format
from imgproxy_py.recipe.picture import Picture

ORIGINALS = {"2 MP": "landscape.jpg", "12 MP": "portrait-12mp.jpg"}
WIDTHS = (400, 800, 1600)
FORMATS = ("jpeg", "webp", "avif", "png")
_WITHOUT_CACHES = {"IMGPROXY_MEMORY_CACHE_BYTES": "0"}
_SECONDS_EACH = 0.3


def main() -> None:
    """Measure all and print it as Markdown."""
    parser = argparse.ArgumentParser(prog="python -m loadtests.costs", description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5, metavar="N", help="rounds of each case (5)")
    parser.add_argument("--pictures", type=Path, default=Path("var/samples"), help="where the originals are")
    arguments = parser.parse_args()
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="imgproxy-costs-") as work:
        print(_processor(arguments.pictures, Path(work), arguments.rounds))
        print(_memory(arguments.pictures, Path(work)))
        print(_redis(Path(work)))
    print(machine(load))


def _target(original: str, width: int, output: str) -> str:
    return signed(f"/rs:fit:{width}:0/plain/local:///{original}@{output}")


def _processor(pictures: Path, work: Path, rounds: int) -> str:
    lines = ["| original | width | format | CPU ms | KB |", "|---|---:|---|---:|---:|"]
    with serving(pictures, work, _WITHOUT_CACHES | {"IMGPROXY_WORKERS": "1"}) as service:
        for name, original in ORIGINALS.items():
            for width in WIDTHS:
                for output in FORMATS:
                    spread, size = _cost(service, _target(original, width, output), rounds)
                    lines.append(f"| {name} | {width} | {output} | {spread.text(1)} | {size / 1000:.1f} |")
    return "\n".join(lines) + "\n"


def _cost(service: Service, target: str, rounds: int) -> tuple[Spread, int]:
    connection = HTTPConnection(HOST, service.port, timeout=60)
    size = _ask(connection, target)
    before = service.cpu()
    _ask(connection, target)
    times = max(2, round(_SECONDS_EACH / max(service.cpu() - before, 0.001)))
    figures = []
    for _ in range(rounds):
        before = service.cpu()
        for _ in range(times):
            _ask(connection, target)
        figures.append((service.cpu() - before) * 1000 / times)
    connection.close()
    return Spread.of(figures), size


def _ask(connection: HTTPConnection, target: str) -> int:
    connection.request("GET", target)
    answer = connection.getresponse()
    body = answer.read()
    if answer.status != 200:
        raise RuntimeError(f"{answer.status}: {body[:200]!r}")
    return len(body)


def _memory(pictures: Path, work: Path) -> str:
    lines = ["| threads at work | at rest before, MB | greatest, MB |", "|---:|---:|---:|"]
    targets = [_target("portrait-12mp.jpg", width, output) for width in WIDTHS for output in ("webp", "avif")]
    for threads in (1, 2, 4):
        with serving(pictures, work, _WITHOUT_CACHES | {"IMGPROXY_WORKERS": str(threads)}) as service:
            get(service.port, _target("landscape.jpg", 96, "jpeg"))
            rest = _kilobytes(service.pid, "VmRSS")
            _at_once(service, targets * 4, threads)
            lines.append(f"| {threads} | {rest / 1000:.0f} | {_kilobytes(service.pid, 'VmHWM') / 1000:.0f} |")
    return "\n".join(lines) + "\n"


def _at_once(service: Service, targets: Sequence[str], threads: int) -> None:
    with ThreadPoolExecutor(threads) as pool:
        for status, _, _ in pool.map(lambda target: get(service.port, target), targets):
            if status != 200:
                raise RuntimeError(f"the server answered {status}")


def _kilobytes(pid: int, name: str) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1])
    raise RuntimeError(f"the kernel does not tell {name}")


def _redis(work: Path) -> str:
    command = shutil.which("redis-server")
    if command is None:
        return "no redis-server here\n"
    lines = ["| bytes of picture | bytes in Redis, each | beside the picture |", "|---:|---:|---:|"]
    port, log = free_port(), work / "redis.log"
    with running([command, "--port", str(port), "--save", "", "--appendonly", "no"], log, {}) as process:
        wait_for(process, port, log)
        for size in (2_000, 10_000, 20_000, 50_000, 200_000):
            each = asyncio.run(_redis_entry(port, size))
            lines.append(f"| {size:,} | {each:,.0f} | {each - size:,.0f} |")
    return "\n".join(lines) + "\n"


async def _redis_entry(port: int, size: int) -> float:
    from redis.asyncio import Redis

    redis = Redis(host=HOST, port=port)
    await redis.flushall()
    before = (await redis.info("memory"))["used_memory"]
    count, sizes = 2000, []
    for number in range(count):
        length = round(size * (0.5 + number / count))  # 0.5 to 1.5 times: allocators round, by size
        sizes.append(length)
        await redis.set(f"imgproxy:{number:064d}", encode(_picture(length)), ex=3600)
    used = (await redis.info("memory"))["used_memory"] - before
    await redis.aclose()
    return used / count - (sum(sizes) / count - size)


def _picture(length: int) -> Picture:
    return Picture(
        data=bytes(length),
        format=Format.WEBP,
        width=800,
        height=450,
        origin_format=Format.JPEG,
        origin_width=4000,
        origin_height=3000,
        origin_bytes=4_000_000,
        etag='"' + "a" * 32 + '"',
        source="s3://photos/2026/11/some-longer-name-of-a-picture.jpg",
    )


if __name__ == "__main__":
    main()
