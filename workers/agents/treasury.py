"""Treasury: says what the desk is worth, what cash is free, and how much that allows.

Mission: nobody sizes on cash that is spent. Looks every five seconds at the books and the
exposure in the worst case. SLO 20/100 ms. Failover: rank 0 of its workers ticks; with none,
balances grow old and the throttle that sizing computes from them falls to zero.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from backend.contracts.denials import Code
from backend.contracts.oversight import TreasuryStatus
from backend.domain.numbers import ONE, ZERO
from backend.domain.treasury import (
    Balance,
    TreasuryFacts,
    TreasuryPolicy,
    TreasuryState,
    treasury_state,
)
from backend.values import format_decimal, format_instant, read_instant
from workers.agent import Canvas, Context, Decision, Effect, Emission, Facts
from workers.sections import read_section

CANVAS = Canvas(
    mission="Publish net asset value, cash buffer and its minimum, utilisation and the throttle.",
    observations="Balances with rates into the base currency, margin of positions and promises.",
    actions="Records treasury.states and the least cash; publishes treasury.status.v1.",
    beliefs="None but what it published last, which it reads back.",
    policy="What cannot be valued counts nothing; unvalued exposure, unknown debt or stale "
    "balances bring the throttle to zero.",
    slo_p50_ms=20,
    slo_p95_ms=100,
    failover="The next worker ticks; meanwhile balances grow old, which stops sizing by itself.",
)
HEARS: tuple[str, ...] = ()
EMITS = (TreasuryStatus.TYPE,)
FACTS = None
TICK_FACTS = "treasury.status_facts"
EFFECTS = ("treasury.record_status",)
MAY_CALL = ("treasury.record_status", "treasury.status_facts")
EVERY_MS = 5_000

_PUBLISH_EVERY = timedelta(seconds=30)
_MATERIAL_SHARE = Decimal("0.05")
_MATERIAL_NAV = Decimal("0.01")
_UNVALUED = "EXPOSURE_UNVALUED"


@dataclass(frozen=True, slots=True)
class _Judged:
    org_id: str
    state: TreasuryState
    change: str | None
    """What is new about it in words; None where it is only time to say it again."""


def ask_tick(now: datetime) -> dict[str, Any]:
    """Ask for every organisation at once."""
    return {}


def handle_tick(facts: Facts, context: Context) -> Decision:
    """Judge each organisation's treasury; publish what changed or was not said for a while."""
    policy = read_section(TreasuryPolicy, facts["policy"])
    if policy is None or facts["margin_rate"] is None:
        detail = "No active pack says what the treasury must keep, so no status is published."
        return Decision("not_judged", detail, code=Code.POLICY_MISSING)
    judged = [
        one
        for organization in facts["organizations"]
        if (one := _judge(organization, facts, policy, context.now)) is not None
    ]
    changes = [f"{one.org_id}: {one.change}" for one in judged if one.change is not None]
    return Decision(
        outcome="published" if judged else "unchanged",
        explanation="; ".join(changes) + "." if changes else "Nothing changed materially.",
        effects=tuple(
            Effect("treasury.record_status", _row(one, facts["policy_hash"], context.now))
            for one in judged
        ),
        emissions=tuple(Emission(_status(one.state), one.org_id) for one in judged),
        features={f"{one.org_id}/throttle": str(one.state.throttle) for one in judged},
        policy_hash=facts["policy_hash"],
        quiet=not changes,
    )


def _judge(
    organization: Mapping[str, Any], facts: Facts, policy: TreasuryPolicy, now: datetime
) -> _Judged | None:
    """Return what there is to publish of an organisation, or None."""
    state = _state(organization, Decimal(facts["margin_rate"]), policy, now)
    last = organization["last"]
    change = _change(last, state, facts["policy_hash"])
    if change is None and now - read_instant(last["recorded_at"]) < _PUBLISH_EVERY:
        return None
    return _Judged(organization["org_id"], state, change)


def _state(
    organization: Mapping[str, Any], margin_rate: Decimal, policy: TreasuryPolicy, now: datetime
) -> TreasuryState:
    balances = organization["balances"]
    gross = organization["gross_exposure"]
    state = treasury_state(
        TreasuryFacts(
            currency=organization["currency"],
            balances=[
                Balance(row["currency"], Decimal(row["cash"]), _rate(row), is_cash=True)
                for row in balances
            ],
            reserved=ZERO if gross is None else Decimal(gross) * margin_rate,
            unrealized=sum(
                (
                    (Decimal(row["equity"]) - Decimal(row["cash"])) * (_rate(row) or ZERO)
                    for row in balances
                ),
                ZERO,
            ),
            as_of=min(read_instant(row["as_of"]) for row in balances),
            now=now,
        ),
        policy,
    )
    if gross is None:
        # Exposure that nobody can value may be all that there is: nothing new is funded.
        reasons = (*state.reasons, _UNVALUED)
        return replace(state, utilization=ONE, throttle=ZERO, reasons=reasons)
    return state


def _rate(row: Mapping[str, Any]) -> Decimal | None:
    return None if row["rate"] is None else Decimal(row["rate"])


def _change(last: Mapping[str, Any] | None, state: TreasuryState, policy_hash: str) -> str | None:
    """Say what is materially new, or None."""
    throttle = f"throttle {format_decimal(state.throttle)}"
    because = f" ({', '.join(state.reasons)})" if state.reasons else ""
    if last is None:
        return f"first status, nav {_money(state.nav)} {state.currency}, {throttle}{because}"
    before = Decimal(last["throttle"])
    if abs(before - state.throttle) >= _MATERIAL_SHARE or (before == 0) != (state.throttle == 0):
        return (
            f"throttle from {format_decimal(before)} to {format_decimal(state.throttle)}{because}"
        )
    nav = Decimal(last["nav"])
    if abs(state.nav - nav) > abs(nav) * _MATERIAL_NAV:
        return f"nav from {_money(nav)} to {_money(state.nav)} {state.currency}"
    if abs(Decimal(last["utilization"]) - state.utilization) >= _MATERIAL_SHARE:
        return f"utilisation from {last['utilization']} to {state.utilization}"
    if set(last["reasons"]) != set(state.reasons):
        return f"reasons are now {', '.join(state.reasons) or 'none'}"
    if last["policy_hash"] != policy_hash or last["currency"] != state.currency:
        return f"judged under another pack or currency, {throttle}"
    return None


def _money(amount: Decimal) -> str:
    return format_decimal(amount.quantize(Decimal("0.01")))


def _status(state: TreasuryState) -> TreasuryStatus:
    return TreasuryStatus(
        currency=state.currency,
        nav=state.nav,
        cash_buffer=state.cash_buffer,
        buffer_min=state.buffer_min,
        utilization=state.utilization,
        throttle=state.throttle,
        as_of=state.as_of,
    )


def _row(one: _Judged, policy_hash: str, now: datetime) -> dict[str, Any]:
    return {
        **_status(one.state).model_dump(mode="json"),
        "org_id": one.org_id,
        "reasons": list(one.state.reasons),
        "policy_hash": policy_hash,
        "recorded_at": format_instant(now),
    }
