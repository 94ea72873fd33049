"""Builds the image without a container engine's daemon, runs it, fetches pictures from it, and looks at what is inside.

    try.py             build, write the bill of materials to var/sbom.cdx.json, and try; the last line says the sum
    try.py --keep      leave the image in the storage under var/image afterwards, and print how to run it
    try.py --again     try the image that --keep left, without building it anew
    try.py --sbom      build, and write the bill alone

Needs Linux, root, and Debian's debootstrap, buildah, podman, runc and catatonit, which it installs where it may. Leaves with 77
where they cannot be had. The base is made by debootstrap, because no registry of images may be within reach; images that
are published take Debian's own, see docs/container.md.
"""

# It runs programs and prints what they said.
# ruff: noqa: S108, S603, T201, TRY300

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
WORK = ROOT / "var" / "image"
PROGRAMS = ("debootstrap", "buildah", "podman", "runc", "catatonit")
BASE, IMAGE = "localhost/debian:trixie-slim", "localhost/imgproxy-py:try"
BASE_KEPT = 7 * 86400  # seconds
STORAGE = ("--root", str(WORK / "storage"), "--runroot", str(WORK / "run"), "--storage-driver", "vfs")
PODMAN = ("podman", *STORAGE, "--cgroup-manager", "cgroupfs", "--events-backend", "none", "--runtime", "/usr/sbin/runc")
LIMITS = ("--network", "host", "--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024", "--read-only",
          "--cap-drop", "all", "--security-opt", "no-new-privileges", "--memory", "1g", "--cpus", "2")  # fmt: skip
UNWANTED = re.compile(
    r"(da|ba|z|k|a|c|tc)?sh|busybox|perl.*|apt.*|dpkg.*|pip[\d.]*|cc|gcc.*|g\+\+.*|c\+\+.*|ld|as|make|su|mount"
)

NEEDLESS = {"_curses", "_curses_panel", "_dbm", "readline"}  # modules of Python for terminals and old databases
MISSING = 77


class Wrong(Exception):
    """The image is not what it should be."""


def run(*command: str, check: bool = True, quiet: bool = True, env: dict[str, str] | None = None) -> str:
    """Run a program and give what it printed; its complaints too if it fails."""
    done = subprocess.run(command, cwd=ROOT, text=True, stdin=subprocess.DEVNULL, env=env,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE if quiet else subprocess.STDOUT)  # fmt: skip
    if check and done.returncode:
        raise Wrong(
            f"{' '.join(command[:3])} … left with {done.returncode}:\n{(done.stdout + (done.stderr or ''))[-4000:]}"
        )
    return done.stdout.strip()


def podman(*arguments: str, check: bool = True) -> str:
    """Run podman on the storage under var/image."""
    return run(*PODMAN, *arguments, check=check)


def expect(what: str, good: object, found: object = "") -> None:
    """Print what was found, and raise if it is not good."""
    print(f"  {'ok ' if good else 'NO '} {what}{f': {found}' if found != '' else ''}", flush=True)
    if not good:
        raise Wrong(f"{what}: {found}")


# --- what it takes ------------------------------------------------------------------------------------------------------


def install_programs() -> None:
    """Install what is missing, or leave with 77."""
    lacking = [one for one in PROGRAMS if not shutil.which(one)]
    if os.geteuid() != 0:
        leave("not run: building without an engine needs root here")
    if lacking and not shutil.which("apt-get"):
        leave(f"not run: no {', '.join(lacking)}, and no Debian to install them from")
    if lacking:
        print(f"installing {', '.join(lacking)}", flush=True)
        env = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
        install = ("apt-get", "install", "-y", "-qq", "-o", "DPkg::Lock::Timeout=120", "--no-install-recommends")
        run(*install, *lacking, check=False, env=env)
        if not all(shutil.which(one) for one in lacking):  # the lists are old, or there are none yet
            run("apt-get", "update", "-qq", check=False)
            run(*install, *lacking, check=False, env=env)
    if lacking := [one for one in PROGRAMS if not shutil.which(one)]:
        leave(f"not run: {', '.join(lacking)} cannot be installed here")


def leave(why: str) -> None:
    """End with the exit code that says that something is missing."""
    print(why)
    sys.exit(MISSING)


def make_base() -> None:
    """Make a minimal Debian and import it; the archive is kept a while, for it takes half a minute."""
    archive = WORK / "base.tar"
    if not archive.exists() or time.time() - archive.stat().st_mtime > BASE_KEPT:
        with tempfile.TemporaryDirectory(dir=WORK) as folder:
            run("debootstrap", "--variant=minbase", "trixie", folder, "http://deb.debian.org/debian")
            for name in ("etc/resolv.conf", "etc/hostname"):  # debootstrap copies this machine's
                Path(folder, name).unlink(missing_ok=True)
            run("tar", "--create", "--directory", folder, "--file", f"{archive}.new", ".")
        Path(f"{archive}.new").rename(archive)
    podman("import", str(archive), BASE)


def build() -> None:
    """Build the Dockerfile; pip's configuration and this machine's authorities are lent to the build, not copied."""
    secrets = {"pip": Path("/etc/pip.conf"), "ca": Path("/etc/ssl/certs/ca-certificates.crt")}
    lent = [f"--secret=id={name},src={path}" for name, path in secrets.items() if path.exists()]
    arguments = {
        "BASE_IMAGE": BASE,
        "VERSION": version(),
        "REVISION": run("git", "rev-parse", "HEAD", check=False) or "unknown",
    }
    run("buildah", *STORAGE, "bud", "--isolation", "chroot", "--network", "host", "--format", "docker", "--layers=false",
        *lent, *(f"--build-arg={name}={value}" for name, value in arguments.items()), "--tag", IMAGE, ".")  # fmt: skip


def version() -> str:
    """Give the project's version."""
    return re.findall(r'__version__ = "(.+)"', (ROOT / "imgproxy_py/__init__.py").read_text())[0]


# --- what is inside -----------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def mounted() -> Iterator[Path]:
    """Give the image's root file system as a folder."""
    try:
        yield Path(podman("image", "mount", IMAGE))
    finally:
        podman("image", "unmount", IMAGE, check=False)


def look_inside() -> None:
    """Look at the configuration and at the files."""
    image = json.loads(podman("image", "inspect", IMAGE))[0]
    config = image["Config"]
    expect("size", image["Size"] < 700e6, f"{image['Size'] / 1e6:.0f} MB")
    expect("user is numeric and not root", config["User"] == "10001:10001", config["User"])
    expect("ports", set(config["ExposedPorts"]) == {"8080/tcp", "8081/tcp"}, ", ".join(config["ExposedPorts"]))
    expect("starts without a shell", config["Entrypoint"] == ["imgproxy-py"] and config["Cmd"] == ["serve"])
    expect(
        "HEALTHCHECK",
        image.get("Healthcheck", {}).get("Test", [""])[0] == "CMD",
        " ".join(image["Healthcheck"]["Test"]),
    )
    expect("stop signal", config.get("StopSignal", "SIGTERM") in ("SIGTERM", "15"))
    expect("label of the version", config["Labels"]["org.opencontainers.image.version"] == version(), version())
    with mounted() as root:
        files = [path for path in root.rglob("*") if path.is_file() and not path.is_symlink()]
        programs = [path for path in files if path.stat().st_mode & 0o111 and ".so" not in path.name]
        outside = {path for path in programs if "/site-packages/" not in str(path) and "/lib/python3" not in str(path)}
        unwanted = [path for path in programs if UNWANTED.fullmatch(path.name)]
        expect("no shell, compiler, pip, apt, dpkg, perl", not unwanted)
        expect(
            "programs: Python and the service alone",
            {path.name for path in outside} == {"imgproxy-py", "python3.13"},
            ", ".join(sorted(path.name for path in outside)),
        )
        expect("no pip to import", not list(root.glob("**/site-packages/pip")) and not list(root.glob("**/ensurepip")))
        expect("nothing runs as somebody else", not [path for path in files if path.stat().st_mode & 0o6000])
        writable = [p for p in root.rglob("*") if not p.is_symlink() and p.stat().st_mode & 0o002]
        expect(
            "writable for all: only /tmp and /var/tmp",
            {str(p.relative_to(root)) for p in writable} <= {"tmp", "var/tmp"},
        )
        compiled = list(root.glob("opt/imgproxy-py/lib/**/imgproxy_py/__pycache__/*.pyc"))
        expect("compiled beforehand", compiled, f"{len(list(root.rglob('*.pyc')))} files")
        traces_of_this_machine(root, json.dumps(image))


def traces_of_this_machine(root: Path, described: str) -> None:
    """Look for paths, registries and authorities of this machine in files and configuration."""
    hosts = set(
        re.findall(
            r"https?://(?:[^/@\s]*@)?([^/:\s]+)", run(sys.executable, "-m", "pip", "config", "list", check=False)
        )
    )
    words = {
        str(ROOT),
        *hosts,
        *re.findall(r"^nameserver (\S{9,})", Path("/etc/resolv.conf").read_text(), re.MULTILINE),
    }
    words -= {"pypi.org", "deb.debian.org", "127.0.0.1"}
    found = [word for word in words if word in described]
    for path in root.rglob("*"):
        if path.is_file() and not path.is_symlink() and path.stat().st_size < 20_000_000:
            content = path.read_bytes()
            found += [f"{word} in {path.relative_to(root)}" for word in words if word.encode() in content]
    left = [
        name
        for name in ("etc/pip.conf", "build", "root/.cache", "var/lib/apt", "run/secrets")
        if (root / name).exists()
    ]
    # The words themselves are not printed: reports are shown.
    expect(
        "no path, host or file of this machine",
        not found and not left,
        f"{len(words)} words sought, {len(found) + len(left)} found",
    )
    bundle = (root / "etc/ssl/certs/ca-certificates.crt").read_text().count("BEGIN CERTIFICATE")
    expect("authorities are Debian's", 100 < bundle < 200, bundle)


# --- how it runs --------------------------------------------------------------------------------------------------------


class Service:
    """A running container."""

    def __init__(self, pictures: Path, *more: str) -> None:
        self.name = f"imgproxy-py-try-{os.getpid()}"
        self.port, self.metrics = free_port(), free_port()
        settings = {"IMGPROXY_BIND": f"127.0.0.1:{self.port}", "IMGPROXY_PROMETHEUS_BIND": f"127.0.0.1:{self.metrics}",
                    "IMGPROXY_LOCAL_FILESYSTEM_ROOT": "/pictures", "IMGPROXY_MEMORY_CACHE_BYTES": "0"}  # fmt: skip
        began = time.monotonic()
        podman("run", "--detach", "--name", self.name, *LIMITS, "--volume", f"{pictures}:/pictures:ro",
               *(f"--env={name}={value}" for name, value in settings.items()), *more, IMAGE)  # fmt: skip
        self.started = time.monotonic() - began
        while not self.get("/ready", quiet=True):
            if (
                time.monotonic() - began > 60
                or podman("inspect", "--format", "{{.State.Running}}", self.name) != "true"
            ):
                logs = run(*PODMAN, "logs", self.name, check=False, quiet=False)
                raise Wrong(f"not ready: {logs[-2000:]}")
            time.sleep(0.05)
        self.ready = time.monotonic() - began
        self.pid = int(podman("inspect", "--format", "{{.State.Pid}}", self.name))

    def get(self, path: str, *, port: int | None = None, quiet: bool = False) -> bytes:
        """Fetch a path; nothing instead of an error if quiet."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port or self.port}{path}", timeout=30) as answer:
                return bytes(answer.read())
        except OSError as error:
            if quiet:
                return b""
            raise Wrong(f"{path}: {error}") from error

    def status(self, field: str) -> list[str]:
        """Give a field of the process' /proc/…/status."""
        text = Path(f"/proc/{self.pid}/status").read_text()
        return re.findall(rf"^{field}:\s+(.+)$", text, re.MULTILINE)[0].split()

    def megabytes(self, field: str = "VmRSS") -> int:
        """Give the memory that is resident, or was at most (`VmHWM`)."""
        return int(self.status(field)[0]) // 1024

    def remove(self) -> None:
        """Remove the container, running or not."""
        podman("rm", "--force", "--time", "0", self.name, check=False)


def free_port() -> int:
    """Give a port that nobody listens on."""
    with socket.socket() as trial:
        trial.bind(("127.0.0.1", 0))
        return int(trial.getsockname()[1])


def try_it() -> str:
    """Run the image as the chart runs it; give the sum in a line."""
    with tempfile.TemporaryDirectory(dir=WORK) as folder:
        pictures = Path(folder)
        pictures.chmod(0o755)
        judge("make", folder)
        service = Service(pictures)
        try:
            expect(
                "ready",
                True,
                f"{service.ready:.1f} s after podman run, {service.ready - service.started:.1f} s of them the service's",
            )
            use_it(service)
            rest = memory(service)
            took, code = stop(service)
        finally:
            service.remove()
    return f"{rest}; stopped in {took:.1f} s with {code}"


def use_it(service: Service) -> None:
    """Fetch pictures, and look at the process."""
    seen = judge("see", picture=service.get("/unsafe/rs:fill:200:150/plain/local:///squares.png@png"))
    expect("a picture, pixel by pixel", seen == "200 150 255 0 0 0 255 0 0 0 255 255 255 255", seen)
    widths = {}
    for family in ("Arial", "serif", "Nowhere-Sans"):
        widths[family] = int(judge("ink", picture=service.get(f"/unsafe/bg:ffffff/plain/local:///{family}.svg@png")))
    expect(
        "text in SVG, by fonts of its own", min(widths.values()) > 120 and widths["Arial"] != widths["serif"], widths
    )
    expect("metrics on their own port", b"imgproxy_requests_total" in service.get("/metrics", port=service.metrics))
    expect("uid", service.status("Uid")[0] == "10001", service.status("Uid")[0])
    expect("no capabilities", int(service.status("CapEff")[0], 16) == 0 and service.status("NoNewPrivs") == ["1"])
    maps = Path(f"/proc/{service.pid}/maps").read_text()
    expect("jemalloc is its allocator", "libjemalloc" in maps)
    inside = json.loads(podman("exec", service.name, "python", "-c", (ROOT / "deploy/image/inside.py").read_text()))
    expect(
        "root file system is read-only, /tmp is not", (inside["/"], inside["/tmp"]) == ("EROFS", "written"), inside["/"]
    )
    expect("Python's modules load", set(inside["failing"]) <= NEEDLESS, f"all but {', '.join(inside['failing'])}")
    here = run(str(ROOT / ".venv/bin/imgproxy-py"), "formats")
    there = podman("exec", service.name, "imgproxy-py", "formats")
    expect("formats are those of a development set-up", there == here, f"{len(there.splitlines()) - 1} known")
    expect("clients of AWS", inside["aws"], ", ".join(inside["aws"]))
    expect("no shell to enter", run_code("exec", service.name, "sh", "-c", "true") in (126, 127))
    health = podman("exec", service.name, "python", "-m", "imgproxy_py.web.healthcheck")
    expect("HEALTHCHECK", run_code("healthcheck", "run", service.name) == 0, health)


def judge(*what: str, picture: bytes = b"") -> str:
    """Run pictures.py in the project's environment."""
    command = [str(ROOT / ".venv/bin/python"), str(ROOT / "deploy/image/pictures.py"), *what]
    return subprocess.run(command, input=picture, capture_output=True, check=True).stdout.decode().strip()


def run_code(*arguments: str) -> int:
    """Give the exit code of a podman command."""
    return subprocess.run([*PODMAN, *arguments], stdin=subprocess.DEVNULL, capture_output=True).returncode


def memory(service: Service) -> str:
    """Make pictures; give the memory before, during and after."""
    before = service.megabytes()
    began = time.monotonic()
    for n in range(48):
        service.get(f"/unsafe/rs:fit:{300 + n * 10}:0/plain/local:///large.jpg@{('jpg', 'webp', 'avif')[n % 3]}")
    took = time.monotonic() - began
    time.sleep(3)
    said = (f"{before} MB with a few pictures made, {service.megabytes()} MB 3 s after 48 more of 12 megapixels "
            f"({took:.1f} s, peak {service.megabytes('VmHWM')} MB)")  # fmt: skip
    expect("memory", service.megabytes("VmHWM") < 700, said)
    return f"RSS {before} → {service.megabytes()} MB"


def stop(service: Service) -> tuple[float, int]:
    """Stop it with SIGTERM; give the seconds that it took and its exit code."""
    began = time.monotonic()
    podman("stop", "--time", "30", service.name)
    took = time.monotonic() - began
    code = int(podman("inspect", "--format", "{{.State.ExitCode}}", service.name))
    expect("SIGTERM ends it", code == 0 and took < 15, f"exit code {code} after {took:.1f} s")
    return took, code


def write_sbom() -> None:
    """Write the bill of materials of the image that was built."""
    with mounted() as root:
        expect(
            "bill of materials",
            True,
            run(str(ROOT / "deploy/sbom"), str(root), str(ROOT / "var/sbom.cdx.json")).splitlines()[-1],
        )


def clean() -> None:
    """Remove images and storage; the base's archive stays."""
    podman("rm", "--all", "--force", "--time", "0", check=False)
    podman("rmi", "--all", "--force", check=False)
    for name in ("storage", "run"):
        shutil.rmtree(WORK / name, ignore_errors=True)


def make_and_build() -> None:
    """Make the base and the image, and say how long it took."""
    for what, make in (("base", make_base), ("image", build)):
        began = time.monotonic()
        make()
        print(f"{what} made in {time.monotonic() - began:.0f} s", flush=True)


def main() -> int:
    """Do what was asked for; give the exit code."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--keep", action="store_true")
    options.add_argument("--again", action="store_true")
    options.add_argument("--sbom", action="store_true")
    asked = options.parse_args()
    install_programs()
    if not asked.sbom and not (ROOT / ".venv/bin/python").exists():
        leave("not run: no .venv to judge pictures with; make setup")
    WORK.mkdir(parents=True, exist_ok=True)
    try:
        if not asked.again:
            make_and_build()
        if asked.sbom:
            write_sbom()
            return 0
        look_inside()
        write_sbom()
        summary = try_it()
        size = int(podman("image", "inspect", "--format", "{{.Size}}", IMAGE)) / 1e6
        print(f"built, run, fetched from: {size:.0f} MB; {summary}")
        return 0
    except Wrong as error:
        print(f"FAILED: {error}")
        return 1
    finally:
        if asked.keep:
            print("the image is kept; run it with\n  " + " ".join((*PODMAN, "run", "--rm", *LIMITS, IMAGE)))
        else:
            clean()


if __name__ == "__main__":
    sys.exit(main())
