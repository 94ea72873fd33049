"""The sum of every component's settings."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, PrivateAttr, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from imgproxy_py.delivery.settings import DeliverySettings
from imgproxy_py.engine.settings import EngineSettings
from imgproxy_py.settings.dialects import DialectSettings
from imgproxy_py.settings.errors import SettingsError, wrong_settings
from imgproxy_py.settings.names import variable
from imgproxy_py.settings.unbuilt import NotYetSettings
from imgproxy_py.settings.variables import UnknownVariable, Variables, chosen_file, file_variables, unknown_variables
from imgproxy_py.sources.http import HttpSettings
from imgproxy_py.sources.settings import RouterSettings
from imgproxy_py.stores.local import LocalSettings
from imgproxy_py.stores.s3 import S3Settings
from imgproxy_py.telemetry.logs import LogSettings
from imgproxy_py.telemetry.metrics import MetricsSettings

COMPONENTS: tuple[tuple[str, type[BaseModel]], ...] = (
    ("URLs", DialectSettings),
    ("Limits, encoders, workers", EngineSettings),
    ("Delivery", DeliverySettings),
    ("Which sources", RouterSettings),
    ("Downloads", HttpSettings),
    ("Local files", LocalSettings),
    ("S3", S3Settings),
    ("Logs", LogSettings),
    ("Metrics", MetricsSettings),
    ("Not yet", NotYetSettings),
)
"""Every component that has settings, under the title it has in the reference, in its order."""


class Settings(
    DialectSettings,
    EngineSettings,
    DeliverySettings,
    RouterSettings,
    HttpSettings,
    LocalSettings,
    S3Settings,
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

    def unused(self) -> tuple[str, ...]:
        """Name the variables that were set and are accepted without effect yet, sorted."""
        return tuple(sorted(variable(name) for name in self.model_fields_set & set(NotYetSettings.model_fields)))

    def unknown(self) -> tuple[UnknownVariable, ...]:
        """List the variables that begin like ours and set nothing, each with the name that was probably meant."""
        return self._unknown
