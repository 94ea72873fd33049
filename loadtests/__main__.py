"""`python -m loadtests PROFILE`: start the service if none is named, let locust load it, and tell what came of it."""

from __future__ import annotations

import argparse
import json
import os
import secrets
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import fields
from pathlib import Path
from tempfile import TemporaryDirectory

from loadtests.profile import Profile, ProfileWrong, load
from loadtests.verdict import Measured, stretch, table

ROOT = Path(__file__).parents[1]
REPORTS = ROOT / "var" / "loadtests"
SERVICE = ROOT / ".venv" / "bin" / "imgproxy-py"
LOCUST = Path(sys.executable).with_name("locust")
_PATIENCE = 30.0
_SLACK = 60.0
_EPILOG = """\
Keys of a service that is already there come from the environment: LOADTEST_KEY and LOADTEST_SALT, hexadecimal. Without
them URLs are unsigned, and the scenario `signed` is left out.

examples:
  loadtests/run ci                                            starts the service by itself
  loadtests/run cluster --host https://img.example.com        with LOADTEST_KEY and LOADTEST_SALT
  loadtests/run my/profile.toml --host http://127.0.0.1:8080 --processes 2
"""


def main() -> int:
    """Run a profile; the exit code is 1 if a limit was passed, 2 if nothing could be run."""
    arguments = _parser().parse_args()
    try:
        profile = load(arguments.profile)
        if arguments.host:
            keys = {name: os.environ.get(name, "") for name in ("LOADTEST_KEY", "LOADTEST_SALT")}
            return _loaded(profile, arguments, arguments.host, keys)
        with TemporaryDirectory(prefix="imgproxy-load-") as work:
            with _serving(profile, Path(work)) as (host, keys):
                return _loaded(profile, arguments, host, keys | {"LOADTEST_IS_HERE": "yes"})
    except (ProfileWrong, ServiceFailed) as error:
        print(f"loadtests: {error}", file=sys.stderr)
        return 2


class ServiceFailed(RuntimeError):
    """The service did not start."""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="loadtests/run",
        description="Load a service by a profile, judge it, and write a report to var/loadtests.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("profile", help="name of a file in loadtests/profiles, or a path that ends in .toml")
    parser.add_argument("--host", help="scheme and host of the service; without it one is started on loopback")
    parser.add_argument("--processes", type=int, default=0, metavar="N", help="processes of locust (one)")
    parser.add_argument("--seed", type=int, default=1, help="another one asks other questions (1)")
    return parser


@contextmanager
def _serving(profile: Profile, work: Path) -> Iterator[tuple[str, dict[str, str]]]:
    """Serve the sample pictures on loopback, signatures demanded."""
    if not SERVICE.exists() or not (ROOT / "var/samples/landscape.jpg").exists():
        raise ServiceFailed("`make setup samples` first, or name a service with --host")
    key, salt = secrets.token_hex(16), secrets.token_hex(16)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    settings = {
        "IMGPROXY_BIND": address,
        "IMGPROXY_KEY": key,
        "IMGPROXY_SALT": salt,
        "IMGPROXY_LOCAL_FILESYSTEM_ROOT": str(ROOT / "var/samples"),
        "IMGPROXY_IMAGES_SOURCE": "local:///",
        **profile.service,
    }
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("IMGPROXY_")}
    log = work / "service.log"
    with log.open("wb") as output:
        process = subprocess.Popen([SERVICE, "serve"], env=inherited | settings, stdout=output, stderr=output)
    try:
        _wait(process, f"http://{address}/ready", log)
        yield f"http://{address}", {"LOADTEST_KEY": key, "LOADTEST_SALT": salt}
    finally:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(_PATIENCE)
        process.kill()
        process.wait()


def _wait(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    ends = time.monotonic() + _PATIENCE
    while process.poll() is None and time.monotonic() < ends:
        with suppress(OSError):
            direct.open(url, timeout=1).close()
            return
        time.sleep(0.1)
    raise ServiceFailed(f"the service did not start:\n{log.read_text()[-2000:]}")


def _loaded(profile: Profile, arguments: argparse.Namespace, host: str, told: dict[str, str]) -> int:
    REPORTS.mkdir(parents=True, exist_ok=True)
    html, kept = REPORTS / f"{profile.name}.html", REPORTS / f"{profile.name}.json"
    kept.unlink(missing_ok=True)
    command = [str(LOCUST), "--locustfile", "loadtests/locustfile.py", "--headless", "--only-summary", "--host", host]
    command += ["--html", str(html), "--loglevel", "WARNING", "--stop-timeout", "10"]
    if arguments.processes > 1:
        command += ["--processes", str(arguments.processes)]
    environment = os.environ | told | {
        "LOADTEST_PROFILE": str(Path(arguments.profile).resolve()) if arguments.profile.endswith(".toml") else profile.name,
        "LOADTEST_SEED": str(arguments.seed),
        "LOADTEST_SUMMARY": str(kept),
        "PYTHONPATH": str(ROOT),
    }  # fmt: skip
    seconds = sum(one.seconds for one in profile.stages)
    print(f"{profile.name}: {seconds:g} s against {host}", flush=True)
    output = REPORTS / f"{profile.name}.txt"
    with output.open("wb") as file:
        ended = subprocess.run(command, cwd=ROOT, env=environment, stdout=file, stderr=file, timeout=seconds + _SLACK)
    if not kept.exists():
        print(f"locust ended with {ended.returncode}:\n{output.read_text()[-3000:]}", file=sys.stderr)
        return 2
    return _told(profile, json.loads(kept.read_text()), html)


def _told(profile: Profile, found: dict[str, object], html: Path) -> int:
    names = {one.name for one in fields(Measured)}
    measured = {
        name: Measured(**{key: value for key, value in one.items() if key in names})
        for name, one in found["measured"].items()  # type: ignore[attr-defined]
    }
    others = float(found["others"])  # type: ignore[arg-type]
    print(table(profile, measured, stretch(others)))
    if stretch(others) > 1:
        print(f"others had {others:.0%} of this machine: times may be {stretch(others):.2f} times the profile's")
    for said, count in found["failures"].items():  # type: ignore[attr-defined]
        print(f"failed {count} times: {said}")
    for line in found["limits_passed_over"]:  # type: ignore[attr-defined]
        print(f"too much: {line}")
    print(f"report: {html.relative_to(ROOT)}, {html.with_suffix('.json').relative_to(ROOT)}")
    whole = measured["all"]
    verdict = "within all limits" if found["passed"] else "LIMITS PASSED OVER"
    print(f"{profile.name}: {whole.requests:,} requests, {whole.rate:,.0f}/s, {whole.failures} failed, {verdict}")
    return 0 if found["passed"] else 1


if __name__ == "__main__":
    sys.exit(main())
