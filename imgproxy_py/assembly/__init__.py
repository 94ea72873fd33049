"""The one root: everything is built here, in order, and closed in reverse. Nothing opens on import."""

from imgproxy_py.assembly.application import open_application
from imgproxy_py.assembly.studio import Studio, open_studio

__all__ = ["Studio", "open_application", "open_studio"]
