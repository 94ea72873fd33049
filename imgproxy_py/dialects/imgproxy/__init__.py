"""imgproxy's URL dialect."""

from imgproxy_py.dialects.imgproxy.config import ImgproxyConfig
from imgproxy_py.dialects.imgproxy.dialect import UNSIGNED, ImgproxyDialect

__all__ = ["UNSIGNED", "ImgproxyConfig", "ImgproxyDialect"]
