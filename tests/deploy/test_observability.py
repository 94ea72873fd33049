"""Dashboards and alerts name what the service exports, alerts fire when they should, and each has a runbook."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from imgproxy_py.assembly import open_application
from imgproxy_py.errors import ImgproxyError
from imgproxy_py.recipe.picture import Outcome
from imgproxy_py.settings import Settings
from imgproxy_py.telemetry.aggregate import Aggregate, snapshot_path, write_snapshot
from imgproxy_py.telemetry.metrics import MetricsSettings
from imgproxy_py.telemetry.record import RequestRecord
from imgproxy_py.web.application import METRICS
from tests.deploy.manifests import CHART, ROOT, TOOLS, VALUES, only, rendered, run

Exported = dict[str, set[str]]

RULES = sorted((CHART / "rules").glob("*.yaml"))
DASHBOARDS = sorted((CHART / "dashboards").glob("*.json"))
RUNBOOKS = ROOT / "docs" / "runbooks.md"

GIVEN_BY_PROMETHEUS = {"namespace", "job", "pod", "instance"}
ELSEWHERE = {"kube_pod_container_resource_limits": {"namespace", "pod", "container", "resource"}}
"""Metrics of others: kube-state-metrics."""

SEVERAL_PROCESSES = {"imgproxy_worker_processes", "imgproxy_worker_restarts_total"}


@pytest.fixture
async def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Exported, Exported]:
    """What is exported by one process, and by several: the labels of each sample's name."""
    monkeypatch.delenv("IMGPROXY_PROMETHEUS_NAMESPACE", raising=False)
    settings = Settings.load({"redis_url": "redis://127.0.0.1:1", "result_store": f"local://{tmp_path}"})
    async with open_application(settings) as application:
        metrics = application[METRICS]
        metrics.answered(full_record())
        metrics.lagged(0.1)
        snapshots = tmp_path / "snapshots"
        snapshots.mkdir()
        write_snapshot(metrics, snapshot_path(snapshots, 1))
        several = Aggregate(MetricsSettings(), snapshots)
        return labels_by_name(metrics.exposition()), labels_by_name(several.exposition())


def full_record() -> RequestRecord:
    record = RequestRecord(request_id="a", method="GET", dialect="query", started=0.0, at=0.0, status=200)
    record.outcome, record.error, record.format_out, record.fetch = "made", "internal-error", "png", 1.0
    return record


def labels_by_name(text: bytes) -> Exported:
    found: Exported = {}
    for family in text_string_to_metric_families(text.decode()):
        for one in family.samples:
            found.setdefault(one.name, set()).update(one.labels)
    return found


def rules() -> Iterator[dict[str, Any]]:
    for path in RULES:
        for group in yaml.safe_load(path.read_text())["groups"]:
            yield from group["rules"]


def alerts() -> list[dict[str, Any]]:
    return [one for one in rules() if "alert" in one]


def panels(path: Path) -> list[dict[str, Any]]:
    return [one for one in json.loads(path.read_text())["panels"] if one["type"] != "row"]


def dashboard_expressions() -> Iterator[str]:
    for path in DASHBOARDS:
        for panel in panels(path):
            yield from (one["expr"] for one in panel["targets"])
        for variable in json.loads(path.read_text())["templating"]["list"]:
            if found := re.fullmatch(r"label_values\((.*), \w+\)", variable.get("definition", "")):
                yield found[1]


def scaler_expressions() -> Iterator[str]:
    (path,) = [path for path in VALUES if path.stem == "keda"]
    for one in only(rendered(path), "ScaledObject")["spec"]["triggers"]:
        if "query" in one["metadata"]:
            yield one["metadata"]["query"]


def expressions() -> list[str]:
    return [*(one["expr"] for one in rules()), *dashboard_expressions(), *scaler_expressions()]


_SELECTOR = re.compile(r"([a-zA-Z_:][\w:]*)\s*(?:\{([^}]*)\})")
_NAME = re.compile(r"(?<![\w:\"$.~=|-])([a-zA-Z_:][\w:]*)(?!\s*\()(?![\w:])")
_WORDS = {"by", "on", "and", "or", "unless", "without", "offset", "ignoring", "group_left", "group_right", "bool"}


def named(expression: str) -> set[str]:
    """The metrics that an expression names: names that are no functions, words, labels or durations."""
    bare = re.sub(r"\b(by|on|without|ignoring)\s*\([^)]*\)", " ", expression)
    bare = re.sub(r"\{[^}]*\}|\[[^]]*\]|\"[^\"]*\"|\boffset \w+", " ", bare)
    return set(_NAME.findall(bare)) - _WORDS


RECORDED = {one["record"] for one in rules() if "record" in one}


def test_the_reader_of_expressions_reads() -> None:
    assert named('sum by (le) (rate(a_total{b="c"}[5m])) / (x:y > 0) and on (pod) d offset 1d') == {
        "a_total",
        "x:y",
        "d",
    }


async def test_only_exported_metrics_are_named(alone: tuple[Exported, Exported]) -> None:
    one, several = alone
    assert set(several) - set(one) == SEVERAL_PROCESSES
    assert set(one) - set(several) == set()
    for expression in expressions():
        names = named(expression)
        assert names
        assert names <= set(several) | set(ELSEWHERE) | RECORDED, expression


async def test_only_labels_that_metrics_have_are_named(alone: tuple[Exported, Exported]) -> None:
    _, several = alone
    labels = several | ELSEWHERE
    for expression in expressions():
        had = set().union(*(labels.get(name, set()) for name in named(expression)))
        for name, matchers in _SELECTOR.findall(expression):
            for label in re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", matchers):
                assert label in labels[name] | GIVEN_BY_PROMETHEUS, (name, label)
        for words in re.findall(r"\b(?:by|on)\s*\(([^)]*)\)", expression):
            assert set(re.split(r",\s*", words)) <= had | GIVEN_BY_PROMETHEUS, expression


def test_only_values_that_labels_take_are_named() -> None:
    taken = {
        "slug": {kind.slug for kind in every_error()},
        "outcome": {one.value for one in Outcome},
        "stage": {"queue", "fetch", "decode", "transform", "encode"},
    }
    seen = set()
    for expression in expressions():
        for label, value in re.findall(r'\b(slug|outcome|stage)=~?"([^"]+)"', expression):
            seen.add(label)
            assert set(value.split("|")) <= taken[label]
    assert seen == set(taken)


def every_error(kind: type[ImgproxyError] = ImgproxyError) -> Iterator[type[ImgproxyError]]:
    yield kind
    for child in kind.__subclasses__():
        yield from every_error(child)


def test_promtool_takes_the_rules() -> None:
    for path in RULES:
        assert "SUCCESS" in run(TOOLS / "promtool", "check", "rules", path).stdout


def test_promtool_takes_every_expression_of_dashboards_and_scalers(tmp_path: Path) -> None:
    found = [
        {"record": f"e:{number}", "expr": one.replace("$__rate_interval", "5m")}
        for number, one in enumerate([*dashboard_expressions(), *scaler_expressions()])
    ]
    path = tmp_path / "rules.yaml"
    path.write_text(yaml.safe_dump({"groups": [{"name": "all", "rules": found}]}))
    assert f"{len(found)} rules found" in run(TOOLS / "promtool", "check", "rules", path).stdout


def test_alerts_fire_when_they_should_and_only_then() -> None:
    assert "SUCCESS" in run(TOOLS / "promtool", "test", "rules", "tests/deploy/alerts_test.yaml").stdout


def test_every_alert_is_tested_to_fire() -> None:
    document = yaml.safe_load((ROOT / "tests" / "deploy" / "alerts_test.yaml").read_text())
    fired = {
        one["alertname"] for test in document["tests"] for one in test.get("alert_rule_test", []) if "exp_alerts" in one
    }
    assert fired == {one["alert"] for one in alerts()}


def test_every_alert_has_a_runbook() -> None:
    headings = re.findall(r"^## (\w+)$", RUNBOOKS.read_text(), flags=re.MULTILINE)
    assert headings == [one["alert"] for one in alerts()]
    for one in alerts():
        assert one["annotations"]["runbook_url"] == f"docs/runbooks.md#{one['alert'].lower()}"
        assert set(one["annotations"]) == {"summary", "description", "runbook_url"}
        assert one["labels"]["severity"] in ("critical", "warning")


def test_operations_name_every_alert_and_lead_to_its_runbook() -> None:
    text = (ROOT / "docs" / "operations.md").read_text()
    told = re.findall(r"^\| \[(\w+)\]\(runbooks\.md#(\w+)\) \| (\w+) \|", text, flags=re.MULTILINE)
    assert told == [(one["alert"], one["alert"].lower(), one["labels"]["severity"]) for one in alerts()]


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)
def test_a_dashboard_is_sound(path: Path) -> None:
    document = json.loads(path.read_text())
    assert document["uid"] == path.stem
    places = set()
    for one in document["panels"]:
        place = one["gridPos"]
        assert place["x"] + place["w"] <= 24
        squares = {(place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])}
        assert not squares & places, one["title"]
        places |= squares
    assert len({one["id"] for one in document["panels"]}) == len(document["panels"])
    assert all(one["datasource"]["uid"] == "${datasource}" for one in panels(path))
    assert len({one["title"] for one in panels(path)}) == len(panels(path))


async def test_every_metric_of_ours_is_shown_somewhere(alone: tuple[Exported, Exported]) -> None:
    shown = set().union(*map(named, dashboard_expressions()))
    families = {re.sub(r"_(bucket|count|sum|created)$", "", name) for name in alone[1] if name.startswith("imgproxy_")}
    assert families - {re.sub(r"_(bucket|count|sum)$", "", name) for name in shown} == set()
