"""Understand alert bodies: what they ask for, or why a person has to look at them."""

from backend.domain.intake.alert import (
    DedupeKey,
    Distance,
    DistanceUnit,
    IntakeCode,
    NotUnderstood,
    ParsedAlert,
)
from backend.domain.intake.dedupe import BYTES_WINDOW_S, dedupe_key
from backend.domain.intake.parse import parse_alert

__all__ = [
    "BYTES_WINDOW_S",
    "DedupeKey",
    "Distance",
    "DistanceUnit",
    "IntakeCode",
    "NotUnderstood",
    "ParsedAlert",
    "dedupe_key",
    "parse_alert",
]
