"""The reference of all settings as Markdown, from their declarations."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import BaseModel

from imgproxy_py.settings.kinds import default, kind, shown
from imgproxy_py.settings.model import COMPONENTS, Settings
from imgproxy_py.settings.names import FORMER, variable

_HEAD = """# Settings

Every setting is an environment variable. Blank means the default. A value that is none of its kind stops the start, and
all wrong ones are reported at once. Flags of the command line beat the environment; the environment beats the file that
`--env-file` or `IMGPROXY_ENV_FILE` names, which has a `NAME=value` on each line. Time spans are in seconds.

This page is made from the declarations: `imgproxy-py settings > docs/settings.md`.
"""


def reference() -> str:
    """Give the reference: a table for each component with name, kind, default and a sentence for each setting."""
    return "\n".join([_HEAD, *(_section(title, component) for title, component in COMPONENTS), _renamed()])


def current(settings: Settings) -> str:
    """Give the effective values as `NAME=value` lines in the order of the reference, secrets masked."""
    fields = ((name, field) for _, component in COMPONENTS for name, field in component.model_fields.items())
    return "".join(f"{variable(name)}={shown(field, getattr(settings, name))}\n" for name, field in fields)


def _section(title: str, component: type[BaseModel]) -> str:
    return "\n".join([f"## {title}", "", _first_paragraph(component), "", *_table(component), ""])


def _first_paragraph(component: type[BaseModel]) -> str:
    return " ".join((component.__doc__ or "").strip().split("\n\n")[0].split())


def _table(component: type[BaseModel]) -> Iterator[str]:
    yield "| variable | kind | default | meaning |"
    yield "|---|---|---|---|"
    for name, field in component.model_fields.items():
        spoken = default(name, field)
        cells = (f"`{variable(name)}`", kind(field), f"`{spoken}`" if spoken else "", field.description or "")
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _renamed() -> str:
    rows = (f"| `{variable(old)}` | `{variable(new)}` |" for old, new in FORMER.items())
    return "\n".join(["## Former names", "", "| accepted too | for |", "|---|---|", *rows, ""])
