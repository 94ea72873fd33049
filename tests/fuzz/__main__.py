"""`python -m tests.fuzz`: every target for some seconds, and a report."""

from __future__ import annotations

import argparse
import hashlib
import importlib
import os
import subprocess
import sys
from pathlib import Path

from tests.fuzz.report import Run, finished, report

TARGETS = tuple(sorted(one.stem for one in (Path(__file__).parent / "targets").glob("*.py") if one.stem != "__init__"))
_FOLDER = Path("var/fuzz")
_GRACE = 120  # seconds for start, seeds, and an input that does not end
# CI judges a change and not its luck: it begins with the same numbers each time, everybody else with new ones.
_SEEDED = ("-seed=1",) if "CI" in os.environ else ()
_DESCRIPTION = """\
Fuzz what reads bytes of strangers. Inputs that a target has learnt from stay in var/fuzz/TARGET/corpus, those that break
it in var/fuzz/TARGET/found; the report is var/fuzz/report.md. Exits with 1 if anything was found.
"""


def main() -> int:
    """Fuzz, report, and answer the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=_DESCRIPTION)
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=f"which, of {', '.join(TARGETS)} (all)")
    parser.add_argument("--seconds", type=int, default=60, metavar="S", help="for each target (60)")
    arguments = parser.parse_args()
    if unknown := set(arguments.targets) - set(TARGETS):
        parser.error(f"no such target: {', '.join(sorted(unknown))}")
    runs = []
    for name in arguments.targets or TARGETS:
        runs.append(fuzzed(name, arguments.seconds))
        print(runs[-1].line(), flush=True)
    text = report(runs)
    (_FOLDER / "report.md").write_text(text)
    print(text)
    return 1 if any(one.findings for one in runs) else 0


def fuzzed(name: str, seconds: int) -> Run:
    """Run one target in a process of its own."""
    target = importlib.import_module(f"tests.fuzz.targets.{name}")
    corpus, found, log = _FOLDER / name / "corpus", _FOLDER / name / "found", _FOLDER / name / "log.txt"
    for folder in (corpus, found):
        folder.mkdir(parents=True, exist_ok=True)
    for seed in target.seeds():
        (corpus / hashlib.sha256(seed).hexdigest()[:16]).write_bytes(seed)
    words = _FOLDER / name / "words.txt"
    words.write_text("".join(f'"{_spelled(word)}"\n' for word in dict.fromkeys(target.WORDS)))
    before = set(found.iterdir())
    command = [
        *(sys.executable, "-X", "faulthandler", "-m", "tests.fuzz.harness", name),
        *(f"-max_total_time={seconds}", f"-timeout={target.SECONDS}", f"-rss_limit_mb={target.MEGABYTES}"),
        *(f"-max_len={target.LONGEST}", f"-dict={words}", f"-artifact_prefix={found}/"),
        *("-print_final_stats=1", "-len_control=20", "-report_slow_units=1000"),
        *_SEEDED,
        str(corpus),
    ]
    with log.open("wb") as output:
        try:
            code = subprocess.run(
                command, stdout=output, stderr=output, check=False, timeout=seconds + _GRACE, env=_environment()
            ).returncode
        except subprocess.TimeoutExpired:
            code = -1
    return finished(name, log.read_text("utf-8", "replace"), code, sorted(set(found.iterdir()) - before))


def _environment() -> dict[str, str]:
    return os.environ | {"PYTHONHASHSEED": "0", "PYTHONUNBUFFERED": "1"}


def _spelled(word: bytes) -> str:
    return "".join(f"\\x{octet:02x}" for octet in word)


if __name__ == "__main__":
    sys.exit(main())
