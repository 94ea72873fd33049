"""What a URL asks, worked out once and remembered: the hit path only looks it up."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from weakref import ref

from multidict import CIMultiDict

from imgproxy_py.dialects.port import Dialect, SignedPath
from imgproxy_py.recipe.formats import Format
from imgproxy_py.recipe.frames import may_animate
from imgproxy_py.recipe.identity import recipe_digest
from imgproxy_py.recipe.negotiation import HINT_HEADERS, Negotiation
from imgproxy_py.recipe.picture import Outcome, Picture
from imgproxy_py.recipe.request import ClientHints, ImageRequest
from imgproxy_py.recipe.tags import cache_tags
from imgproxy_py.telemetry.record import public_source

# Values that no URL is likely to ask for, to see whether hints are able to change a URL's meaning.
_PROBED_HINTS = ClientHints(dpr=7.125, width=7919)

# Whose originals, when relayed, come in the encoding that the client and their server agree on.
_NEGOTIATING_SCHEMES = frozenset({"http", "https"})

_REMEMBERED = 4096
_LONGEST_REMEMBERED = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """One picture that a URL may come to, after negotiation: the request as rendered, its key and its digest."""

    request: ImageRequest
    key: str
    digest: str


@dataclass(slots=True, eq=False)
class Head:
    """Status and headers of an answer that is given more than once; the headers are to be copied, not changed.

    `wire` is for whoever sends them: the head as bytes, in the parts between what each answer has of its own.
    """

    status: int
    headers: CIMultiDict[str]
    wire: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Heads:
    """The heads of answers with one picture: `whole` goes with its bytes, `kept` is a 304 for who has it.

    `etag` is the entity tag that they tell, blank if they tell none. The picture is not held: it may leave its cache.
    """

    picture: ref[Picture]
    outcome: Outcome
    etag: str
    whole: Head
    kept: Head


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A URL understood: what it asks, what its answers vary by, and its variants so far.

    `animates` says whether its answers may be animated; `heads` are those of the last answer in each format.
    """

    request: ImageRequest
    vary: str
    source: str
    tags: tuple[str, ...]
    animates: bool
    variants: dict[tuple[Format, ...], Variant] = field(default_factory=dict)
    heads: dict[Format, Heads] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """Understands the URLs of one dialect.

    `check` raises for a request that is refused before anything is fetched; `key` gives a request's cache key;
    `frames` is how many of an animation are used at most. `hints` switches client hints on.
    """

    dialect: Dialect
    negotiation: Negotiation
    check: Callable[[ImageRequest], None]
    key: Callable[[ImageRequest], str]
    frames: int
    hints: bool
    _known: dict[tuple[str, ClientHints | None], Question] = field(default_factory=dict)

    def read(self, target: str, hints: ClientHints | None, now: float) -> Question:
        """Give what a target asks; its signature holds, and it is not refused.

        Raises a `CallerError`. A target that was understood before costs a look-up.
        """
        if question := self.known(target, hints):
            return question
        path = self.dialect.split(target)
        self.dialect.verify(path)
        question = self._understood(path, hints, now)
        if len(target) <= _LONGEST_REMEMBERED:
            self._remember((target, hints), question)
        return question

    def known(self, target: str, hints: ClientHints | None) -> Question | None:
        """Give what a target asks if that was understood before.

        Its signature held then and holds now: it is part of the target, and the keys stay while a process lives. Other
        signatures are other targets. Those are told apart by their hashes, keyed anew in each process, so the time of a
        look-up tells nothing of how much of a signature is right.
        """
        return self._known.get((target, hints))

    def variant(self, question: Question, accept: str) -> Variant:
        """Give the picture that the question comes to for a client with this `Accept` header."""
        asked = question.request
        accepted = self.negotiation.accepted(asked.recipe.output, accept, animations=question.animates)
        variant = question.variants.get(accepted)
        if variant is None:
            output = replace(asked.recipe.output, accepted=accepted)
            request = replace(asked, recipe=replace(asked.recipe, output=output))
            variant = Variant(request=request, key=self.key(request), digest=recipe_digest(request.recipe))
            question.variants[accepted] = variant
        return variant

    def _understood(self, path: SignedPath, hints: ClientHints | None, now: float) -> Question:
        request = self.dialect.read(path, hints=hints, now=now)
        self.check(request)
        return Question(
            request=request,
            vary=self._vary(path, request, now),
            source=public_source(request.source),
            tags=cache_tags(request),
            animates=may_animate(request.recipe, self.frames),
        )

    def _vary(self, path: SignedPath, request: ImageRequest, now: float) -> str:
        if request.delivery.raw:
            return "Accept-Encoding" if request.source.scheme in _NEGOTIATING_SCHEMES else ""
        names = ["Accept"] if self.negotiation.varies(request.recipe.output) else []
        if self.hints and self._heeds_hints(path, now):
            names.append(HINT_HEADERS)
        return ", ".join(names)

    def _heeds_hints(self, path: SignedPath, now: float) -> bool:
        with_hints, without = (self.dialect.read(path, hints=hints, now=now) for hints in (_PROBED_HINTS, None))
        return with_hints.recipe != without.recipe

    def _remember(self, key: tuple[str, ClientHints | None], question: Question) -> None:
        if len(self._known) >= _REMEMBERED:
            del self._known[next(iter(self._known))]
        self._known[key] = question
