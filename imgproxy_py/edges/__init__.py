"""The caches in front of the service, which can be told to forget."""

from imgproxy_py.edges.port import Edge, EdgeRefused, is_path
from imgproxy_py.edges.purge import Told, open_edges, tell
from imgproxy_py.edges.settings import EdgeSettings

__all__ = ["Edge", "EdgeRefused", "EdgeSettings", "Told", "is_path", "open_edges", "tell"]
