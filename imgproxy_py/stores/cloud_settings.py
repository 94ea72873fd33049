"""Settings of Google Cloud Storage and Azure Blob Storage; the stores themselves need the extra `cloud`."""

from __future__ import annotations

import json
from base64 import b64decode
from typing import Annotated

from pydantic import AfterValidator, BaseModel, Field, SecretStr

from imgproxy_py.kinds import Flag, Texts


def _service_account(key: SecretStr) -> SecretStr:
    text = key.get_secret_value()
    try:
        known = json.loads(text) if text else {}
    except ValueError:
        known = None
    if not isinstance(known, dict):
        raise ValueError("the JSON of a service account's key")  # noqa: TRY004 — pydantic wants this one
    return key


def _account_key(key: SecretStr) -> SecretStr:
    try:
        b64decode(key.get_secret_value(), validate=True)
    except ValueError:
        raise ValueError("a storage account's key, in base64") from None
    return key


class GcsSettings(BaseModel):
    """Google Cloud Storage; without a key credentials come from Google's usual places (environment, metadata server)."""

    use_gcs: Flag = Field(default=False, description="Serve `gs://bucket/key` sources; needs the extra `cloud`.")
    gcs_key: Annotated[SecretStr, AfterValidator(_service_account)] = Field(
        default=SecretStr(""), description="Key of a service account, its JSON."
    )
    gcs_endpoint: str = Field(
        default="",
        description="URL of an endpoint that speaks Google's protocol; asked without credentials if there is no key.",
    )
    gcs_allowed_buckets: Texts = Field(default=(), description="The only buckets that may be read; blank for all.")
    gcs_denied_buckets: Texts = Field(
        default=(), description="Buckets that may not be read, unless allowed ones are given."
    )


class AbsSettings(BaseModel):
    """Azure Blob Storage; without a key credentials are those of a managed identity or of `AZURE_` variables."""

    use_abs: Flag = Field(default=False, description="Serve `abs://container/key` sources; needs the extra `cloud`.")
    abs_name: str = Field(default="", description="Name of the storage account.")
    abs_key: Annotated[SecretStr, AfterValidator(_account_key)] = Field(
        default=SecretStr(""), description="Key of the storage account."
    )
    abs_endpoint: str = Field(default="", description="URL of an endpoint that speaks Azure's protocol.")
    abs_allowed_buckets: Texts = Field(default=(), description="The only containers that may be read; blank for all.")
    abs_denied_buckets: Texts = Field(
        default=(), description="Containers that may not be read, unless allowed ones are given."
    )
