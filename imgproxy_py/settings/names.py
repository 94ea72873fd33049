"""The names of settings: fields of models here, variables in the environment there."""

from __future__ import annotations

from collections.abc import Iterable

PREFIX = "IMGPROXY_"

ENV_FILE = f"{PREFIX}ENV_FILE"
"""Names the file of variables that is read below the environment; only the environment can say it."""

FORMER = {
    "enable_webp_detection": "auto_webp",
    "enable_avif_detection": "auto_avif",
    "read_timeout": "read_request_timeout",
}
"""Names that fields had in version 3 of the dialect, and the fields; where both are set the newer name wins."""

MAY_BE_BLANK = frozenset({"source_url_query_separator"})
"""Fields for which a blank variable is a value; for all others blank means the default (dialect §14)."""


def variable(field: str) -> str:
    """Give the environment's name of a field."""
    return PREFIX + field.upper()


def fields_by_variable(fields: Iterable[str]) -> dict[str, str]:
    """Give the field that each accepted variable sets, former names first so that the newer ones beat them."""
    known = set(fields)
    former = {variable(old): field for old, field in FORMER.items() if field in known}
    return former | {variable(field): field for field in known}
