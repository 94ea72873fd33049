"""The sum of every component's settings."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, PrivateAttr, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from imgproxy_py.caches.connection import RedisSettings
from imgproxy_py.caches.journal import JournalSettings
from imgproxy_py.caches.memory import MemoryCacheSettings
from imgproxy_py.caches.policies import Policies, PolicySettings
from imgproxy_py.caches.stored import ResultStoreSettings
from imgproxy_py.delivery.clients import ClientSettings
from imgproxy_py.delivery.purge import PurgeSettings
from imgproxy_py.delivery.settings import DeliverySettings
from imgproxy_py.dialects.imgproxy.config import ImgproxyConfig
from imgproxy_py.dialects.originals import named_beginnings, named_originals
from imgproxy_py.dialects.query.config import QueryConfig
from imgproxy_py.edges.settings import EdgeSettings
from imgproxy_py.engine.settings import EngineSettings
from imgproxy_py.engine.sharing import SharingSettings
from imgproxy_py.recipe.formats import Format
from imgproxy_py.recipe.source import SourceRef
from imgproxy_py.rendering.fallback import FallbackSettings
from imgproxy_py.rendering.lease import LeaseSettings
from imgproxy_py.rendering.marks import MarkSettings
from imgproxy_py.rendering.negative import NegativeSettings
from imgproxy_py.rendering.originals import OriginalSettings
from imgproxy_py.settings.dialects import DialectSettings
from imgproxy_py.settings.errors import SettingsError, wrong_settings
from imgproxy_py.settings.names import variable
from imgproxy_py.settings.unbuilt import NotYetSettings
from imgproxy_py.settings.variables import UnknownVariable, Variables, chosen_file, file_variables, unknown_variables
from imgproxy_py.sources.http import HttpSettings
from imgproxy_py.sources.origins import OriginSettings
from imgproxy_py.sources.passing import PassingSettings
from imgproxy_py.sources.settings import RouterSettings
from imgproxy_py.stores.cloud_settings import AbsSettings, GcsSettings
from imgproxy_py.stores.local import LocalSettings
from imgproxy_py.stores.s3 import S3Settings
from imgproxy_py.stores.s3_profiles import S3ProfileSettings
from imgproxy_py.telemetry.logs import LogSettings
from imgproxy_py.telemetry.metrics import MetricsSettings
from imgproxy_py.web.application import WebSettings
from imgproxy_py.web.server import ServerSettings

COMPONENTS: tuple[tuple[str, type[BaseModel]], ...] = (
    ("Server", ServerSettings),
    ("Around pictures", WebSettings),
    ("URLs", DialectSettings),
    ("Limits, encoders, workers", EngineSettings),
    ("Watermarks that URLs name", MarkSettings),
    ("Delivery", DeliverySettings),
    ("Clients", ClientSettings),
    ("Fallback image", FallbackSettings),
    ("Which sources", RouterSettings),
    ("Downloads", HttpSettings),
    ("Sparing servers and buckets", OriginSettings),
    ("Headers passed on", PassingSettings),
    ("Local files", LocalSettings),
    ("S3", S3Settings),
    ("S3 profiles", S3ProfileSettings),
    ("Google Cloud Storage", GcsSettings),
    ("Azure Blob Storage", AbsSettings),
    ("Cache in memory", MemoryCacheSettings),
    ("Redis", RedisSettings),
    ("Leases", LeaseSettings),
    ("Originals in memory", OriginalSettings),
    ("Pixels in memory", SharingSettings),
    ("Store of results", ResultStoreSettings),
    ("How long pictures count", PolicySettings),
    ("Missing and broken originals", NegativeSettings),
    ("Purging", PurgeSettings),
    ("How purges reach all processes", JournalSettings),
    ("Purging caches in front", EdgeSettings),
    ("Logs", LogSettings),
    ("Metrics", MetricsSettings),
    ("Not yet", NotYetSettings),
)
"""Every component that has settings, under the title it has in the reference, in its order."""

_NEEDS = {
    **dict.fromkeys((*S3ProfileSettings.model_fields, "s3_endpoint", "s3_allowed_buckets"), "use_s3"),
    **dict.fromkeys(("gcs_key", "gcs_endpoint", "gcs_allowed_buckets"), "use_gcs"),
    **dict.fromkeys(("abs_name", "abs_key", "abs_endpoint", "abs_allowed_buckets"), "use_abs"),
    "lease_seconds": "redis_url",
    **dict.fromkeys(
        (name for name in ResultStoreSettings.model_fields if name != "result_store"),
        "result_store",
    ),
    **dict.fromkeys(("cookie_base_url", "cookie_passthrough_all"), "cookie_passthrough"),
}
"""Settings, and the switch without which each of them changes nothing."""

_SPARE = 3600.0  # seconds for whatever is slow between making a picture and keeping it


class Settings(
    ServerSettings,
    WebSettings,
    DialectSettings,
    EngineSettings,
    MarkSettings,
    DeliverySettings,
    ClientSettings,
    FallbackSettings,
    RouterSettings,
    HttpSettings,
    OriginSettings,
    PassingSettings,
    LocalSettings,
    S3Settings,
    S3ProfileSettings,
    GcsSettings,
    AbsSettings,
    MemoryCacheSettings,
    RedisSettings,
    LeaseSettings,
    OriginalSettings,
    SharingSettings,
    ResultStoreSettings,
    PolicySettings,
    NegativeSettings,
    PurgeSettings,
    JournalSettings,
    EdgeSettings,
    LogSettings,
    MetricsSettings,
    NotYetSettings,
    BaseSettings,
):
    """All settings, each field from the variable `IMGPROXY_` + its name in capitals.

    `Settings.load` reads them; a component takes them as its own class, which this one inherits.
    """

    model_config = SettingsConfigDict(frozen=True, extra="forbid", validate_default=False)

    _unknown: tuple[UnknownVariable, ...] = PrivateAttr(())

    @classmethod
    def load(cls, overrides: Mapping[str, object] | None = None, env_file: Path | None = None) -> Self:
        """Read the settings: `overrides` (fields by name) beat the environment, that beats the file of variables.

        Without `env_file` the file is the one that `IMGPROXY_ENV_FILE` names, if any. Raises `SettingsError` with every
        wrong value there is.
        """
        path = chosen_file(env_file)
        variables = {**file_variables(path), **os.environ}
        given: dict[str, Any] = {"_env_file": path, **(overrides or {})}
        try:
            settings = cls(**given)
        except ValidationError as error:
            raise SettingsError(wrong_settings(cls, error)) from None
        settings._unknown = unknown_variables(variables, cls.model_fields)
        return settings

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """List where values come from, the strongest first."""
        path: Path | None = getattr(dotenv_settings, "env_file", None)
        return (
            init_settings,
            Variables(settings_cls, os.environ),
            Variables(settings_cls, file_variables(path)),
        )

    def imgproxy_config(self) -> ImgproxyConfig:
        """Give the configuration of the imgproxy dialect; `SettingsError` if the presets' file cannot be read."""
        return self.imgproxy_dialect(self.path_prefix)

    def info_config(self) -> ImgproxyConfig:
        """Give the configuration of `/info`; `SettingsError` if a presets' file cannot be read."""
        return self.info_dialect(self.imgproxy_config())

    def query_config(self, savable: frozenset[Format]) -> QueryConfig | None:
        """Give the configuration of the query dialect, `None` if no source of images is configured.

        `savable` are the formats that URLs may ask for. Raises `SettingsError` if the presets' file cannot be read.
        """
        return self.query_dialect(self.imgproxy_config(), savable)

    def named_originals(self, text: str) -> Iterator[SourceRef]:
        """Give the originals that a text means: a source's URL, or a key of the query dialect; raises `BadRequest`."""
        return named_originals(self.imgproxy_config(), self.images_source, text)

    def named_beginnings(self, text: str) -> Iterator[SourceRef]:
        """Give what the URLs of originals begin with, by such a beginning or that of a key; raises `BadRequest`."""
        return named_beginnings(self.imgproxy_config(), self.images_source, text)

    def policies(self) -> Policies:
        """Give what says how long pictures count: rules, and what clients are told where those say nothing."""
        return Policies(self, while_revalidate=self.stale_while_revalidate, if_error=self.stale_if_error)

    def picture_lifetime(self) -> float:
        """Give the seconds after which a picture is in none of our caches any more, 0 if there is no end to it.

        A find refills the tiers above, so that their times add up.
        """
        if self.result_store and not self.result_store_expiration_seconds:
            return 0.0
        stored = self.result_store_expiration_seconds if self.result_store else 0
        policies = self.policies().all
        longest = max(policy.seconds or 0.0 for policy in policies)
        shared = max(self.redis_cache_expiration_seconds, longest) + max(self.memory_cache_expiration_seconds, longest)
        beyond = 3 * max(policy.beyond for policy in policies)
        return stored + shared + beyond + self.timeout + _SPARE

    def unused(self) -> tuple[str, ...]:
        """Name the variables that were set and are accepted without effect yet, sorted."""
        unbuilt = set(NotYetSettings.model_fields)
        return tuple(sorted(variable(name) for name in self.model_fields_set & unbuilt))

    def idle(self) -> tuple[tuple[str, str], ...]:
        """Name the variables that were set and have no effect because another one is off, with that one; sorted."""
        stored = {"use_s3"} if self.result_store.startswith("s3://") else set()  # which lies there, whatever is served
        off = ((name, switch) for name, switch in _NEEDS.items() if not getattr(self, switch) and switch not in stored)
        return tuple(
            sorted((variable(name), variable(switch)) for name, switch in off if name in self.model_fields_set)
        )

    def unknown(self) -> tuple[UnknownVariable, ...]:
        """List the variables that begin like ours and set nothing, each with the name that was probably meant."""
        return self._unknown

    def warnings(self) -> list[str]:
        """Give a sentence for each variable that was set and changes nothing."""
        unused = [f"{name} is accepted without effect yet" for name in self.unused()]
        unused += [f"{name} has no effect without {switch}" for name, switch in self.idle()]
        return unused + [str(one) for one in self.unknown()]
