"""The figures of docs/scaling.md: `.venv/bin/python -m loadtests.scaling --save`.

Simulates the same site at 1, 10, 100 and 1000 times its traffic: once with the same pictures, once with pictures that grow
along with the traffic, once more with a shield and longer lifetimes. Writes the tables into the page and draws the chart.
Some minutes and some hundred MB, most of it for the last of the four.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

from benchmarks.report import Table, replaced
from imgproxy_py.capacity import (
    Caching,
    Demand,
    Estimate,
    HitRatios,
    Replica,
    Scene,
    Simulated,
    TierSetup,
    Work,
    average,
    costs,
    estimate,
    simulate,
)

PAGE, CHART = Path("docs/scaling.md"), Path("docs/images/scaling.png")
SCALES = (1, 10, 100, 1000)
RATE, PICTURES, REQUESTS, ZIPF = 20, 5_000, 1_000_000, 0.9
EDGES, EDGE_BYTES, REDIS_BYTES = 4, 2e9, 2e9
DAY, HOUR = 86_400.0, 3600.0

_COLOURS = {"shield": "#5f8ab0", "memory": "#e3b341", "redis": "#c8553d", "made": "#2b2b2b"}
_NAMES = {"shield": "shield", "memory": "memory", "redis": "Redis", "made": "made"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A way to grow."""

    title: str
    label: str
    growing: bool
    shield: bool


PLANS = (
    Plan(title="The same pictures, more visitors", label="the same pictures", growing=False, shield=False),
    Plan(title="Pictures grow with the traffic, caches do not", label="pictures grow too", growing=True, shield=False),
    Plan(
        title="The same with a shield, and Redis that keeps for a day",
        label="pictures grow too, with a shield",
        growing=True,
        shield=True,
    ),
)


def main() -> None:
    """Simulate, print, and perhaps save."""
    parser = argparse.ArgumentParser(prog="python -m loadtests.scaling", description=__doc__.splitlines()[0])
    parser.add_argument("--save", action="store_true", help=f"write {PAGE} and {CHART} as well")
    parser.add_argument("--scales", type=int, nargs="+", default=list(SCALES), help="times the traffic")
    arguments = parser.parse_args()
    work = _work()
    found = {plan.title: [(scale, _simulated(plan, scale, work)) for scale in arguments.scales] for plan in PLANS}
    text = "\n\n".join(_table(plan, found[plan.title], work).text() for plan in PLANS) + "\n"
    print(text)
    if arguments.save:
        PAGE.write_text(replaced(PAGE.read_text(), text))
        _draw({plan.label: found[plan.title] for plan in PLANS})


def _work() -> Work:
    cost = average("2mp", 800, {"webp": 0.6, "avif": 0.3, "jpeg": 0.1})
    return Work(made_ms=cost.made_ms, picture_bytes=cost.picture_bytes, original_bytes=cost.original_bytes)


def _simulated(plan: Plan, scale: int, work: Work) -> Simulated:
    tiers = [TierSetup(name="cdn", instances=EDGES, bytes=EDGE_BYTES, lifetime=DAY)]
    if plan.shield:
        tiers.append(TierSetup(name="shield", bytes=EDGES * EDGE_BYTES, lifetime=DAY))
    cache = Replica().memory_cache_bytes
    processes = {1: 2, 10: 2, 100: 4, 1000: 16}.get(scale, 2)
    tiers.append(TierSetup(name="memory", instances=processes, bytes=cache, lifetime=300, overhead=1024))
    lifetime = DAY if plan.shield else HOUR
    tiers.append(TierSetup(name="redis", bytes=REDIS_BYTES, lifetime=lifetime, overhead=costs.REDIS_ENTRY_BYTES))
    return simulate(
        Scene(
            pictures=PICTURES * (scale if plan.growing else 1),
            zipf=ZIPF,
            rate=RATE * scale,
            mean_bytes=work.picture_bytes,
            tiers=tuple(tiers),
            requests=REQUESTS * (4 if plan.growing and scale >= 1000 else 1),
        )
    )


def _table(plan: Plan, found: list[tuple[int, Simulated]], work: Work) -> Table:
    shield = ["shield, of asked"] if plan.shield else []
    table = Table(
        plan.title,
        ["", "requests/s", "pictures", "CDN", *shield, "memory, of asked", "Redis, of asked", "made/s", "replicas", "origin"],
    )  # fmt: skip
    for scale, one in found:
        estimated = _estimated(scale, one, work)
        ratios = [f"{tier.ratio:.1%}" for tier in one.tiers]
        table.add(
            f"{scale:,}×",
            f"{RATE * scale:,}",
            f"{PICTURES * (scale if plan.growing else 1):,}",
            *ratios,
            f"{estimated.flows.made:,.2f}",
            str(estimated.replicas),
            f"{estimated.origin_traffic * 8 / 1e6:,.1f} Mbit/s",
        )
    return table


def _estimated(scale: int, found: Simulated, work: Work) -> Estimate:
    rate = float(RATE * scale)
    cdn = 1 - (1 - found.ratio("cdn")) * (1 - found.ratio("shield"))
    ratios = HitRatios(cdn=cdn, memory=found.ratio("memory"), redis=found.ratio("redis"))
    return estimate(Demand(peak=rate, mean=rate), ratios, work, Replica(), Caching())


# --- the chart ---------------------------------------------------------------------------------------------------------

_WIDTH, _HEIGHT, _LEFT, _TOP, _PLOT, _GAP = 1120, 470, 70, 86, 290, 60


def _draw(found: dict[str, list[tuple[int, Simulated]]]) -> None:
    """Draw what the CDN did not have: by which tier it was found, or made. The rest of each column is the CDN's."""
    import pyvips

    most = max(_behind_cdn(one) for row in found.values() for _, one in row)
    ceiling = next(step for step in (0.01, 0.02, 0.04, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0) if step >= most)
    parts = [
        _text(_LEFT, 34, "Of 100 requests, how many pass the CDN's edges, and who answers them", 20, "start", "bold")
    ]
    parts += _legend()
    for place, (title, row) in enumerate(found.items()):
        parts += _panel(_LEFT + place * (_PLOT + _GAP), title, row, ceiling)
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{_HEIGHT}"><rect width="100%" height="100%" fill="white"/>{"".join(parts)}</svg>'  # noqa: E501
    CHART.parent.mkdir(exist_ok=True)
    image = pyvips.Image.svgload_buffer(svg.encode())
    image.flatten(background=[255, 255, 255]).pngsave(str(CHART), palette=True, keep=0)


def _panel(left: int, title: str, row: list[tuple[int, Simulated]], ceiling: float) -> list[str]:
    floor, tall = _HEIGHT - 60, _HEIGHT - 60 - _TOP - 50
    parts = [_text(left, _TOP + 26, title, 13, "start", "bold")]
    for step in range(5):
        y = floor - tall * step / 4
        parts.append(f'<path d="M{left} {y:.1f}h{_PLOT}" stroke="#ddd"/>')
        parts.append(_text(left - 8, y + 4, f"{ceiling * 100 * step / 4:g}", 12, "end"))
    for number, (scale, one) in enumerate(row):
        x, y = left + 18 + number * 70, float(floor)
        shares = [(tier.name, tier.hits / one.requests) for tier in one.tiers if tier.name != "cdn"]
        for name, share in [("made", one.made / one.requests), *reversed(shares)]:
            height = tall * share / ceiling
            y -= height
            parts.append(f'<rect x="{x}" y="{y:.2f}" width="46" height="{height:.2f}" fill="{_COLOURS[name]}"/>')
        parts.append(_text(x + 23, y - 6, f"{_behind_cdn(one) * 100:.2g}", 12, "middle"))
        parts.append(_text(x + 23, floor + 20, f"{scale:,}×", 13, "middle"))
    return parts


def _legend() -> list[str]:
    parts = []
    for place, name in enumerate(("shield", "memory", "redis", "made")):
        x = _LEFT + place * 110
        parts.append(f'<rect x="{x}" y="52" width="14" height="14" fill="{_COLOURS[name]}"/>')
        parts.append(_text(x + 20, 64, _NAMES[name], 14, "start"))
    parts.append(_text(_WIDTH // 2, _HEIGHT - 14, "times the traffic of the smallest site", 13, "middle"))
    return parts


def _behind_cdn(found: Simulated) -> float:
    return 1 - found.ratio("cdn")


def _text(x: float, y: float, text: str, size: int, anchor: str, weight: str = "normal") -> str:
    style = f'font-family="sans-serif" font-size="{size}" text-anchor="{anchor}" font-weight="{weight}" fill="#222"'
    return f'<text x="{x}" y="{y:.1f}" {style}>{text}</text>'


if __name__ == "__main__":
    main()
