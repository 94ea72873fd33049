"""`imgproxy-py capacity`."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from typer.testing import Result

Run = Callable[..., Result]
GIVEN = ("capacity", "--peak", "1000", "--cdn-hits", "0.9", "--redis-hits", "0.5", "--made-ms", "50")
SMALL = ("--simulate", "--pictures", "200", "--requests", "2000", "--cdn-gb", "0.001", "--redis-gb", "0.001")


def test_it_tells_what_a_traffic_takes(run: Run) -> None:
    shown = run(*GIVEN).stdout
    assert "1,000/s at the edge, 100/s at the service" in shown
    assert "Replicas        4: 3 needed, the rest to spare" in shown
    assert "Redis           4.5 GB for 180,000 pictures" in shown
    assert "Costs" not in shown


def test_json_has_the_same_unrounded(run: Run) -> None:
    told = json.loads(run(*GIVEN, "--json").stdout)
    assert told["estimate"]["replicas"] == 4
    assert told["estimate"]["flows"]["made"] == pytest.approx(50)
    assert told["work"]["made_ms"] == 50
    assert set(told) == {"work", "estimate"}


def test_costs_are_those_of_the_prices_given(run: Run) -> None:
    shown = run(*GIVEN, "--price-cpu-hour", "0.05").stdout
    assert "  cpu_hour                292.00         5,840.0" in shown
    assert "not priced: memory_gb_hour, redis_gb_hour, cdn_gb" in shown
    told = json.loads(run(*GIVEN, "--price-cpu-hour", "0.05", "--json").stdout)["costs"]
    assert told["million_pictures"] == pytest.approx(292 / 2628)


def test_hit_ratios_can_be_simulated(run: Run) -> None:
    shown = run("capacity", "--peak", "100", *SMALL).stdout
    assert [line.split()[0] for line in shown.splitlines()[:5]] == ["Simulated", "cdn", "memory", "redis", "made"]
    told = json.loads(run("capacity", "--peak", "100", *SMALL, "--json").stdout)
    assert [one["name"] for one in told["simulation"]["tiers"]] == ["cdn", "memory", "redis"]
    made = told["simulation"]["made"] / told["simulation"]["requests"]
    assert told["estimate"]["flows"]["made"] == pytest.approx(100 * made)


def test_a_shield_is_part_of_the_cdn(run: Run) -> None:
    told = json.loads(run("capacity", "--peak", "100", *SMALL, "--shield-gb", "0.01", "--json").stdout)
    cdn, shield = told["simulation"]["tiers"][:2]
    assert (cdn["name"], shield["name"]) == ("cdn", "shield")
    reached = 100 * (1 - (cdn["hits"] + shield["hits"]) / told["simulation"]["requests"])
    assert told["estimate"]["flows"]["service"] == pytest.approx(reached)


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (("--mean", "9"), "peak 5, mean 9: expected 0 < mean ≤ peak"),
        (("--format", "heic"), "heic at 800 from 2mp: not measured"),
        (("--format", "webp=much"), "--format webp=much: expected a format and its share, as webp=0.7"),
        (("--cdn-hits", "95"), "cdn hits 95: expected a share, 0–1"),
        (("--simulate",), "--simulate needs --pictures"),
        (("--simulate", "--pictures", "0"), "0 pictures: expected 1–10,000,000"),
        (("--price-cdn-gb", "-1"), "cdn_gb -1: expected a price, from 0"),
    ],
)
def test_what_is_wrong_is_told(run: Run, flags: tuple[str, ...], said: str) -> None:
    result = run("capacity", "--peak", "5", *flags)
    assert result.exit_code == 2
    assert said in result.stderr
