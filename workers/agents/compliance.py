"""Compliance: holds every fill, order event and cover against what was authorised.

Mission: no breach without a finding, no finding without evidence. Hears fills, order events and
covers. SLO 10/40 ms. Failover: stateless; a repeated event finds the same, kept once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from backend.contracts.denials import Code
from backend.contracts.message import Message
from backend.contracts.orders import FillEvent, OrderEvent
from backend.contracts.oversight import ComplianceAlert
from backend.contracts.portfolio import CoverEvent
from backend.domain.compliance import (
    ComplianceFacts,
    CompliancePolicy,
    Finding,
    review_fill,
)
from backend.domain.sessions import Calendar
from backend.values import Severity, Side, format_instant, read_instant
from workers.agent import Canvas, Context, Decision, Effect, Emission, Facts
from workers.ballots import CAST_VOTES, Ballot, Vote, cast
from workers.sections import read_section

CANVAS = Canvas(
    mission="Compare what happened with what was authorised, and say every difference.",
    observations="Fills, order events and covers, beside the intent, the order and the halts; "
    "proposals to lift a halt.",
    actions="Records compliance_alerts, publishes compliance.event.alert.v1 per finding, votes on "
    "lifting halts.",
    beliefs="None: the tables are judged, not the message.",
    policy="Without a compliance section in the active pack every fill is a finding.",
    slo_p50_ms=10,
    slo_p95_ms=40,
    failover="Stateless; the same event finds the same under the same ids.",
)
HEARS = (FillEvent.TYPE, OrderEvent.TYPE, CoverEvent.TYPE)
EMITS = (ComplianceAlert.TYPE,)
LINGER_MS = 250
FACTS = "execution.compliance_facts"
TICK_FACTS = "governance.ballot_facts"
EFFECTS = ("ops.record_compliance_alerts", CAST_VOTES)
MAY_CALL = (
    "execution.compliance_facts",
    "ops.record_compliance_alerts",
    "governance.ballot_facts",
    "governance.cast_votes",
)
EVERY_MS = 2_000

Heard = Message[FillEvent] | Message[OrderEvent] | Message[CoverEvent]

_UNCOVERED = frozenset(
    {
        "HALTED",
        "PRICE_MISSING",
        "EQUITY_NOT_POSITIVE",
        "WOULD_NOT_REDUCE",
        "POLICY_MISSING",
        "ACCOUNT_MISSING",
    }
)


def ask(message: Heard) -> dict[str, Any]:
    """Ask for the order, and the fill if it is one."""
    payload = message.payload
    item: dict[str, Any] = {"order_id": str(payload.order_id)}
    if isinstance(payload, FillEvent):
        item["fill_id"] = str(payload.fill_id)
    return item


def handle(message: Heard, facts: Facts, context: Context) -> Decision:
    """Apply the rules that fit the event."""
    payload = message.payload
    if isinstance(payload, FillEvent):
        findings = _review_fill(facts)
        what = f"fill of {payload.filled_size} {payload.symbol} at {payload.price}"
    elif isinstance(payload, OrderEvent):
        findings = _review_order(payload, facts)
        what = f"order of {payload.symbol}: {payload.status}"
    else:
        findings = _review_cover(payload)
        what = f"cover of {payload.symbol}: {payload.action}, {payload.reason_code}"
    alerts = [_alert(payload, finding, context, index) for index, finding in enumerate(findings)]
    named = ", ".join(f"{f.rule_id} ({f.severity.value})" for f in findings)
    return Decision(
        outcome="found" if findings else "clean",
        explanation=f"{what}: {named}." if findings else f"{what}: every rule holds.",
        effects=tuple(
            Effect("ops.record_compliance_alerts", _row(message, a, context)) for a in alerts
        ),
        emissions=tuple(Emission(alert, payload.account_id) for alert in alerts),
        features={f.rule_id: f.severity.value for f in findings},
        policy_hash=facts["policy_hash"],
    )


def ask_tick(now: datetime) -> dict[str, Any]:
    """Ask for what waits for this persona's vote."""
    return {}


def handle_tick(facts: Facts, context: Context) -> Decision:
    """Vote on lifting halts, by what was found since they stand."""
    votes = cast(facts["ballots"], _vote, context)
    return Decision(
        outcome="voted" if votes.effects else "nothing_to_judge",
        explanation="; ".join(votes.sentences or ("No halt is proposed to be lifted",)) + ".",
        effects=votes.effects,
        policy_hash=facts["policy_hash"],
    )


def _vote(ballot: Ballot) -> Vote | None:
    if ballot["kind"] != "lift_halt" or ballot["critical_findings"] is None:
        return None
    if ballot["critical_findings"]:
        return Vote("refuse", f"{ballot['critical_findings']} critical findings under the halt")
    return Vote("approve", "nothing critical was found since the halt stands")


def _review_fill(facts: Facts) -> tuple[Finding, ...]:
    policy = read_section(CompliancePolicy, facts["policy"])
    fill, order = facts["fill"], facts["order"]
    if fill is None or order is None:
        return (_critical("fill.not_booked", "an event tells of a fill that no table has"),)
    if policy is None:
        text = "no compliance numbers in the active pack: nothing can be judged"
        return (_critical("policy.compliance_missing", text),)
    findings = review_fill(_compliance_facts(facts, fill, order), policy)
    if fill["value_per_point"] is None:
        text = "no rate into the account's currency: the fill's money is unknown"
        findings += (_critical("fill.money_unknown", text),)
    return findings


def _compliance_facts(
    facts: Facts, fill: Mapping[str, Any], order: Mapping[str, Any]
) -> ComplianceFacts:
    intent = facts["intent"]
    authorized = None if intent is None else intent["authorized_quantity"]
    quantity, price = Decimal(fill["quantity"]), Decimal(fill["price"])
    halted = facts["halted_since"]
    calendar = facts["calendar"]
    return ComplianceFacts(
        side=Side(fill["side"]),
        filled_quantity=quantity,
        filled_total=Decimal(facts["filled_total"]),
        # An order draws on its intent: more than the order is more than was authorised.
        authorized_quantity=None
        if authorized is None
        else min(Decimal(authorized), Decimal(order["quantity"])),
        authorized_side=None if intent is None else Side(intent["side"]),
        price=price,
        price_limit=_decimal(order["limit_price"]),
        notional=quantity * price * Decimal(fill["value_per_point"] or 0),
        slippage_bps=Decimal(fill["slippage_bps"]),
        commission=Decimal(fill["commission"]),
        latency_ms=int(fill["latency_ms"]),
        stop_loss=_decimal(order["stop_loss"]),
        stop_loss_required=bool(facts["stop_loss_required"]),
        reduce_only=bool(order["reduce_only"]),
        policy_hash_order=order["policy_hash"],
        policy_hash_active=facts["policy_hash"],
        calendar=Calendar(calendar or Calendar.WEEKDAYS),
        filled_at=read_instant(fill["filled_at"]),
        recorded_at=read_instant(fill["recorded_at"]),
        halted_since=None if halted is None else read_instant(halted),
    )


def _review_order(event: OrderEvent, facts: Facts) -> tuple[Finding, ...]:
    found: list[Finding] = []
    if facts["order"] is None:
        found.append(_critical("order.unknown", "an event tells of an order that no table has"))
    elif not facts["order"]["policy_known"]:
        found.append(_critical("order.policy_unknown", "the order's policy pack is not on record"))
    if event.status == "unknown":
        text = "sent without an answer; the venue is being asked"
        found.append(_finding("order.unanswered", Severity.WARN, text, event))
    if event.status == "not_sent" and event.code == Code.ORDER_NOT_SENT:
        text = "the venue has no trace of an attempt after the settle window"
        found.append(_finding("order.not_sent", Severity.WARN, text, event))
    if event.status == "filled" and event.code == Code.OVERFILL:
        found.append(_finding("order.overfilled", Severity.CRITICAL, event.message, event))
    return tuple(found)


def _review_cover(event: CoverEvent) -> tuple[Finding, ...]:
    if event.residual_after == 0 or event.reason_code not in _UNCOVERED:
        return ()
    evidence = (("residual", str(event.residual_after)), ("reason", event.reason_code))
    text = "exposure beyond what was authorised stays open"
    return (Finding("hedge.residual_open", Severity.WARN, text, True, evidence),)


def _alert(
    payload: FillEvent | OrderEvent | CoverEvent, finding: Finding, context: Context, index: int
) -> ComplianceAlert:
    return ComplianceAlert(
        alert_id=context.new_id("alert", index),
        order_id=payload.order_id,
        account_id=payload.account_id,
        symbol=payload.symbol,
        severity=finding.severity,
        rule_id=finding.rule_id,
        description=finding.description,
        remediation_required=finding.remediation_required,
        evidence=dict(finding.evidence),
    )


def _row(message: Heard, alert: ComplianceAlert, context: Context) -> dict[str, Any]:
    return alert.model_dump(mode="json") | {
        "org_id": message.org_id,
        "correlation_id": str(message.correlation_id),
        "raised_at": format_instant(context.now),
    }


def _finding(rule_id: str, severity: Severity, text: str, event: OrderEvent) -> Finding:
    pairs: Sequence[tuple[str, str | None]] = (
        ("status", event.status),
        ("code", event.code),
        ("venue_order_id", event.venue_order_id),
    )
    evidence = tuple((name, value) for name, value in pairs if value is not None)
    return Finding(rule_id, severity, text, severity is Severity.CRITICAL, evidence)


def _critical(rule_id: str, text: str) -> Finding:
    return Finding(rule_id, Severity.CRITICAL, text, True, ())


def _decimal(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)
