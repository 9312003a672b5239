"""Logging: one JSON line per event, ids as keys; decisions go to tables, not here."""

from __future__ import annotations

import logging
import sys
from typing import TextIO, cast

import structlog

from backend.settings import Settings


class _StandardError:
    """Standard error as it is when a line is written: whoever runs us may have replaced it."""

    def write(self, text: str) -> int:
        """Write text."""
        return sys.stderr.write(text)

    def flush(self) -> None:
        """Hand over what was written."""
        sys.stderr.flush()


def configure_logging(settings: Settings) -> None:
    """Set up structlog once per process; a terminal gets readable lines, a file gets JSON."""
    level = getattr(logging, settings.log_level.upper())
    human = sys.stderr.isatty()
    renderer = structlog.dev.ConsoleRenderer() if human else structlog.processors.JSONRenderer()
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(cast("TextIO", _StandardError())),
        cache_logger_on_first_use=True,
    )
