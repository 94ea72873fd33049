"""`python -m tests.chaos`: every fault under load, and a report."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import tempfile
import time
from itertools import groupby
from pathlib import Path

from tests.chaos.faults import FAULTS, Fault
from tests.chaos.house import House
from tests.chaos.load import HOT, S3, WEB, Load, Phase, under_load
from tests.chaos.verdict import Run, report

_FOLDER = Path("var/chaos")
_PAUSES = {HOT: 0.01, WEB: 0.06, S3: 0.06}
_STEADY = 1.0  # seconds of load before a fault, and after all is well again
_SURE = 10  # right answers of each kind in a row that say that all is well
_DESCRIPTION = """\
Break what the service stands on while it is asked on and on, and compare the bytes of every answer with what they must be.
The report is var/chaos/report.md. Exits with 1 if anything was not as promised. Linux, as root: names and disks of the
service are its own.
"""


def main() -> int:
    """Break everything, one after the other; report, and answer the exit code."""
    names = [one.name for one in FAULTS]
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=_DESCRIPTION)
    parser.add_argument("faults", nargs="*", metavar="FAULT", help=f"which, of {', '.join(names)} (all)")
    parser.add_argument("--seconds-each", type=float, default=4, metavar="S", help="how long a fault lasts (4)")
    arguments = parser.parse_args()
    if unknown := set(arguments.faults) - set(names):
        parser.error(f"no such fault: {', '.join(sorted(unknown))}")
    if os.geteuid() != 0:
        print("chaos needs root on Linux, for names and disks that are the service's own")
        return 0
    wanted = [one for one in FAULTS if not arguments.faults or one.name in arguments.faults]
    started = time.monotonic()
    runs = all_of(wanted, arguments.seconds_each)
    text = report(runs, time.monotonic() - started)
    _FOLDER.mkdir(parents=True, exist_ok=True)
    (_FOLDER / "report.md").write_text(text)
    print(text)
    return 1 if any(one.findings() for one in runs) else 0


def all_of(faults: list[Fault], seconds: float) -> list[Run]:
    """Run faults one after the other; those that keep results alike with the same service."""
    with tempfile.TemporaryDirectory(prefix="chaos-") as directory, House(Path(directory)) as house:
        runs: list[Run] = []
        for results, some in groupby(faults, key=lambda one: one.results):
            with house.serving(results):
                runs += [said(asyncio.run(struck(house, one, seconds))) for one in some]
        return runs


def said(run: Run) -> Run:
    print(run.line(), *(f"  {finding}" for finding in run.findings()), sep="\n", flush=True)
    return run


async def struck(house: House, fault: Fault, seconds: float) -> Run:
    """Strike and heal under load, when nothing is left of the fault before."""
    await asyncio.to_thread(house.is_made_ready)
    load = Load(house.service.port, house.questions(), _PAUSES)
    errors, symptom, started = len(house.errors()), fault.symptom(house), time.monotonic()
    async with under_load(load):
        await asyncio.sleep(_STEADY)
        load.phase = Phase.DURING
        await asyncio.to_thread(fault.strike, house)
        await asyncio.sleep(seconds)
        await asyncio.to_thread(fault.heal, house)
        load.phase = Phase.HEALING
        recovered = await load.is_well(_SURE, fault.recovery + 5)
        load.phase = Phase.AFTER
        await asyncio.sleep(_STEADY)
    lasted = time.monotonic() - started
    await asyncio.sleep(1.2)  # processes tell their counts each second
    return Run(
        fault=fault,
        told=load.told,
        seconds=lasted,
        recovered=recovered,
        symptom=await asyncio.to_thread(fault.symptom, house) - symptom,
        errors=house.errors()[errors:],
    )


if __name__ == "__main__":
    sys.exit(main())
