"""The chart over all value sets: what is promised about each, and what the schema refuses."""

from __future__ import annotations

import ipaddress
import json
import math
import os
import re
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

import imgproxy_py
from imgproxy_py.settings import Settings
from imgproxy_py.settings.names import variable
from imgproxy_py.sources.guard import _NETWORKS, AddressGuard, Reach
from tests.deploy.manifests import (
    CHART,
    LIST_KEYS,
    RELEASE,
    ROOT,
    VALUES,
    Object,
    container,
    environment,
    generator,
    helm,
    of_kind,
    only,
    pod_spec,
    port_key,
    render,
    rendered,
    run,
    settings,
    walk,
)

KNOWN = {variable(name) for name in Settings.model_fields}
SECRET = set(generator().secret_variables())
DEFAULTS = yaml.safe_load((CHART / "values.yaml").read_text())

every = pytest.mark.parametrize("path", VALUES, ids=lambda path: path.stem)


def values_of(name: str) -> list[Object]:
    return rendered(next(path for path in VALUES if path.stem == name))


# --- the matrix -------------------------------------------------------------------------------------------------------


def test_the_matrix_is_broad() -> None:
    assert len(VALUES) >= 12


@every
def test_lint_finds_nothing(path: Path) -> None:
    assert "0 chart(s) failed" in helm("lint", "--strict", CHART, "--values", path).stdout


def test_every_object_is_valid_for_the_last_four_minors(tmp_path: Path) -> None:
    files = []
    for path in VALUES:
        file = tmp_path / path.name
        file.write_text(render(path))
        files.append(file)
    told = run(ROOT / ".venv-deploy" / "bin" / "python", ROOT / "deploy" / "validate.py", *files).stdout
    report = ROOT / "var" / "deploy-check" / "matrix.txt"
    report.parent.mkdir(parents=True, exist_ok=True)
    report.write_text(told)
    assert len(re.findall(r"objects valid for (?:1\.\d+ ?){4}", told)) == len(VALUES), told


# --- what holds for every value set -----------------------------------------------------------------------------------


@every
def test_the_number_of_pods_has_one_master(path: Path) -> None:
    objects = rendered(path)
    scalers = of_kind(objects, "HorizontalPodAutoscaler") + of_kind(objects, "ScaledObject")
    deployment = only(objects, "Deployment")
    assert ("replicas" in deployment["spec"]) == (not scalers)
    for one in scalers:
        assert one["spec"]["scaleTargetRef"]["name"] == deployment["metadata"]["name"]
        assert one["spec"]["scaleTargetRef"]["kind"] == "Deployment"


@every
def test_a_pod_has_time_to_end(path: Path) -> None:
    objects = rendered(path)
    told, spec = settings(objects), pod_spec(objects)
    timeout = float(told.get("IMGPROXY_TIMEOUT", Settings.model_fields["timeout"].default))
    patience = float(told.get("IMGPROXY_GRACEFUL_STOP_TIMEOUT", 2 * timeout))
    pre_stop = container(objects).get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
    delay = float(told["IMGPROXY_SHUTDOWN_DELAY"])
    needed = pre_stop + delay + patience
    assert spec["terminationGracePeriodSeconds"] > needed >= pre_stop + timeout
    assert spec["terminationGracePeriodSeconds"] >= math.ceil(needed) + 8  # linger, last call, spare, log (server.py)


def test_the_settings_of_the_end_are_those_of_the_service() -> None:
    """The template reckons with the service's defaults; they must be the same here and there."""
    helpers = (CHART / "templates" / "_helpers.tpl").read_text()
    assert f'default "{Settings.model_fields["timeout"].default:g}"' in helpers
    assert Settings.model_construct(timeout=7.0, graceful_stop_timeout=None).patience() == 14.0


@every
def test_no_secret_is_in_plain_sight(path: Path) -> None:
    objects = rendered(path)
    maps = [one for one in objects if one["kind"] == "ConfigMap"]
    assert not {name for one in maps for name in one["data"]} & SECRET
    plain = {one["name"]: one["value"] for one in container(objects).get("env", []) if "value" in one}
    assert set(plain) & SECRET <= {"IMGPROXY_REDIS_URL"}
    assert "@" not in plain.get("IMGPROXY_REDIS_URL", "")


@every
def test_every_variable_is_a_setting_and_comes_once(path: Path) -> None:
    names = environment(rendered(path))
    assert len(names) == len(set(names))
    assert {name for name in names if name.startswith("IMGPROXY_")} <= KNOWN


@every
def test_the_settings_are_taken_by_the_service(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in settings(rendered(path)).items():
        if not name.endswith("_PATH"):
            monkeypatch.setenv(name, value)
    read = Settings.load()
    assert (read.unknown(), read.unused()) == ((), ())
    assert read.bind == ":8080"


@every
def test_selectors_find_the_pods_and_nothing_else(path: Path) -> None:
    objects = rendered(path)
    pods = {one["metadata"]["name"]: one["spec"]["template"]["metadata"]["labels"] for one in every_deployment(objects)}
    tests = [one["metadata"]["labels"] for one in objects if one["kind"] == "Pod"]
    for one in objects:
        selector = selector_of(one)
        if selector is None or one["kind"] == "ServiceMonitor":
            continue
        matched = [name for name, labels in pods.items() if selector.items() <= labels.items()]
        own = one["metadata"]["name"].removesuffix("-metrics")
        assert matched == [own], (one["kind"], one["metadata"]["name"])
        assert not any(selector.items() <= labels.items() for labels in tests)


def every_deployment(objects: list[Object]) -> list[Object]:
    return [one for one in objects if one["kind"] == "Deployment"]


def selector_of(one: Object) -> dict[str, str] | None:
    spec = one.get("spec", {})
    found = spec.get("podSelector") or spec.get("selector")
    return found.get("matchLabels", found) if found else None


@every
def test_service_monitors_find_one_service_with_their_port(path: Path) -> None:
    objects = rendered(path)
    for monitor in of_kind(objects, "ServiceMonitor"):
        wanted = monitor["spec"]["selector"]["matchLabels"].items()
        services = [one for one in objects if one["kind"] == "Service" and wanted <= one["metadata"]["labels"].items()]
        ports = [port["name"] for one in services for port in one["spec"]["ports"]]
        assert [ports.count(one["port"]) for one in monitor["spec"]["endpoints"]] == [1]


@every
def test_names_lead_somewhere(path: Path) -> None:
    objects = rendered(path)
    service = only_service(objects)
    ports = {one["name"]: one for one in service["spec"]["ports"]}
    listening = {one["name"]: one["containerPort"] for one in container(objects)["ports"]}
    told = settings(objects)
    assert told["IMGPROXY_BIND"] == f":{listening['http']}"
    assert told.get("IMGPROXY_PROMETHEUS_BIND") == (f":{listening['metrics']}" if "metrics" in listening else None)
    for one in of_kind(objects, "Service"):
        assert all(port["targetPort"] in listening for port in one["spec"]["ports"])
    for one in of_kind(objects, "Ingress"):
        for rule in one["spec"]["rules"]:
            (backend,) = [leads["backend"]["service"] for leads in rule["http"]["paths"]]
            assert (backend["name"], backend["port"]["name"]) == (service["metadata"]["name"], "http")
    for one in of_kind(objects, "HTTPRoute"):
        (backend,) = one["spec"]["rules"][0]["backendRefs"]
        assert (backend["name"], backend["port"]) == (service["metadata"]["name"], ports["http"]["port"])
    accounts = [one["metadata"]["name"] for one in of_kind(objects, "ServiceAccount")] or ["default"]
    assert pod_spec(objects)["serviceAccountName"] in accounts


def only_service(objects: list[Object]) -> Object:
    (one,) = [s for s in of_kind(objects, "Service") if not s["metadata"]["name"].endswith("-metrics")]
    return one


@every
def test_probes_look_at_the_right_doors(path: Path) -> None:
    one = container(rendered(path))
    looks = {name: one[f"{name}Probe"]["httpGet"] for name in ("startup", "readiness", "liveness")}
    assert {name: (look["path"], look["port"]) for name, look in looks.items()} == {
        "startup": ("/health", "http"),
        "readiness": ("/ready", "http"),
        "liveness": ("/health", "http"),
    }


@every
def test_metrics_are_not_shown_to_the_world(path: Path) -> None:
    for one in rendered(path):
        if one["kind"] == "Service" and one["spec"]["type"] != "ClusterIP":
            assert [port["name"] for port in one["spec"]["ports"]] == ["http"]


@every
def test_pods_are_restricted(path: Path) -> None:
    """The restricted pod security standard, and more."""
    objects = rendered(path)
    specs = [one["spec"]["template"]["spec"] for one in every_deployment(objects)]
    for spec in [*specs, *(one["spec"] for one in objects if one["kind"] == "Pod")]:
        assert spec["automountServiceAccountToken"] is False
        assert spec["enableServiceLinks"] is False
        security = spec["securityContext"]
        assert security["runAsNonRoot"] is True
        assert security["runAsUser"] > 0
        assert security["seccompProfile"] == {"type": "RuntimeDefault"}
        assert not spec.keys() & {"hostNetwork", "hostPID", "hostIPC"}
        assert not any("hostPath" in volume for volume in spec.get("volumes", []))
        for one in spec["containers"]:
            assert one["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
            assert one["resources"]["limits"]["memory"]
    assert pod_spec(objects)["securityContext"]["runAsUser"] == 10001
    assert {"name": "tmp", "mountPath": "/tmp"} in container(objects)["volumeMounts"]


@every
def test_pods_restart_when_their_settings_change(path: Path) -> None:
    annotations = only(rendered(path), "Deployment")["spec"]["template"]["metadata"]["annotations"]
    assert re.fullmatch("[0-9a-f]{64}", annotations["checksum/config"])
    changed = rendered(path, "settings.IMGPROXY_QUALITY=61")
    again = only(changed, "Deployment")["spec"]["template"]["metadata"]["annotations"]
    assert again["checksum/config"] != annotations["checksum/config"]


@every
def test_server_side_apply_finds_nothing_to_fight_about(path: Path) -> None:
    for one in rendered(path):
        for where, thing in walk(one):
            assert thing is not None, where
            name = where.rpartition(".")[2]
            key = port_key if name == "ports" and one["kind"] in ("Deployment", "Service") else LIST_KEYS.get(name)
            if key and isinstance(thing, list):
                keys = [key(item) for item in thing]
                assert len(keys) == len(set(keys)), where
                assert None not in [part for item in keys for part in (item if isinstance(item, tuple) else [item])]
            if name == "resourceFieldRef":
                assert thing["divisor"] == "1"  # the server would write 0
            if name in ("cpu", "memory"):
                assert canonical(thing), (where, thing)
        assert "status" not in one
        assert "namespace" not in one["metadata"]


def canonical(quantity: Any) -> bool:
    """Whether the server gives a quantity back as it was written."""
    found = re.fullmatch(r"(\d+)(m|[KMG]i)?", quantity) if isinstance(quantity, str) else None
    divides = {"m": 1000, "Ki": 1024, "Mi": 1024, "Gi": 1024}
    return bool(found) and (found[2] is None or int(found[1]) % divides[found[2]] > 0)


@every
def test_objects_have_the_usual_labels_and_names_of_their_own(path: Path) -> None:
    objects = rendered(path)
    names = [(one["kind"], one["metadata"]["name"]) for one in objects]
    assert len(names) == len(set(names))
    for one in objects:
        labels = one["metadata"]["labels"]
        assert labels["app.kubernetes.io/managed-by"] == "Helm"
        assert labels["app.kubernetes.io/instance"] == RELEASE
        assert labels["app.kubernetes.io/version"] == imgproxy_py.__version__
        assert all(isinstance(value, str) for value in labels.values())


# --- the network ------------------------------------------------------------------------------------------------------

AGENTS = {ipaddress.ip_network("169.254.170.23/32"), ipaddress.ip_network("fd00:ec2::23/128")}
"""EKS Pod Identity's agent: the one exception, opened by `serviceAccount.podIdentity`."""

METADATA = ("169.254.169.254", "fd00:ec2::254", "100.100.100.200", "fd20:ce::254", "169.254.170.2")


def blocks(objects: list[Object]) -> Iterator[Object]:
    for one in of_kind(objects, "NetworkPolicy"):
        for rule in one["spec"]["egress"]:
            assert rule["to"], "a rule without `to` would let everything out"
            yield from (peer["ipBlock"] for peer in rule["to"] if "ipBlock" in peer)


def lets_out(objects: list[Object], address: str) -> bool:
    wanted = ipaddress.ip_address(address)
    return any(
        wanted in ipaddress.ip_network(block["cidr"])
        and not any(wanted in ipaddress.ip_network(one) for one in block.get("except", []))
        for block in blocks(objects)
    )


@every
def test_the_network_policy_keeps_what_the_guard_keeps(path: Path) -> None:
    objects = rendered(path)
    if path.stem == "minimal":
        assert not of_kind(objects, "NetworkPolicy")
        return
    policy = only(objects, "NetworkPolicy")["spec"]
    assert policy["policyTypes"] == ["Ingress", "Egress"]
    for address in METADATA:
        assert not lets_out(objects, address), address
    for reach, network in _NETWORKS:
        if reach in (Reach.LOOPBACK, Reach.LINK_LOCAL):
            for block in blocks(objects):
                cidr = ipaddress.ip_network(block["cidr"])
                if cidr in AGENTS:
                    assert path.stem == "pod-identity"
                    continue
                if cidr.version != network.version or not cidr.overlaps(network):
                    continue
                excepted = [ipaddress.ip_network(one) for one in block["except"]]
                assert any(network.subnet_of(one) for one in excepted), network


def test_policy_and_guard_agree_on_addresses() -> None:
    """Whatever the policy lets out without private networks, the guard lets out, and the other way round."""
    shut, open_ = values_of("defaults"), values_of("no-delays")
    for address in [
        *METADATA,
        *("1.1.1.1", "8.8.8.8", "172.15.0.1", "100.128.0.1", "2606:4700::1111", "64:ff9b::101:101", "2002:101:101::1"),
        *("10.0.0.1", "172.16.0.1", "192.168.1.1", "100.64.0.1", "fc00::1", "fd12::1", "fec0::1"),
        *("127.0.0.1", "0.0.0.0", "::1", "::", "224.0.0.1", "255.255.255.255", "fe80::1", "ff02::1"),
        *("64:ff9b::a9fe:a9fe", "2002:a9fe:a9fe::1", "64:ff9b::a00:1", "2002:a00:1::", "64:ff9b::7f00:1"),
        *("64:ff9b:1::a9fe:a9fe", "::a9fe:a9fe", "::ffff:0:a9fe:a9fe", "64:ff9b::6464:64c8"),
    ]:
        assert lets_out(shut, address) == AddressGuard(private=False).permits(address), address
        assert lets_out(open_, address) == AddressGuard(private=True).permits(address), address


@every
def test_blocks_are_such_as_kubernetes_takes(path: Path) -> None:
    """Prefixes without bits behind them, exceptions within, and no IPv4 in the clothes of IPv6."""
    for block in blocks(rendered(path)):
        cidr = ipaddress.ip_network(block["cidr"])
        excepted = [ipaddress.ip_network(one) for one in block.get("except", [])]
        assert len(excepted) == len(set(excepted))
        for one in excepted:
            assert one.version == cidr.version
            assert one.subnet_of(cidr)
            assert one.prefixlen > cidr.prefixlen
            assert not (one.version == 6 and one.network_address.ipv4_mapped)


def test_redis_is_reached_only_where_there_may_be_one() -> None:
    def ports(name: str) -> set[int]:
        rules = only(values_of(name), "NetworkPolicy")["spec"]["egress"]
        return {port["port"] for rule in rules for port in rule["ports"]}

    assert ports("defaults") == {53, 443}
    assert ports("ha") == {53, 443, 6379}
    assert ports("made-secrets") == {53, 443, 6380}
    assert ports("air-gapped") == {53, 9000}
    assert ports("everything") == {53, 443, 6379, 4317}


def test_the_test_pod_may_ask_when_others_may_not() -> None:
    (pictures, _) = only(values_of("gateway"), "NetworkPolicy")["spec"]["ingress"]
    labels = [peer["podSelector"]["matchLabels"] for peer in pictures["from"] if "podSelector" in peer]
    (pod,) = [one for one in values_of("gateway") if one["kind"] == "Pod"]
    assert any(one.items() <= pod["metadata"]["labels"].items() for one in labels)


# --- what single value sets are for -----------------------------------------------------------------------------------


def test_defaults() -> None:
    objects = values_of("defaults")
    assert sorted({one["kind"] for one in objects}) == [
        "ConfigMap",
        "Deployment",
        "NetworkPolicy",
        "Pod",
        "PodDisruptionBudget",
        "Service",
        "ServiceAccount",
    ]
    assert only(objects, "Deployment")["spec"]["replicas"] == 2
    assert container(objects)["image"] == f"imgproxy-py:{imgproxy_py.__version__}"
    assert settings(objects)["IMGPROXY_MAX_SRC_FILE_SIZE"] == "67108864"  # not 6.7108864e+07


def test_workers_follow_the_cpu() -> None:
    def workers(name: str) -> Any:
        found = [one for one in container(values_of(name)).get("env", []) if one["name"] == "IMGPROXY_WORKERS"]
        return found[0]["valueFrom"]["resourceFieldRef"]["resource"] if found else None

    assert workers("defaults") == "limits.cpu"
    assert workers("no-redis") == "requests.cpu"
    assert workers("long-timeouts") is None
    assert settings(values_of("long-timeouts"))["IMGPROXY_WORKERS"] == "8"


def test_autoscalers() -> None:
    hpa = only(values_of("hpa"), "HorizontalPodAutoscaler")["spec"]
    assert [one.get("pods", one.get("resource")).get("metric", {}).get("name", "cpu") for one in hpa["metrics"]] == [
        "cpu",
        "imgproxy_queue_depth",
        "imgproxy_queue_wait_seconds",
    ]
    keda = only(values_of("keda"), "ScaledObject")["spec"]
    assert [one["type"] for one in keda["triggers"]] == ["cpu", "prometheus", "prometheus"]
    assert keda["fallback"]
    alone = only(values_of("keda-cpu"), "ScaledObject")["spec"]
    assert [one["type"] for one in alone["triggers"]] == ["cpu"]
    assert not alone.keys() & {"fallback", "advanced"}


def test_roles() -> None:
    account = only(values_of("irsa"), "ServiceAccount")
    assert account["metadata"]["annotations"] == {
        "eks.amazonaws.com/role-arn": "arn:aws:iam::123456789012:role/pictures"
    }
    assert lets_out(values_of("pod-identity"), "169.254.170.23")
    assert not lets_out(values_of("irsa"), "169.254.170.23")


def test_every_secret_may_come_from_an_existing_one() -> None:
    assert set(DEFAULTS["secrets"]) - SECRET == {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}
    assert set(DEFAULTS["secrets"]) >= SECRET
    path = next(path for path in VALUES if path.stem == "existing-secrets")
    objects = rendered(path, ",".join(f"secrets.{name}.existingSecret=signing" for name in DEFAULTS["secrets"]))
    taken = {one["name"]: one["valueFrom"].get("secretKeyRef") for one in container(objects)["env"]}
    assert all(taken[name] for name in DEFAULTS["secrets"])
    assert taken["IMGPROXY_SALT"] == {"name": "signing", "key": "salt"}
    assert {"secretRef": {"name": "pictures"}} in container(objects)["envFrom"]
    assert not of_kind(objects, "Secret")


def test_a_secret_is_made_of_values() -> None:
    objects = values_of("made-secrets")
    secret = only(objects, "Secret")
    assert set(secret["data"]) == {"IMGPROXY_KEY", "IMGPROXY_SALT", "IMGPROXY_REDIS_URL"}
    assert "checksum/secret" in only(objects, "Deployment")["spec"]["template"]["metadata"]["annotations"]
    for one in container(objects)["env"]:
        if "secretKeyRef" in one["valueFrom"]:
            assert one["valueFrom"]["secretKeyRef"] == {"name": secret["metadata"]["name"], "key": one["name"]}


def test_the_bundled_redis_is_alone_with_the_service() -> None:
    objects = values_of("bundled-redis")
    (url,) = [one["value"] for one in container(objects)["env"] if one["name"] == "IMGPROXY_REDIS_URL"]
    service = only(objects, "Service", component="redis")
    assert url == f"redis://{service['metadata']['name']}:6379/0"
    policy = only(objects, "NetworkPolicy", component="redis")["spec"]
    assert "egress" not in policy
    (peer,) = policy["ingress"][0]["from"]
    labels = only(objects, "Deployment")["spec"]["template"]["metadata"]["labels"]
    assert peer["podSelector"]["matchLabels"].items() <= labels.items()


def test_names_of_metrics_follow_the_namespace() -> None:
    text = render(next(path for path in VALUES if path.stem == "monitoring"))
    assert "imgproxy_" not in text.replace("IMGPROXY_", "")
    assert "pictures_requests_total" in text
    assert "docs/runbooks.md" not in text
    assert "https://runbooks.example.com/pictures#" in text


def test_an_image_by_its_digest() -> None:
    assert container(values_of("air-gapped"))["image"].endswith("/imgproxy-py@sha256:" + "0123456789abcdef" * 4)


# --- what is refused --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ("replicaCont=3", "replicaCont"),
        ("image.tga=1", "tga"),
        ("settings.IMGPROXY_QUALTY=80", "IMGPROXY_QUALTY"),
        ("settings.IMGPROXY_KEY=secret", "IMGPROXY_KEY"),
        ("settings.IMGPROXY_REDIS_URL=redis://a", "IMGPROXY_REDIS_URL"),
        ("settings.IMGPROXY_BIND=:80", "IMGPROXY_BIND"),
        ("settings.IMGPROXY_SHUTDOWN_DELAY=1", "IMGPROXY_SHUTDOWN_DELAY"),
        ("secrets.IMGPROXY_KEY.existingSecrett=a", "existingSecrett"),
        ("secrets.IMGPROXY_KEYS.value=a", "IMGPROXY_KEYS"),
        ("networkPolicy.egress.source.enabled=false", "source"),
        ("image.digest=sha256:1234", "digest"),
        ("service.type=ExternalName", "type"),
        ("metrics.port=8080", "port"),
        ("replicaCount=two", "replicaCount"),
        ("serviceAccount.roleArn=pictures", "roleArn"),
        ("keda.prometheus.serverAddress=prometheus:9090", "serverAddress"),
        ("resources.limits.memory=2GB", "memory"),
        ("autoscaling.enabled=true,keda.enabled=true", "choose one"),
        ("redis.enabled=true,secrets.IMGPROXY_REDIS_URL.existingSecret=a", "choose one Redis"),
        ("metrics.enabled=false,metrics.serviceMonitor.enabled=true", "needs metrics"),
        ("autoscaling.enabled=true,autoscaling.cpuUtilization=0", "at least one"),
        ("keda.enabled=true,keda.cpuUtilization=0", "at least one"),
        ("autoscaling.enabled=true,autoscaling.minReplicas=20", "more than maxReplicas"),
        ("extraEnv[0].name=IMGPROXY_WORKERS,extraEnv[0].value=one", "set already"),
        ("extraEnv[0].name=IMGPROXY_BIND,extraEnv[0].value=one", "set already"),
    ],
)
def test_a_wrong_value_is_refused_and_named(values: str, told: str) -> None:
    done = helm("template", RELEASE, CHART, "--set", values, check=False)
    assert done.returncode != 0
    assert told in done.stderr


def test_the_schema_is_closed() -> None:
    """Every object of the values names its properties; those that do not are Kubernetes' own."""
    document = json.loads((CHART / "values.schema.json").read_text())
    open_ = {
        where.rpartition(".")[2]
        for where, thing in walk(document)
        if isinstance(thing, dict) and thing.get("type") == "object" and "additionalProperties" not in thing
    }
    kubernetes = {
        "items",
        "behavior",
        "valueFrom",
        "namespaceSelector",
        "podSelector",
        "podSecurityContext",
        "affinity",
    }
    assert open_ == kubernetes | {"global"}


# --- what is said twice -----------------------------------------------------------------------------------------------


def test_what_is_generated_is_up_to_date() -> None:
    run(ROOT / ".venv" / "bin" / "python", ROOT / "deploy" / "generate.py", "--check")


def test_every_value_is_described() -> None:
    described = {path for path, _ in generator().described_values((CHART / "values.yaml").read_text())}

    def leaves(value: Any, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
        if path in described or not isinstance(value, dict) or not value:
            yield path
        else:
            for name, inner in value.items():
                yield from leaves(inner, (*path, name))

    assert set(leaves(DEFAULTS, ())) - described == set()


def test_chart_and_service_are_of_one_version() -> None:
    assert yaml.safe_load((CHART / "Chart.yaml").read_text())["appVersion"] == imgproxy_py.__version__


def test_notes_warn() -> None:
    def notes(*values: str) -> str:
        sets = [f"--set={one}" for one in values]
        return helm("install", RELEASE, CHART, "--dry-run=client", *sets).stdout.partition("NOTES:")[2]

    assert "no signature" in notes()
    assert "no signature" not in notes("existingSecret=pictures")
    assert "for trials" in notes("redis.enabled=true")
    assert "release's history" in notes("secrets.IMGPROXY_KEY.value=aa")


# --- the service under the chart's settings ---------------------------------------------------------------------------


def test_the_service_runs_as_the_chart_says_and_ends_within_its_grace() -> None:
    """A real process: its probes and metrics answer where manifests look for them, and it ends in time."""
    objects = values_of("monitoring")
    told = settings(objects)
    pictures, metrics = free_port(), free_port()
    told |= {"IMGPROXY_BIND": f"127.0.0.1:{pictures}", "IMGPROXY_PROMETHEUS_BIND": f"127.0.0.1:{metrics}"}
    command = [ROOT / ".venv" / "bin" / "imgproxy-py", *container(objects)["args"]]
    plain = {name: value for name, value in os.environ.items() if not name.startswith("IMGPROXY_")}
    with subprocess.Popen(command, env=plain | told, stdout=subprocess.DEVNULL) as process:
        try:
            probes = {name: container(objects)[f"{name}Probe"] for name in ("startup", "readiness", "liveness")}
            patience = probes["startup"]["failureThreshold"] * probes["startup"]["periodSeconds"]
            for probe in probes.values():
                assert answered(f"http://127.0.0.1:{pictures}{probe['httpGet']['path']}", within=patience)
            (scrape,) = only(objects, "ServiceMonitor")["spec"]["endpoints"]
            text = answered(f"http://127.0.0.1:{metrics}{scrape['path']}", within=5)
            assert "pictures_worker_processes 2.0" in text
            asked = time.monotonic()
            process.terminate()
            time.sleep(1.0)
            assert refused(f"http://127.0.0.1:{pictures}{probes['readiness']['httpGet']['path']}") == 503
            pre_stop = container(objects)["lifecycle"]["preStop"]["sleep"]["seconds"]
            assert process.wait(pod_spec(objects)["terminationGracePeriodSeconds"] - pre_stop) == 0
            assert time.monotonic() - asked >= float(told["IMGPROXY_SHUTDOWN_DELAY"])
        finally:
            process.kill()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


def answered(url: str, *, within: float) -> str:
    until = time.monotonic() + within
    while True:
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                return str(answer.read().decode())
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.2)


def refused(url: str) -> int:
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(url, timeout=5)
    with caught.value:
        return caught.value.code


# --- docs/kubernetes.md -----------------------------------------------------------------------------------------------

PAGE = (ROOT / "docs" / "kubernetes.md").read_text()
EXAMPLES = re.findall(r"```yaml\n(# values: (.*)\n(?:.*\n)*?)```", PAGE)


def test_every_example_of_values_renders_and_is_valid(tmp_path: Path) -> None:
    manifests = []
    for number, (text, name) in enumerate(EXAMPLES):
        assert name
        values, file = tmp_path / f"values-{number}.yaml", tmp_path / f"manifests-{number}.yaml"
        values.write_text(text)
        helm("lint", "--strict", CHART, "--values", values)
        file.write_text(helm("template", RELEASE, CHART, "--values", values).stdout)
        manifests.append(file)
    run(ROOT / ".venv-deploy" / "bin" / "python", ROOT / "deploy" / "validate.py", *manifests)


def test_the_page_tells_the_seconds_that_a_pod_gets() -> None:
    assert "| `terminationGracePeriodSeconds` | 40 |" in PAGE
    assert pod_spec(values_of("defaults"))["terminationGracePeriodSeconds"] == 40
    assert len(EXAMPLES) >= 10
