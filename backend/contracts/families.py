"""The list of message families; the bus carries nothing that is not in it."""

from __future__ import annotations

from backend.contracts.base import Payload
from backend.contracts.orders import FillEvent, OrderEvent, PlaceCommand, RouteIntent
from backend.contracts.oversight import (
    BlackboardNote,
    ComplianceAlert,
    HaltIntent,
    ReportSnapshot,
    ResumeIntent,
    TreasuryStatus,
)
from backend.contracts.portfolio import AllocateIntent, CoverEvent, CoverIntent
from backend.contracts.risk import RiskContext
from backend.contracts.signals import (
    HealthSignal,
    HypothesisSignal,
    NormalizedSignal,
    Opportunity,
    RationaleSignal,
    RawSignal,
)

FAMILIES: dict[str, type[Payload]] = {
    family.TYPE: family
    for family in (
        RawSignal,
        NormalizedSignal,
        RationaleSignal,
        HypothesisSignal,
        HealthSignal,
        Opportunity,
        AllocateIntent,
        CoverIntent,
        CoverEvent,
        RiskContext,
        RouteIntent,
        PlaceCommand,
        FillEvent,
        OrderEvent,
        ComplianceAlert,
        ReportSnapshot,
        HaltIntent,
        ResumeIntent,
        BlackboardNote,
        TreasuryStatus,
    )
}
