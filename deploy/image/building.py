"""The image is made without a container engine's daemon, as the programs that takes are installed."""

# ruff: noqa: T201

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

from programs import BASE, IMAGE, STORAGE, WORK, podman, run, version

PROGRAMS = ("debootstrap", "buildah", "podman", "runc", "catatonit")
BASE_KEPT = 7 * 86400  # seconds
MISSING = 77


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


def make_and_build() -> None:
    """Make the base and the image, and say how long it took."""
    for what, make in (("base", make_base), ("image", build)):
        began = time.monotonic()
        make()
        print(f"{what} made in {time.monotonic() - began:.0f} s", flush=True)


def clean() -> None:
    """Remove images and storage; the base's archive stays."""
    podman("rm", "--all", "--force", "--time", "0", check=False)
    podman("rmi", "--all", "--force", check=False)
    for name in ("storage", "run"):
        shutil.rmtree(WORK / name, ignore_errors=True)
