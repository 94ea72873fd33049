"""What a traffic takes, in words."""

from __future__ import annotations

from collections.abc import Iterator

from imgproxy_py import capacity as model
from imgproxy_py.capacity.prices import units

_KB, _GB, _MB = 1e3, 1e9, 1e6


def report(
    demand: model.Demand,
    work: model.Work,
    found: model.Simulated | None,
    estimate: model.Estimate,
    bill: model.Bill,
) -> Iterator[str]:
    """Give the lines: what a simulation found, if there was one, the estimate, and what of it has a price."""
    yield from _simulation_lines(found)
    yield from _lines(demand, work, estimate)
    yield from _bill_lines(estimate, bill)


def _simulation_lines(found: model.Simulated | None) -> Iterator[str]:
    if found is None:
        return
    yield f"{'Simulated':<12}{'asked':>12}{'found':>12}{'of asked':>10}{'of all':>10}"
    for one in found.tiers:
        yield f"  {one.name:<10}{one.asked:>12,}{one.hits:>12,}{one.ratio:>10.1%}{one.hits / found.requests:>10.1%}"
    yield f"  {'made':<10}{found.made:>12,}{'':>22}{found.made / found.requests:>10.2%}"
    yield ""


def _lines(demand: model.Demand, work: model.Work, found: model.Estimate) -> Iterator[str]:
    flows = found.flows
    yield f"Pictures        {work.made_ms:.0f} ms of CPU to make, {_size(work.picture_bytes)} each"
    yield f"                from originals of {_size(work.original_bytes)}"
    yield f"At the peak     {_rate(demand.peak)} at the edge, {_rate(flows.service)} at the service"
    yield f"                of those {_rate(flows.memory)} from memory, {_rate(flows.redis)} from Redis,"
    yield f"                {_rate(flows.store)} from the store of results, {_rate(flows.made)} made"
    yield ""
    yield f"CPUs busy       {found.cpus_busy:.2f}"
    yield f"Replicas        {found.replicas}: {found.replicas_needed} needed, the rest to spare"
    yield (
        f"  each          {found.cpus_each:g} CPUs, {_size(found.memory_each)} of memory, "
        f"{found.processes_each} process{'es' if found.processes_each > 1 else ''}, {_bits(found.network_each)}"
    )
    yield f"  without CDN   at most {found.replicas_without_cdn} needed while it is empty"
    if found.redis_requests:
        yield f"Redis           {_size(found.redis_bytes)} for {found.redis_entries:,.0f} pictures"
        yield f"                {_rate(found.redis_requests)}, {_bits(found.redis_traffic)}"
    yield f"Originals       {_rate(flows.made)}, {_bits(found.origin_traffic)}"
    yield f"S3              {_rate(found.s3_gets)} GET, {_rate(found.s3_puts)} PUT, if originals are there"
    yield ""
    yield f"In a month      {found.pictures_month / 1e6:,.1f} million pictures"
    yield f"                {_size(found.cdn_bytes_month)} leave the CDN, {_size(found.service_bytes_month)} the service"
    yield f"                {_size(found.origin_bytes_month)} of originals"
    yield f"                {found.s3_gets_month / 1e6:,.2f} million GETs, {found.s3_puts_month / 1e6:,.2f} million PUTs"


def _bill_lines(estimate: model.Estimate, bill: model.Bill) -> Iterator[str]:
    if not bill.lines:
        return
    quantities = units(estimate)
    yield ""
    yield f"{'Costs':<18}{'a month':>14}{'quantity':>16}"
    for name, amount in bill.lines.items():
        yield f"  {name:<16}{amount:>14,.2f}{quantities[name]:>16,.1f}"
    yield f"  {'all of these':<16}{bill.month:>14,.2f}"
    yield f"  {'per million':<16}{bill.million_pictures:>14,.4f}"
    if bill.not_priced:
        yield f"  not priced: {', '.join(bill.not_priced)}"


def _rate(value: float) -> str:
    return f"{value:,.0f}/s" if value >= 100 else f"{value:,.3g}/s"


def _size(value: float) -> str:
    for unit, size in (("TB", 1e12), ("GB", _GB), ("MB", _MB)):
        if value >= size:
            return f"{value / size:,.1f} {unit}"
    return f"{value / _KB:,.1f} KB"


def _bits(value: float) -> str:
    return f"{value * 8 / _MB:,.1f} Mbit/s"
