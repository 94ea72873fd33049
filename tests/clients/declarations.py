"""The types of a TypeScript declaration file, read as far as a generated file of plain data types goes.

Interfaces, aliases, unions, intersections, arrays, literals, tuples of literals and generics of one parameter are
understood; whatever else is met is an error, so that nothing of a new version passes unseen.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cached_property
from typing import NoReturn

_COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.DOTALL)
_TOKEN = re.compile(r"""\s*(=>|"[^"]*"|-?\d+(?:\.\d+)?|[\w$]+|[^\s\w])""")
_PRIMITIVES = ("string", "number", "boolean")


@dataclass(frozen=True)
class Literal:
    value: str | int | float | bool


@dataclass(frozen=True)
class Primitive:
    """`string`, `number` or `boolean`."""

    name: str


@dataclass(frozen=True)
class Array:
    item: Type


@dataclass(frozen=True)
class Field:
    type: Type
    optional: bool


@dataclass(frozen=True)
class Record:
    fields: dict[str, Field]


@dataclass(frozen=True)
class Union:
    members: tuple[Type, ...]


@dataclass(frozen=True)
class All:
    """An intersection."""

    members: tuple[Type, ...]


@dataclass(frozen=True)
class Name:
    """What is declared elsewhere, under that name."""

    name: str
    argument: Type | None = None


Type = Literal | Primitive | Array | Record | Union | All | Name


@dataclass
class Declarations:
    """The declared types of a file by their names; `parameters` of the generic ones."""

    text: str
    types: dict[str, Type] = field(default_factory=dict)
    parameters: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _Parser(self).read()

    def named(self, name: Name) -> Type:
        """What a name stands for; a generic's parameter by its argument."""
        found = self.types[name.name]
        parameter = self.parameters.get(name.name)
        if not parameter or name.argument is None:
            return found
        return _substituted(found, parameter, name.argument)

    def record(self, of: Type) -> Record:
        """The fields of a name, a record or an intersection of them."""
        if isinstance(of, Name):
            return self.record(self.named(of))
        if isinstance(of, All):
            return Record({name: one for member in of.members for name, one in self.record(member).fields.items()})
        assert isinstance(of, Record), of
        return of

    def spellings(self, options: str) -> dict[str, tuple[str, ...]]:
        """The options of an intersection of interfaces: of each interface the first name, and all of its names."""
        members = self.types[options]
        assert isinstance(members, All)
        each = [tuple(self.record(member).fields) for member in members.members]
        return {names[0]: names for names in each}


def _substituted(within: Type, parameter: str, argument: Type) -> Type:
    if within == Name(parameter):
        return argument
    if isinstance(within, All):
        return All(tuple(_substituted(member, parameter, argument) for member in within.members))
    return within


@dataclass
class _Parser:
    """Reads declarations from the beginning of the text to its end; `at` is the next token's number."""

    declared: Declarations
    at: int = 0

    @cached_property
    def tokens(self) -> list[str]:
        return _TOKEN.findall(_COMMENT.sub("", self.declared.text))

    def read(self) -> None:
        while self.at < len(self.tokens):
            self._declaration()

    @property
    def next(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def _take(self) -> str:
        self.at += 1
        return self.tokens[self.at - 1]

    def _expect(self, token: str) -> None:
        if self._take() != token:
            self.at -= 1
            self._lost(token)

    def _lost(self, expected: str) -> NoReturn:
        raise ValueError(f"expected {expected} before: {' '.join(self.tokens[self.at : self.at + 12])}")

    def _skip_to(self, end: str) -> None:
        while self._take() != end:
            pass

    def _declaration(self) -> None:
        while self.next in ("export", "declare"):
            self.at += 1
        kind = self._take()
        if kind == "interface":
            name = self._head()
            self.declared.types[name] = self._record()
        elif kind == "type":
            name = self._head()
            self._expect("=")
            self.declared.types[name] = self._type()
            self._expect(";")
        elif kind == "const":
            self._constant()
        elif kind == "{":  # export {};
            self._skip_to(";")
        else:
            self._lost("a declaration")

    def _head(self) -> str:
        name = self._take()
        if self.next == "<":
            self.at += 1
            self.declared.parameters[name] = self._take()
            self._expect(">")
        return name

    def _constant(self) -> None:
        name = self._take()
        if self._following(":", "readonly"):
            self.declared.types[name] = self._tuple()
            self._expect(";")
        else:
            self._skip_to(";")  # a function or a text

    def _following(self, *tokens: str) -> bool:
        """Tell whether these come next, and if so go behind them."""
        if tuple(self.tokens[self.at : self.at + len(tokens)]) != tokens:
            return False
        self.at += len(tokens)
        return True

    def _tuple(self) -> Type:
        self._expect("[")
        members = []
        while self.next != "]":
            members.append(self._type())
            self._following(",")
        self._expect("]")
        return Union(tuple(members))

    def _type(self) -> Type:
        self._following("|")
        members = [self._intersection()]
        while self._following("|"):
            members.append(self._intersection())
        return members[0] if len(members) == 1 else Union(tuple(members))

    def _intersection(self) -> Type:
        members = [self._repeated()]
        while self._following("&"):
            members.append(self._repeated())
        return members[0] if len(members) == 1 else All(tuple(members))

    def _repeated(self) -> Type:
        of = self._single()
        while self.next == "[":
            self.at += 1
            if self._following("]"):
                of = Array(of)
            elif self._following("number", "]"):
                pass  # the members of a tuple
            else:
                self._type()
                self._expect("]")  # the type of a field, which is not looked into
        return of

    def _single(self) -> Type:
        if self.next == "{":
            return self._record()
        if self._following("("):
            inner = self._type()
            self._expect(")")
            return inner
        if self._following("typeof"):
            return Name(self._take())
        if self._following("keyof"):
            self._single()
            return Primitive("string")
        return self._word(self._take())

    def _word(self, word: str) -> Type:
        if word[0] == '"':
            return Literal(word.strip('"'))
        if word in ("true", "false"):
            return Literal(word == "true")
        if re.fullmatch(r"-?\d+", word):
            return Literal(int(word))
        if word in _PRIMITIVES:
            return Primitive(word)
        if not re.fullmatch(r"[A-Za-z_$]\w*", word):
            self._lost("a type")
        if not self._following("<"):
            return Name(word)
        argument = self._type()
        self._expect(">")
        return Array(argument) if word == "Array" else Name(word, argument)

    def _record(self) -> Record:
        self._expect("{")
        fields: dict[str, Field] = {}
        while not self._following("}"):
            if self.next == "[":  # fields that are never to be there
                self._skip_to(";")
                continue
            name = self._take()
            optional = self._following("?")
            self._expect(":")
            fields[name] = Field(self._type(), optional)
            if self.next != "}":
                self._expect(";")
        return Record(fields)
