"""What is inside of the image: its configuration and its files."""

from __future__ import annotations

import contextlib
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from programs import IMAGE, ROOT, expect, podman, run, version

UNWANTED = re.compile(
    r"(da|ba|z|k|a|c|tc)?sh|busybox|perl.*|apt.*|dpkg.*|pip[\d.]*|cc|gcc.*|g\+\+.*|c\+\+.*|ld|as|make|su|mount"
)


def look_inside() -> None:
    """Look at the configuration and at the files."""
    image = json.loads(podman("image", "inspect", IMAGE))[0]
    _judge_configuration(image)
    with mounted() as root:
        _judge_programs(root)
        _judge_rights(root)
        compiled = list(root.glob("opt/imgproxy-py/lib/**/imgproxy_py/__pycache__/*.pyc"))
        expect("compiled beforehand", compiled, f"{len(list(root.rglob('*.pyc')))} files")
        native = list(root.glob("opt/imgproxy-py/lib/**/imgproxy_py/engine/native/*.so"))
        expect("the engine's compiled part", native, f"{len(native)} file")
        _judge_traces(root, json.dumps(image))
        bundle = (root / "etc/ssl/certs/ca-certificates.crt").read_text().count("BEGIN CERTIFICATE")
        expect("authorities are Debian's", 100 < bundle < 200, bundle)


def _judge_configuration(image: dict[str, Any]) -> None:
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


def _judge_programs(root: Path) -> None:
    programs = [path for path in _files(root) if path.stat().st_mode & 0o111 and ".so" not in path.name]
    outside = {path for path in programs if "/site-packages/" not in str(path) and "/lib/python3" not in str(path)}
    expect("no shell, compiler, pip, apt, dpkg, perl", not any(UNWANTED.fullmatch(path.name) for path in programs))
    expect(
        "programs: Python and the service alone",
        {path.name for path in outside} == {"imgproxy-py", "python3.13"},
        ", ".join(sorted(path.name for path in outside)),
    )
    expect("no pip to import", not list(root.glob("**/site-packages/pip")) and not list(root.glob("**/ensurepip")))


def _judge_rights(root: Path) -> None:
    expect("nothing runs as somebody else", not any(path.stat().st_mode & 0o6000 for path in _files(root)))
    writable = [path for path in root.rglob("*") if not path.is_symlink() and path.stat().st_mode & 0o002]
    expect(
        "writable for all: only /tmp and /var/tmp",
        {str(path.relative_to(root)) for path in writable} <= {"tmp", "var/tmp"},
    )


def _files(root: Path) -> list[Path]:
    return [path for path in root.rglob("*") if path.is_file() and not path.is_symlink()]


@contextlib.contextmanager
def mounted() -> Iterator[Path]:
    """Give the image's root file system as a folder."""
    try:
        yield Path(podman("image", "mount", IMAGE))
    finally:
        podman("image", "unmount", IMAGE, check=False)


def _judge_traces(root: Path, described: str) -> None:
    """Look for paths, registries and authorities of this machine in files and configuration."""
    words = _words_of_this_machine()
    found = [word for word in words if word in described]
    for path in _files(root):
        if path.stat().st_size < 20_000_000:
            content = path.read_bytes()
            found += [word for word in words if word.encode() in content]
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


def _words_of_this_machine() -> set[str]:
    configured = run(sys.executable, "-m", "pip", "config", "list", check=False)
    hosts = re.findall(r"https?://(?:[^/@\s]*@)?([^/:\s]+)", configured)
    resolvers = re.findall(r"^nameserver (\S{9,})", Path("/etc/resolv.conf").read_text(), re.MULTILINE)
    return {str(ROOT), *hosts, *resolvers} - {"pypi.org", "deb.debian.org", "127.0.0.1"}


def write_sbom() -> None:
    """Write the bill of materials of the image that was built."""
    with mounted() as root:
        expect(
            "bill of materials",
            True,
            run(str(ROOT / "deploy/sbom"), str(root), str(ROOT / "var/sbom.cdx.json")).splitlines()[-1],
        )
