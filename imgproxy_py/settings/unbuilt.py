"""Settings of the dialect whose feature is not built yet, so that the environment of another server is accepted."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, Field

from imgproxy_py.kinds import Flag, Texts


class NotYetSettings(BaseModel):
    """Accepted, without effect yet. Start-up warns of those that are set."""

    allowed_info_options: Texts = Field(default=(), description="The only options an `/info` URL may use.")
    info_presets: str = Field(default="", description="Presets of `/info` URLs.")
    info_presets_path: Path | None = Field(default=None, description="File of presets of `/info` URLs.")
    info_only_presets: Flag | None = Field(
        default=None, description="`/info` URLs name presets and nothing else; by default as `IMGPROXY_ONLY_PRESETS`."
    )
    use_swift: Flag = Field(default=False, description="Serve `swift://` sources.")
