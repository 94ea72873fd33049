"""Settings that several sources share."""

from __future__ import annotations

from pydantic import BaseModel, Field

from imgproxy_py.kinds import Seconds, Texts


class DownloadSettings(BaseModel):
    """How long an original may take."""

    download_timeout: Seconds = Field(
        5.0, description="Seconds that fetching an original may take in all, redirects and body included."
    )


class RouterSettings(BaseModel):
    """Which originals may be asked for."""

    allowed_sources: Texts = Field(
        (), description="Prefixes that source URLs must begin with, `*` for any run without a slash; blank for all."
    )
