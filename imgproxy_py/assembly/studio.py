"""All that makes pictures, without HTTP around it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from imgproxy_py.assembly.caches import open_kept
from imgproxy_py.assembly.rendering import make_maker, open_pool, open_renderer, open_transformer
from imgproxy_py.assembly.sources import configured_watermark, open_sources
from imgproxy_py.caches.journal import Journal
from imgproxy_py.caches.tiers import TieredCache
from imgproxy_py.dialects.imgproxy import ImgproxyDialect
from imgproxy_py.dialects.imgproxy.info import InfoDialect
from imgproxy_py.dialects.query import QueryDialect
from imgproxy_py.engine.pool import Pool
from imgproxy_py.engine.transformer import Transformer
from imgproxy_py.recipe.request import ImageRequest
from imgproxy_py.rendering.render import Renderer
from imgproxy_py.settings import Settings
from imgproxy_py.sources.origins import Origins
from imgproxy_py.sources.router import SourceRouter


@dataclass(frozen=True, slots=True, kw_only=True)
class Studio:
    """All that makes pictures, without HTTP around it.

    `query` is there when the settings say where its keys are.
    """

    settings: Settings
    imgproxy: ImgproxyDialect
    info: InfoDialect
    query: QueryDialect | None
    transformer: Transformer
    sources: SourceRouter
    origins: Origins
    caches: TieredCache
    journal: Journal
    pool: Pool
    renderer: Renderer

    def check(self, request: ImageRequest) -> None:
        """Raise for a request that is refused before anything is fetched (dialect §3, steps 8 and 10)."""
        for source in request.originals:
            self.sources.check(source)
        self.transformer.check(request.recipe.output)


@asynccontextmanager
async def open_studio(settings: Settings) -> AsyncIterator[Studio]:
    """Open sources, caches and engine; all of it is closed again at the end of the block."""
    async with AsyncExitStack() as stack:
        origins = Origins(settings, patience=settings.timeout)
        sources = await open_sources(settings, stack, origins)
        transformer = open_transformer(settings, stack, await configured_watermark(settings, sources))
        kept = await open_kept(settings, stack)
        pool = open_pool(settings, stack)
        maker = await make_maker(settings, sources, pool, transformer, kept.caches.purges)
        yield Studio(
            settings=settings,
            imgproxy=ImgproxyDialect(settings.imgproxy_config()),
            info=InfoDialect(settings.info_config()),
            query=_query_dialect(settings, transformer),
            transformer=transformer,
            sources=sources,
            origins=origins,
            caches=kept.caches,
            journal=kept.journal,
            pool=pool,
            renderer=await open_renderer(settings, stack, maker, kept),
        )


def _query_dialect(settings: Settings, transformer: Transformer) -> QueryDialect | None:
    config = settings.query_config(transformer.abilities.savable)
    return QueryDialect(config) if config else None
