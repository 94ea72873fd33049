"""What is said when settings are wrong: all of them at once, each with its name, its value, and what was expected."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import BaseModel, ValidationError

from imgproxy_py.settings.kinds import expected, shown
from imgproxy_py.settings.names import variable


@dataclass(frozen=True, slots=True)
class WrongSetting:
    """One wrong setting: its name in the environment, the value as it may be shown, and what was expected."""

    name: str
    value: str
    expected: str

    def __str__(self) -> str:
        return f"{self.name}={self.value!r}: expected {self.expected}"


class SettingsError(Exception):
    """Settings are wrong; `wrong` lists every one, and the message has a line for each."""

    def __init__(self, wrong: Sequence[WrongSetting]) -> None:
        count = "1 setting is wrong" if len(wrong) == 1 else f"{len(wrong)} settings are wrong"
        super().__init__("\n".join([f"{count}:", *(f"  {one}" for one in wrong)]))
        self.wrong = tuple(wrong)


def wrong_settings(model: type[BaseModel], error: ValidationError) -> list[WrongSetting]:
    """Give what pydantic refused in our words, one entry a setting, sorted by name."""
    found: dict[str, WrongSetting] = {}
    for one in error.errors(include_url=False):
        name = str(one["loc"][0]) if one["loc"] else ""
        found.setdefault(name, _wrong(model, name, one["type"], one.get("ctx", {}), one["input"]))
    return [found[name] for name in sorted(found)]


def _wrong(model: type[BaseModel], name: str, kind: str, context: dict[str, object], given: object) -> WrongSetting:
    field = model.model_fields.get(name)
    if field is None:
        return WrongSetting(variable(name), "…", "no setting of this name")
    said = str(context["error"]) if kind == "value_error" else ""
    return WrongSetting(variable(name), shown(field, given), expected(field, said))
