"""Messages for tests: valid payloads of every family, and signed rows as the bus holds them.

`a_fill(price="1.09")` is the example fill with one change; decimals as text or Decimal.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, TypeVar
from uuid import UUID

from backend.contracts.base import Payload
from backend.contracts.envelope import Unsigned
from backend.contracts.examples import CORRELATION_ID, MESSAGE_ID, PAYLOADS
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
from backend.contracts.signing import SigningKey

P = TypeVar("P", bound=Payload)

AN_INSTANT = datetime(2026, 11, 20, 13, 45, 1, 204518, UTC)
A_KEY = SigningKey(bytes(range(32)))
ANOTHER_KEY = SigningKey(bytes(range(1, 33)))


def a_raw_signal(**changes: Any) -> RawSignal:
    """Build an understood alert."""
    return _build(RawSignal, changes)


def a_normalized_signal(**changes: Any) -> NormalizedSignal:
    """Build a signal in the desk's words."""
    return _build(NormalizedSignal, changes)


def a_rationale(**changes: Any) -> RationaleSignal:
    """Build a scored signal."""
    return _build(RationaleSignal, changes)


def a_hypothesis(**changes: Any) -> HypothesisSignal:
    """Build a hypothesis."""
    return _build(HypothesisSignal, changes)


def a_health_signal(**changes: Any) -> HealthSignal:
    """Build a venue's health."""
    return _build(HealthSignal, changes)


def an_opportunity(**changes: Any) -> Opportunity:
    """Build a routed opportunity."""
    return _build(Opportunity, changes)


def an_allocation(**changes: Any) -> AllocateIntent:
    """Build a sized intent."""
    return _build(AllocateIntent, changes)


def a_cover_intent(**changes: Any) -> CoverIntent:
    """Build a hedge that asks for authority."""
    return _build(CoverIntent, changes)


def a_cover_event(**changes: Any) -> CoverEvent:
    """Build what the hedger did."""
    return _build(CoverEvent, changes)


def a_risk_context(**changes: Any) -> RiskContext:
    """Build an authorised intent."""
    return _build(RiskContext, changes)


def a_route_intent(**changes: Any) -> RouteIntent:
    """Build an intent that passed policy."""
    return _build(RouteIntent, changes)


def a_place_command(**changes: Any) -> PlaceCommand:
    """Build a child order."""
    return _build(PlaceCommand, changes)


def a_fill(**changes: Any) -> FillEvent:
    """Build a fill."""
    return _build(FillEvent, changes)


def an_order_event(**changes: Any) -> OrderEvent:
    """Build a step of an order's life."""
    return _build(OrderEvent, changes)


def a_compliance_alert(**changes: Any) -> ComplianceAlert:
    """Build a finding."""
    return _build(ComplianceAlert, changes)


def a_report(**changes: Any) -> ReportSnapshot:
    """Build a report."""
    return _build(ReportSnapshot, changes)


def a_halt(**changes: Any) -> HaltIntent:
    """Build a halt's announcement."""
    return _build(HaltIntent, changes)


def a_resume(**changes: Any) -> ResumeIntent:
    """Build a resume's announcement."""
    return _build(ResumeIntent, changes)


def a_blackboard_note(**changes: Any) -> BlackboardNote:
    """Build a note to the other agents."""
    return _build(BlackboardNote, changes)


def a_treasury_status(**changes: Any) -> TreasuryStatus:
    """Build the treasury's state."""
    return _build(TreasuryStatus, changes)


def a_payload(type_: str, **changes: Any) -> Payload:
    """Build the example payload of a family, by its type."""
    return BUILDERS[type_](**changes)


def an_unsigned(payload: Payload | None = None, /, **changes: Any) -> Unsigned:
    """Build an envelope around a payload, for `A_KEY` unless `key_id` says otherwise."""
    body = a_raw_signal() if payload is None else payload
    fields: dict[str, Any] = {
        "msg_id": UUID(MESSAGE_ID),
        "type": body.TYPE,
        "correlation_id": UUID(CORRELATION_ID),
        "causation_id": None,
        "ttl_ms": body.TTL_MS,
        "sender": "agent.intake",
        "intent": None,
        "idempotency_key": f"test:{body.TYPE}",
        "org_id": "demo",
        "ordering_key": "EURUSD",
        "created_at": AN_INSTANT,
        "payload": body.model_dump(mode="json"),
        "key_id": A_KEY.key_id,
    }
    return Unsigned(**{**fields, **changes})


def a_signed_row(
    payload: Payload | None = None, /, key: SigningKey = A_KEY, **changes: Any
) -> dict[str, Any]:
    """Build an event's row as the database returns it: ids as UUID, the instant aware."""
    unsigned = an_unsigned(payload, **{"key_id": key.key_id, **changes})
    row = key.sign_wire(unsigned)
    typed = ("msg_id", "correlation_id", "causation_id", "created_at")
    return {**row, **{name: getattr(unsigned, name) for name in typed}}


def _build(family: type[P], changes: dict[str, Any]) -> P:
    return family.model_validate({**PAYLOADS[family.TYPE], **changes})


BUILDERS = {
    RawSignal.TYPE: a_raw_signal,
    NormalizedSignal.TYPE: a_normalized_signal,
    RationaleSignal.TYPE: a_rationale,
    HypothesisSignal.TYPE: a_hypothesis,
    HealthSignal.TYPE: a_health_signal,
    Opportunity.TYPE: an_opportunity,
    AllocateIntent.TYPE: an_allocation,
    CoverIntent.TYPE: a_cover_intent,
    CoverEvent.TYPE: a_cover_event,
    RiskContext.TYPE: a_risk_context,
    RouteIntent.TYPE: a_route_intent,
    PlaceCommand.TYPE: a_place_command,
    FillEvent.TYPE: a_fill,
    OrderEvent.TYPE: an_order_event,
    ComplianceAlert.TYPE: a_compliance_alert,
    ReportSnapshot.TYPE: a_report,
    HaltIntent.TYPE: a_halt,
    ResumeIntent.TYPE: a_resume,
    BlackboardNote.TYPE: a_blackboard_note,
    TreasuryStatus.TYPE: a_treasury_status,
}
