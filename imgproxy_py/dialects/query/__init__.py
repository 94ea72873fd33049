"""The dialect of `/images/{key}?w=400&fit=cover` (delivery §1)."""

from imgproxy_py.dialects.query.config import QueryConfig
from imgproxy_py.dialects.query.dialect import QueryDialect

__all__ = ["QueryConfig", "QueryDialect"]
