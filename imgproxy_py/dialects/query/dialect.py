"""The query dialect: `/images/{key}?w=400&fit=cover&s={signature}` (delivery §1)."""

from __future__ import annotations

from urllib.parse import quote, unquote

from imgproxy_py.dialects.imgproxy.path import below, legible
from imgproxy_py.dialects.imgproxy.presets import OptionReader
from imgproxy_py.dialects.lexical import Malformed, percent_decoded
from imgproxy_py.dialects.naming import HTTP_SCHEMES, name_source
from imgproxy_py.dialects.port import SignedPath
from imgproxy_py.dialects.proof import proven
from imgproxy_py.dialects.query.config import QueryConfig
from imgproxy_py.dialects.query.parameters import SIGNATURE, Parameters
from imgproxy_py.dialects.query.writer import written_query
from imgproxy_py.dialects.signing import Signer
from imgproxy_py.errors import BadRequest, LinkExpired, WrongParameter
from imgproxy_py.recipe.request import ClientHints, ImageRequest
from imgproxy_py.recipe.source import SourceRef

MOUNT = "/images/"
"""Where the keys begin, below the path prefix."""

_BAD_SEGMENTS = frozenset({"", ".", ".."})


class QueryDialect:
    """Reads and writes `/images/{key}?…`; see `imgproxy_py.dialects.port.Dialect`.

    Queries are decoded as forms are, so `+` is a space; keys are not, so there it is itself. Raises `ValueError` for a
    configuration that cannot be.
    """

    def __init__(self, config: QueryConfig) -> None:
        shared = config.shared
        self._prefix = shared.path_prefix
        self._signer = Signer(shared.pairs, shared.signature_size, shared.trusted_signatures)
        self._options = OptionReader(shared)
        self._parameters = Parameters(config, self._options)
        root = name_source(config.images_source.removesuffix("/") + "/")
        if not root.scheme:
            raise ValueError(f"The source of images has no scheme: {config.images_source!r}")
        self._root = root.url
        self._escapes = root.scheme in HTTP_SCHEMES

    def __repr__(self) -> str:
        return f"<QueryDialect {self._signer!r} root={self._root!r}>"

    def split(self, target: str) -> SignedPath:
        """Take the signature out of the query; the rest is the path and all other parameters, sorted by name."""
        path, _, query = legible(target).partition("?")
        if not below(path, self._prefix).startswith(MOUNT):
            raise BadRequest(f"The path does not begin with {MOUNT}")
        signature, pairs = _unsigned([pair for pair in query.split("&") if pair])
        return SignedPath(signature, f"{path}?{'&'.join(sorted(pairs, key=_name))}", f"{path}?{'&'.join(pairs)}")

    def verify(self, path: SignedPath) -> None:
        """Raise `SignatureMismatch` unless the signature is that of the path and the sorted query."""
        self._signer.verify(path.signature, *self.signed_texts(path))

    def signed_texts(self, path: SignedPath) -> tuple[str, ...]:
        """Give the path with the sorted query."""
        return (path.rest,)

    @property
    def signing(self) -> bool:
        """Whether signatures are demanded."""
        return self._signer.on

    def read(self, path: SignedPath, *, hints: ClientHints | None = None, now: float) -> ImageRequest:
        """Say what is asked; `BadRequest` lists every wrong parameter, the key among them."""
        place, _, query = path.received.partition("?")
        draft = self._options.begin(hints, now)
        wrong = list(self._parameters.apply(draft, query))
        source = self._source(below(place, self._prefix)[len(MOUNT) :], wrong)
        if source is None or wrong:
            raise BadRequest(wrong=tuple(wrong))
        if draft.expires_at is not None and draft.expires_at < now:
            raise LinkExpired
        return draft.request(source, path.signature)

    def parse(self, target: str, *, hints: ClientHints | None = None, now: float) -> ImageRequest:
        """Split, verify and read."""
        path = self.split(target)
        self.verify(path)
        return self.read(path, hints=hints, now=now)

    def write(self, request: ImageRequest) -> str:
        """Give the canonical target, with presets written out."""
        return proven(request, self._target, self._reread, "query")

    def _target(self, request: ImageRequest) -> str:
        return self._signed(self._written(request))

    def _reread(self, target: str) -> ImageRequest:
        return self.read(self.split(target), now=0.0)

    def _source(self, key: str, wrong: list[WrongParameter]) -> SourceRef | None:
        try:
            text = _key(key)
        except Malformed as error:
            wrong.append(WrongParameter("key", error.value, error.expected))
            return None
        return name_source(self._root + (quote(text) if self._escapes else text))

    def _written(self, request: ImageRequest) -> str:
        base = self._options.begin(None, 0.0).request(request.source, "")
        key = request.source.url.removeprefix(self._root)
        key = quote(unquote(key) if self._escapes else key)
        prefix = self._prefix.strip("/")
        return f"{'/' + prefix if prefix else ''}{MOUNT}{key}?{written_query(request, base)}"

    def _signed(self, target: str) -> str:
        if not self._signer.on:
            return target.removesuffix("?")
        return f"{target}{'' if target.endswith('?') else '&'}{SIGNATURE}={self._signer.sign(target)}"


def _name(pair: str) -> str:
    return pair.partition("=")[0]


def _unsigned(pairs: list[str]) -> tuple[str, list[str]]:
    """Take the first signature out of a query; a second one stays, to be refused as repeated."""
    at = next((at for at, pair in enumerate(pairs) if _name(pair) == SIGNATURE), None)
    if at is None:
        return "", pairs
    return pairs[at].partition("=")[2], pairs[:at] + pairs[at + 1 :]


def _key(raw: str) -> str:
    try:
        key = percent_decoded(raw).decode()
    except UnicodeDecodeError:
        raise Malformed(raw, "UTF-8") from None
    if "\0" in key or "\\" in key or not _BAD_SEGMENTS.isdisjoint(key.split("/")):
        raise Malformed(key, "segments that are not empty, . or .., without NUL and backslash")
    return key
