"""Settings of the dialect whose feature is not built yet, so that the environment of another server is accepted."""

from __future__ import annotations

from pydantic import BaseModel, Field

from imgproxy_py.kinds import Flag


class NotYetSettings(BaseModel):
    """Accepted, without effect yet. Start-up warns of those that are set."""

    use_swift: Flag = Field(default=False, description="Serve `swift://` sources.")
