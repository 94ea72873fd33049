"""Charts, kustomizations and what is in them, as the tests of deployment read them."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from functools import cache
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from types import ModuleType
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
CHART = ROOT / "helm" / "imgproxy-py"
VALUES = sorted((Path(__file__).parent / "values").glob("*.yaml"))
TOOLS = ROOT / "var" / "tools" / "bin"
RELEASE = "pictures"

Object = dict[str, Any]


def run(*command: str | Path, check: bool = True) -> subprocess.CompletedProcess[str]:
    done = subprocess.run([*map(str, command)], cwd=ROOT, capture_output=True, text=True, check=False)
    if check and done.returncode:
        raise AssertionError(done.stdout + done.stderr)
    return done


def helm(*arguments: str | Path, check: bool = True) -> subprocess.CompletedProcess[str]:
    return run(TOOLS / "helm", *arguments, check=check)


def load(text: str) -> list[Object]:
    return [one for one in yaml.safe_load_all(text) if one]


@cache
def render(*values: Path | str) -> str:
    """The chart with files of values, and with `--set` for those that are texts."""
    arguments = [f"--values={one}" if isinstance(one, Path) else f"--set={one}" for one in values]
    return helm("template", RELEASE, CHART, *arguments).stdout


def rendered(*values: Path | str) -> list[Object]:
    return load(render(*values))


@cache
def built(path: str) -> str:
    return run(TOOLS / "kubectl", "kustomize", ROOT / path).stdout


def of_kind(objects: list[Object], kind: str, *, component: str = "server") -> list[Object]:
    return [
        one
        for one in objects
        if one["kind"] == kind and one["metadata"]["labels"]["app.kubernetes.io/component"] == component
    ]


def only(objects: list[Object], kind: str, *, component: str = "server") -> Object:
    (one,) = of_kind(objects, kind, component=component)
    return one


def pod_spec(objects: list[Object]) -> Object:
    spec: Object = only(objects, "Deployment")["spec"]["template"]["spec"]
    return spec


def container(objects: list[Object]) -> Object:
    (one,) = pod_spec(objects)["containers"]
    return dict(one)


def settings(objects: list[Object]) -> dict[str, str]:
    """The ConfigMap that the pods take their settings from."""
    name = container(objects)["envFrom"][0]["configMapRef"]["name"]
    (data,) = [one["data"] for one in objects if one["kind"] == "ConfigMap" and one["metadata"]["name"] == name]
    return dict(data)


def environment(objects: list[Object]) -> list[str]:
    """The names of all variables that pods get, except those of Secrets taken whole."""
    return [*settings(objects), *(one["name"] for one in container(objects).get("env", []))]


def walk(thing: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Everything in an object, with the path to it."""
    yield path, thing
    if isinstance(thing, dict):
        for name, value in thing.items():
            yield from walk(value, f"{path}.{name}")
    elif isinstance(thing, list):
        for number, value in enumerate(thing):
            yield from walk(value, f"{path}.{number}")


def generator() -> ModuleType:
    """deploy/generate.py as a module."""
    loader = SourceFileLoader("deploy_generate", os.fspath(ROOT / "deploy" / "generate.py"))
    spec = spec_from_loader(loader.name, loader)
    assert spec
    module = module_from_spec(spec)
    loader.exec_module(module)
    return module


LIST_KEYS: dict[str, Callable[[Object], Any]] = {
    "containers": lambda one: one["name"],
    "env": lambda one: one["name"],
    "volumes": lambda one: one["name"],
    "volumeMounts": lambda one: one["mountPath"],
    "imagePullSecrets": lambda one: one["name"],
    "topologySpreadConstraints": lambda one: (one["topologyKey"], one["whenUnsatisfiable"]),
}
"""What tells the items of lists apart that server-side apply merges; ports have keys of their own."""


def port_key(one: Object) -> Any:
    number = one.get("containerPort", one.get("port"))
    return number, one.get("protocol")
