"""What the tests of telemetry share: a maker of records, and a reader of Prometheus' text."""

from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from imgproxy_py.telemetry.record import RequestRecord


def a_record(**known: Any) -> RequestRecord:
    given = {"request_id": "r1", "method": "GET", "dialect": "imgproxy", "started": 0.0, "at": 0.0, "status": 200}
    return RequestRecord(**(given | known))


def read(text: bytes) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text.decode())
        for sample in family.samples
    }
