"""All that a fault may strike: Redis, S3 behind a relay, an origin on the web, names, a disk, a clock, and the service.

Originals are four pictures under thousands of names, so that every answer can be compared with what a plain service without
caches made of the same.
"""

from __future__ import annotations

import itertools
import json
import os
import shutil
import signal
import socket
import struct
import subprocess
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from enum import Enum
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any

import botocore.session
from botocore.config import Config

from tests import pictures, servers
from tests.acceptance.origin import Origin
from tests.acceptance.service import Service, serving, until
from tests.chaos.load import HOT, S3, WEB, Question
from tests.chaos.relay import Mode, Relay

BUCKET, HOST = "chaos", "originals.test"
RESULTS = "results"  # a bucket
RESOLVER = "127.0.0.77"  # where nobody listens, or somebody who says nothing
NAMES = 1000  # of originals; a run asks for few of them twice
SIZES = [(width, form) for form in ("jpg", "webp", "png") for width in range(60, 300, 30)]
STORE_BYTES = 3_000_000
DAY = 86400.0

_CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": servers.ACCESS_KEY,
    "AWS_SECRET_ACCESS_KEY": servers.SECRET_KEY,
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": "/dev/null",
    "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
}
_SETTINGS = {
    "processes": "2",
    "workers": "2",
    "timeout": "8",
    "download_timeout": "3",
    "use_s3": "true",
    "s3_region": "us-east-1",
    "s3_connect_timeout": "1",
    "s3_read_timeout": "2",
    "s3_max_attempts": "2",
    "origin_max_pause": "2",
    "allow_loopback_source_addresses": "true",
    "worker_hang_timeout": "3",
}


class Results(Enum):
    """Where the service keeps pictures for long: a folder on a disk of its own, or a bucket behind a relay of its own."""

    FOLDER = "folder"
    BUCKET = "bucket"


class House:
    """Starts everything; faults are its methods, each with its cure."""

    service: Service

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._stack = ExitStack()
        self._numbers = itertools.count()
        self._hosts = directory / "hosts"
        self._clock = directory / "clock"
        self._store = directory / "store"
        self._silence = ExitStack()
        self.felt = 0
        """How often the clock's faults were seen in what expires."""

    def __enter__(self) -> House:
        with ExitStack() as stack:
            self.originals = [pictures.jpeg(pictures.noise(320, 240, seed=10 * one)) for one in range(4)]
            self.right = self._made_plainly()
            self.redis = stack.enter_context(servers.redis_server(self._directory))
            self.s3 = stack.enter_context(servers.weed_server(self._made(self._directory / "weed")))
            self.originals_by = stack.enter_context(Relay(self.s3.server.port))
            self.results_by = stack.enter_context(Relay(self.s3.server.port))
            self.web = stack.enter_context(Origin())
            self._publish()
            self._names_are_known()
            self._tell_time(0.0)
            self._made(self._store)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *details: Any) -> None:
        self._stack.__exit__(*details)

    @staticmethod
    def _made(folder: Path) -> Path:
        folder.mkdir(exist_ok=True)
        return folder

    def _made_plainly(self) -> Mapping[tuple[int, int, str], str]:
        """Give the digests of what a service without caches, of one process, makes of local files."""
        folder = self._made(self._directory / "originals")
        for number, data in enumerate(self.originals):
            (folder / f"{number}.jpg").write_bytes(data)
        with serving(folder, local_filesystem_root=str(folder), memory_cache_bytes="0") as plain:
            return {
                (number, width, form): sha256(
                    plain.get(f"/unsafe/w:{width}/plain/local:///{number}.jpg@{form}").body
                ).hexdigest()
                for number in range(len(self.originals))
                for width, form in SIZES
            }

    def _publish(self) -> None:
        """Put the originals in S3 and on the web, each under many names."""
        client = botocore.session.get_session().create_client(
            "s3",
            endpoint_url=self.s3.url,
            region_name="us-east-1",
            aws_access_key_id=servers.ACCESS_KEY,
            aws_secret_access_key=servers.SECRET_KEY,
            config=Config(s3={"addressing_style": "path"}, max_pool_connections=8),
        )
        for name in (BUCKET, RESULTS):
            # It is ours already if the answer to a first try did not come in time.
            with suppress(client.exceptions.BucketAlreadyOwnedByYou):
                client.create_bucket(Bucket=name)
        with ThreadPoolExecutor(8) as pool:
            for _ in pool.map(
                lambda name: client.put_object(Bucket=BUCKET, Key=f"{name}.jpg", Body=self._original(name)),
                range(NAMES),
            ):
                pass
        client.close()
        for name in range(NAMES):
            self.web.put(f"/{name}.jpg", self._original(name))

    def _original(self, name: int) -> bytes:
        return self.originals[name % len(self.originals)]

    # --- the service -----------------------------------------------------------------------------------------------------

    @contextmanager
    def serving(self, results: Results) -> Iterator[None]:
        """Serve in a world of its own: names, disk, and a clock that can be set."""
        paths = [str(Path(__file__).parent / "clock"), *filter(None, [os.environ.get("PYTHONPATH")])]
        clock = {"PYTHONPATH": os.pathsep.join(paths), "CHAOS_CLOCK": str(self._clock)}
        stores = {Results.FOLDER: f"local://{self._store}", Results.BUCKET: f"s3://{RESULTS}"}
        with serving(
            self._directory,
            by=self._apart(),
            around=_CREDENTIALS | clock,
            fails=True,
            s3_endpoint=self.originals_by.url(),
            s3_profiles=json.dumps({RESULTS: {"buckets": [RESULTS], "endpoint": self.results_by.url()}}),
            redis_url=self.redis.url,
            result_store=stores[results],
            **_SETTINGS,
        ) as self.service:
            yield

    def _apart(self) -> list[str]:
        """Give the command that runs another with hosts, resolver and disk of its own (Linux, as root)."""
        resolver = self._directory / "resolv.conf"
        resolver.write_text(f"nameserver {RESOLVER}\noptions timeout:2 attempts:2\n")
        script = (
            f"mount --bind {self._hosts} /etc/hosts && mount --bind {resolver} /etc/resolv.conf && "
            f'mount -t tmpfs -o size={STORE_BYTES} tmpfs {self._store} && exec "$@"'
        )
        return ["unshare", "--mount", "sh", "-c", script, "sh"]

    @cached_property
    def hot(self) -> list[Question]:
        """What is asked for before every fault, and then found in memory."""
        return [
            Question(f"/unsafe/w:{width}/plain/s3://{BUCKET}/{name}.jpg@{form}", self.right[name, width, form])
            for name in range(4)
            for width, form in SIZES[::5]
        ]

    def is_made_ready(self) -> None:
        """Wait until every process answers, and have each keep what is hot."""
        until(lambda: self._ready() == int(_SETTINGS["processes"]))
        for _ in range(6):
            for one in self.hot:
                self.service.get(one.target)

    def _ready(self) -> int:
        events = [one["event"] for one in list(self.service.events)]
        return events.count("worker_started") - events.count("worker_died")

    def questions(self) -> dict[str, Iterator[Question]]:
        """Give what is asked on and on, by kind."""
        return {
            HOT: itertools.cycle(self.hot),
            S3: self._cold(f"s3://{BUCKET}"),
            WEB: self._cold(f"http://{{}}.{HOST}:{self.web.port}"),
        }

    def _cold(self, place: str) -> Iterator[Question]:
        """Give new pictures without end; `{}` stands for a host name of its own, so that each is resolved and connected to."""
        while True:
            number = next(self._numbers)
            name, (width, form) = number % NAMES, SIZES[number // NAMES % len(SIZES)]
            target = f"/unsafe/w:{width}/plain/{place.format(name)}/{name}.jpg@{form}"
            yield Question(target, self.right[name % 4, width, form])

    def errors(self) -> list[str]:
        """Give the service's own failures so far, in its words; that a process hung is told of, and no failure here."""
        return [
            str({key: one[key] for key in one if key not in ("time", "level")})[:400]
            for one in self.service.own_errors()
            if one["event"] != "worker_hung"
        ]

    def metric(self, name: str, **labels: str) -> float:
        return self.service.metric(name, **labels)

    # --- faults, and their cures -----------------------------------------------------------------------------------------

    def redis_dies(self) -> None:
        self.redis.server.kill()

    def redis_returns(self) -> None:
        self.redis.server.start()

    def redis_stands_still(self) -> None:
        self._signal_redis(signal.SIGSTOP)

    def redis_goes_on(self) -> None:
        self._signal_redis(signal.SIGCONT)

    def redis_refuses_writing(self) -> None:
        self._tell_redis("REPLICAOF 127.0.0.1 1")

    def redis_accepts_writing(self) -> None:
        self._tell_redis("REPLICAOF NO ONE")

    def redis_is_full(self) -> None:
        self._tell_redis("CONFIG SET maxmemory 1mb")

    def redis_has_room(self) -> None:
        self._tell_redis("CONFIG SET maxmemory 0")

    def _signal_redis(self, number: int) -> None:
        assert self.redis.server.process
        self.redis.server.process.send_signal(number)

    def _tell_redis(self, command: str) -> None:
        with socket.create_connection(("127.0.0.1", self.redis.server.port), 5) as connection:
            connection.sendall(f"{command}\r\n".encode())
            assert connection.recv(4096).startswith(b"+OK"), command

    def names_are_lost(self) -> None:
        self._hosts.write_text("127.0.0.1 localhost\n")  # in place: the service looks at this very file

    def _names_are_known(self) -> None:
        names = "".join(f"127.0.0.1 {one}.{HOST}\n" for one in range(NAMES))
        self._hosts.write_text(f"127.0.0.1 localhost\n{names}")

    def resolver_falls_silent(self) -> None:
        """Whoever is asked for names takes the questions and says nothing."""
        resolver = self._silence.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        resolver.bind((RESOLVER, 53))
        self.names_are_lost()

    def names_return(self) -> None:
        self._silence.close()
        self._names_are_known()

    @property
    def _store_inside(self) -> Path:
        """The store's folder as the service sees it, whose disk is nobody else's."""
        return Path(f"/proc/{self.service.process.pid}/root{self._store}")

    def disk_fills(self) -> None:
        with suppress(OSError), (self._store_inside / "ballast").open("wb", buffering=0) as ballast:
            while ballast.write(bytes(4096)):
                pass

    def disk_is_emptied(self) -> None:
        for one in self._store_inside.iterdir():
            shutil.rmtree(one) if one.is_dir() else one.unlink()

    def _tell_time(self, offset: float) -> None:
        with self._clock.open("r+b" if self._clock.exists() else "wb") as clock:
            clock.write(struct.pack("d", offset))

    def clock_leaps_ahead(self) -> None:
        """What expires tomorrow has expired."""
        tomorrow = int(time.time() + DAY)
        self._tell_time(30 * DAY)
        self.felt += self._expiring(tomorrow) in (404, 410)

    def clock_falls_back(self) -> None:
        """What expired yesterday is good again."""
        yesterday = int(time.time() - DAY)
        self._tell_time(-30 * DAY)
        self.felt += self._expiring(yesterday) == 200

    def clock_is_right(self) -> None:
        self._tell_time(0.0)

    def _expiring(self, at: int) -> int:
        return self.service.get(self.hot[0].target.replace("/unsafe/", f"/unsafe/exp:{at}/")).status

    def everything_breaks(self) -> None:
        self.redis_dies()
        self.originals_by.turn_to(Mode.FAIL)
        self.names_are_lost()
        self.disk_fills()

    def everything_is_mended(self) -> None:
        self.redis_returns()
        self.originals_by.turn_to(Mode.PASS)
        self.names_return()
        self.disk_is_emptied()

    def workers(self) -> list[int]:
        """Give the ids of the processes that answer now."""
        listed = subprocess.run(
            ["pgrep", "-P", str(self.service.process.pid)], capture_output=True, text=True, check=False
        )
        return [int(one) for one in listed.stdout.split()]

    def worker_gets(self, number: int) -> None:
        os.kill(self.workers()[0], number)

    def worker_is_replaced(self) -> None:
        """Nothing to do: the supervisor does it."""
