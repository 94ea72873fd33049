"""SVG: made safe to hand on, judged before it is drawn (dialect §6.3, §10)."""

from imgproxy_py.engine.svg.document import Drawing, prepared, sanitized

__all__ = ["Drawing", "prepared", "sanitized"]
