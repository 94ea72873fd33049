"""The faults, and what is promised of each: what the load is told, how soon, and how soon all is well again.

`when` and `promise` are the rows of "What happens when …" in docs/operations.md.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial

from tests.chaos.house import House, Results
from tests.chaos.load import CLIENTS, S3, WEB
from tests.chaos.relay import Mode

Deed = Callable[[House], object]

TOO_LATE = frozenset({503, 504})
UNREACHABLE = frozenset({502}) | TOO_LATE
NO_NAME = frozenset({404}) | UNREACHABLE


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Something that breaks: `refuses` are the statuses, by kind of question, that may be told other than 200.

    `loses` is how many requests may be lost with their connections. `slowest` are the seconds that any answer may take,
    `recovery` those after which all is well once it is healed; `symptom` counts what the fault must make more of, or it was
    not felt. `results` is where the service keeps its pictures meanwhile.
    """

    name: str
    when: str
    promise: str
    strike: Deed
    heal: Deed
    symptom: Callable[[House], float]
    refuses: Mapping[str, frozenset[int]] = field(default_factory=dict)
    loses: int = 0
    slowest: float = 4.0
    recovery: float = 5.0
    results: Results = Results.FOLDER


def _tier(name: str) -> Callable[[House], float]:
    return lambda house: house.metric("cache_errors_total", tier=name)


def _felt(house: House) -> float:
    return house.felt


def _names_asked_in_vain(house: House) -> float:
    return house.metric("errors_total", slug="source-unreachable") + house.metric("errors_total", slug="source-timeout")


def _restarts(house: House) -> float:
    return house.metric("worker_restarts_total")


def _originals(mode: Mode) -> Deed:
    return lambda house: house.originals_by.turn_to(mode)


def _harmed_originals(house: House) -> float:
    return house.originals_by.harmed


def _results(mode: Mode) -> Deed:
    return lambda house: house.results_by.turn_to(mode)


def _worker_gets(number: int) -> Deed:
    return lambda house: house.worker_gets(number)


_redis_fault = partial(Fault, symptom=_tier("redis"))
_originals_fault = partial(
    Fault, heal=_originals(Mode.PASS), symptom=_harmed_originals, refuses={S3: UNREACHABLE | {422}}, recovery=8.0
)
_results_fault = partial(Fault, heal=_results(Mode.PASS), symptom=_tier("stored"), results=Results.BUCKET)
_worker_fault = partial(
    Fault,
    heal=House.worker_is_replaced,
    symptom=_restarts,
    loses=CLIENTS,
    slowest=10.0,  # a lease of the dead, and a start beside it
    recovery=10.0,
)

FAULTS = (
    _redis_fault(
        name="redis-killed",
        when="Redis dies",
        promise=(
            "Every picture is served: from memory, the store of results, or made, by each process for itself. Nobody "
            "waits for Redis longer than `IMGPROXY_REDIS_TIMEOUT` a question, and after `IMGPROXY_REDIS_FAILURES` "
            "nobody does. It is used again at most `IMGPROXY_REDIS_PAUSE` after it is back"
        ),
        strike=House.redis_dies,
        heal=House.redis_returns,
    ),
    _redis_fault(
        name="redis-paused",
        when="Redis hangs",
        promise="The same",
        strike=House.redis_stands_still,
        heal=House.redis_goes_on,
    ),
    _redis_fault(
        name="redis-read-only",
        when="Redis may only be read: it has become a replica",
        promise="Every picture is served; what is there is found, nothing new is kept, each process makes its own",
        strike=House.redis_refuses_writing,
        heal=House.redis_accepts_writing,
    ),
    _redis_fault(
        name="redis-full",
        when="Redis is full and evicts nothing",
        promise="The same",
        strike=House.redis_is_full,
        heal=House.redis_has_room,
    ),
    _originals_fault(
        name="s3-slow",
        when="S3 trickles",
        promise=(
            "Pictures in caches and of other origins are served as ever. New ones are 504 after "
            "`IMGPROXY_S3_READ_TIMEOUT` or `IMGPROXY_DOWNLOAD_TIMEOUT`; after `IMGPROXY_ORIGIN_FAILURES` in a row 502 "
            "at once, until one try succeeds"
        ),
        strike=_originals(Mode.SLOW),
        refuses={S3: UNREACHABLE},
        slowest=6.0,
    ),
    _originals_fault(
        name="s3-failing",
        when="S3 answers 500",
        promise="The same with 502, after `IMGPROXY_S3_MAX_ATTEMPTS`",
        strike=_originals(Mode.FAIL),
        refuses={S3: UNREACHABLE},
    ),
    _originals_fault(
        name="s3-truncating",
        when="S3 breaks off amid bodies",
        promise="The same with 422 or 502. Half an original is never made a picture of, nor is anything kept",
        strike=_originals(Mode.TRUNCATE),
    ),
    _originals_fault(
        name="s3-resetting",
        when="S3 resets connections amid bodies",
        promise="The same",
        strike=_originals(Mode.RESET),
    ),
    Fault(
        name="names-lost",
        when="Names are not resolved",
        promise=(
            "New pictures of the origins concerned are refused as unreachable: 404 in the imgproxy dialect, 502 in "
            "the query dialect; all else is served as ever"
        ),
        strike=House.names_are_lost,
        heal=House.names_return,
        symptom=_names_asked_in_vain,
        refuses={WEB: NO_NAME},
    ),
    Fault(
        name="resolver-silent",
        when="Nobody answers who resolves names",
        promise=(
            "New pictures of the origins concerned are 504 after `IMGPROXY_DOWNLOAD_TIMEOUT`, or unreachable as above once "
            "the system gives up, whichever is first; all else is served as ever"
        ),
        strike=House.resolver_falls_silent,
        heal=House.names_return,
        symptom=_names_asked_in_vain,
        refuses={WEB: NO_NAME},
        recovery=8.0,  # threads that ask are not to be stopped
    ),
    Fault(
        name="disk-full",
        when="The disk of a local store of results is full",
        promise="Every picture is served and nothing new is kept there; half a file is never read as a picture",
        strike=House.disk_fills,
        heal=House.disk_is_emptied,
        symptom=_tier("stored"),
    ),
    Fault(
        name="clock-ahead",
        when="The clock leaps ahead by a month",
        promise=(
            "Pictures are served, and stay right. `exp` is judged by the clock as it is; what caches keep may count "
            "as expired and is made again. Time-outs are measured by another clock. S3 itself refuses (403) what is "
            "signed with a time that is wrong by a quarter of an hour"
        ),
        strike=House.clock_leaps_ahead,
        heal=House.clock_is_right,
        symptom=_felt,
    ),
    Fault(
        name="clock-back",
        when="The clock falls back by a month",
        promise="The same",
        strike=House.clock_falls_back,
        heal=House.clock_is_right,
        symptom=_felt,
    ),
    _redis_fault(
        name="all-at-once",
        when="Redis dies, S3 answers 500, names are lost and the disk fills, all at once",
        promise="Pictures in memory are served as ever; of new ones each is refused for its own reason",
        strike=House.everything_breaks,
        heal=House.everything_is_mended,
        refuses={S3: UNREACHABLE, WEB: NO_NAME},
        recovery=8.0,
    ),
    _worker_fault(
        name="worker-killed",
        when="A process is killed (out of memory)",
        promise=(
            "Its own requests under way are lost, all others are answered. It is replaced after 0.1 s, after longer "
            "if it dies young again and again, up to 10 s; `imgproxy_worker_restarts_total` counts"
        ),
        strike=_worker_gets(signal.SIGKILL),
    ),
    _worker_fault(
        name="worker-crashed",
        when="A process crashes",
        promise="The same, and its traceback is on standard error",
        strike=_worker_gets(signal.SIGSEGV),
    ),
    _worker_fault(
        name="worker-hung",
        when="A process hangs",
        promise=(
            "The requests that it holds wait until it is killed after `IMGPROXY_WORKER_HANG_TIMEOUT`, and are lost; "
            "the others go on, and new connections go to them"
        ),
        strike=_worker_gets(signal.SIGSTOP),
    ),
    _results_fault(
        name="results-failing",
        when="A store of results in S3 answers 500",
        promise=(
            "Every picture is served: from memory, Redis, or made. After three failures in a row the store is left alone "
            "for 5 s, reading and writing each for itself; nothing new is kept there meanwhile"
        ),
        strike=_results(Mode.FAIL),
    ),
    _results_fault(
        name="results-slow",
        when="A store of results in S3 trickles",
        promise="The same; nobody waits longer than `IMGPROXY_RESULT_STORE_TIMEOUT` a question",
        strike=_results(Mode.SLOW),
    ),
)
