"""Originals from web servers (dialect §12)."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from typing import Self
from urllib.parse import quote, urljoin, urlsplit

from aiohttp import (
    ClientConnectorError,
    ClientError,
    ClientPayloadError,
    ClientResponse,
    ClientSession,
    ClientTimeout,
    DummyCookieJar,
    TCPConnector,
)
from aiohttp.abc import AbstractResolver
from pydantic import Field
from yarl import URL

from imgproxy_py import __version__
from imgproxy_py.errors import (
    SourceFailed,
    SourceForbidden,
    SourceIncomplete,
    SourceMissing,
    SourceNotReached,
    SourceTimeout,
    SourceUnreachable,
)
from imgproxy_py.kinds import Count, Flag, Number, Positive
from imgproxy_py.recipe.picture import Original, Validators
from imgproxy_py.recipe.source import SourceRef
from imgproxy_py.sources.allowed import AllowedSources
from imgproxy_py.sources.bodies import gunzip
from imgproxy_py.sources.dialing import AddressRefused, Proxies, guarded_connector
from imgproxy_py.sources.guard import AddressGuard, read_address
from imgproxy_py.sources.passing import Headers
from imgproxy_py.sources.port import PASSED_BACK, PASSED_ON, NotModified, RawAnswer
from imgproxy_py.sources.settings import DownloadSettings
from imgproxy_py.stores.conditions import http_date, read_date
from imgproxy_py.stores.keys import check_size, read_whole

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_WHOLE_RANGE = re.compile(r"bytes 0-(\d+)/(\d+)\Z", re.ASCII)
_NAME = re.compile(r"[A-Za-z0-9._~-]+\Z", re.ASCII)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_SURROGATES = re.compile(r"[\ud800-\udfff]")  # how aiohttp hands on bytes that are no UTF-8; caches cannot write them
_LITERAL_IN_URLS = "!$%&'()*+,-./:;=?@[]_~"


class HttpSettings(DownloadSettings):
    """Settings of fetching over HTTP."""

    allow_loopback_source_addresses: Flag = Field(False, description="Fetch from this host's own addresses.")
    allow_link_local_source_addresses: Flag = Field(False, description="Fetch from link-local addresses.")
    allow_private_source_addresses: Flag = Field(True, description="Fetch from private networks.")
    max_redirects: Count = Field(10, description="Redirects that are followed for one original; 0 forbids them.")
    user_agent: str = Field(
        "imgproxy/%current_version", description="`User-Agent` of requests; `%current_version` stands for the version."
    )
    ignore_ssl_verification: Flag = Field(False, description="Accept any certificate from source servers.")
    download_connect_timeout: Number = Field(
        0.0, description="Seconds that connecting to a source server may take; 0 for the download timeout."
    )
    download_idle_timeout: Number = Field(
        0.0,
        description="Seconds that a source server may be silent, before its answer or amid it; 0 for the download timeout.",
    )
    download_max_connections: Positive = Field(256, description="Connections to source servers that are kept at most.")


class HttpSource:
    """A `Source` for `http` and `https`, with one pool of connections; opened as an async context manager.

    A redirect is followed to hosts that the guard permits; one that was asked for by a URL on the list `allowed` must
    stay on it. `resolver` finds the addresses of names, the system's by default. `headers` are sent with every request, as
    are those that a reference passes on: to the server that the reference names, never to where it redirects. `kept` are
    the lower-case names of the headers of answers that originals keep.
    """

    def __init__(
        self,
        settings: HttpSettings,
        *,
        allowed: AllowedSources | None = None,
        resolver: AbstractResolver | None = None,
        headers: Headers = (),
        kept: tuple[str, ...] = (),
    ) -> None:
        self._settings = settings
        self._headers = dict(headers)
        self._kept = kept
        self._allowed = allowed or AllowedSources()
        self._resolver = resolver
        self._guard = AddressGuard(
            loopback=settings.allow_loopback_source_addresses,
            link_local=settings.allow_link_local_source_addresses,
            private=settings.allow_private_source_addresses,
        )
        self._closing = AsyncExitStack()
        self._proxies = Proxies({})
        self._direct: ClientSession | None = None
        self._proxied: ClientSession | None = None

    def __repr__(self) -> str:
        return f"<HttpSource: {'open' if self._direct else 'closed'}>"

    async def __aenter__(self) -> Self:
        limit = self._settings.download_max_connections
        guarded = guarded_connector(self._guard, limit=limit, resolver=self._resolver)
        self._direct = await self._closing.enter_async_context(self._session(guarded))
        self._proxies = Proxies()
        if self._proxies:
            self._proxied = await self._closing.enter_async_context(self._session(TCPConnector(limit=limit)))
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._closing.aclose()
        self._direct = self._proxied = None

    async def fetch(
        self, ref: SourceRef, *, max_bytes: int = 0, unless: Validators | None = None
    ) -> Original | NotModified:
        """Fetch an original whole; `gzip` is undone and the limit holds for what comes out of it, too."""
        asked = _conditions(unless) if unless else {}
        async with self._in_time():
            response = await self._ask("GET", ref, {"accept-encoding": "gzip"} | asked)
            async with response:
                if response.status == 304 and asked:
                    return NotModified(_validators(response), _cache_control(response), _expires_at(response))
                _check_status(response)
                return await self._original(response, max_bytes)

    async def validators(self, ref: SourceRef) -> Validators:
        """Give an original's validators by `HEAD`; blank ones from an origin that takes no `HEAD`."""
        async with self._in_time():
            async with await self._ask("HEAD", ref, {"accept-encoding": "gzip"}) as response:
                if response.status in (404, 410):
                    raise SourceMissing(upstream_status=response.status)
                if response.status >= 500 and response.status != 501:
                    raise SourceFailed(private=f"status {response.status}")
                return _validators(response) if response.status == 200 else Validators()

    @asynccontextmanager
    async def raw(self, ref: SourceRef, headers: Mapping[str, str]) -> AsyncIterator[RawAnswer]:
        """Relay an original, its encoding included."""
        asked = {name: headers[name] for name in PASSED_ON if name in headers}
        async with self._in_time():
            response = await self._ask("GET", ref, {"accept-encoding": "identity"} | asked)
        async with response:
            names = (*PASSED_BACK, *self._kept)
            passed = {name: response.headers[name] for name in names if name in response.headers}
            yield RawAnswer(response.status, passed, _chunks(response))

    async def ping(self) -> None:
        """Raise `SourceUnreachable` unless the source is open; there is no one server to ask."""
        if self._direct is None:
            raise SourceUnreachable("the source is closed")

    def _session(self, connector: TCPConnector) -> ClientSession:
        settings = self._settings
        total = settings.download_timeout
        return ClientSession(
            connector=connector,
            auto_decompress=False,
            cookie_jar=DummyCookieJar(),
            headers={"User-Agent": settings.user_agent.replace("%current_version", __version__)},
            timeout=ClientTimeout(
                total=None,
                sock_connect=settings.download_connect_timeout or total,
                sock_read=settings.download_idle_timeout or total,
            ),
            trust_env=False,  # it would send what stands in ~/.netrc; proxies are looked up in `dialing`
        )

    @asynccontextmanager
    async def _in_time(self) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(self._settings.download_timeout):
                yield
        except TimeoutError as error:
            raise SourceTimeout from error

    async def _ask(self, method: str, ref: SourceRef, headers: Mapping[str, str]) -> ClientResponse:
        """Send a request and follow its redirects, every hop judged anew."""
        url = first = read_url(ref.url)
        listed = self._allowed.permit(ref.url)
        for_first = {**self._headers, **dict(ref.passed), **headers}
        for _ in range(self._settings.max_redirects + 1):
            response = await self._hop(method, url, for_first if _is_same_server(first, url) else headers)
            target = _redirect(response)
            if target is None:
                return response
            response.release()
            if listed and not self._allowed.permit(target):
                raise SourceForbidden("the original is redirected to where it is not permitted")
            url = read_url(target)
        raise SourceUnreachable("too many redirects")

    async def _hop(self, method: str, url: URL, headers: Mapping[str, str]) -> ClientResponse:
        if not self._guard.permits_host(url.host or ""):
            raise SourceForbidden("the address is not permitted")
        proxy = self._proxies.proxy_for(url)
        session = self._proxied if proxy else self._direct
        if session is None:
            raise SourceUnreachable("the source is closed")
        with _translated():
            return await session.request(
                method,
                url,
                headers=headers,
                allow_redirects=False,
                proxy=proxy,
                ssl=not self._settings.ignore_ssl_verification,
            )

    async def _original(self, response: ClientResponse, max_bytes: int) -> Original:
        check_size(response.content_length or 0, max_bytes)
        return Original(
            data=await read_whole(_decoded(response), max_bytes),
            media_type=response.headers.get("content-type", "").partition(";")[0].strip().lower(),
            validators=_validators(response),
            cache_control=_cache_control(response),
            expires_at=_expires_at(response),
            headers=tuple((name, _joined(response, name)) for name in self._kept if name in response.headers),
        )


def read_url(text: str) -> URL:
    """Read an `http` or `https` URL as it goes on the wire; `SourceUnreachable` for what cannot be asked.

    Path and query keep their spelling, dot segments included; only what may not be in a URL at all (spaces, control
    and non-ASCII characters) is percent-encoded. Names become ASCII (IDNA). A fragment is dropped.
    """
    scheme, _, rest = text.partition("://")
    authority, path, query = _split(rest)
    try:
        base = URL(f"{scheme}://{authority}/")
        host = base.raw_host or ""
    except ValueError as error:
        raise SourceUnreachable("the source's URL is malformed", private=str(error)) from error
    if base.scheme not in ("http", "https") or not (_NAME.match(host) or read_address(host)):
        raise SourceUnreachable("the source's URL is malformed", private=f"no host to ask: {host!r}")
    return URL.build(
        scheme=base.scheme,
        authority=base.raw_authority,
        path=quote(path or "/", safe=_LITERAL_IN_URLS),
        query_string=quote(query, safe=_LITERAL_IN_URLS),
        encoded=True,
    )


def _split(rest: str) -> tuple[str, str, str]:
    before, _, _ = rest.partition("#")
    before, _, query = before.partition("?")
    authority, slash, path = before.partition("/")
    return authority, slash + path, query


def _is_same_server(first: URL, url: URL) -> bool:
    if first.host != url.host:
        return False
    secured = first.scheme == "http" and url.scheme == "https" and first.is_default_port() and url.is_default_port()
    return secured or (first.scheme, first.port) == (url.scheme, url.port)


def _redirect(response: ClientResponse) -> str | None:
    if response.status not in _REDIRECTS or "location" not in response.headers:
        return None
    # Servers send raw UTF-8 here; aiohttp hands undecodable bytes on as surrogates.
    location = response.headers["location"].encode(errors="surrogateescape").decode(errors="replace").strip()
    try:
        target = urljoin(str(response.url), location)
        if urlsplit(target).scheme in ("http", "https"):
            return target
    except ValueError:
        pass
    response.release()
    raise SourceUnreachable("the original is redirected to no web address")


def _check_status(response: ClientResponse) -> None:
    status = response.status
    if status == 200 or (status == 206 and _covers_all(response.headers.get("content-range", ""))):
        return
    if 400 <= status < 500:
        raise SourceMissing(f"the original's server answered {status}", upstream_status=status)
    if status >= 500:
        raise SourceFailed(f"the original's server answered {status}")
    raise SourceUnreachable(f"the original's server answered {status}")


def _covers_all(content_range: str) -> bool:
    found = _WHOLE_RANGE.match(content_range)
    return bool(found) and int(found[1]) + 1 == int(found[2]) if found else False


def _decoded(response: ClientResponse) -> AsyncIterator[bytes]:
    encoding = response.headers.get("content-encoding", "").strip().lower()
    if encoding in ("", "identity"):
        return _chunks(response)
    if encoding in ("gzip", "x-gzip"):
        return gunzip(_chunks(response))
    raise SourceUnreachable("the original has an encoding that was not asked for")


async def _chunks(response: ClientResponse) -> AsyncIterator[bytes]:
    while True:
        with _translated_body():
            chunk = await response.content.readany()
        if not chunk:
            return
        yield chunk


def _conditions(unless: Validators) -> dict[str, str]:
    headers = {}
    if unless.etag and not _CONTROL.search(unless.etag):
        headers["if-none-match"] = unless.etag
    if unless.modified_at is not None:
        headers["if-modified-since"] = http_date(unless.modified_at)
    return headers


def _validators(response: ClientResponse) -> Validators:
    return Validators(
        etag=response.headers.get("etag", ""), modified_at=read_date(response.headers.get("last-modified", ""))
    )


def _cache_control(response: ClientResponse) -> str:
    return _joined(response, "cache-control")


def _joined(response: ClientResponse, name: str) -> str:
    return _SURROGATES.sub("", ", ".join(response.headers.getall(name, ())))


def _expires_at(response: ClientResponse) -> float | None:
    expires = response.headers.get("expires")
    # What is no date, `0` above all, lies in the past (RFC 9111 §5.3).
    return None if expires is None else read_date(expires) or 0.0


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except ClientConnectorError as error:
        if isinstance(error.os_error, AddressRefused):
            raise SourceForbidden(str(error.os_error)) from error
        raise SourceNotReached(private=str(error)) from error
    except TimeoutError as error:
        raise SourceTimeout(private=str(error)) from error
    except (ClientError, OSError, ValueError) as error:
        raise SourceNotReached(private=str(error)) from error


@contextmanager
def _translated_body() -> Iterator[None]:
    with _translated():
        try:
            yield
        except (ClientPayloadError, ConnectionError) as error:
            raise SourceIncomplete(private=str(error)) from error
