"""What a picture costs, by original, width and format: figures measured on one machine, to begin from.

Measured by `python -m loadtests.costs` (CPU, memory, entries in Redis) and `python -m benchmarks hits` on two CPUs of a
2.8 GHz Xeon, libvips 8.18.7, other work going on beside; medians, rounded. A machine of your own gives others.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

MEMORY_HIT_MS = 0.15
REDIS_HIT_MS = 0.28
STORE_HIT_MS = 0.85
"""A hit in Redis and what aiobotocore takes for one GET more."""
LOOP_MS_OF_MADE = 1.0
"""What of the cost of a picture is the event loop's, and so one CPU's for each process."""

PROCESS_BYTES = 250_000_000
"""The greatest resident size of a process that makes pictures of 12 megapixels, but for each thread's share."""
THREAD_BYTES = 35_000_000
SHARED_BYTES = 96 * 1024 * 1024
"""What pictures of one original share in each process, as set by default: originals and pixels, both full."""

REDIS_ENTRY_BYTES = 600
"""What an entry takes in Redis beside its picture: key, our header, Redis' own."""
REDIS_FACTOR = 1.11
"""What a picture takes in Redis for each of its bytes: allocators round up."""
MEMORY_ENTRY_BYTES = 1280
"""What the cache in memory counts for an entry beside its picture."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """Milliseconds of CPU to make a picture, how large it is, and how large its original."""

    made_ms: float
    picture_bytes: float
    original_bytes: float


_ORIGINAL_BYTES = {"2mp": 288_000, "12mp": 2_235_000}

# original, width, format: milliseconds of CPU, kilobytes
_MEASURED: dict[tuple[str, int, str], tuple[float, float]] = {
    ("2mp", 400, "jpeg"): (11, 12.8),
    ("2mp", 400, "webp"): (21, 7.4),
    ("2mp", 400, "avif"): (38, 8.4),
    ("2mp", 400, "png"): (28, 118),
    ("2mp", 800, "jpeg"): (22, 36.5),
    ("2mp", 800, "webp"): (63, 17.6),
    ("2mp", 800, "avif"): (90, 20.6),
    ("2mp", 800, "png"): (74, 414),
    ("2mp", 1600, "jpeg"): (53, 146),
    ("2mp", 1600, "webp"): (212, 68.7),
    ("2mp", 1600, "avif"): (212, 88.3),
    ("2mp", 1600, "png"): (237, 1553),
    ("12mp", 400, "jpeg"): (55, 20.1),
    ("12mp", 400, "webp"): (74, 10.1),
    ("12mp", 400, "avif"): (115, 12.2),
    ("12mp", 400, "png"): (124, 215),
    ("12mp", 800, "jpeg"): (129, 55.0),
    ("12mp", 800, "webp"): (187, 22.9),
    ("12mp", 800, "avif"): (193, 27.0),
    ("12mp", 800, "png"): (225, 741),
    ("12mp", 1600, "jpeg"): (259, 208),
    ("12mp", 1600, "webp"): (444, 60.4),
    ("12mp", 1600, "avif"): (486, 88.1),
    ("12mp", 1600, "png"): (707, 3047),
}

COSTS: Mapping[tuple[str, int, str], Cost] = {
    key: Cost(made_ms=ms, picture_bytes=kilobytes * 1000, original_bytes=_ORIGINAL_BYTES[key[0]])
    for key, (ms, kilobytes) in _MEASURED.items()
}


def average(original: str, width: int, shares: Mapping[str, float]) -> Cost:
    """Give the mean cost over formats by their shares, which need not add up to 1.

    Raises `ValueError` for what was not measured and for shares that are negative or all nothing.
    """
    total = sum(shares.values())
    if total <= 0 or min(shares.values()) < 0:
        raise ValueError(f"shares of formats {dict(shares)}: expected numbers from 0, not all of them 0")
    known = {name: COSTS.get((original, width, name)) for name in shares}
    if lacking := [name for name, cost in known.items() if cost is None]:
        raise ValueError(f"{', '.join(lacking)} at {width} from {original}: not measured; {_measured()}")
    found = [(cost, shares[name] / total) for name, cost in known.items() if cost is not None]
    return Cost(
        made_ms=sum(cost.made_ms * share for cost, share in found),
        picture_bytes=sum(cost.picture_bytes * share for cost, share in found),
        original_bytes=_ORIGINAL_BYTES[original],
    )


def _measured() -> str:
    originals, widths, formats = ({key[place] for key in COSTS} for place in range(3))
    return f"{', '.join(sorted(originals))} × {', '.join(map(str, sorted(widths)))} × {', '.join(sorted(formats))} are"  # type: ignore[arg-type]
