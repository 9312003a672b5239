"""Smart Money Concepts, causally: every event says at which bar it became known."""

from backend.domain.smc.detect import detect
from backend.domain.smc.events import (
    RULE_VERSION,
    EventKind,
    SmcSettings,
    StructureEvent,
)
from backend.domain.smc.features import StructureReading, read_structure, structure_features

__all__ = [
    "RULE_VERSION",
    "EventKind",
    "SmcSettings",
    "StructureEvent",
    "StructureReading",
    "detect",
    "read_structure",
    "structure_features",
]
