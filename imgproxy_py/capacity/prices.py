"""What it costs, in the currency of the prices. There are none by default: a price that was not given is not counted."""

from __future__ import annotations

from dataclasses import dataclass, fields

from imgproxy_py.capacity.model import HOURS_A_MONTH, Estimate

_GB = 1e9
_MILLION = 1e6


@dataclass(frozen=True, slots=True, kw_only=True)
class Prices:
    """Prices of units; none where it was not given."""

    cpu_hour: float | None = None
    memory_gb_hour: float | None = None
    redis_gb_hour: float | None = None
    cdn_gb: float | None = None
    cdn_million: float | None = None
    service_gb: float | None = None
    origin_gb: float | None = None
    s3_million_gets: float | None = None
    s3_million_puts: float | None = None

    def __post_init__(self) -> None:
        for one in fields(self):
            price = getattr(self, one.name)
            if price is not None and price < 0:
                raise ValueError(f"{one.name} {price:g}: expected a price, from 0")


@dataclass(frozen=True, slots=True, kw_only=True)
class Bill:
    """A month's costs by unit, and what a million pictures cost."""

    lines: dict[str, float]
    not_priced: tuple[str, ...]
    month: float
    million_pictures: float


def bill(estimate: Estimate, prices: Prices) -> Bill:
    """Price what an estimate needs. All replicas run all month: with autoscaling less, down to the mean's share."""
    quantities = units(estimate)
    given = {name: getattr(prices, name) for name in quantities}
    lines = {name: quantities[name] * price for name, price in given.items() if price is not None}
    month = sum(lines.values())
    return Bill(
        lines=lines,
        not_priced=tuple(name for name, price in given.items() if price is None and quantities[name]),
        month=month,
        million_pictures=month / estimate.pictures_month * _MILLION,
    )


def units(estimate: Estimate) -> dict[str, float]:
    """Give a month's quantities in the units of the prices."""
    return {
        "cpu_hour": estimate.replicas * estimate.cpus_each * HOURS_A_MONTH,
        "memory_gb_hour": estimate.replicas * estimate.memory_each / _GB * HOURS_A_MONTH,
        "redis_gb_hour": estimate.redis_bytes / _GB * HOURS_A_MONTH,
        "cdn_gb": estimate.cdn_bytes_month / _GB,
        "cdn_million": estimate.pictures_month / _MILLION if estimate.cdn_bytes_month else 0.0,
        "service_gb": estimate.service_bytes_month / _GB,
        "origin_gb": estimate.origin_bytes_month / _GB,
        "s3_million_gets": estimate.s3_gets_month / _MILLION,
        "s3_million_puts": estimate.s3_puts_month / _MILLION,
    }
