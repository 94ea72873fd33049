"""The documents and the code say the same."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from typer.main import get_command

from benchmarks.originals import FOLDER_VARIABLE
from imgproxy_py.assembly import open_application
from imgproxy_py.cli import app
from imgproxy_py.dialects.imgproxy import ImgproxyDialect
from imgproxy_py.dialects.imgproxy.config import ImgproxyConfig
from imgproxy_py.dialects.imgproxy.info import INFO_OPTIONS, INFO_SECURITY_OPTIONS
from imgproxy_py.dialects.imgproxy.options import BYPASS_OPTIONS, OPTIONS, SECURITY_OPTIONS
from imgproxy_py.dialects.imgproxy.presets import OptionReader
from imgproxy_py.dialects.query import QueryConfig, QueryDialect
from imgproxy_py.dialects.query.parameters import ALIASES, SIGNATURE, Parameters
from imgproxy_py.errors import ClientGone, ImgproxyError
from imgproxy_py.settings import Settings
from imgproxy_py.settings.names import ENV_FILE, FORMER, variable
from imgproxy_py.telemetry.aggregate import Aggregate
from imgproxy_py.telemetry.logs import request_event
from imgproxy_py.telemetry.metrics import MetricsSettings
from imgproxy_py.telemetry.record import RequestRecord
from imgproxy_py.web.application import METRICS

ROOT = Path(__file__).parents[2]
DOCS = {path.name: path.read_text() for path in (ROOT / "docs").glob("*.md")}
EVERY = DOCS | {name: (ROOT / name).read_text() for name in ("README.md", "CHANGELOG.md", "samples/README.md")}
OPERATIONS, IMGPROXY, QUERY = DOCS["operations.md"], DOCS["dialect-imgproxy.md"], DOCS["dialect-query.md"]
README = EVERY["README.md"]

_CODE = re.compile(r"`([^`]+)`")


def section(text: str, title: str) -> str:
    """The text under a heading, down to the next one of its rank."""
    return re.split(r"^## ", text, flags=re.MULTILINE)[text.count("\n## ", 0, text.index(f"\n## {title}")) + 1]


def tables(text: str) -> Iterator[list[list[str]]]:
    """The rows of each table without its head, as cells."""
    for block in re.findall(r"(?:^\|.*\n)+", text, flags=re.MULTILINE):
        yield [[cell.strip() for cell in line.strip("|\n").split("|")] for line in block.splitlines()[2:]]


def first_column(table: list[list[str]]) -> list[str]:
    return [_CODE.findall(row[0])[0] for row in table]


# --- settings, commands, targets, links --------------------------------------------------------------------------------


def test_every_setting_that_is_named_exists() -> None:
    known = {variable(name) for name in Settings.model_fields} | {variable(name) for name in FORMER}
    known |= {ENV_FILE, FOLDER_VARIABLE}
    named = {name for text in EVERY.values() for name in re.findall(r"IMGPROXY_[A-Z0-9_]*[A-Z0-9]", text)}
    assert named - known == set()


def test_the_page_of_settings_has_them_all() -> None:
    listed = {name for table in tables(DOCS["settings.md"]) for name in first_column(table)}
    assert {variable(name) for name in Settings.model_fields} <= listed


def test_every_command_that_is_named_exists_and_the_other_way_round() -> None:
    commands = set(get_command(app).commands)  # type: ignore[attr-defined]
    named = {name for text in EVERY.values() for name in re.findall(r"imgproxy-py ([a-z]+)\b", text)}
    assert named - {"hit"} <= commands  # `imgproxy-py; hit` is a header
    assert commands <= named | set(_CODE.findall(EVERY["CHANGELOG.md"]))


def test_every_flag_that_is_named_exists() -> None:
    flags = {
        flag
        for command in get_command(app).commands.values()  # type: ignore[attr-defined]
        for parameter in command.params
        for flag in parameter.opts
    }
    lines = (line for text in EVERY.values() for line in re.findall(r"imgproxy-py [a-z]+ [^\n|`]*", text))
    assert {flag for line in lines for flag in re.findall(r"(?<=\s)--[a-z-]+", line)} <= flags


def test_every_make_target_that_is_named_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    named = {name for text in EVERY.values() for name in re.findall(r"(?:`|^)make ([a-z-]+)", text, flags=re.MULTILINE)}
    assert {"run", "test"} <= named <= targets


@pytest.mark.parametrize("name", EVERY)
def test_every_link_within_the_documents_leads_somewhere(name: str) -> None:
    folder = (ROOT / name).parent if "/" in name or name in ("README.md", "CHANGELOG.md") else ROOT / "docs"
    for target in re.findall(r"\]\(([^)]+)\)", EVERY[name]):
        if urlsplit(target).scheme:
            continue
        path, _, anchor = target.partition("#")
        document = (folder / path) if path else ROOT / "docs" / name
        assert document.exists(), target
        headings = re.findall(r"^#+ (.*)$", document.read_text(), flags=re.MULTILINE) if anchor else []
        assert not anchor or anchor in {re.sub(r"[^\w -]", "", one).lower().replace(" ", "-") for one in headings}, (
            target
        )


def test_the_pictures_of_the_readme_are_small_and_their_urls_are_understood() -> None:
    now = 0.0
    shown = re.findall(r"\| `http://127\.0\.0\.1:8080(\S+)`.*!\[[^]]+\]\(([^)]+)\)", README)
    assert len(shown) == 3
    for target, picture in shown:
        dialect = QueryDialect(QueryConfig(images_source="local:///")) if "/images/" in target else ImgproxyDialect()
        assert dialect.parse(target, now=now).source.scheme == "local"
        assert (ROOT / picture).stat().st_size <= 40_000


# --- dialects ----------------------------------------------------------------------------------------------------------


def test_the_tables_of_options_have_them_all() -> None:
    *open_tables, security_table, bypass_table = tables(section(IMGPROXY, "Options"))
    assert {name for table in open_tables for name in option_names(table)} == {*OPTIONS, "preset", "pr"}
    assert option_names(security_table) == set(SECURITY_OPTIONS)
    assert option_names(bypass_table) == set(BYPASS_OPTIONS)


def test_the_table_of_questions_has_them_all() -> None:
    text = section(IMGPROXY, "What an original is")
    (table,) = tables(text)
    elsewhere = next(line for line in text.split("\n\n") if "mean what" in line)
    told = option_names(table) | set(_CODE.findall(elsewhere))
    assert {*INFO_OPTIONS, *INFO_SECURITY_OPTIONS, *BYPASS_OPTIONS, "preset", "pr"} <= told
    assert option_names(table) <= set(INFO_OPTIONS)


def option_names(table: list[list[str]]) -> set[str]:
    return {name for row in table for cell in row[:2] for name in _CODE.findall(cell)}


def test_the_table_of_parameters_has_them_all() -> None:
    (parameters, _) = list(tables(QUERY))
    known = Parameters(QueryConfig(images_source="local:///"), OptionReader(ImgproxyConfig()))._parameters
    assert set(first_column(parameters)) == {*known, SIGNATURE}
    told = {alias: _CODE.findall(row[0])[0] for row in parameters for alias in _CODE.findall(row[1])}
    assert told == ALIASES


def test_the_table_of_problems_has_them_all() -> None:
    (_, problems) = list(tables(QUERY))
    told = {(int(row[0]), _CODE.findall(row[1])[0]) for row in problems} - {(405, "method-not-allowed")}
    assert told == {(kind.status, kind.slug) for kind in every_error()} - {(ClientGone.status, ClientGone.slug)}


def every_error(kind: type[ImgproxyError] = ImgproxyError) -> Iterator[type[ImgproxyError]]:
    yield kind
    for child in kind.__subclasses__():
        yield from every_error(child)


# --- logs and metrics --------------------------------------------------------------------------------------------------


async def test_every_metric_is_told_of_with_its_kind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("IMGPROXY_PROMETHEUS_NAMESPACE", raising=False)
    settings = Settings.load({"redis_url": "redis://127.0.0.1:1", "result_store": f"local://{tmp_path}"})
    async with open_application(settings) as application:
        texts = [application[METRICS].exposition(), Aggregate(MetricsSettings(), tmp_path).exposition()]
    exported = {found for text in texts for found in re.findall(r"^# TYPE (\w+) (\w+)$", text.decode(), re.MULTILINE)}
    (metrics,) = list(tables(section(OPERATIONS, "Metrics")))
    assert {(_CODE.findall(row[0])[0], row[1]) for row in metrics} == exported


def test_every_field_of_a_request_is_told_of() -> None:
    full = RequestRecord(
        request_id="a",
        method="GET",
        dialect="query",
        started=0.0,
        at=0.0,
        trace_id="b",
        source="c",
        recipe="d",
        status=200,
        outcome="made",
        bytes_in=2,
        bytes_out=1,
        width=1,
        height=1,
        format_in="png",
        format_out="png",
        credentials="kept",
        ignored="trim",
        shared="decoded",
        error="e",
        detail="f",
        fallback=True,
        stale=1.0,
        queue=1.0,
        fetch=1.0,
        decode=1.0,
        transform=1.0,
        encode=1.0,
        total=1.0,
    )
    fields, _ = list(tables(section(OPERATIONS, "Logs")))
    assert first_column(fields) == list(request_event(full))


def test_every_event_is_told_of() -> None:
    said = {
        name for path in (ROOT / "imgproxy_py").rglob("*.py") for name in logged_events(ast.parse(path.read_text()))
    }
    _, events = list(tables(section(OPERATIONS, "Logs")))
    assert set(first_column(events)) == said | {"log_lines_dropped"}


def logged_events(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name(id="_log")), args=[ast.Constant(value=str(name)), *_]):
                yield name


# --- architecture ------------------------------------------------------------------------------------------------------


def test_the_house_is_drawn_as_it_stands() -> None:
    house = DOCS["architecture.md"]
    drawn = set(re.findall(r"^[├└]── (\w+)/", house, flags=re.MULTILINE))
    packages = {path.parent.name for path in (ROOT / "imgproxy_py").glob("*/__init__.py")}
    assert drawn == packages
    contract = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"][0]
    layers = [layer.replace(" | testing", "") for layer in contract["layers"]]
    assert "\n".join(layers) in house
