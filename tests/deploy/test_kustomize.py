"""`k8s/` is the chart without Helm."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from imgproxy_py.settings import Settings
from imgproxy_py.settings.names import variable
from tests.deploy.manifests import (
    ROOT,
    Object,
    built,
    container,
    environment,
    generator,
    load,
    of_kind,
    only,
    pod_spec,
    run,
    walk,
)

HASH = re.compile(r"\bimgproxy-py-[a-z0-9]{10}\b")
OVERLAYS = ("dev", "staging", "prod")

KUSTOMIZE_ONLY = "The hash at the end of a ConfigMap's name, by which Kustomize starts new pods"
HELM_ONLY = "The labels helm.sh/chart and managed-by, the annotation checksum/config, by which Helm does; the test pod"

every = pytest.mark.parametrize("overlay", OVERLAYS)


def by_name(objects: list[Object]) -> dict[tuple[str, str], Object]:
    found = {(one["kind"], one["metadata"]["name"]): one for one in objects}
    assert len(found) == len(objects)
    return found


def without_hash(thing: Any) -> Any:
    """Kustomize's objects as the chart has them; this is all that is changed of them."""
    if isinstance(thing, dict):
        return {name: without_hash(value) for name, value in thing.items()}
    if isinstance(thing, list):
        return [without_hash(one) for one in thing]
    return HASH.sub("imgproxy-py", thing) if isinstance(thing, str) else thing


def test_base_is_the_chart_with_default_values_object_for_object() -> None:
    module = generator()
    chart = by_name([module.without_helm(one) for one in module.rendered()])
    base = by_name(without_hash(load(built("k8s/base"))))
    assert chart.keys() == base.keys()
    for name, one in chart.items():
        assert base[name] == one, name


def test_little_is_left_out_of_the_comparison() -> None:
    """Exactly what HELM_ONLY and KUSTOMIZE_ONLY say."""
    module = generator()
    for one in module.rendered():
        gone = {
            where.partition(".metadata.")[2]
            for where, _ in walk(one)
            if where not in {other for other, _ in walk(module.without_helm(one))}
        }
        expected = {"labels.helm.sh/chart", "labels.app.kubernetes.io/managed-by"}
        if one["kind"] == "Deployment":
            expected |= {"annotations.checksum/config"}
        assert gone == expected
    text = built("k8s/base")
    assert len(set(HASH.findall(text))) == 1


def test_components_are_the_charts_objects() -> None:
    module = generator()
    for path, content in module.components():
        assert path.read_text() == content
        (one,) = load(content)
        assert one["metadata"]["labels"].keys().isdisjoint(module.HELM_LABELS)


@every
def test_overlays_are_valid(overlay: str, tmp_path: Path) -> None:
    file = tmp_path / f"{overlay}.yaml"
    file.write_text(built(f"k8s/overlays/{overlay}"))
    run(ROOT / ".venv-deploy" / "bin" / "python", ROOT / "deploy" / "validate.py", file)


@every
def test_overlays_set_settings_that_exist(overlay: str) -> None:
    objects = labelled(overlay)
    known = {variable(name) for name in Settings.model_fields}
    assert set(environment(objects)) <= known
    assert container(objects)["envFrom"][0]["configMapRef"]["name"] != "imgproxy-py"  # it has the hash


def labelled(overlay: str) -> list[Object]:
    return [one for one in load(built(f"k8s/overlays/{overlay}")) if one["kind"] != "Namespace"]


@every
def test_overlays_stay_in_their_namespace(overlay: str) -> None:
    objects = labelled(overlay)
    assert {one["metadata"]["namespace"] for one in objects} == {f"imgproxy-{overlay}"}
    (namespace,) = [one for one in load(built(f"k8s/overlays/{overlay}")) if one["kind"] == "Namespace"]
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"


def test_dev_is_small_and_open() -> None:
    objects = labelled("dev")
    assert only(objects, "Deployment")["spec"]["replicas"] == 1
    assert not of_kind(objects, "NetworkPolicy")


def test_prod_is_scaled_by_keda_and_asks_about_itself() -> None:
    objects = labelled("prod")
    assert "replicas" not in only(objects, "Deployment")["spec"]
    queries = [one["metadata"].get("query", "") for one in only(objects, "ScaledObject")["spec"]["triggers"]]
    assert [query.count('namespace="imgproxy-prod"') for query in queries] == [0, 1, 1]
    assert "@sha256:" in container(objects)["image"]
    assert {"secretRef": {"name": "imgproxy"}} in container(objects)["envFrom"]
    assert pod_spec(objects)["securityContext"]["runAsUser"] == 10001
    assert any(port["port"] == 6379 for rule in egress(objects) for port in rule["ports"])


def egress(objects: list[Object]) -> list[Object]:
    rules: list[Object] = only(objects, "NetworkPolicy")["spec"]["egress"]
    return rules
