import os
import socket
from pathlib import Path

import pytest

from imgproxy_py.telemetry.metrics import MetricsSettings
from imgproxy_py.web.pauses import LONGEST_PAUSE, STEADY, Pauses
from imgproxy_py.web.server import ServerSettings
from imgproxy_py.web.supervisor import Supervisor
from imgproxy_py.web.worker import POST, WorkerPost


def test_pauses_grow_while_workers_die_young_and_begin_anew_after_a_long_life():
    pauses = Pauses()
    assert [pauses.after(1) for _ in range(9)] == [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, LONGEST_PAUSE, LONGEST_PAUSE]
    assert pauses.after(STEADY) == 0.1


@pytest.mark.parametrize("post", [WorkerPost(3, 4), WorkerPost(3, 4, Path("/tmp/a:b"))])
def test_a_post_is_inherited_once(monkeypatch, post):
    monkeypatch.setenv(POST, str(post))
    assert WorkerPost.inherited() == post
    assert POST not in os.environ
    assert WorkerPost.inherited() is None


def test_several_processes_need_a_command():
    with socket.socket() as listening, pytest.raises(ValueError, match="command"):
        Supervisor([], listening, ServerSettings(), MetricsSettings())
