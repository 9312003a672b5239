"""Hedger: covers what a fill leaves open beyond what anybody meant to hold.

Mission: residual exposure back within bounds. Hears execution.event.fill.v1. A cover asks Risk
for the same authority as any other intent. SLO 10/40 ms. Failover: stateless; a fill that waits
is covered by the worker that takes over, under the same intent id.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any
from uuid import UUID

from backend.contracts.base import ExposureDelta
from backend.contracts.message import Message
from backend.contracts.orders import FillEvent
from backend.contracts.portfolio import CoverEvent, CoverIntent
from backend.domain.hedging import (
    Basket,
    CoverProposal,
    HedgeCode,
    HedgeFacts,
    HedgePolicy,
    NoCover,
    propose_cover,
)
from backend.domain.numbers import ONE, ZERO
from backend.values import LatencyClass, OrderType, Side, format_decimal
from workers.agent import Canvas, Context, Decision, Emission, Facts
from workers.sections import read_section

CANVAS = Canvas(
    mission="Bring exposure that nobody asked for back within bounds, through authority.",
    observations="Fills, the account's exposures and pending covers, hedge instruments, halts.",
    actions="Publishes hedger.intent.cover.v1 when needed and hedger.event.cover.v1 always.",
    beliefs="A symbol moves with its basket; without baskets in the pack, only with itself.",
    policy="What an order was authorised for is meant; what was filled beyond it is covered. "
    "No pack, price or equity: no cover, and the reason is published.",
    slo_p50_ms=10,
    slo_p95_ms=40,
    failover="Stateless; a repeated fill proposes the same intent.",
)
HEARS = (FillEvent.TYPE,)
EMITS = (CoverEvent.TYPE, CoverIntent.TYPE)
LINGER_MS = 50
FACTS = "execution.hedge_facts"
EFFECTS: tuple[str, ...] = ()
MAY_CALL = ("execution.hedge_facts",)


def ask(message: Message[FillEvent]) -> dict[str, Any]:
    """Ask for the account's book around the fill."""
    fill = message.payload
    return {
        "fill_id": str(fill.fill_id),
        "account_id": fill.account_id,
        "strategy_id": fill.strategy_id,
        "symbol": fill.symbol,
    }


def handle(message: Message[FillEvent], facts: Facts, context: Context) -> Decision:
    """Propose a cover, or say why there is none."""
    fill = message.payload
    section = facts["policy"]
    policy = read_section(HedgePolicy, section)
    if policy is None:
        return _none(fill, facts, ZERO, "POLICY_MISSING", "the active pack has no hedging numbers")
    if facts["covers"]:
        return _none(fill, facts, ZERO, "IS_COVER", "the fill is itself a cover")
    if facts["equity"] is None:
        return _none(fill, facts, ZERO, "ACCOUNT_MISSING", "the account's equity is not known")
    baskets = _baskets(section)
    exposures = _decimals(facts["exposures"])
    if not baskets:
        baskets = (Basket("order", fill.symbol, {fill.symbol: ONE}),)
        exposures = {fill.symbol: _excess(fill, facts)}
    basket = next((b for b in baskets if fill.symbol in b.betas), None)
    instrument = facts["instruments"].get(basket.hedge_symbol) if basket else None
    found = propose_cover(_hedge_facts(fill, facts, exposures, instrument), baskets, policy)
    if isinstance(found, NoCover):
        return _none(fill, facts, found.residual, found.reason_code.value, found.detail)
    if instrument is None or instrument["bid"] is None:
        detail = f"no quote of {found.symbol}"
        return _none(fill, facts, found.residual_before, HedgeCode.PRICE_MISSING.value, detail)
    return _cover(fill, facts, context, found, instrument)


def _hedge_facts(
    fill: FillEvent,
    facts: Facts,
    exposures: Mapping[str, Decimal],
    instrument: Mapping[str, Any] | None,
) -> HedgeFacts:
    lot = None if instrument is None else instrument["notional_per_lot"]
    return HedgeFacts(
        symbol=fill.symbol,
        exposures=exposures,
        equity=Decimal(facts["equity"]),
        notional_per_lot=None if lot is None else Decimal(lot),
        volume_min=Decimal(instrument["volume_min"]) if instrument else ZERO,
        volume_max=Decimal(instrument["volume_max"]) if instrument else ZERO,
        volume_step=Decimal(instrument["volume_step"]) if instrument else ONE,
        halted=bool(facts["halted"]),
    )


def _excess(fill: FillEvent, facts: Facts) -> Decimal:
    """Return the signed exposure of this fill that goes beyond its order."""
    instrument = facts["instruments"].get(fill.symbol)
    lots = Decimal(facts["excess"] or 0)
    if instrument is None or instrument["notional_per_lot"] is None:
        return lots * fill.price
    return lots * Decimal(instrument["notional_per_lot"])


def _baskets(section: Mapping[str, Any]) -> tuple[Basket, ...]:
    return tuple(
        Basket(row["name"], row["hedge_symbol"], _decimals(row["betas"]))
        for row in section.get("baskets") or ()
    )


def _cover(
    fill: FillEvent,
    facts: Facts,
    context: Context,
    found: CoverProposal,
    instrument: Mapping[str, Any],
) -> Decision:
    intent_id = context.new_id("cover")
    reference = Decimal(instrument["ask" if found.side is Side.BUY else "bid"])
    delta = found.side.sign * found.notional
    intent = CoverIntent(
        intent_id=intent_id,
        symbol=found.symbol,
        side=found.side,
        order_type=OrderType.MARKET,
        quantity=found.quantity,
        notional=found.notional,
        reference_price=reference,
        stop_loss=None,
        take_profit=None,
        venue_id=facts["venue_id"],
        latency_class=LatencyClass.IMMEDIATE,
        reduce_only=found.reduce_only,
        exposure_deltas=(
            ExposureDelta(scope="account", key=fill.account_id, delta=delta),
            ExposureDelta(scope="instrument", key=found.symbol, delta=delta),
        ),
        reason_codes=(found.reason_code.value,),
        covers_fill_id=fill.fill_id,
        residual_exposure=found.residual_before,
        strategy_id=fill.strategy_id,
        account_id=fill.account_id,
        mode=fill.mode,
    )
    event = _event(
        fill, intent_id, found.residual_before, found.residual_after, found.reason_code.value
    )
    return Decision(
        outcome="cover",
        explanation=f"{found.residual_before} of {fill.symbol} is open beyond what was "
        f"authorised; {found.side.value} {found.quantity} {found.symbol} would leave "
        f"{found.residual_after} and asks for authority.",
        emissions=(
            Emission(intent, fill.account_id, intent="cover"),
            Emission(event, fill.account_id),
        ),
        features={
            "residual_before": str(found.residual_before),
            "residual_after": str(found.residual_after),
        },
        policy_hash=facts["policy_hash"],
    )


def _none(fill: FillEvent, facts: Facts, residual: Decimal, reason: str, detail: str) -> Decision:
    return Decision(
        outcome="none",
        explanation=f"No cover for {fill.filled_size} {fill.symbol}: {reason} ({detail}); "
        f"{format_decimal(round(residual, 2))} stays open beyond what was authorised.",
        emissions=(Emission(_event(fill, None, residual, residual, reason), fill.account_id),),
        features={"residual_before": str(residual)},
        policy_hash=facts["policy_hash"],
    )


def _event(
    fill: FillEvent, intent_id: UUID | None, before: Decimal, after: Decimal, reason: str
) -> CoverEvent:
    return CoverEvent(
        fill_id=fill.fill_id,
        order_id=fill.order_id,
        symbol=fill.symbol,
        account_id=fill.account_id,
        action="none" if intent_id is None else "cover",
        cover_intent_id=intent_id,
        residual_before=before,
        residual_after=after,
        reason_code=reason,
    )


def _decimals(values: Mapping[str, str]) -> dict[str, Decimal]:
    return {name: Decimal(value) for name, value in values.items()}
