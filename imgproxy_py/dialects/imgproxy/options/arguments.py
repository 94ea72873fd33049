"""What all options share: readers of their arguments, and the option that sets one field from one argument.

An option is a function `(draft, arguments) → None`. It raises `Malformed`, and whoever applies it adds its name.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from imgproxy_py.dialects.draft import Draft
from imgproxy_py.dialects.lexical import Malformed, from_base64, number, whole

Arguments = Sequence[str]
Option = Callable[[Draft, Arguments], None]
FieldOption = tuple[tuple[str, ...], str, Callable[[str], object]]
"""An option that sets one field from one argument: its names, the field of the draft, the reader of the argument."""

T = TypeVar("T")

integer = whole()
count = whole(0)
percent = whole(0, 100)
any_number = number()
amount = number(0)
factor = number(0, above=True)
share = number(0, 1)


def at_most(arguments: Arguments, most: int) -> None:
    """Raise `Malformed` for surplus arguments."""
    if len(arguments) > most:
        raise Malformed(":".join(arguments), "one argument" if most == 1 else f"at most {most} arguments")


def padded_to(arguments: Arguments, most: int) -> list[str]:
    """Give exactly `most` arguments, blank where none was given; raises `Malformed` for more."""
    at_most(arguments, most)
    return [*arguments, *[""] * (most - len(arguments))]


def read_or(text: str, read: Callable[[str], T], default: T) -> T:
    """Read an argument that may be blank, which leaves the default."""
    return read(text) if text else default


def classes(arguments: Arguments) -> tuple[str, ...]:
    """Read names of classes of objects, sorted; `all`, or no name, stands for all of them and gives none."""
    names = {name for name in arguments if name}
    return () if "all" in names else tuple(sorted(names))


def base64_text(text: str) -> str:
    """Read a text in URL-safe base64, padded or not."""
    try:
        return from_base64(text.rstrip("=")).decode()
    except UnicodeDecodeError:
        raise Malformed(text, "UTF-8 in URL-safe base64") from None


def field_option(field: str, read: Callable[[str], object]) -> Option:
    """Make the option that sets one field of the draft from one argument."""

    def apply(draft: Draft, arguments: Arguments) -> None:
        at_most(arguments, 1)
        setattr(draft, field, read(arguments[0]))

    return apply


def field_options(table: Sequence[FieldOption]) -> dict[str, Option]:
    """Give the options of a table under each of their names."""
    return {name: field_option(field, read) for names, field, read in table for name in names}


def named_options(table: Sequence[tuple[tuple[str, ...], Option]]) -> dict[str, Option]:
    """Give the options of a table under each of their names."""
    return {name: option for names, option in table for name in names}
