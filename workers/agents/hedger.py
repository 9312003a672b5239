"""Hedger: covers what a fill leaves open beyond what anybody meant to hold.

Mission: residual exposure back within bounds. Hears execution.event.fill.v1. A cover asks Risk
for the same authority as any other intent. What was denied, rejected or filled in part still
stands: it is looked for every few seconds and asked for again. SLO 10/40 ms. Failover:
stateless; a fill that waits is covered by the worker that takes over, under the same intent id.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from backend.contracts.message import Message
from backend.contracts.orders import FillEvent
from backend.contracts.portfolio import CoverEvent, CoverIntent
from backend.domain.hedging import (
    Basket,
    CoverProposal,
    HedgeCode,
    HedgePolicy,
    NoCover,
    cover_basket,
    propose_cover,
    protection,
    waits,
)
from backend.domain.numbers import ONE, ZERO
from backend.values import Side, format_decimal
from workers.agent import Canvas, Context, Decision, Effect, Emission, Facts, RowMessage
from workers.covering import (
    RECORD_COVERS,
    Anchor,
    anchor_of,
    book_of,
    cover_event,
    cover_intent,
    cover_record,
    decimals,
    read_baskets,
    recorded_anchor,
    reference_price,
)
from workers.sections import read_section
from workers.uncovered import TELL_UNCOVERED, asked_of, say_uncovered, uncovered

CANVAS = Canvas(
    mission="Bring exposure that nobody asked for back within bounds, through authority.",
    observations="Fills, the account's exposures and pending covers, hedge instruments, halts, "
    "correlations and volatilities; every few seconds, what still stands open.",
    actions="Publishes hedger.intent.cover.v1 when needed and hedger.event.cover.v1 on every "
    "fill; asks again for what was denied, rejected or filled in part; has people told where "
    "every try is spent.",
    beliefs="A symbol moves with its basket as history says, or as the pack says where history "
    "says nothing; one that moves too little with its hedge is covered with itself.",
    policy="What an order was authorised for is meant; what was filled beyond it is covered. "
    "No pack, price or equity: no cover, and the reason is published. Nothing is asked for while "
    "a cover is pending, nor more often than the pack allows.",
    slo_p50_ms=10,
    slo_p95_ms=40,
    failover="Stateless; a repeated fill proposes the same intent.",
)
HEARS = (FillEvent.TYPE,)
HEARS_ROWS = ("residual",)
EMITS = (CoverEvent.TYPE, CoverIntent.TYPE)
LINGER_MS = 50
FACTS = "execution.hedge_facts"
TICK_FACTS = "execution.residual_facts"
EFFECTS = (RECORD_COVERS, "execution.renew_covers", TELL_UNCOVERED)
MAY_CALL = (
    "execution.hedge_facts",
    "execution.record_covers",
    "execution.renew_covers",
    "execution.residual_facts",
    TELL_UNCOVERED,
)
EVERY_MS = 5_000

Asking = Message[FillEvent] | RowMessage


def ask(message: Asking) -> dict[str, Any]:
    """Ask for the account's book around the fill."""
    if isinstance(message, RowMessage):
        return {"cover_id": str(message.row_id)}
    fill = message.payload
    return {
        "fill_id": str(fill.fill_id),
        "account_id": fill.account_id,
        "strategy_id": fill.strategy_id,
        "symbol": fill.symbol,
    }


def handle(message: Asking, facts: Facts, context: Context) -> Decision:
    """Propose a cover, or say why there is none."""
    again = isinstance(message, RowMessage)
    anchor = recorded_anchor(facts.get("fill")) if again else anchor_of(message.payload)
    if anchor is None:
        return Decision("none", "No residual is known under this id.")
    found = _find(anchor, facts, again)
    if isinstance(found, Decision):
        return found
    proposal, instrument, policy = found
    reference = None if instrument is None else reference_price(instrument, proposal.side)
    if instrument is None or reference is None:
        detail = f"no quote of {proposal.symbol}"
        return _none(anchor, facts, proposal.residual_before, HedgeCode.PRICE_MISSING.value, detail)
    protected = None
    if not proposal.reduce_only and policy.stop_sigmas is not None:
        protected = _protection(proposal.side, reference, instrument, policy)
        if protected is None:
            reason = HedgeCode.VOLATILITY_MISSING.value
            detail = f"no stop for {proposal.symbol}"
            return _none(anchor, facts, proposal.residual_before, reason, detail)
    intent_id = context.new_id("cover")
    cover_id = message.row_id if again else intent_id
    intent = cover_intent(anchor, facts, intent_id, proposal, reference, protected)
    event = cover_event(
        anchor,
        intent_id,
        proposal.residual_before,
        proposal.residual_after,
        proposal.reason_code.value,
    )
    return Decision(
        outcome="cover",
        explanation=f"{proposal.residual_before} of {anchor.symbol} is open beyond what was "
        f"authorised; {proposal.side.value} {proposal.quantity} {proposal.symbol} would leave "
        f"{proposal.residual_after} and asks for authority{' again' if again else ''}.",
        effects=(cover_record(anchor, cover_id, intent_id, proposal),),
        emissions=(
            Emission(intent, anchor.account_id, intent="cover"),
            Emission(event, anchor.account_id),
        ),
        features={
            "residual_before": str(proposal.residual_before),
            "residual_after": str(proposal.residual_after),
        },
        policy_hash=facts["policy_hash"],
    )


def ask_tick(now: datetime) -> dict[str, Any]:
    """Ask which accounts may stand beyond their bound."""
    return {}


def handle_tick(facts: Facts, context: Context) -> Decision:
    """Have residuals looked at again that stand without a pending cover.

    Where every try is spent people are told, until it is covered.
    """
    section = facts["policy"]
    policy = read_section(HedgePolicy, section)
    effects: list[Effect] = []
    telling: list[Effect] = []
    if policy is not None and section is not None:
        baskets = read_baskets(section, facts["measures"], policy)
        standing = [
            (account, basket, found)
            for account in facts["accounts"]
            for basket in baskets
            if (found := _standing(account, basket, policy)) is not None
        ]
        effects = [
            _renewal(account, basket, policy)
            for account, basket, found in standing
            if isinstance(found, CoverProposal) and waits(asked_of(account, basket), policy) is None
        ]
        telling = uncovered(facts["told"], standing, policy)
    names = ", ".join(f"{e.item['account_id']} {e.item['symbol']}" for e in effects)
    return Decision(
        outcome="told" if telling else "asked_again" if effects else "within_bounds",
        explanation=f"Beyond the bound without a pending cover: {names or 'none'}; "
        f"{say_uncovered(telling)}.",
        effects=(*effects, *telling),
        policy_hash=facts["policy_hash"],
        # What comes of it is decided, and traced, where the row is heard.
        quiet=not telling,
    )


def _find(
    anchor: Anchor, facts: Facts, again: bool
) -> Decision | tuple[CoverProposal, Mapping[str, Any] | None, HedgePolicy]:
    section = facts["policy"]
    policy = read_section(HedgePolicy, section)
    if policy is None:
        detail = "the active pack has no hedging numbers"
        return _none(anchor, facts, ZERO, "POLICY_MISSING", detail)
    if facts["covers"] and not again:
        return _none(anchor, facts, ZERO, "IS_COVER", "the fill is itself a cover")
    if facts["equity"] is None:
        return _none(anchor, facts, ZERO, "ACCOUNT_MISSING", "the account's equity is not known")
    baskets = read_baskets(section, facts.get("measures"), policy)
    exposures = decimals(facts["exposures"])
    if not baskets:
        baskets = (Basket("order", anchor.symbol, {anchor.symbol: ONE}),)
        exposures = {anchor.symbol: _excess(anchor, facts)}
    elif _comes_later(anchor, facts, baskets):
        detail = "a later fill of the basket is judged with everything that was filled"
        return _none(anchor, facts, ZERO, HedgeCode.LATER_FILL.value, detail)
    basket = next((b for b in baskets if anchor.symbol in b.betas), None)
    instrument = facts["instruments"].get(basket.hedge_symbol) if basket else None
    book = book_of(
        anchor.symbol, exposures, facts["equity"], instrument, halted=bool(facts["halted"])
    )
    found = propose_cover(book, baskets, policy)
    if isinstance(found, NoCover):
        return _none(anchor, facts, found.residual, found.reason_code.value, found.detail)
    return found, instrument, policy


def _comes_later(anchor: Anchor, facts: Facts, baskets: tuple[Basket, ...]) -> bool:
    """Tell whether the same batch has a later fill of the basket: their book is one."""
    last = facts.get("last")
    if not last:
        return False
    basket = next((b for b in baskets if anchor.symbol in b.betas), None)
    return basket is not None and any(last.get(symbol, -1) > facts["nr"] for symbol in basket.betas)


def _protection(
    side: Side, reference: Decimal, instrument: Mapping[str, Any], policy: HedgePolicy
) -> tuple[Decimal, Decimal] | None:
    sigma = instrument.get("sigma")
    tick = Decimal(instrument["tick_size"])
    return protection(side, reference, None if sigma is None else Decimal(sigma), tick, policy)


def _standing(
    account: Mapping[str, Any], basket: Basket, policy: HedgePolicy
) -> CoverProposal | NoCover | None:
    """Return what could be asked for a basket beyond its bound, None if it is within."""
    instrument = account["instruments"].get(basket.hedge_symbol)
    exposures = decimals(account["exposures"])
    book = book_of(basket.hedge_symbol, exposures, account["equity"], instrument, halted=False)
    found = cover_basket(book, basket, policy)
    return None if found.reason_code is HedgeCode.WITHIN_LIMIT else found


def _renewal(account: Mapping[str, Any], basket: Basket, policy: HedgePolicy) -> Effect:
    item = {
        "account_id": account["account_id"],
        "symbol": basket.hedge_symbol,
        "symbols": sorted({*basket.betas}),
        "tries": asked_of(account, basket).tries,
        "window_s": policy.tries_window_s or 0,
    }
    return Effect("execution.renew_covers", item)


def _excess(anchor: Anchor, facts: Facts) -> Decimal:
    """Return the signed exposure of this fill that goes beyond its order."""
    instrument = facts["instruments"].get(anchor.symbol)
    lots = Decimal(facts["excess"] or 0)
    if instrument is None or instrument["notional_per_lot"] is None:
        return lots * anchor.price
    return lots * Decimal(instrument["notional_per_lot"])


def _none(anchor: Anchor, facts: Facts, residual: Decimal, reason: str, detail: str) -> Decision:
    event = cover_event(anchor, None, residual, residual, reason)
    return Decision(
        outcome="none",
        explanation=f"No cover for {anchor.quantity} {anchor.symbol}: {reason} ({detail}); "
        f"{format_decimal(round(residual, 2))} stays open beyond what was authorised.",
        # A residual that is looked at again was announced when its fill was heard.
        emissions=() if facts.get("fill") else (Emission(event, anchor.account_id),),
        features={"residual_before": str(residual)},
        policy_hash=facts["policy_hash"],
    )
