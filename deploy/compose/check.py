"""Checks docker-compose.yml as far as that goes without an engine; deploy/checks/compose runs it.

Compose's own client reads the file; every service is then held to what its head promises, variables to the service's settings,
mounts to files that are there, nginx and Prometheus to what they say of their configuration.
"""

# ruff: noqa: S603, T201

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
COMPOSE = ("docker-compose", "--project-directory", str(ROOT), "--file", str(ROOT / "docker-compose.yml"))
wrong: list[str] = []


def expect(good: object, what: str) -> None:
    """Note what is wrong."""
    if not good:
        wrong.append(what)


def run(*command: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a program."""
    return subprocess.run(command, env=os.environ | variables, capture_output=True, text=True, check=False)


def read(folder: Path) -> dict[str, Any]:
    """Have Compose read the file with the example's variables filled in, and refuse it with each one left out."""
    example = (ROOT / "deploy/compose/env.example").read_text()
    filled = folder / "env"
    filled.write_text(re.sub(r"=$", "=0123abcd", example, flags=re.MULTILINE))
    secrets = re.findall(r"^(\w+)=$", example, flags=re.MULTILINE)
    for name in secrets:
        one = folder / "one"
        one.write_text(filled.read_text().replace(f"{name}=0123abcd", f"{name}="))
        refused = run(*COMPOSE, "--profile", "upload", "--env-file", str(one), "config", "--quiet")
        expect(refused.returncode, f"it starts without {name}")
    asked = set(re.findall(r"\$\{(\w+)", (ROOT / "docker-compose.yml").read_text())) - {"UPLOAD_FROM"}
    named = set(re.findall(r"^(\w+)=", example, flags=re.MULTILINE))
    expect(asked == named, f"env.example and docker-compose.yml differ in {sorted(asked ^ named)}")
    done = run(*COMPOSE, "--profile", "upload", "--env-file", str(filled), "config", "--format", "json")
    if done.returncode:
        sys.exit(f"docker-compose config: {done.stderr}")
    print(f"docker-compose config: read, and refused without each of {len(secrets)} secrets")
    return dict(json.loads(done.stdout))


def services(compose: dict[str, Any]) -> None:
    """Hold every service to what none may and each must."""
    known = set(re.findall(r"`(IMGPROXY_\w+)`", (ROOT / "docs/settings.md").read_text()))
    for name, service in compose["services"].items():
        expect(service.get("read_only"), f"{name} can write to its root")
        expect(service.get("cap_drop") == ["ALL"], f"{name} has capabilities")
        expect("no-new-privileges:true" in service.get("security_opt", []), f"{name} may gain privileges")
        expect(service.get("mem_limit") and service.get("pids_limit"), f"{name} has no limits")
        expect(not service.get("privileged"), f"{name} is privileged")
        checked = service.get("healthcheck") or "build" in service  # ours is in the Dockerfile
        expect(checked, f"{name} has no health check")
        tag = service["image"].rpartition(":")[2]
        expect("build" in service or re.search(r"\d+\.\d+", tag), f"{name}: {service['image']} is not pinned")
        unknown = {one for one in service.get("environment", {}) if one.startswith("IMGPROXY_")} - known
        expect(not unknown, f"{name} sets what is no setting: {sorted(unknown)}")
        for mount in service.get("volumes", []):
            if mount["type"] == "bind" and "/var/" not in mount["source"].removeprefix(str(ROOT / "")):
                expect(Path(mount["source"]).exists(), f"{name} mounts {mount['source']}, which is not there")
            if mount["type"] == "bind":
                expect(mount.get("read_only"), f"{name} can write to {mount['source']}")
        for port in service.get("ports", []):
            expect(name == "edge" or port.get("host_ip") == "127.0.0.1", f"{name} is open to everybody")
    expect(compose["networks"]["stores"].get("internal"), "the stores' network leads out")
    for name in ("redis", "s3"):
        expect(
            set(compose["services"][name]["networks"]) == {"stores"}, f"{name} is in other networks than the stores'"
        )
    print(f"{len(compose['services'])} services: read-only, without capabilities, limited, checked, pinned")


def nginx(compose: dict[str, Any], folder: Path) -> None:
    """Have nginx judge what its image would make of the template."""
    if not shutil.which("nginx"):
        print("nginx: not here, its configuration was not judged (deploy/tools.d/cdn)")
        return
    variables = compose["services"]["edge"]["environment"] | {"EDGE_CACHE": str(folder / "pictures")}
    text = (ROOT / "deploy/cdn/nginx.conf").read_text()
    text = re.sub(r"\$\{(EDGE_\w+)\}", lambda found: str(variables[found[1]]), text)
    text = text.replace("imgproxy-1:", "127.0.0.1:").replace(
        "imgproxy-2:", "127.0.0.1:"
    )  # names of the composition alone
    configuration = folder / "nginx.conf"
    configuration.write_text(f"pid {folder}/pid;\nevents {{}}\nhttp {{\naccess_log off;\n{text}\n}}\n")
    done = run("nginx", "-t", "-c", str(configuration))
    expect(done.returncode == 0, f"nginx: {done.stderr}")
    print("nginx -t: takes the configuration that its image would make")


def prometheus() -> None:
    """Have promtool judge the configuration, and look whether it scrapes what there is."""
    path = ROOT / "deploy/compose/prometheus.yml"
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(path, folder)
        Path(folder, "rules").symlink_to(ROOT / "helm/imgproxy-py/rules")
        done = run("promtool", "check", "config", f"{folder}/{path.name}")
    expect(done.returncode == 0, f"promtool: {done.stdout}{done.stderr}")
    targets = yaml.safe_load(path.read_text())["scrape_configs"][0]["static_configs"][0]["targets"]
    expect(targets == ["imgproxy-1:8081", "imgproxy-2:8081"], f"Prometheus scrapes {targets}")
    print("promtool check config: " + ", ".join(re.findall(r"SUCCESS: (\d+ rules? .*)", done.stdout + done.stderr)))


def grafana() -> None:
    """Look whether the data source and the dashboards are where they are provisioned from."""
    folder = ROOT / "deploy/compose/grafana"
    source = yaml.safe_load((folder / "datasources.yml").read_text())["datasources"][0]
    expect(
        (source["type"], source["url"]) == ("prometheus", "http://prometheus:9090"),
        "Grafana's data source is another one",
    )
    provider = yaml.safe_load((folder / "dashboards.yml").read_text())["providers"][0]
    expect(provider["options"]["path"] == "/dashboards", "Grafana's dashboards are elsewhere")
    boards = [json.loads(path.read_text())["uid"] for path in (ROOT / "helm/imgproxy-py/dashboards").glob("*.json")]
    expect(boards and len(boards) == len(set(boards)), "dashboards share a uid, or there are none")
    print(f"Grafana: {len(boards)} dashboards of the chart")


def main() -> None:
    """Check everything, and leave with 1 if something is wrong."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        compose = read(folder)
        services(compose)
        nginx(compose, folder)
    prometheus()
    grafana()
    if wrong:
        sys.exit("\n".join(wrong))
    print(f"docker-compose.yml is sound: {len(compose['services'])} services (read, not started: no engine)")


if __name__ == "__main__":
    main()
