"""Options applied to drafts, one by one or by the preset (dialect §1.2, §1.3)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from imgproxy_py.dialects.draft import STAGE_FIELDS, Draft
from imgproxy_py.dialects.imgproxy.config import ImgproxyConfig
from imgproxy_py.dialects.imgproxy.options import BYPASS_OPTIONS, OPTIONS, SECURITY_OPTIONS, forbidden
from imgproxy_py.dialects.imgproxy.options.arguments import Arguments, Option
from imgproxy_py.dialects.lexical import INTEGER_MAX, Malformed
from imgproxy_py.errors import BadRequest, CallerError, WrongParameter
from imgproxy_py.recipe.request import ClientHints

DEFAULT_PRESET = "default"
"""The preset applied to every request before its own options."""

NEXT_PIPELINE = "-"
"""The segment that begins a new pipeline, fed by the one before (dialect §5.1)."""

_SURROGATE = re.compile(r"[\ud800-\udfff]")  # what settings make of bytes that are no UTF-8
_INCLUDE = ("preset", "pr")
_BASICS = (
    "best",
    "auto_rotate",
    "strip_metadata",
    "keep_copyright",
    "keep_provenance",
    "strip_color_profile",
    "preserve_hdr",
    "enforce_thumbnail",
    "unsharp_mode",
    "unsharp_weight",
    "unsharp_divider",
)


class OptionReader:
    """Knows the options that are permitted and the presets, and applies both to drafts.

    `options` and `limits` are those of the kind of URL, whose drafts are made by `draft`. Raises `ValueError` that lists
    every preset that is wrong, and for a blank separator.
    """

    def __init__(
        self,
        config: ImgproxyConfig,
        options: Mapping[str, Option] = OPTIONS,
        limits: Mapping[str, Option] = SECURITY_OPTIONS,
        draft: type[Draft] = Draft,
    ) -> None:
        if not config.arguments_separator:
            raise ValueError("The separator of arguments must not be blank")
        self._separator = config.arguments_separator
        self._basics = _basics(config)
        self._stage_basics = {name: value for name, value in self._basics.items() if name in STAGE_FIELDS}
        self._most_pipelines = config.max_chained_pipelines
        self._draft = draft
        security = limits if config.allow_security_options else forbidden(limits)
        bypass = BYPASS_OPTIONS if config.allow_bypass_cache else forbidden(BYPASS_OPTIONS)
        self._options: dict[str, Option] = {**options, **security, **bypass, **dict.fromkeys(_INCLUDE, self.include)}
        # Options inside of presets are the operator's own: the allow-list is for URLs.
        self._allowed = _restricted(self._options, config.allowed_options)
        self._presets = self._load(config.presets)

    def __repr__(self) -> str:
        return f"<OptionReader options={len(self._allowed)} presets={len(self._presets)}>"

    @property
    def preset_names(self) -> tuple[str, ...]:
        """The names of all presets, sorted."""
        return tuple(sorted(self._presets))

    def begin(self, hints: ClientHints | None, now: float) -> Draft:
        """Give the draft that a URL's own options start from: configuration, client hints, `default` preset."""
        draft = self._draft()
        vars(draft).update(self._basics, now=now)
        if self._stage_basics:
            draft.stage_basics = self._stage_basics
        if hints is not None:
            _take(draft, hints)
        if DEFAULT_PRESET in self._presets:
            self._expand(draft, DEFAULT_PRESET)
        return draft

    def extent(self, segments: Sequence[str]) -> int:
        """Give the index of the first segment that is no option, their number if all are (dialect §1.2)."""
        for index, segment in enumerate(segments):
            if self._separator not in segment and segment != NEXT_PIPELINE:
                return index
        return len(segments)

    def apply(self, draft: Draft, options: Iterable[str]) -> None:
        """Apply options in order; raises `BadRequest`, `OptionForbidden`, `LinkExpired`."""
        for segment in options:
            if segment == NEXT_PIPELINE:
                self._chain(draft)
            else:
                name, *arguments = segment.split(self._separator)
                _run(draft, name, self._allowed.get(name), arguments)

    def names(self, segment: str) -> list[str]:
        """Divide a list of preset names, as stands first in a URL of the presets-only mode."""
        return segment.split(self._separator)

    def include(self, draft: Draft, names: Arguments) -> None:
        """Apply presets in order; those that are being applied already are skipped. Raises `Malformed` if unknown."""
        for name in names:
            if name not in self._presets:
                raise Malformed(name, "the name of a preset")
            if not draft.open_presets and name not in draft.preset_names:
                draft.preset_names += (name,)
            if name not in draft.open_presets:
                self._expand(draft, name)

    def _expand(self, draft: Draft, preset: str) -> None:
        around, pipeline = draft.open_presets, draft.pipeline
        draft.open_presets = (*around, preset)
        for name, option, arguments in self._presets[preset]:
            if name == NEXT_PIPELINE:
                self._chain(draft)
            else:
                _run(draft, name, option, arguments)
        draft.open_presets = around
        if draft.pipeline != pipeline:
            draft.turn_to(pipeline)  # its pipelines are merged with those of whoever includes it

    def _chain(self, draft: Draft) -> None:
        following = draft.pipeline + 1
        if 0 < self._most_pipelines <= following:
            expected = f"at most {self._most_pipelines} pipelines"
            raise BadRequest(wrong=(WrongParameter(NEXT_PIPELINE, str(following + 1), expected),))
        draft.turn_to(following)

    def _load(self, definitions: Iterable[str]) -> dict[str, tuple[tuple[str, Option, Arguments], ...]]:
        wrong: list[str] = []
        presets = dict(self._defined(definitions, wrong))
        self._presets = presets
        wrong += [f"{name}: {why}" for name in presets if (why := self._complaint(name))]
        if wrong:
            raise ValueError("Wrong presets: " + "; ".join(wrong))
        return presets

    def _defined(
        self, definitions: Iterable[str], wrong: list[str]
    ) -> Iterator[tuple[str, tuple[tuple[str, Option, Arguments], ...]]]:
        for text in definitions:
            name, _, value = (part.strip() for part in text.partition("="))
            if not text.strip() or name.startswith("#"):
                continue
            try:
                yield name, self._compiled(name, value)
            except BadRequest as error:
                wrong.append(f"{text.strip()}: {error}")

    def _compiled(self, name: str, value: str) -> tuple[tuple[str, Option, Arguments], ...]:
        if not name or not value or "=" in value or _SURROGATE.search(name + value):
            raise BadRequest("expected name=option/option in UTF-8")
        return tuple(self._option(segment) for segment in value.split("/"))

    def _option(self, segment: str) -> tuple[str, Option, Arguments]:
        if segment == NEXT_PIPELINE:
            return NEXT_PIPELINE, _nothing, ()
        name, *arguments = segment.split(self._separator)
        if not arguments:
            raise BadRequest(f"{segment!r} is no option with arguments")
        if name not in self._options:
            raise _unknown(name, arguments)
        return name, self._options[name], tuple(arguments)

    def _complaint(self, preset: str) -> str:
        try:
            self._expand(self._draft(), preset)
        except CallerError as error:
            return str(error)
        return ""


def _nothing(draft: Draft, arguments: Arguments) -> None:
    """Stands beside a mark that is no option."""


def _basics(config: ImgproxyConfig) -> dict[str, object]:
    """Give the fields of a draft that the configuration sets otherwise than the dialect does."""
    configured = {name: getattr(config, name) for name in _BASICS} | {"attachment": config.return_attachment}
    return {name: value for name, value in configured.items() if value != getattr(Draft, name)}


def _restricted(options: dict[str, Option], allowed: frozenset[str]) -> dict[str, Option]:
    return {name: option for name, option in options.items() if name in allowed} if allowed else options


def _run(draft: Draft, name: str, option: Option | None, arguments: Arguments) -> None:
    if option is None:
        raise _unknown(name, arguments)
    try:
        option(draft, arguments)
    except Malformed as error:
        raise BadRequest(wrong=(WrongParameter(name, error.value, error.expected),)) from None


def _unknown(name: str, arguments: Arguments) -> BadRequest:
    return BadRequest(wrong=(WrongParameter(name, ":".join(arguments), "the name of an option"),))


def _take(draft: Draft, hints: ClientHints) -> None:
    """Set the defaults that the client's headers ask for (dialect §13.3)."""
    if hints.dpr:
        draft.dpr = float(hints.dpr)
    if hints.width:
        # A header may hold a ratio so small that the quotient is infinite; limits judge what is merely absurd.
        draft.width = int(min(hints.width / draft.dpr + 0.5, INTEGER_MAX))
