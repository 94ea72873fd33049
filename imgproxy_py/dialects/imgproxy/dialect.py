"""The imgproxy dialect: `/{signature}/{option}/…/{source}` (dialect §1)."""

from __future__ import annotations

from collections.abc import Iterator
from copy import copy
from dataclasses import dataclass, field, replace

from imgproxy_py.dialects.draft import Draft
from imgproxy_py.dialects.imgproxy.config import ImgproxyConfig
from imgproxy_py.dialects.imgproxy.options.output import set_format
from imgproxy_py.dialects.imgproxy.path import cut
from imgproxy_py.dialects.imgproxy.presets import OptionReader
from imgproxy_py.dialects.imgproxy.source import SourceReader
from imgproxy_py.dialects.imgproxy.writer import Words, written_options
from imgproxy_py.dialects.lexical import Malformed
from imgproxy_py.dialects.port import SignedPath
from imgproxy_py.dialects.proof import proven
from imgproxy_py.dialects.signing import Signer
from imgproxy_py.errors import BadRequest, WrongParameter
from imgproxy_py.recipe.model import ResizingType
from imgproxy_py.recipe.request import ClientHints, ImageRequest
from imgproxy_py.recipe.source import SourceRef

UNSIGNED = "unsafe"
"""What stands in place of the signature when signing is off."""

_DEFAULTS = ImgproxyConfig()
_BASIC_FORMAT = frozenset(ResizingType)
_NOWHERE = SourceRef(scheme="", location="")

_REMEMBERED = 1024
_LONGEST_REMEMBERED = 1024


@dataclass(frozen=True, slots=True)
class _Said:
    """What options say, whatever the source: as a draft, and as the requests it came to with each extension."""

    draft: Draft
    requests: dict[str, ImageRequest] = field(default_factory=dict)


class ImgproxyDialect:
    """Reads and writes imgproxy's URLs; see `imgproxy_py.dialects.port.Dialect`.

    Raises `ValueError` for a configuration that cannot be, among it any preset that is wrong.
    """

    def __init__(self, config: ImgproxyConfig = _DEFAULTS, *, options: OptionReader | None = None) -> None:
        self._prefix = config.path_prefix
        self._separator = config.arguments_separator
        self._only_presets = config.only_presets
        self._signer = Signer(config.pairs, config.signature_size, config.trusted_signatures)
        self._options = options or OptionReader(config)
        self._sources = SourceReader(config)
        self._known: dict[tuple[str, ...], _Said] = {}

    def __repr__(self) -> str:
        return f"<ImgproxyDialect {self._signer!r} {self._options!r}>"

    def split(self, target: str) -> SignedPath:
        """Cut a target into signature and repaired rest (dialect §1.1); the query does not count."""
        path = cut(target, self._prefix)
        self._signer.require(path.signature)
        return path

    def verify(self, path: SignedPath) -> None:
        """Raise `SignatureMismatch` unless the signature is one of the rest, repaired or as received."""
        self._signer.verify(path.signature, *self.signed_texts(path))

    def signed_texts(self, path: SignedPath) -> tuple[str, ...]:
        """Give the rest, repaired and, where that differs, as received (dialect §2.2)."""
        repaired = "/" + path.rest
        return (repaired,) if path.rest == path.received else (repaired, "/" + path.received)

    @property
    def signing(self) -> bool:
        """Whether signatures are demanded."""
        return self._signer.on

    def read(self, path: SignedPath, *, hints: ClientHints | None = None, now: float) -> ImageRequest:
        """Say what the rest asks for, in the order of checks of dialect §3.

        Options that were read before, as those of most new URLs were, cost a look-up.
        """
        segments = path.rest.split("/")
        if segments[0] in _BASIC_FORMAT and not self._only_presets:
            raise BadRequest("The basic URL format is not supported")
        at = 1 if self._only_presets else self._options.extent(segments)
        said = self._said(tuple(segments[:at]), hints, now)
        if at == len(segments):
            raise BadRequest("The URL names no source")
        source, extension = self._sources.read(segments[at:])
        request = self._request(said, extension)
        if hashsum := request.source.hashsum:
            source = replace(source, hashsum=hashsum)
        return ImageRequest(source=source, recipe=request.recipe, delivery=request.delivery, signature=path.signature)

    def parse(self, target: str, *, hints: ClientHints | None = None, now: float) -> ImageRequest:
        """Split, verify and read."""
        path = self.split(target)
        self.verify(path)
        return self.read(path, hints=hints, now=now)

    def write(self, request: ImageRequest) -> str:
        """Give the canonical target, with presets written out; in presets-only mode those that the request names."""
        return proven(request, self._target, self._reread, "imgproxy")

    def _target(self, request: ImageRequest) -> str:
        rest = self._written(request) + self._sources.write(request.source)
        signature = self._signer.sign("/" + rest) if self._signer.on else UNSIGNED
        return f"{self._mount()}/{signature}/{rest}"

    def _reread(self, target: str) -> ImageRequest:
        return self.read(self.split(target), now=0.0)

    def _said(self, options: tuple[str, ...], hints: ClientHints | None, now: float) -> _Said:
        if hints is None and (known := self._known.get(options)):
            return known
        draft = self._options.begin(hints, now)
        if self._only_presets:
            self._include(draft, options[0])
        else:
            self._options.apply(draft, options)
        said = _Said(draft)
        # With an expiry it depends on the time whether a URL is refused.
        if hints is None and "expires_at" not in vars(draft) and sum(map(len, options)) <= _LONGEST_REMEMBERED:
            self._remember(options, said)
        return said

    def _remember(self, options: tuple[str, ...], said: _Said) -> None:
        if len(self._known) >= _REMEMBERED:
            del self._known[next(iter(self._known))]
        self._known[options] = said

    def _request(self, said: _Said, extension: str) -> ImageRequest:
        """Give the request that options and an extension come to, with a source that has no more than a hashsum."""
        extension = "" if said.draft.raw else extension
        request = said.requests.get(extension)
        if request is None:
            draft = copy(said.draft)
            if extension:
                self._extended(draft, extension)
            request = said.requests[extension] = draft.request(_NOWHERE, "", self._sources.named)
        return request

    def _extended(self, draft: Draft, extension: str) -> None:
        try:
            set_format(draft, extension)
        except Malformed as error:
            raise BadRequest(wrong=(WrongParameter("extension", error.value, error.expected),)) from None

    def _include(self, draft: Draft, names: str) -> None:
        try:
            self._options.include(draft, self._options.names(names))
        except Malformed as error:
            raise BadRequest(wrong=(WrongParameter("preset", error.value, error.expected),)) from None

    def _mount(self) -> str:
        prefix = self._prefix.strip("/")
        return "/" + prefix if prefix else ""

    def _written(self, request: ImageRequest) -> str:
        if self._only_presets:
            return self._separator.join(request.delivery.preset_names) + "/"
        base = self._base(len(request.recipe.stages))
        return "".join(self._separator.join(words) + "/" for words in self._words(request, base))

    def _words(self, request: ImageRequest, base: ImageRequest) -> Iterator[Words]:
        return written_options(request, base, self._sources.text)

    def _base(self, stages: int) -> ImageRequest:
        """Give what a URL says that has so many pipelines and nothing in them."""
        draft = self._options.begin(None, 0.0)
        for pipeline in range(1, stages):
            draft.turn_to(pipeline)
        return draft.request(SourceRef(scheme="", location=""), "", self._sources.named)
