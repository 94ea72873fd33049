"""A process that serves may open what its operator allows, and its event loop is not kept waiting."""

from __future__ import annotations

import resource
import sys
from collections.abc import Iterator

import pytest

from imgproxy_py.web.tuning import SWITCH_SECONDS, tune


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    limits, interval = resource.getrlimit(resource.RLIMIT_NOFILE), sys.getswitchinterval()
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    sys.setswitchinterval(interval)


def test_as_many_files_may_be_open_as_the_operator_allows() -> None:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, most))
    tune()
    assert resource.getrlimit(resource.RLIMIT_NOFILE) == (most, most)


def test_threads_take_turns_often() -> None:
    tune()
    assert sys.getswitchinterval() == pytest.approx(SWITCH_SECONDS)
