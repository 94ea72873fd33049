"""Where originals come from, and the configured watermark."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path

from imgproxy_py.errors import ImgproxyError
from imgproxy_py.kinds import UnusableSetting
from imgproxy_py.recipe.source import SourceRef
from imgproxy_py.rendering.fallback import read_configured
from imgproxy_py.settings import Settings
from imgproxy_py.settings.errors import SettingsError, WrongSetting
from imgproxy_py.settings.names import variable
from imgproxy_py.sources.allowed import AllowedSources
from imgproxy_py.sources.http import HttpSource
from imgproxy_py.sources.origins import Origins
from imgproxy_py.sources.port import Source, whole
from imgproxy_py.sources.router import SourceRouter
from imgproxy_py.sources.sparing import SparingSource
from imgproxy_py.sources.stored import Buckets, OneStore, Service, StoredSource
from imgproxy_py.stores.local import LocalStore
from imgproxy_py.stores.s3_profiles import S3Profile, open_s3, profiles_of


async def open_sources(settings: Settings, stack: AsyncExitStack, origins: Origins) -> SourceRouter:
    """Open every source that the settings name, closed with the stack; `origins` spare those that others run."""
    allowed = AllowedSources(settings.allowed_sources)
    http = await stack.enter_async_context(
        HttpSource(
            settings,
            allowed=allowed,
            headers=settings.request_headers(),
            kept=settings.response_headers_passthrough,
        )
    )
    web_servers = SparingSource(http, origins)
    sources: dict[str, Source] = {"http": web_servers, "https": web_servers}
    if settings.local_filesystem_root:
        local = await stack.enter_async_context(
            LocalStore(Path(settings.local_filesystem_root), threads=settings.local_filesystem_threads)
        )
        sources["local"] = StoredSource(OneStore(local), settings)
    if settings.use_s3:
        s3 = await stack.enter_async_context(open_s3(settings, s3_profiles(settings)))
        sources["s3"] = SparingSource(StoredSource(Buckets(s3), settings), origins)
    for scheme, service in _clouds(settings):
        sources[scheme] = SparingSource(StoredSource(Buckets(service), settings), origins)
    return SourceRouter(sources, allowed=allowed)


def _clouds(settings: Settings) -> Iterator[tuple[str, Service]]:
    if not (settings.use_gcs or settings.use_abs):
        return
    try:
        from imgproxy_py.stores import cloud  # what it needs is large, and installed only where it is wanted
    except ImportError:
        name = variable("use_gcs" if settings.use_gcs else "use_abs")
        raise SettingsError([WrongSetting(name, "true", "the extra: pip install 'imgproxy_py[cloud]'")]) from None
    if settings.use_gcs:
        yield "gs", cloud.google(settings)
    if settings.use_abs:
        yield "abs", cloud.azure(settings)


def s3_profiles(settings: Settings) -> dict[str, S3Profile]:
    """Give the credentials of buckets that have their own."""
    return profiles_of(settings.s3_profiles.get_secret_value(), settings.s3_profiles_path)


async def configured_watermark(settings: Settings, sources: Source) -> bytes:
    """Give the bytes of the configured watermark, none if there is none; raises `UnusableSetting`."""
    if settings.watermark_data:
        return b64decode(settings.watermark_data)
    if settings.watermark_path:
        return await read_configured("watermark_path", Path(settings.watermark_path))
    if settings.watermark_url:
        return await _fetched_watermark(settings.watermark_url, sources)
    return b""


async def _fetched_watermark(url: str, sources: Source) -> bytes:
    scheme, _, location = url.partition("://")
    try:
        return whole(await sources.fetch(SourceRef(scheme=scheme, location=location))).data
    except ImgproxyError as error:
        raise UnusableSetting("watermark_url", url, f"a picture that can be fetched ({error.title})") from error
