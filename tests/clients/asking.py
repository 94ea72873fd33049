"""What the JavaScript client asks a server, and what is wrong with the answers."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from tests.acceptance.service import Answer, ask
from tests.clients import javascript
from tests.clients.examples import GOOD, INVALID, Example, Said


@dataclass(frozen=True)
class Question:
    """A value of an option, the path that the client writes, and what is to be said there."""

    value: Any
    path: str
    said: Said
    type: str

    def missed_by(self, answer: Answer) -> str:
        """Tell what is wrong with an answer; blank for nothing."""
        text = "" if answer.status == 200 else answer.body.decode()
        found = (answer.status, text, answer.headers["Content-Type"].partition(";")[0])
        expected = (*self.said, self.type if self.said == GOOD else "text/plain")
        return "" if found == expected else f"{self.value} at {self.path}: {found}, not {expected}"


Questions = dict[str, list[Question]]


@dataclass(frozen=True)
class Server:
    """A server of the originals, asked by several threads."""

    port: int
    threads: ThreadPoolExecutor

    def answers(self, paths: list[str]) -> list[Answer]:
        return list(self.threads.map(lambda path: ask(self.port, path), paths))

    def misses(self, questions: list[Question]) -> list[str]:
        """Ask, and tell of the answers that are not what they should be."""
        answers = self.answers([one.path for one in questions])
        return [missed for one, answer in zip(questions, answers, strict=True) if (missed := one.missed_by(answer))]


def plain(source: str) -> dict[str, str]:
    """The original of a name as imgproxy-node takes it: so that what is wrong with its URL is not taken for its source."""
    return {"value": f"local:///{source}", "displayAs": "plain"}


def questions(asked: list[tuple[str, Example, dict[str, Any], str]]) -> Questions:
    """The client's URLs of each option: given its name, an example, what the client is told, and the type that is due.

    No URL comes twice, and none that the client refuses to write.
    """
    written = javascript.written([told for _, _, told, _ in asked])
    found: dict[str, dict[str, Question]] = {name: {} for name, *_ in asked}
    for (name, one, _, due), answer in zip(asked, written, strict=True):
        if path := answer.get("url"):
            said = INVALID if _begins_early(path) else one.said
            found[name].setdefault(path, Question(one.value, path, said, due))
    return {name: list(several.values()) for name, several in found.items()}


def _begins_early(path: str) -> bool:
    """Tell whether an option without arguments is in the path, which to the dialect is the beginning of the source (§1.2)."""
    options = path.removeprefix("/info").partition("/plain/")[0].split("/")[2:]
    return any(":" not in option and option != "-" for option in options)
