#!/usr/bin/env python3
"""Writes what would otherwise be said twice; `deploy/generate.py --check` only tells what is out of date.

Run it with the service's environment: `.venv/bin/python deploy/generate.py`. It needs helm (`deploy/install-tools`).
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from ipaddress import IPv4Network, IPv6Address, IPv6Network
from pathlib import Path
from typing import Any

import yaml

from imgproxy_py.settings import Settings
from imgproxy_py.settings.names import FORMER, variable
from imgproxy_py.sources import guard

ROOT = Path(__file__).parents[1]
CHART = ROOT / "helm" / "imgproxy-py"
K8S = ROOT / "k8s"
HELM = ROOT / "var" / "tools" / "bin" / "helm"

RELEASE = "imgproxy-py"
"""Names the release that `k8s/base` is: the chart's own name, so that objects are called just that."""

CHART_SETS = {"IMGPROXY_BIND", "IMGPROXY_PROMETHEUS_BIND", "IMGPROXY_SHUTDOWN_DELAY"}
"""Settings that the chart makes from other values."""

HELM_LABELS = ("helm.sh/chart", "app.kubernetes.io/managed-by")
CHECKSUM = "checksum/config"


# --- the secrets among the values --------------------------------------------------------------------------------------

AWS_SECRETS = {
    "AWS_ACCESS_KEY_ID": "Access key of an S3 that knows no roles.",
    "AWS_SECRET_ACCESS_KEY": "Its secret access key.",
}
"""Secrets that are no settings of ours: AWS' own chain takes them."""


def secret_variables() -> dict[str, str]:
    """Give the settings that must not be shown, by variable, and what they mean."""
    fields = Settings.model_fields.items()
    return {variable(name): field.description or "" for name, field in fields if "Secret" in str(field.annotation)}


def values() -> str:
    """Give the chart's values with every secret in its place."""
    text = (CHART / "values.yaml").read_text()
    before, key, rest = text.partition("\nsecrets:\n")
    _, after, tail = rest.partition("# -- More variables of the container")
    lines = []
    for name, meaning in sorted(secret_variables().items()) + sorted(AWS_SECRETS.items()):
        lines += [f"  # -- {meaning}", f'  {name}: {{existingSecret: "", existingSecretKey: {name}, value: ""}}']
    return before + key + "\n".join(lines) + "\n" + after + tail


# --- the value table --------------------------------------------------------------------------------------------------


def described_values(text: str) -> Iterator[tuple[tuple[str, ...], str]]:
    """Give the path and the description of every value that has one: the comment `# -- …` above it."""
    path: list[tuple[int, str]] = []
    words: list[str] | None = None
    for line in text.splitlines():
        bare = line.strip()
        if bare.startswith("# -- "):
            words = [bare.removeprefix("# -- ")]
        elif bare.startswith("#") and words is not None:
            words.append(bare.lstrip("# "))
        elif found := re.match(r"( *)([A-Za-z][\w./-]*):", line):
            indent = len(found[1])
            path = [*(one for one in path if one[0] < indent), (indent, found[2])]
            if words is not None:
                yield tuple(name for _, name in path), " ".join(words)
            words = None


def value_table() -> str:
    """Give the table of all values in Markdown."""
    text = (CHART / "values.yaml").read_text()
    values = yaml.safe_load(text)
    rows = ["| value | default | meaning |", "|---|---|---|"]
    for path, description in described_values(text):
        value = values
        for name in path:
            value = value[name]
        default = json.dumps(value, ensure_ascii=False).replace("|", "\\|")
        rows.append(f"| `{'.'.join(path)}` | `{default}` | {description} |")
    return "\n".join(rows)


def readme() -> str:
    """Give the chart's README with the table in its place."""
    text = (CHART / "README.md").read_text()
    begin, end = "<!-- values: written by deploy/generate.py -->\n", "\n<!-- end of values -->"
    before, _, rest = text.partition(begin)
    return before + begin + value_table() + end + rest.partition(end)[2]


# --- the schema's settings --------------------------------------------------------------------------------------------


def schema() -> str:
    """Give the values' schema with the names of all settings that may be in the ConfigMap."""
    document = json.loads((CHART / "values.schema.json").read_text())
    known = {variable(name) for name in [*Settings.model_fields, *FORMER]}
    plain = sorted(known - set(secret_variables()) - CHART_SETS)
    document["$defs"]["settings"]["properties"] = {name: {"type": ["string", "number", "boolean"]} for name in plain}
    secrets = [*sorted(secret_variables()), *sorted(AWS_SECRETS)]
    document["properties"]["secrets"]["properties"] = {name: {"$ref": "#/$defs/secret"} for name in secrets}
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


# --- the addresses of the NetworkPolicy -------------------------------------------------------------------------------


def carried(network: IPv4Network) -> list[IPv6Network]:
    """Give the networks of IPv6 that lead to one of IPv4: by NAT64 and by 6to4."""
    bits = int(network.network_address)
    nat64 = IPv6Network((int(IPv6Address("64:ff9b::")) | bits, 96 + network.prefixlen))
    six_to_four = IPv6Network(((0x2002 << 112) | bits << 80, 16 + network.prefixlen))
    return [nat64, six_to_four]


ALWAYS_CARRYING = [*map(IPv6Network, ("::/96", "::ffff:0:0:0/96", "64:ff9b:1::/48", "2001::/32"))]
"""Networks of IPv6 that carry addresses of IPv4 and that nobody needs: refused as wholes.

Mapped ones (`::ffff:0:0/96`) are not among them: they leave as IPv4, and Kubernetes takes them for IPv4, outside of `::/0`.
"""


def addresses() -> str:
    """Give the blocks of the NetworkPolicy that say what the address guard says."""
    judged = guard._NETWORKS
    never = [network for reach, network in judged if reach in (guard.Reach.LOOPBACK, guard.Reach.LINK_LOCAL)]
    private = [network for reach, network in judged if reach is guard.Reach.PRIVATE]

    def four(networks: list[Any]) -> list[str]:
        return [str(one) for one in networks if one.version == 4]

    def six(networks: list[Any]) -> list[str]:
        own = [one for one in networks if one.version == 6 and not any(one.subnet_of(c) for c in ALWAYS_CARRYING)]
        return [str(one) for one in [*own, *(six for one in networks if one.version == 4 for six in carried(one))]]

    document = {
        "everywhere": [
            {"cidr": "0.0.0.0/0", "except": four(never), "exceptPrivate": four(private)},
            {"cidr": "::/0", "except": [*map(str, ALWAYS_CARRYING), *six(never)], "exceptPrivate": six(private)},
        ],
        "private": [
            {"cidr": str(one)} | ({"except": inner} if (inner := [str(n) for n in never if within(n, one)]) else {})
            for one in private
        ],
    }
    head = (
        "# Written by deploy/generate.py from imgproxy_py/sources/guard.py: which addresses the NetworkPolicy refuses.\n"
        "# Kubernetes knows only prefixes: ISATAP addresses are judged by the service alone.\n"
    )
    return head + yaml.safe_dump(document, sort_keys=False)


def within(network: Any, other: Any) -> bool:
    """Tell whether a network lies in another."""
    return network.version == other.version and network != other and network.subnet_of(other)


# --- k8s --------------------------------------------------------------------------------------------------------------


def rendered(*arguments: str) -> list[dict[str, Any]]:
    """Give the objects of the chart."""
    command = [str(HELM), "template", RELEASE, str(CHART), "--skip-tests", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return [one for one in yaml.safe_load_all(done.stdout) if one]


def without_helm(thing: Any) -> Any:
    """Give an object without what only Helm needs: its labels, and the checksum that Kustomize's names replace."""
    if isinstance(thing, dict):
        dropped = {*HELM_LABELS, CHECKSUM}
        return {name: without_helm(value) for name, value in thing.items() if name not in dropped}
    return [without_helm(one) for one in thing] if isinstance(thing, list) else thing


def dump(document: Any) -> str:
    """Give YAML as people write it."""

    class Dumper(yaml.SafeDumper):
        def ignore_aliases(self, data: Any) -> bool:
            return True

        def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
            super().increase_indent(flow, False)

    def text(dumper: yaml.SafeDumper, value: str) -> yaml.Node:
        style = "|" if "\n" in value else None
        return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)

    Dumper.add_representer(str, text)
    return yaml.dump(document, Dumper=Dumper, sort_keys=False, width=1000, allow_unicode=True)


WRITTEN = "# Written by deploy/generate.py from the chart.\n"


def base() -> Iterator[tuple[Path, str]]:
    """Give the files of `k8s/base`: the chart with default values, its ConfigMap by Kustomize's generator."""
    resources, literals = [], []
    for one in map(without_helm, rendered()):
        if one["kind"] == "ConfigMap":
            literals = [f"{name}={value}" for name, value in one["data"].items()]
            labels = one["metadata"]["labels"]
            continue
        name = one["kind"].lower() + ".yaml"
        resources.append(name)
        yield K8S / "base" / name, WRITTEN + dump(one)
    kustomization = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": sorted(resources),
        "configMapGenerator": [{"name": RELEASE, "literals": literals, "options": {"labels": labels}}],
    }
    note = "# A change of a setting changes the ConfigMap's name, and so starts new pods.\n"
    yield K8S / "base" / "kustomization.yaml", WRITTEN + note + dump(kustomization)


COMPONENTS = {
    "gateway": ("HTTPRoute", "--set=httpRoute.enabled=true"),
    "keda": ("ScaledObject", "--set=keda.enabled=true,keda.prometheus.serverAddress=http://prometheus.monitoring:9090"),
    "servicemonitor": ("ServiceMonitor", "--set=metrics.serviceMonitor.enabled=true"),
    "prometheusrule": ("PrometheusRule", "--set=metrics.prometheusRule.enabled=true"),
    "dashboards": ("ConfigMap", "--set=metrics.dashboard.enabled=true"),
}
"""What the components are made of: a kind, and the values that make the chart have it."""

PLACES = {"servicemonitor": "monitoring", "prometheusrule": "monitoring", "dashboards": "monitoring"}


def components() -> Iterator[tuple[Path, str]]:
    """Give the files of `k8s/components` that are objects of the chart."""
    for name, (kind, values) in COMPONENTS.items():
        found = [one for one in rendered(values) if one["kind"] == kind and one["metadata"]["name"] != RELEASE]
        found = found or [one for one in rendered(values) if one["kind"] == kind]
        (one,) = found
        file = "dashboards" if name == "dashboards" else kind.lower()
        yield K8S / "components" / PLACES.get(name, name) / f"{file}.yaml", WRITTEN + dump(without_helm(one))


# --- all of it --------------------------------------------------------------------------------------------------------


def main() -> int:
    """Write everything; give 1 if `--check` found something out of date."""
    os.chdir(ROOT)
    check = "--check" in sys.argv[1:]
    stale = []
    first = [
        (CHART / "files" / "addresses.yaml", addresses),
        (CHART / "values.yaml", values),
        (CHART / "values.schema.json", schema),
        (CHART / "README.md", readme),
    ]
    for path, text in first:
        stale += _write(path, text(), check=check)
    for path, content in [*base(), *components()]:
        stale += _write(path, content, check=check)
    if check and stale:
        print("out of date, run .venv/bin/python deploy/generate.py: " + ", ".join(stale))
    return int(check and bool(stale))


def _write(path: Path, text: str, *, check: bool) -> list[str]:
    if path.exists() and path.read_text() == text:
        return []
    if not check:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return [str(path.relative_to(ROOT))]


if __name__ == "__main__":
    sys.exit(main())
