"""What makes a picture of an original."""

from __future__ import annotations

from contextlib import AsyncExitStack

from imgproxy_py.assembly.caches import Kept
from imgproxy_py.caches.purges import Purges
from imgproxy_py.engine.pool import Pool
from imgproxy_py.engine.sharing import SharedPixels
from imgproxy_py.engine.transformer import Transformer
from imgproxy_py.errors import ImageError, SourceTooLarge
from imgproxy_py.kinds import UnusableSetting
from imgproxy_py.rendering.fallback import configured_fallback
from imgproxy_py.rendering.making import Maker
from imgproxy_py.rendering.marks import MarkOriginals
from imgproxy_py.rendering.negative import NegativeCache
from imgproxy_py.rendering.originals import Originals
from imgproxy_py.rendering.refreshing import Refreshes
from imgproxy_py.rendering.render import Renderer
from imgproxy_py.settings import Settings
from imgproxy_py.sources.port import Source


def open_transformer(settings: Settings, stack: AsyncExitStack, watermark: bytes) -> Transformer:
    """Open the engine, closed with the stack; raises `UnusableSetting` if it cannot read the watermark."""
    transformer = _transformer(settings, watermark)
    stack.callback(transformer.close)
    return transformer


def _transformer(settings: Settings, watermark: bytes) -> Transformer:
    try:
        return Transformer(settings, watermark=watermark)
    except (ImageError, SourceTooLarge) as error:
        field = next(name for name in ("watermark_data", "watermark_path", "watermark_url") if getattr(settings, name))
        raise UnusableSetting(field, getattr(settings, field)[:200], f"a picture ({error.title})") from error


def open_pool(settings: Settings, stack: AsyncExitStack) -> Pool:
    """Open this process's part of the threads that make pictures, closed with the stack."""
    pool = Pool(
        _share(settings.workers, settings),
        _share(settings.requests_queue_size, settings),
        seats=_share(settings.max_originals, settings),
        huge=settings.huge_picture_milliseconds,
        niceness=settings.workers_niceness,
    )
    stack.callback(pool.close)
    return pool


def _share(total: int, settings: Settings) -> int:
    """Give this process's part of what is meant for all of them, rounded up."""
    return -(-total // settings.processes)


async def open_renderer(settings: Settings, stack: AsyncExitStack, maker: Maker, kept: Kept) -> Renderer:
    """Open who has pictures made and keeps them; refreshes under way end with the stack."""
    return Renderer(
        maker=maker,
        caches=kept.caches,
        etag_buster=settings.etag_buster,
        leases=kept.leases,
        negative=NegativeCache(settings, kept.caches.purges) if settings.negative_cache_seconds else None,
        policies=settings.policies(),
        refreshes=await stack.enter_async_context(Refreshes(settings.cache_refreshes)),
    )


async def make_maker(
    settings: Settings, sources: Source, pool: Pool, transformer: Transformer, purges: Purges
) -> Maker:
    """Give who makes a picture of an original; raises `UnusableSetting` for a fallback that cannot be read."""
    originals = pixels = None
    if settings.originals_cache_bytes:
        pixels = SharedPixels(settings.pixels_cache_bytes)
        originals = Originals(
            sources,
            max_bytes=settings.originals_cache_bytes,
            seconds=settings.originals_cache_seconds,
            purges=purges,
            forgotten=pixels.forget,
        )
    return Maker(
        sources=sources,
        pool=pool,
        transformer=transformer,
        marks=MarkOriginals(sources, settings, max_bytes=settings.max_src_file_size, purges=purges),
        fallback=await configured_fallback(settings),
        originals=originals,
        pixels=pixels if settings.pixels_cache_bytes else None,
    )
