"""All settings: one frozen model, read once at the edge."""

from tubewarren.settings.durations import parse_duration, spell_duration
from tubewarren.settings.environment import environment_of
from tubewarren.settings.model import Settings
from tubewarren.settings.reading import SettingsError, read_settings, shown

__all__ = ["Settings", "SettingsError", "environment_of", "parse_duration", "read_settings", "shown", "spell_duration"]
