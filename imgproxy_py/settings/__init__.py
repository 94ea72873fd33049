"""The settings of the whole service: what there is, where values come from, and what is said of wrong ones."""

from imgproxy_py.settings.errors import SettingsError, WrongSetting
from imgproxy_py.settings.model import Settings
from imgproxy_py.settings.reference import current, reference
from imgproxy_py.settings.variables import UnknownVariable

__all__ = ["Settings", "SettingsError", "UnknownVariable", "WrongSetting", "current", "reference"]
