"""A connection to Redis that costs next to nothing while Redis is down."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Annotated, Any, Protocol, Self
from urllib.parse import urlsplit

import structlog
from pydantic import AfterValidator, BaseModel, Field, SecretStr
from redis.asyncio import BlockingConnectionPool, Redis, RedisCluster
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError

from imgproxy_py.breaker import Breaker
from imgproxy_py.errors import CapacityError
from imgproxy_py.kinds import Positive, Seconds

_log: structlog.stdlib.BoundLogger = structlog.get_logger("imgproxy_py.caches")
_CLUSTER = {"redis+cluster": "redis", "rediss+cluster": "rediss"}
_SCHEMES = ("redis", "rediss", "unix", *_CLUSTER)


def _known_url(url: SecretStr) -> SecretStr:
    if url.get_secret_value() and urlsplit(url.get_secret_value()).scheme not in _SCHEMES:
        raise ValueError(f"a URL of the scheme {', '.join(_SCHEMES)}")
    return url


class RedisSettings(BaseModel):
    """Settings of Redis."""

    redis_url: Annotated[SecretStr, AfterValidator(_known_url)] = Field(
        SecretStr(""),
        description="Redis, as `redis://`, `rediss://`, `unix://`, or a cluster's `redis+cluster://`, `rediss+cluster://`.",
    )
    redis_password: SecretStr = Field(SecretStr(""), description="Password for Redis, instead of one in the URL.")
    redis_cache_expiration_seconds: Positive = Field(3600, description="Seconds that a picture is kept in Redis.")
    redis_key_prefix: str = Field("imgproxy:", description="What every key in Redis begins with.")
    redis_max_connections: Positive = Field(64, description="Connections to Redis at most.")
    redis_timeout: Seconds = Field(
        0.25, description="Seconds that an answer of Redis is waited for, connecting included."
    )
    redis_failures: Positive = Field(3, description="Failures in a row after which Redis is left alone for a while.")
    redis_pause: Seconds = Field(2.0, description="Seconds that Redis is left alone before it is tried again.")


class _Client(Protocol):
    async def execute_command(self, *args: Any) -> Any: ...

    async def aclose(self) -> None: ...


class RedisConnection:
    """A pool of connections to one Redis or one cluster, behind a breaker; opened as an async context manager.

    Nothing is connected until the first command, so that a Redis that is down does not hold up the start.
    """

    def __init__(self, settings: RedisSettings) -> None:
        self.settings = settings
        self._breaker = Breaker(failures=settings.redis_failures, pause=settings.redis_pause)
        self._client: _Client | None = None
        self._places = asyncio.Semaphore(settings.redis_max_connections)

    def __repr__(self) -> str:
        return f"<RedisConnection: {'open' if self._client else 'closed'}, {self._breaker!r}>"

    async def __aenter__(self) -> Self:
        self._client = _client(self.settings)
        return self

    async def __aexit__(self, *_: object) -> None:
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    @property
    def alive(self) -> bool:
        """Whether Redis is being asked; false while the breaker keeps it alone."""
        return self._breaker.closed

    async def execute(self, *command: str | bytes | int) -> Any:
        """Give Redis' answer to a command; `CapacityError` if there is none within the time-out, or an error."""
        if self._client is None:
            raise CapacityError(private="the connection to Redis is closed")
        if not self._breaker.lets_through():
            raise CapacityError(private="Redis is left alone for a while")
        try:
            # The semaphore bounds what waits in a cluster, whose pools refuse at their limit instead of waiting.
            async with asyncio.timeout(self.settings.redis_timeout), self._places:
                answer = await self._client.execute_command(*command)
        except ResponseError as error:
            self._note_answer()  # a refusal is an answer: Redis is alive
            raise CapacityError("Redis refused a command", private=str(error)) from error
        except Exception as error:  # a cluster's errors are no RedisErrors, and nothing may leave this border as it is
            self._note_failure(error)
            raise CapacityError("Redis does not answer", private=str(error)) from error
        except BaseException:
            self._breaker.gave_up()
            raise
        self._note_answer()
        return answer

    async def ping(self) -> None:
        """Raise `CapacityError` unless Redis answers."""
        await self.execute("PING")

    def _note_answer(self) -> None:
        if self._breaker.succeeded():
            _log.info("redis_returned")

    def _note_failure(self, error: Exception) -> None:
        if self._breaker.failed():
            _log.warning("redis_lost", error=type(error).__name__, pause=self.settings.redis_pause)


def _client(settings: RedisSettings) -> _Client:
    url = settings.redis_url.get_secret_value()
    scheme, _, rest = url.partition("://")
    options = redis_options(settings)
    if scheme in _CLUSTER:
        # One more round to the nodes when a slot has moved; the time-out bounds all rounds.
        retry = Retry(NoBackoff(), 1, (RedisConnectionError,))
        return RedisCluster.from_url(f"{_CLUSTER[scheme]}://{rest}", **options, retry=retry)
    # A connection that Redis closed while it lay in the pool fails once.
    retry = Retry(NoBackoff(), 1, (RedisConnectionError,))
    return Redis.from_pool(BlockingConnectionPool.from_url(url, **options, retry=retry, timeout=settings.redis_timeout))


def single_url(settings: RedisSettings) -> str:
    """Give Redis' URL, of a cluster that of one node."""
    scheme, _, rest = settings.redis_url.get_secret_value().partition("://")
    return f"{_CLUSTER.get(scheme, scheme)}://{rest}"


def redis_options(settings: RedisSettings) -> Mapping[str, Any]:
    """Give what every client of Redis is told beside the URL."""
    password = settings.redis_password.get_secret_value()
    return {
        "max_connections": settings.redis_max_connections,
        "socket_timeout": settings.redis_timeout,
        "socket_connect_timeout": settings.redis_timeout,
        **({"password": password} if password else {}),
    }
