"""CloudFront: invalidation by cache tags, which are items with `#` in front of them."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from aiobotocore.config import AioConfig  # type: ignore[import-untyped]
from aiobotocore.session import get_session  # type: ignore[import-untyped]
from botocore.exceptions import BotoCoreError, ClientError
from pydantic import BaseModel, Field

from imgproxy_py.edges.port import EdgeRefused, batches

_AT_ONCE = 1000
_REGION = "us-east-1"  # CloudFront is global, and lives there


class CloudFrontSettings(BaseModel):
    """Settings of purging CloudFront; credentials come from AWS' usual chain."""

    purge_cloudfront_distribution: str = Field(
        "", description="CloudFront: the distribution's id; its `CacheTagConfig` names the header that tags travel in."
    )
    purge_cloudfront_endpoint: str = Field("", description="CloudFront: URL of its API; blank for AWS.")


class CloudFront:
    """A distribution at CloudFront; `seconds` bound each call."""

    def __init__(self, settings: CloudFrontSettings, seconds: float) -> None:
        self._settings = settings
        self._config = AioConfig(connect_timeout=seconds, read_timeout=seconds, retries={"total_max_attempts": 2})

    @property
    def name(self) -> str:
        """The kind and the distribution's id."""
        return f"cloudfront {self._settings.purge_cloudfront_distribution}"

    async def forget(self, tags: Sequence[str]) -> str:
        """Create invalidations and give their ids; they take effect within some seconds."""
        endpoint = self._settings.purge_cloudfront_endpoint or None
        opening = get_session().create_client(
            "cloudfront", region_name=_REGION, endpoint_url=endpoint, config=self._config
        )
        try:
            async with opening as client:
                made = [await self._invalidated(client, some) for some in batches(tags, _AT_ONCE)]
        except ClientError as error:
            said = error.response.get("Error", {})
            raise EdgeRefused(f"{said.get('Code', '')}: {said.get('Message', '')}") from None
        except (BotoCoreError, ValueError) as error:
            raise EdgeRefused(f"cannot be asked ({type(error).__name__})") from None
        return f"invalidation {', '.join(made)}"

    async def _invalidated(self, client: object, tags: list[str]) -> str:
        items = [f"#{tag}" for tag in tags]
        answer = await client.create_invalidation(  # type: ignore[attr-defined]
            DistributionId=self._settings.purge_cloudfront_distribution,
            InvalidationBatch={
                "Paths": {"Quantity": len(items), "Items": items},
                "CallerReference": str(uuid.uuid4()),
            },
        )
        return str(answer["Invalidation"]["Id"])
