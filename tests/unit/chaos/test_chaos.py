"""What the chaos suite judges with must itself notice what it is there to notice."""

from __future__ import annotations

import asyncio
import itertools
import math
import socket
import time
from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256
from http.client import HTTPConnection, HTTPException

import pytest

from tests.acceptance.origin import Origin, Page
from tests.chaos.faults import FAULTS, Fault
from tests.chaos.load import HOT, KINDS, S3, WEB, Load, Phase, Question, Told, under_load
from tests.chaos.relay import Mode, Relay
from tests.chaos.verdict import Run, report

BODY = bytes(range(256)) * 40
FAULT = next(one for one in FAULTS if one.name == "s3-failing")


# --- the relay ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def origin() -> Iterator[Origin]:
    with Origin() as one:
        one.put("/a", BODY)
        yield one


@pytest.fixture
def relay(origin: Origin) -> Iterator[Relay]:
    origin.put("/a", Page(BODY, then="close"))
    with Relay(origin.port) as one:
        yield one


def fetched(port: int, patience: float = 5.0) -> tuple[int, bytes]:
    connection = HTTPConnection("127.0.0.1", port, timeout=patience)
    try:
        connection.request("GET", "/a", headers={"Connection": "keep-alive", "X-Kept": "yes"})
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def test_a_relay_passes_on_what_is_said(relay: Relay, origin: Origin) -> None:
    assert fetched(relay.port) == (200, BODY)
    assert origin.asked[0].headers["x-kept"] == "yes"
    assert relay.harmed == 0


def test_a_relay_fails_without_asking(relay: Relay, origin: Origin) -> None:
    relay.mode = Mode.FAIL
    status, body = fetched(relay.port)
    assert status == 500
    assert body.endswith(b"</Error>")
    assert origin.asked == []
    assert relay.harmed == 1


@pytest.mark.parametrize(("mode", "error"), [(Mode.TRUNCATE, HTTPException), (Mode.RESET, (OSError, HTTPException))])
def test_a_relay_breaks_off_amid_a_body(mode: Mode, error: type[Exception], relay: Relay) -> None:
    relay.mode = mode
    with pytest.raises(error):
        fetched(relay.port)


def test_a_relay_is_slow(relay: Relay) -> None:
    relay.mode = Mode.SLOW
    started = time.monotonic()
    with pytest.raises(TimeoutError):
        fetched(relay.port, 0.5)
    assert time.monotonic() - started < 2


# --- the load ----------------------------------------------------------------------------------------------------------


def load_of(port: int, right: bytes, target: str = "/a") -> Load:
    question = Question(target, sha256(right).hexdigest())
    return Load(port, {kind: itertools.repeat(question) for kind in KINDS}, dict.fromkeys(KINDS, 0.005))


async def asked(load: Load, seconds: float = 0.3) -> Load:
    async with under_load(load):
        await asyncio.sleep(seconds)
    return load


async def test_right_pictures_are_told_from_wrong_ones(origin: Origin) -> None:
    right = await asked(load_of(origin.port, BODY))
    assert {one.kind for one in right.told} == set(KINDS)
    assert not any(one.wrong for one in right.told)
    wrong = await asked(load_of(origin.port, BODY + b"x"))
    assert wrong.told
    assert all(one.wrong for one in wrong.told)


async def test_refusals_have_their_status_and_lost_connections_none(origin: Origin) -> None:
    refused = await asked(load_of(origin.port, BODY, "/none"))
    assert {(one.status, one.wrong) for one in refused.told} == {(404, False)}
    origin.put("/a", Page(BODY, sent=100, then="reset"))
    lost = await asked(load_of(origin.port, BODY))
    assert {(one.status, one.wrong) for one in lost.told} == {(0, False)}
    with socket.create_server(("127.0.0.1", 0)) as taken:
        nobody = taken.getsockname()[1]
    assert {one.status for one in (await asked(load_of(nobody, BODY))).told} == {0}


async def test_a_request_that_sees_the_fault_belongs_to_it(origin: Origin) -> None:
    origin.put("/a", BODY, held=True)
    load = load_of(origin.port, BODY)
    async with under_load(load):
        await asyncio.sleep(0.1)
        load.phase = Phase.DURING
        origin.let_go("/a")
        await asyncio.sleep(0.2)
    assert {one.phase for one in load.told} == {Phase.DURING}


async def test_all_is_well_when_every_kind_is_answered(origin: Origin) -> None:
    load = load_of(origin.port, BODY)
    async with under_load(load):
        assert await load.is_well(5, 10) < 10
    origin.put("/a", Page(b"", "500 No"))
    broken = load_of(origin.port, BODY)
    async with under_load(broken):
        assert await broken.is_well(5, 0.3) == math.inf


# --- the verdict -------------------------------------------------------------------------------------------------------


def told(kind: str = HOT, phase: Phase = Phase.DURING, status: int = 200, **changed: object) -> Told:
    return replace(Told(kind=kind, phase=phase, status=status, seconds=0.01), **changed)  # type: ignore[arg-type]


GOOD = [told(kind, phase) for kind in KINDS for phase in Phase for _ in range(10)]


def run(*more: Told, fault: Fault = FAULT, **changed: object) -> Run:
    plain = Run(fault=fault, told=[*GOOD, *more], seconds=5.0, recovered=1.0, symptom=1.0)
    return replace(plain, **changed)  # type: ignore[arg-type]


def test_what_is_as_promised_is_no_finding() -> None:
    assert run().findings() == []
    assert run(told(S3, status=502), told(S3, Phase.HEALING, 504)).findings() == []


@pytest.mark.parametrize(
    ("given", "finding"),
    [
        (run(told(wrong=True, target="/x")), "a wrong picture (during): /x"),
        (run(told(S3, Phase.AFTER, wrong=True, target="/x")), "a wrong picture (after): /x"),
        (run(told(HOT, status=502, reason="no")), "1 × 502 to hot during: no"),
        (run(told(WEB, status=502, reason="no")), "1 × 502 to web during: no"),
        (run(told(S3, Phase.AFTER, 502, reason="no")), "1 × 502 to s3 after: no"),
        (run(told(S3, Phase.BEFORE, 502, reason="no")), "1 × 502 to s3 before: no"),
        (run(told(S3, status=500, reason="no")), "1 × 500 to s3 during: no"),
        (run(told(S3, status=0, reason="gone")), "1 × no answer to s3 during: gone"),
        (run(told(seconds=9.0)), "an answer took 9.0 s of at most 4"),
        (run(recovered=math.inf), "not well after 8 s"),
        (run(symptom=0.0), "the fault was not felt: nothing was shown"),
        (run(errors=["boom"]), "a defect: boom"),
        (run(told=[one for one in GOOD if one.kind != WEB]), "only 0 answers to web"),
    ],
    ids=lambda given: given if isinstance(given, str) else "",
)
def test_whatever_is_not_as_promised_is_a_finding(given: Run, finding: str) -> None:
    assert finding in given.findings()


def test_a_process_takes_no_more_requests_with_it_than_it_had() -> None:
    fault = next(one for one in FAULTS if one.name == "worker-killed")
    lost = [told(status=0) for _ in range(fault.loses)]
    assert run(*lost, fault=fault).findings() == []
    assert run(*lost, told(status=0), fault=fault).findings() == [
        f"{fault.loses + 1} requests lost of at most {fault.loses}"
    ]


def test_a_report_tells_runs_and_findings() -> None:
    text = report([run(), run(recovered=math.inf)], 12.3)
    assert "2 faults under load in 12 s; the bytes of all 240 answers were compared." in text
    assert text.count("| s3-failing | 5 | 120 | 30 | – | 10 | 0.0 |") == 2
    assert "- **s3-failing**: not well after 8 s" in text
    assert report([run()], 1).endswith("Nothing was found.\n")


def test_faults_have_names_of_their_own() -> None:
    names = [one.name for one in FAULTS]
    assert len(set(names)) == len(names) >= 15


def test_faults_that_want_results_kept_alike_stand_together() -> None:
    kept = [results for results, _ in itertools.groupby(FAULTS, key=lambda one: one.results)]
    assert len(set(kept)) == len(kept) == 2, "each change is another start of the service"
