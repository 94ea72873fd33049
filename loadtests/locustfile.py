"""What locust runs. `python -m loadtests` starts it and says in the environment which profile, seed and keys."""

from __future__ import annotations

import json
import os
import random
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
from locust import FastHttpUser, LoadTestShape, events
from locust.env import Environment
from locust.stats import StatsEntry

from loadtests import bodies, profile, verdict
from loadtests.questions import Question, Questions, Signer

SEED = int(os.environ.get("LOADTEST_SEED") or 1)
SIGNER = Signer(os.environ.get("LOADTEST_KEY", ""), os.environ.get("LOADTEST_SALT", ""))
_read = profile.load(os.environ["LOADTEST_PROFILE"])
PROFILE = (
    _read
    if SIGNER.on
    else replace(_read, scenarios={name: one for name, one in _read.scenarios.items() if name != "signed"})
)


def _spent() -> verdict.Spent:
    """Tell what this machine has spent so far, and of it the command that started locust and the service, and all below."""
    whole = psutil.cpu_times()
    idle = whole.idle + whole.iowait + whole.guest + whole.guest_nice  # guests' time is in the user's as well
    command = psutil.Process(os.getppid())
    ours = 0.0
    for one in (command, *command.children(recursive=True)):
        with suppress(psutil.NoSuchProcess):
            ours += sum(one.cpu_times()[:4])  # user, system, and both of children that have ended
    return verdict.Spent(at=time.monotonic(), busy=sum(whole) - idle, ours=ours)


IS_HERE = bool(os.environ.get("LOADTEST_IS_HERE"))
"""Whether the service runs on this machine, so that what others do here is in its times."""

BEGUN = _spent()


class Visitor(FastHttpUser):
    """Somebody who looks at pictures, and at times at what is none."""

    connection_timeout = 10.0
    network_timeout = 30.0
    born = 0

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        Visitor.born += 1
        number = SEED * 1_000_003 + os.getpid() * 1009 + Visitor.born  # no two draw the same, in whatever process
        self.questions = Questions(PROFILE, SIGNER, number)
        self.random = random.Random(number)
        self.tags: dict[str, str] = {}

    def wait_time(self) -> float:
        return self.random.uniform(0.5, 1.5) * PROFILE.pause

    def unchanged(self) -> Question:
        """Ask again for what one has, by its entity tag."""
        question = self.questions.hot()
        tag = self.tags.get(question.target)
        if tag is None:
            return question
        return replace(question, status=304, media_type="", headers={"If-None-Match": tag})

    def asks(self, scenario: str, question: Question) -> None:
        headers = dict(question.headers)
        with self.client.get(question.target, name=scenario, headers=headers, catch_response=True) as answer:
            if not answer.status_code:
                answer.failure(f"no answer: {type(answer.error).__name__}")
                return
            told = {name.lower(): value for name, value in answer.headers.items()}
            data = answer.content or b""
            decode = self.random.random() < PROFILE.decoded
            if said := bodies.wrong(question, answer.status_code, told, data, decode=decode):
                answer.failure(said)
            else:
                answer.success()
            if scenario in ("hot", "unchanged") and answer.status_code == 200:
                self.tags[question.target] = told.get("etag", "")


def _task(name: str) -> Callable[[Visitor], None]:
    def task(user: Visitor) -> None:
        give = user.unchanged if name == "unchanged" else getattr(user.questions, name)
        user.asks(name, give())

    task.__name__ = name
    return task


Visitor.tasks = [task for name, one in PROFILE.scenarios.items() for task in [_task(name)] * one.weight]


class Stages(LoadTestShape):
    """The stages of the profile, one after the other."""

    def tick(self) -> tuple[int, float] | None:
        elapsed = self.get_run_time()
        for stage in PROFILE.stages:
            elapsed -= stage.seconds
            if elapsed < 0:
                return stage.users, stage.rate
        return None


@events.quitting.add_listener
def judged(environment: Environment, **_: Any) -> None:
    """Judge the run, keep what was found, and let the exit code say it."""
    if environment.parsed_options and environment.parsed_options.worker:
        return
    measured = {name: _measured(entry) for (name, _), entry in sorted(environment.stats.entries.items())}
    measured[verdict.ALL] = _measured(environment.stats.total)
    failures = _failures(environment.stats.errors)
    others = verdict.others(BEGUN, _spent(), cpus=os.cpu_count() or 1) if IS_HERE else 0.0
    found = verdict.judge(PROFILE, measured, failures, verdict.stretch(others))
    Path(os.environ["LOADTEST_SUMMARY"]).write_text(
        json.dumps(verdict.summary(PROFILE, measured, failures, found, others), indent=2, ensure_ascii=False) + "\n"
    )
    environment.process_exit_code = 1 if found else 0


def _measured(entry: StatsEntry) -> verdict.Measured:
    seconds = (entry.last_request_timestamp or entry.start_time) - entry.start_time
    return verdict.Measured(
        requests=entry.num_requests,
        failures=entry.num_failures,
        rate=round(entry.num_requests / seconds, 1) if seconds > 0 else 0.0,
        mean=round(entry.avg_response_time, 2),
        p50=float(entry.get_response_time_percentile(0.5)),
        p95=float(entry.get_response_time_percentile(0.95)),
        p99=float(entry.get_response_time_percentile(0.99)),
        longest=round(entry.max_response_time, 2),
    )


def _failures(errors: Mapping[str, Any]) -> dict[str, int]:
    counted: Counter[str] = Counter()
    for one in errors.values():
        counted[str(one.error)] += one.occurrences
    return dict(counted)
