"""The edges under test: nginx and Varnish with the files of `deploy/cdn`, each in front of services that really run."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from string import Template

from tests import servers
from tests.acceptance.service import Answer, ask, until

ROOT = Path(__file__).parents[2]
FILES = ROOT / "deploy" / "cdn"
PURGE_SECRET, REFRESH_SECRET, SERVICE_SECRET = "purge-me", "0ddba11", "let-the-edge-in"


@dataclass(frozen=True)
class Edge:
    """A cache that listens on a port of 127.0.0.1."""

    name: str
    port: int
    folder: Path

    def get(self, target: str, *, method: str = "GET", **headers: str) -> Answer:
        """Ask for a target; underscores in the names of headers stand for hyphens."""
        return ask(self.port, target, method, {name.replace("_", "-"): value for name, value in headers.items()})

    def was_hit(self, answer: Answer) -> bool:
        """Whether the edge answered without having asked the service first."""
        own = [part.strip() for line in answer.headers.get_all("Cache-Status", []) for part in line.split(",")][-1]
        return own.startswith(f"{self.name}; hit") and "fwd=" not in own


Starter = Callable[[Path, Sequence[int]], Iterator[Edge]]


def program(name: str) -> str:
    found = shutil.which(name, path=f"{ROOT / 'var' / 'tools' / 'bin'}:{os.environ['PATH']}")
    assert found, f"{name} is not there; deploy/tools.d/cdn gets it"
    return found


@contextmanager
def nginx(directory: Path, ports: Sequence[int], **filled: str) -> Iterator[Edge]:
    """Run nginx with the template filled in as its image would do it."""
    outer, inner = servers.free_ports(2)
    folder = directory / f"nginx-{outer}"
    folder.mkdir()
    values = {
        "EDGE_LISTEN": f"127.0.0.1:{outer}",
        "EDGE_INNER": f"127.0.0.1:{inner}",
        "EDGE_SERVERS": " ".join(f"server 127.0.0.1:{port} max_fails=0;" for port in ports),
        "EDGE_CACHE": str(folder / "cache"),
        "EDGE_CACHE_SIZE": "100m",
        "EDGE_AUTHORIZATION": f"Bearer {SERVICE_SECRET}",
        "EDGE_REFRESH_SECRET": REFRESH_SECRET,
        **filled,
    }
    (folder / "edge.conf").write_text(Template((FILES / "nginx.conf").read_text()).safe_substitute(values))
    paths = "".join(
        f"{kind}_temp_path {folder / kind};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (folder / "nginx.conf").write_text(
        f"daemon off;\nmaster_process off;\nworker_processes 1;\npid {folder / 'pid'};\n"
        f"error_log stderr notice;\nevents {{ worker_connections 4096; }}\n"
        f"http {{\naccess_log off;\n{paths}include {folder / 'edge.conf'};\n}}\n"
    )
    server = servers.Server([program("nginx"), "-c", str(folder / "nginx.conf")], outer, folder / "log")
    server.start()
    try:
        yield Edge("nginx", outer, folder)
    finally:
        server.kill()


@contextmanager
def varnish(directory: Path, ports: Sequence[int]) -> Iterator[Edge]:
    """Run Varnish with `varnish.vcl` as it is and a `site.vcl` for this place."""
    (port,) = servers.free_ports(1)
    folder = directory / f"varnish-{port}"
    folder.mkdir()
    shutil.copy(FILES / "varnish.vcl", folder)
    (folder / "site.vcl").write_text(site(ports))
    command = [
        program("varnishd"),
        *("-F", "-n", str(folder / "work"), "-a", f"127.0.0.1:{port}", "-f", str(folder / "varnish.vcl")),
        *("-p", f"vcl_path={folder}", "-p", "http_gzip_support=off", "-s", "malloc,100m"),
        *(["-j", "none"] if os.geteuid() == 0 else []),
    ]
    server = servers.Server(command, port, folder / "log")
    server.start()
    try:
        yield Edge("varnish", port, folder)
    finally:
        assert server.process is not None
        server.process.terminate()  # its parent ends the child that serves
        server.process.wait(20)


def site(ports: Sequence[int]) -> str:
    """The sample `site.vcl` with other instances and secrets."""
    text = (FILES / "site.vcl").read_text()
    shape = next(line for line in text.splitlines() if line.startswith("backend one"))
    backends = "\n".join(
        shape.replace("one", f"b{one}").replace("imgproxy-1", "127.0.0.1").replace("8080", str(one)) for one in ports
    )
    text = "\n".join(
        line for line in text.splitlines() if not line.startswith("backend two") and "add_backend" not in line
    )
    text = text.replace(shape, backends)
    text = text.replace("round_robin();", "round_robin();" + "".join(f" service.add_backend(b{one});" for one in ports))
    text = text.replace("change-me", PURGE_SECRET)
    text = text.replace("interval = 1s", "interval = 0.2s")
    return text.replace(
        '# set bereq.http.Authorization = "Bearer …";', f'set bereq.http.Authorization = "Bearer {SERVICE_SECRET}";'
    )


EDGES = {"nginx": nginx, "varnish": varnish}


def eventually(holds: Callable[[], bool], patience: float = 10.0) -> float:
    """Wait until something holds and give the seconds that it took."""
    started = time.monotonic()
    until(lambda: holds() or None, patience)
    return time.monotonic() - started


def has_tools() -> bool:
    """Whether both edges can be run here."""
    try:
        return all(
            subprocess.run([program(name), flag], capture_output=True, check=False).returncode == 0
            for name, flag in (("nginx", "-v"), ("varnishd", "-V"))
        )
    except AssertionError:
        return False
