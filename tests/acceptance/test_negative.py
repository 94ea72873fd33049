"""A thousand who ask for what is not there cost its server one request, and nobody waits long for what is there again."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from pathlib import Path

import pytest

from tests import pictures
from tests.acceptance.origin import Origin
from tests.acceptance.service import Service, serving

GOOD = pictures.png(pictures.marked(60, 40))


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    settings = {
        "allow_loopback_source_addresses": "true",
        "negative_cache_seconds": "30",
        "purge_secret": "of purges",
    }
    with serving(tmp_path_factory.mktemp("negative"), **settings) as running:
        yield running


def test_a_thousand_requests_for_a_missing_original_are_one_fetch(service: Service, origin: Origin) -> None:
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda n: service.get(f"/_/w:{n}/plain/{origin.url('/no.png')}"), range(1, 1001)))
    assert Counter(one.said for one in answers) == {(404, "Source is unreachable"): 1000}
    assert origin.times("/no.png") <= 8  # those who were there before the first answer, each for a width of his own
    again = [service.get(f"/_/w:{n}/plain/{origin.url('/no.png')}") for n in range(1, 101)]
    assert origin.times("/no.png") <= 8
    line = service.line(again[0])
    assert (line["outcome"], line["error"], line["status"]) == ("remembered", "source-missing", 404)
    assert service.metric("requests_total", outcome="remembered") >= 1000


def test_a_broken_original_is_fetched_once_for_a_picture(service: Service, origin: Origin) -> None:
    url = origin.put("/broken.png", GOOD[: len(GOOD) // 2])
    assert {service.get(f"/_/w:20/plain/{url}").status for _ in range(20)} == {422}
    assert origin.times("/broken.png") == 1


def test_a_purge_clears_it(service: Service, origin: Origin) -> None:
    url = origin.url("/later.png")
    target = f"/_/w:20/plain/{url}"
    assert service.get(target).status == 404
    origin.put("/later.png", GOOD)
    assert service.get(target).status == 404
    connection = HTTPConnection("127.0.0.1", service.port, timeout=20)
    connection.request("POST", "/purge", json.dumps({"sources": [url]}), {"Authorization": "Bearer of purges"})
    assert connection.getresponse().status == 200
    connection.close()
    assert service.get(target).status == 200


def test_it_is_off_unless_set(tmp_path: Path, origin: Origin) -> None:
    with serving(tmp_path, allow_loopback_source_addresses="true") as plain:
        assert {plain.get(f"/_/w:20/plain/{origin.url('/no.png')}").status for _ in range(3)} == {404}
    assert origin.times("/no.png") == 3
