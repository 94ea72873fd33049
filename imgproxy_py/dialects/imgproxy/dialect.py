"""The imgproxy dialect: `/{signature}/{option}/…/{source}` (dialect §1)."""

from __future__ import annotations

from collections.abc import Iterator

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
        """Say what the rest asks for, in the order of checks of dialect §3."""
        segments = path.rest.split("/")
        draft = self._options.begin(hints, now)
        at = self._named(draft, segments) if self._only_presets else self._applied(draft, segments)
        source, extension = self._sources.read(segments[at:])
        if extension and not draft.raw:
            self._extended(draft, extension)
        return draft.request(source, path.signature, self._sources.named)

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

    def _extended(self, draft: Draft, extension: str) -> None:
        try:
            set_format(draft, extension)
        except Malformed as error:
            raise BadRequest(wrong=(WrongParameter("extension", error.value, error.expected),)) from None

    def _applied(self, draft: Draft, segments: list[str]) -> int:
        if segments[0] in _BASIC_FORMAT:
            raise BadRequest("The basic URL format is not supported")
        return self._options.apply(draft, segments)

    def _named(self, draft: Draft, segments: list[str]) -> int:
        try:
            self._options.include(draft, self._options.names(segments[0]))
        except Malformed as error:
            raise BadRequest(wrong=(WrongParameter("preset", error.value, error.expected),)) from None
        if len(segments) == 1:
            raise BadRequest("The URL names no source")
        return 1

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
