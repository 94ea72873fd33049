"""CloudFront: invalidation by cache tags, which are items with `#` in front of them, and by paths.

CloudFront lets 3,000 items be in progress at a time, and apart from them 15 paths with a wildcard; it wants few calls. So
orders are gathered: those that come within a moment, or while an invalidation is being tried, become one. What CloudFront
cannot take yet is tried again.
"""

from __future__ import annotations

import asyncio
import random
import uuid
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from typing import Any, Final

from aiobotocore.config import AioConfig  # type: ignore[import-untyped]
from aiobotocore.session import get_session  # type: ignore[import-untyped]
from botocore.exceptions import BotoCoreError, ClientError
from pydantic import BaseModel, Field

from imgproxy_py.edges.port import EdgeRefused, batches
from imgproxy_py.kinds import Number, Seconds

MOST_ITEMS: Final = 3000
MOST_WILDCARDS: Final = 15
"""How many may be in progress at a time."""

_REGION = "us-east-1"  # CloudFront is global, and lives there
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 10.0
_LATER = frozenset(
    {
        "TooManyInvalidationsInProgress",
        "Throttling",
        "ThrottlingException",
        "RequestLimitExceeded",
        "TooManyRequestsException",
        "ServiceUnavailable",
        "InternalError",
    }
)
"""What CloudFront says when another try may succeed."""


class CloudFrontSettings(BaseModel):
    """Settings of purging CloudFront; credentials come from AWS' usual chain."""

    purge_cloudfront_distribution: str = Field(
        "", description="CloudFront: the distribution's id; its `CacheTagConfig` names the header that tags travel in."
    )
    purge_cloudfront_endpoint: str = Field("", description="CloudFront: URL of its API; blank for AWS.")
    purge_cloudfront_gather: Number = Field(
        1.0, description="CloudFront: seconds for which each process gathers purges into one invalidation."
    )
    purge_cloudfront_patience: Seconds = Field(
        30.0,
        description="CloudFront: seconds for which an invalidation is tried again while it has too many in progress or wants "
        "fewer calls; the purge is answered afterwards.",
    )


@dataclass(slots=True)
class _Gathered:
    """Orders that become one; each name once, in the order in which they came."""

    tags: dict[str, None] = field(default_factory=dict)
    paths: dict[str, None] = field(default_factory=dict)

    def add(self, tags: Sequence[str], paths: Sequence[str]) -> None:
        self.tags.update(dict.fromkeys(tags))
        self.paths.update(dict.fromkeys(paths))


class CloudFront:
    """A distribution at CloudFront; `seconds` bound each call. Opened by its first order, closed by `aclose`."""

    knows_paths = True

    def __init__(self, settings: CloudFrontSettings, seconds: float) -> None:
        self._settings = settings
        self._config = AioConfig(connect_timeout=seconds, read_timeout=seconds, retries={"total_max_attempts": 2})
        self._gathering: tuple[_Gathered, asyncio.Task[str]] | None = None
        self._tasks: set[asyncio.Task[str]] = set()
        self._sending = asyncio.Lock()
        self._ending = asyncio.Event()
        self._closing = AsyncExitStack()
        self._client: Any = None

    @property
    def name(self) -> str:
        """The kind and the distribution's id."""
        return f"cloudfront {self._settings.purge_cloudfront_distribution}"

    async def forget(self, tags: Sequence[str], paths: Sequence[str] = ()) -> str:
        """Create an invalidation and give its id, which others' orders may share; it takes effect within some seconds."""
        if self._gathering is None:
            gathered = _Gathered()
            self._gathering = gathered, self._started(gathered)
        gathered, task = self._gathering
        gathered.add(tags, paths)
        return await asyncio.shield(task)  # who leaves does not take others' orders along

    async def aclose(self) -> None:
        """Send what was ordered, without further tries, and close the connection."""
        self._ending.set()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._closing.aclose()
        self._client = None

    def _started(self, gathered: _Gathered) -> asyncio.Task[str]:
        task = asyncio.create_task(self._send(gathered))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        task.add_done_callback(lambda done: done.cancelled() or done.exception())  # all who asked may have left
        return task

    async def _send(self, gathered: _Gathered) -> str:
        await self._pause(self._settings.purge_cloudfront_gather)
        async with self._sending:
            self._gathering = None
            try:
                client = await self._connected()
                made = [await self._invalidated(client, items) for items in invalidations(gathered)]
            except ClientError as error:
                said = error.response.get("Error", {})
                raise EdgeRefused(f"{said.get('Code', '')}: {said.get('Message', '')}") from None
            except (BotoCoreError, ValueError) as error:
                raise EdgeRefused(f"cannot be asked ({type(error).__name__})") from None
        return f"invalidation {', '.join(made)}"

    async def _connected(self) -> Any:
        if self._client is None:
            session = get_session()
            loader = session.get_component("data_loader")
            # These are megabytes of JSON, which the session keeps: better read by a thread than by the event loop.
            await asyncio.to_thread(lambda: (loader.load_service_model("cloudfront", "service-2"), _endpoints(loader)))
            opening = session.create_client(
                "cloudfront",
                region_name=_REGION,
                endpoint_url=self._settings.purge_cloudfront_endpoint or None,
                config=self._config,
            )
            self._client = await self._closing.enter_async_context(opening)
        return self._client

    async def _invalidated(self, client: Any, items: list[str]) -> str:
        reference = str(uuid.uuid4())  # the same at each try: one that came through unseen is not made twice
        batch = {"Paths": {"Quantity": len(items), "Items": items}, "CallerReference": reference}
        distribution = self._settings.purge_cloudfront_distribution
        until = asyncio.get_running_loop().time() + self._settings.purge_cloudfront_patience
        pause = _FIRST_PAUSE
        while True:
            try:
                answer = await client.create_invalidation(DistributionId=distribution, InvalidationBatch=batch)
                return str(answer["Invalidation"]["Id"])
            except ClientError as error:
                late = self._ending.is_set() or asyncio.get_running_loop().time() + pause > until
                if late or not _may_succeed_later(error):
                    raise
            await self._pause(pause * random.uniform(0.5, 1.0))  # noqa: S311 - several processes shall not try at once
            pause = min(2 * pause, _LONGEST_PAUSE)

    async def _pause(self, seconds: float) -> None:
        """Wait, but not beyond the end."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._ending.wait()


def _endpoints(loader: Any) -> Any:
    return loader.load_data("endpoints")


def _may_succeed_later(error: ClientError) -> bool:
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return error.response.get("Error", {}).get("Code") in _LATER or status == 429 or status >= 500


def invalidations(gathered: _Gathered) -> Iterator[list[str]]:
    """Divide orders into as many items as one invalidation takes."""
    paths = condensed(list(gathered.paths))
    yield from batches([path for path in paths if path.endswith("*")], MOST_WILDCARDS)
    yield from batches(
        [*(f"#{tag}" for tag in gathered.tags), *(path for path in paths if not path.endswith("*"))], MOST_ITEMS
    )


def condensed(paths: Sequence[str], most: int = MOST_ITEMS) -> list[str]:
    """Give paths as they are if there are not too many, else their folders with a wildcard.

    The folders are the deepest ones of which there are few enough: `/images/2024/*` rather than `/*`.
    """
    if len(paths) <= most:
        return list(paths)
    for depth in range(max(path.count("/") for path in paths), 0, -1):
        folders = dict.fromkeys(f"{_folder(path, depth)}*" for path in paths)
        if len(folders) <= MOST_WILDCARDS:
            return list(folders)
    return ["/*"]


def _folder(path: str, depth: int) -> str:
    """Give the folder that a path lies in, at most so many slashes deep."""
    inner = path.split("/")[:-1]
    return "/".join(inner[:depth]) + "/"
