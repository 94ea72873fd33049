"""Where settings come from: the environment, and below it a file of variables."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dotenv import dotenv_values
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

from imgproxy_py.settings.errors import SettingsError, WrongSetting
from imgproxy_py.settings.names import ENV_FILE, MAY_BE_BLANK, PREFIX, fields_by_variable


@dataclass(frozen=True, slots=True)
class UnknownVariable:
    """A variable with our prefix that sets nothing, and the name that was probably meant (blank if none is near)."""

    name: str
    meant: str = ""

    def __str__(self) -> str:
        return f"{self.name} is no setting" + (f", did you mean {self.meant}?" if self.meant else "")


def chosen_file(path: Path | None) -> Path | None:
    """Give the file of variables to read: the one named, else the one `IMGPROXY_ENV_FILE` names, else none."""
    named = os.environ.get(ENV_FILE, "")
    return path or (Path(named) if named else None)


def file_variables(path: Path | None) -> dict[str, str]:
    """Read a file of `NAME=value` lines, values literal; raise `SettingsError` if it cannot be read."""
    if path is None:
        return {}
    try:
        with path.open(encoding="utf-8") as lines:
            # Without interpolation: `${1}` belongs to the replacements of source URLs.
            return {name: value or "" for name, value in dotenv_values(stream=lines, interpolate=False).items()}
    except (OSError, UnicodeDecodeError):
        raise SettingsError([WrongSetting(ENV_FILE, str(path), "a readable file of NAME=value lines")]) from None


class Variables(PydanticBaseSettingsSource):
    """The settings that variables set; a blank one sets nothing, unless blank is a value of that setting."""

    def __init__(self, settings: type[BaseSettings], variables: Mapping[str, str]) -> None:
        super().__init__(settings)
        self._texts = {
            field: variables[name]
            for name, field in fields_by_variable(settings.model_fields).items()
            if name in variables and (variables[name] or field in MAY_BE_BLANK)
        }

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[str | None, str, bool]:
        """Give a field's text, `None` if no variable sets it."""
        return self._texts.get(field_name), field_name, False

    def __call__(self) -> dict[str, Any]:
        """Give the texts by field."""
        return dict(self._texts)


def unknown_variables(variables: Iterable[str], fields: Iterable[str]) -> tuple[UnknownVariable, ...]:
    """List the variables with our prefix that set nothing, sorted."""
    known = [*fields_by_variable(fields), ENV_FILE]
    strange = sorted({name for name in variables if name.startswith(PREFIX)} - set(known))
    return tuple(UnknownVariable(name, _nearest(name, known)) for name in strange)


def _nearest(name: str, known: list[str]) -> str:
    # Without the prefix, which all have: it would make everything look alike.
    bare = {one.removeprefix(PREFIX): one for one in known}
    found = difflib.get_close_matches(name.removeprefix(PREFIX).upper(), bare, n=1, cutoff=0.7)
    return bare[found[0]] if found else ""
