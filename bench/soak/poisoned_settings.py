"""The product's settings, and one more profile that the product does not know: for DJANGO_SETTINGS_MODULE."""

from bench.soak import poison
from connectors import profiles
from portal.settings import *  # noqa: F403 - a settings module that adds to another

profiles.PROFILES["poison.1"] = poison.PROFILE
