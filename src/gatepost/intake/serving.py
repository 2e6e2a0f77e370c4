"""The application as the web server loads it: with the logging of a process of its own."""

from gatepost import config, logs

logs.configure(config.load()["LOG_LEVEL"])

from gatepost.intake.app import application  # noqa: E402

__all__ = ["application"]
