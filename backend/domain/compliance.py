"""Rules over a fill. Each finding names its rule, its severity and its evidence."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from backend.domain.sessions import Calendar, is_open
from backend.values import Severity, Side


@dataclass(frozen=True, slots=True)
class CompliancePolicy:
    """Numbers of the pack."""

    slippage_bps_warn: Decimal
    slippage_bps_critical: Decimal
    latency_ms_warn: int
    commission_bps_max: Decimal
    clock_skew_s_max: int


@dataclass(frozen=True, slots=True)
class ComplianceFacts:
    """A fill beside what was authorised. None means that the record has nothing."""

    side: Side
    filled_quantity: Decimal
    """This fill."""
    filled_total: Decimal
    """All fills of the order, this one included."""
    authorized_quantity: Decimal | None
    authorized_side: Side | None
    price: Decimal
    price_limit: Decimal | None
    notional: Decimal
    slippage_bps: Decimal
    commission: Decimal
    latency_ms: int
    stop_loss: Decimal | None
    stop_loss_required: bool
    reduce_only: bool
    policy_hash_order: str | None
    policy_hash_active: str | None
    calendar: Calendar
    filled_at: datetime
    recorded_at: datetime
    halted_since: datetime | None


@dataclass(frozen=True, slots=True)
class Finding:
    """One broken or strained rule."""

    rule_id: str
    severity: Severity
    description: str
    remediation_required: bool
    evidence: tuple[tuple[str, str], ...]


def review_fill(facts: ComplianceFacts, policy: CompliancePolicy) -> tuple[Finding, ...]:
    """Apply every rule; an empty tuple is a clean fill."""
    return tuple(finding for rule in _RULES if (finding := rule(facts, policy)) is not None)


def _unauthorized(facts: ComplianceFacts, _: CompliancePolicy) -> Finding | None:
    if facts.authorized_quantity is None or facts.authorized_side is None:
        return _critical("fill.without_authority", "a fill without an authorised intent")
    if facts.side is not facts.authorized_side:
        return _critical(
            "fill.wrong_side",
            "the fill is on the other side than authorised",
            side=facts.side.value,
            authorized=facts.authorized_side.value,
        )
    if facts.filled_total > facts.authorized_quantity:
        return _critical(
            "fill.over_authorized",
            "more was filled than authorised",
            filled=str(facts.filled_total),
            authorized=str(facts.authorized_quantity),
        )
    return None


def _after_halt(facts: ComplianceFacts, _: CompliancePolicy) -> Finding | None:
    if facts.halted_since is None or facts.reduce_only or facts.filled_at <= facts.halted_since:
        return None
    # An order that was at the venue before the halt may still fill; that is a fact to record.
    return Finding(
        "fill.after_halt",
        Severity.WARN,
        "a fill after a halt took effect",
        True,
        (
            ("filled_at", facts.filled_at.isoformat()),
            ("halted_since", facts.halted_since.isoformat()),
        ),
    )


def _stop_missing(facts: ComplianceFacts, _: CompliancePolicy) -> Finding | None:
    if not facts.stop_loss_required or facts.reduce_only:
        return None
    if facts.stop_loss is None:
        return _critical("order.stop_missing", "an opening order without a stop-loss")
    if facts.side.sign * (facts.price - facts.stop_loss) <= 0:
        return Finding(
            "order.stop_passed",
            Severity.WARN,
            "the fill lies beyond its own stop-loss",
            True,
            (("price", str(facts.price)), ("stop_loss", str(facts.stop_loss))),
        )
    return None


def _beyond_limit(facts: ComplianceFacts, _: CompliancePolicy) -> Finding | None:
    if facts.price_limit is None:
        return None
    if facts.side.sign * (facts.price - facts.price_limit) <= 0:
        return None
    return _critical(
        "fill.beyond_limit",
        "the fill is worse than the order's limit",
        price=str(facts.price),
        limit=str(facts.price_limit),
    )


def _slippage(facts: ComplianceFacts, policy: CompliancePolicy) -> Finding | None:
    cost = facts.slippage_bps
    if cost <= policy.slippage_bps_warn:
        return None
    severe = cost > policy.slippage_bps_critical
    bound = policy.slippage_bps_critical if severe else policy.slippage_bps_warn
    return Finding(
        "fill.slippage",
        Severity.CRITICAL if severe else Severity.WARN,
        f"slippage of {cost} bps is above {bound} bps",
        severe,
        (("slippage_bps", str(cost)), ("bound_bps", str(bound))),
    )


def _commission(facts: ComplianceFacts, policy: CompliancePolicy) -> Finding | None:
    if facts.notional <= 0:
        return None
    rate = facts.commission / facts.notional * 10_000
    if rate <= policy.commission_bps_max:
        return None
    return Finding(
        "fill.commission",
        Severity.WARN,
        "the commission is above the agreed rate",
        False,
        (("commission_bps", f"{rate:.4f}"), ("bound_bps", str(policy.commission_bps_max))),
    )


def _latency(facts: ComplianceFacts, policy: CompliancePolicy) -> Finding | None:
    if facts.latency_ms <= policy.latency_ms_warn:
        return None
    return Finding(
        "fill.latency",
        Severity.INFO,
        "the venue answered slowly",
        False,
        (("latency_ms", str(facts.latency_ms)), ("bound_ms", str(policy.latency_ms_warn))),
    )


def _off_session(facts: ComplianceFacts, _: CompliancePolicy) -> Finding | None:
    if is_open(facts.filled_at, facts.calendar):
        return None
    return Finding(
        "fill.off_session",
        Severity.WARN,
        "a fill while the market is closed",
        True,
        (("filled_at", facts.filled_at.isoformat()),),
    )


def _clock(facts: ComplianceFacts, policy: CompliancePolicy) -> Finding | None:
    skew = abs(facts.recorded_at - facts.filled_at)
    if skew <= timedelta(seconds=policy.clock_skew_s_max):
        return None
    return Finding(
        "fill.clock_skew",
        Severity.INFO,
        "the venue's time and ours are far apart",
        False,
        (
            ("filled_at", facts.filled_at.isoformat()),
            ("recorded_at", facts.recorded_at.isoformat()),
        ),
    )


def _policy_changed(facts: ComplianceFacts, _: CompliancePolicy) -> Finding | None:
    if facts.policy_hash_order is None:
        return _critical("order.policy_missing", "the order names no policy pack")
    if facts.policy_hash_order == facts.policy_hash_active:
        return None
    return Finding(
        "order.policy_superseded",
        Severity.INFO,
        "the order was routed under an earlier policy pack",
        False,
        (("order", facts.policy_hash_order), ("active", facts.policy_hash_active or "none")),
    )


def _critical(rule_id: str, description: str, **evidence: str) -> Finding:
    return Finding(rule_id, Severity.CRITICAL, description, True, tuple(evidence.items()))


_RULES: tuple[Callable[[ComplianceFacts, CompliancePolicy], Finding | None], ...] = (
    _unauthorized,
    _after_halt,
    _stop_missing,
    _beyond_limit,
    _slippage,
    _commission,
    _latency,
    _off_session,
    _clock,
    _policy_changed,
)

RULE_IDS = (
    "fill.without_authority",
    "fill.wrong_side",
    "fill.over_authorized",
    "fill.after_halt",
    "order.stop_missing",
    "order.stop_passed",
    "fill.beyond_limit",
    "fill.slippage",
    "fill.commission",
    "fill.latency",
    "fill.off_session",
    "fill.clock_skew",
    "order.policy_missing",
    "order.policy_superseded",
)
"""Every rule that can be named in a finding."""
