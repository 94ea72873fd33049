"""`imgproxy-py capacity`."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated, Any

import typer

from imgproxy_py import capacity as model
from imgproxy_py.capacity import costs
from imgproxy_py.cli.capacity_report import report
from imgproxy_py.cli.refusing import refusals

NAME = "capacity"
SUMMARY = "Work out replicas, Redis and costs from traffic."
HELP = (
    "Print what a traffic takes: replicas, CPU and memory, Redis, traffic to originals, requests to S3, and, of what "
    "prices are given for, costs. The hit ratios are yours (--cdn-hits and so on; none unless given), or with --simulate those "
    "of Zipf traffic over CDN, memory and Redis. What a picture costs is taken from a table that was measured on one "
    "machine; --made-ms, --picture-kb and --original-kb replace it. docs/scaling.md explains every figure."
)
EXAMPLES = """\b
Examples:
  imgproxy-py capacity --peak 2000 --mean 800 --cdn-hits 0.95 --redis-hits 0.5
  imgproxy-py capacity --peak 2000 --cdn-hits 0.95 --original 12mp --width 400 --format webp=0.7 --format avif=0.3
  imgproxy-py capacity --peak 500 --made-ms 45 --picture-kb 30 --original-kb 3000 --cpus 4 --json
  imgproxy-py capacity --peak 500 --simulate --pictures 100000 --zipf 0.9 --cdn-gb 5 --cdn-edges 4 --redis-gb 2
  imgproxy-py capacity --peak 500 --cdn-hits 0.9 --price-cpu-hour 0.04 --price-cdn-gb 0.05   # your prices, not ours
"""

_KB, _GB, _MB = 1e3, 1e9, 1e6


def run(
    peak: Annotated[float, typer.Option(help="Requests a second at the CDN in the busiest time.")],
    mean: Annotated[float | None, typer.Option(help="The same, mean of a month; the peak's unless given.")] = None,
    cdn_hits: Annotated[float, typer.Option(help="Share of all requests that the CDN answers, 0–1.")] = 0.0,
    memory_hits: Annotated[float, typer.Option(help="Share of what reaches the service that memory has.")] = 0.0,
    redis_hits: Annotated[float, typer.Option(help="Share of what memory does not have that Redis has.")] = 0.0,
    store_hits: Annotated[float | None, typer.Option(help="Share of the rest that the store of results has.")] = None,
    original: Annotated[str, typer.Option(help="Size of originals in the table: 2mp, 12mp.")] = "2mp",
    width: Annotated[int, typer.Option(help="Width of pictures in the table: 400, 800, 1600.")] = 800,
    output: Annotated[
        list[str] | None, typer.Option("--format", help="Format and its share: webp=0.7. May be repeated.")
    ] = None,
    made_ms: Annotated[float | None, typer.Option(help="CPU of a picture made, in place of the table's.")] = None,
    picture_kb: Annotated[float | None, typer.Option(help="Mean size of pictures, likewise.")] = None,
    original_kb: Annotated[float | None, typer.Option(help="Mean size of originals, likewise.")] = None,
    cpus: Annotated[float, typer.Option(help="CPUs of a replica.")] = 2.0,
    utilisation: Annotated[float, typer.Option(help="How busy replicas may be at the peak, 0–1.")] = 0.6,
    spare: Annotated[int, typer.Option(help="Replicas beyond those needed.")] = 1,
    memory_cache_mb: Annotated[float, typer.Option(help="IMGPROXY_MEMORY_CACHE_BYTES, in MB.")] = 134.2,
    redis_lifetime: Annotated[float, typer.Option(help="IMGPROXY_REDIS_CACHE_EXPIRATION_SECONDS.")] = 3600.0,
    pictures: Annotated[int | None, typer.Option(help="How many different pictures are asked for.")] = None,
    simulated: Annotated[bool, typer.Option("--simulate", help="Find hit ratios out; needs --pictures.")] = False,
    zipf: Annotated[float, typer.Option(help="Simulation: exponent of Zipf's law.")] = 0.9,
    cdn_gb: Annotated[float, typer.Option(help="Simulation: GB of an edge's cache; 0 for no CDN.")] = 0.0,
    cdn_edges: Annotated[int, typer.Option(help="Simulation: edges that do not share their caches.")] = 4,
    cdn_lifetime: Annotated[float, typer.Option(help="Simulation: seconds that the CDN keeps.")] = 86400.0,
    shield_gb: Annotated[float, typer.Option(help="Simulation: GB of a shield behind the edges; 0 for none.")] = 0.0,
    processes: Annotated[int, typer.Option(help="Simulation: processes of all replicas, each with a cache.")] = 2,
    memory_lifetime: Annotated[
        float, typer.Option(help="Simulation: IMGPROXY_MEMORY_CACHE_EXPIRATION_SECONDS.")
    ] = 300.0,
    redis_gb: Annotated[float, typer.Option(help="Simulation: GB of Redis; 0 for none.")] = 0.0,
    requests: Annotated[int, typer.Option(help="Simulation: requests, of which the second half counts.")] = 500_000,
    seed: Annotated[int, typer.Option(help="Simulation: another one draws other requests.")] = 1,
    price_cpu_hour: Annotated[float | None, typer.Option(help="Price of a CPU for an hour.")] = None,
    price_memory_gb_hour: Annotated[float | None, typer.Option(help="… of a replica's GB for an hour.")] = None,
    price_redis_gb_hour: Annotated[float | None, typer.Option(help="… of a GB of Redis for an hour.")] = None,
    price_cdn_gb: Annotated[float | None, typer.Option(help="… of a GB that leaves the CDN.")] = None,
    price_cdn_million: Annotated[float | None, typer.Option(help="… of a million requests to the CDN.")] = None,
    price_service_gb: Annotated[float | None, typer.Option(help="… of a GB that leaves the service.")] = None,
    price_origin_gb: Annotated[float | None, typer.Option(help="… of a GB of originals fetched.")] = None,
    price_s3_million_gets: Annotated[float | None, typer.Option(help="… of a million GETs to S3.")] = None,
    price_s3_million_puts: Annotated[float | None, typer.Option(help="… of a million PUTs to S3.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON: bytes, seconds, unrounded.")] = False,
) -> None:
    """Print the estimate."""
    with refusals():
        demand = model.Demand(peak=peak, mean=peak if mean is None else mean)
        work = _work(original, width, _shares(output or ["webp"]), made_ms, picture_kb, original_kb)
        ratios = model.HitRatios(cdn=cdn_hits, memory=memory_hits, redis=redis_hits, store=store_hits)
        found = None
        if simulated:
            tiers = (
                _tier("cdn", cdn_gb * _GB, cdn_lifetime, instances=cdn_edges),
                _tier("shield", shield_gb * _GB, cdn_lifetime),
                _tier("memory", memory_cache_mb * _MB, memory_lifetime, costs.MEMORY_ENTRY_BYTES, processes),
                _tier("redis", redis_gb * _GB, redis_lifetime, costs.REDIS_ENTRY_BYTES),
            )
            found = _simulate(demand.mean, work, tiers, pictures, zipf, requests, seed)
            ratios = _found_ratios(found, store_hits)
        replica = _replica(cpus, utilisation, spare, memory_cache_mb)
        caching = model.Caching(redis_lifetime=redis_lifetime, pictures=pictures)
        estimate = model.estimate(demand, ratios, work, replica, caching)
        prices = model.Prices(
            cpu_hour=price_cpu_hour,
            memory_gb_hour=price_memory_gb_hour,
            redis_gb_hour=price_redis_gb_hour,
            cdn_gb=price_cdn_gb,
            cdn_million=price_cdn_million,
            service_gb=price_service_gb,
            origin_gb=price_origin_gb,
            s3_million_gets=price_s3_million_gets,
            s3_million_puts=price_s3_million_puts,
        )
    _show(demand, work, found, estimate, model.bill(estimate, prices), as_json=as_json)


def _shares(given: list[str]) -> dict[str, float]:
    shares = {}
    for one in given:
        name, _, share = one.partition("=")
        try:
            shares[name] = float(share or 1)
        except ValueError:
            raise ValueError(f"--format {one}: expected a format and its share, as webp=0.7") from None
    return shares


def _work(
    original: str,
    width: int,
    shares: dict[str, float],
    made_ms: float | None,
    picture_kb: float | None,
    original_kb: float | None,
) -> model.Work:
    cost = model.average(original, width, shares)
    return model.Work(
        made_ms=cost.made_ms if made_ms is None else made_ms,
        picture_bytes=cost.picture_bytes if picture_kb is None else picture_kb * _KB,
        original_bytes=cost.original_bytes if original_kb is None else original_kb * _KB,
    )


def _tier(name: str, size: float, lifetime: float, overhead: float = 0.0, instances: int = 1) -> model.TierSetup:
    return model.TierSetup(name=name, bytes=size, lifetime=lifetime, overhead=overhead, instances=instances)


def _replica(cpus: float, utilisation: float, spare: int, cache_mb: float) -> model.Replica:
    return model.Replica(cpus=cpus, utilisation=utilisation, spare=spare, memory_cache_bytes=cache_mb * _MB)


def _simulate(
    rate: float,
    work: model.Work,
    tiers: tuple[model.TierSetup, ...],
    pictures: int | None,
    zipf: float,
    requests: int,
    seed: int,
) -> model.Simulated:
    if pictures is None:
        raise ValueError("--simulate needs --pictures")
    scene = model.Scene(
        pictures=pictures,
        zipf=zipf,
        rate=rate,
        mean_bytes=work.picture_bytes,
        tiers=tuple(one for one in tiers if one.bytes),
        requests=requests,
        seed=seed,
    )
    return model.simulate(scene)


def _found_ratios(found: model.Simulated, store: float | None) -> model.HitRatios:
    cdn = 1 - (1 - found.ratio("cdn")) * (1 - found.ratio("shield"))
    return model.HitRatios(cdn=cdn, memory=found.ratio("memory"), redis=found.ratio("redis"), store=store)


def _show(
    demand: model.Demand,
    work: model.Work,
    found: model.Simulated | None,
    estimate: model.Estimate,
    bill: model.Bill,
    *,
    as_json: bool,
) -> None:
    if as_json:
        typer.echo(json.dumps(_as_json(work, found, estimate, bill), indent=2))
        return
    for line in report(demand, work, found, estimate, bill):
        typer.echo(line)


def _as_json(
    work: model.Work, found: model.Simulated | None, estimate: model.Estimate, bill: model.Bill
) -> dict[str, Any]:
    priced = {"costs": asdict(bill)} if bill.lines else {}
    simulated = {"simulation": asdict(found)} if found else {}
    return {"work": asdict(work), **simulated, "estimate": asdict(estimate), **priced}
