"""Smart Money Concepts, causally: everything says at which bar it became known.

`detect` reads a run of bars at once; a `Tracker` is fed bar by bar and reports the same.
"""

from backend.domain.smc.detect import detect
from backend.domain.smc.events import (
    DEFAULT_SETTINGS,
    POOL_KINDS,
    RULE_VERSION,
    ZONE_KINDS,
    DayTurn,
    EventKind,
    SmcSettings,
    State,
    StructureEvent,
    SwingRule,
)
from backend.domain.smc.features import (
    StructureReading,
    read_structure,
    read_structures,
    structure_features,
)
from backend.domain.smc.listing import list_events
from backend.domain.smc.structures import (
    Breaks,
    DealingRange,
    Displacements,
    Inducements,
    Pools,
    Shifts,
    Structures,
    Swings,
    Zones,
)
from backend.domain.smc.tracker import Tracker

__all__ = [
    "DEFAULT_SETTINGS",
    "POOL_KINDS",
    "RULE_VERSION",
    "ZONE_KINDS",
    "Breaks",
    "DayTurn",
    "DealingRange",
    "Displacements",
    "EventKind",
    "Inducements",
    "Pools",
    "Shifts",
    "SmcSettings",
    "State",
    "StructureEvent",
    "StructureReading",
    "Structures",
    "SwingRule",
    "Swings",
    "Tracker",
    "Zones",
    "detect",
    "list_events",
    "read_structure",
    "read_structures",
    "structure_features",
]
