"""What the hedger reads from its facts, and how a cover is put into messages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from backend.contracts.base import ExposureDelta
from backend.contracts.orders import FillEvent
from backend.contracts.portfolio import CoverEvent, CoverIntent
from backend.domain.hedging import (
    Basket,
    CoverProposal,
    HedgeFacts,
    HedgePolicy,
    Measure,
    baskets_in_force,
)
from backend.domain.numbers import ONE, ZERO
from backend.values import LatencyClass, Mode, OrderType, Side
from workers.agent import Effect, Facts

RECORD_COVERS = "execution.record_covers"


@dataclass(frozen=True, slots=True)
class Anchor:
    """The fill that a cover is for: the one just heard, or the newest one of a residual."""

    fill_id: UUID
    order_id: UUID
    account_id: str
    strategy_id: str
    symbol: str
    mode: Mode
    quantity: Decimal
    price: Decimal


def anchor_of(fill: FillEvent) -> Anchor:
    """Return what a cover takes from a fill that was heard."""
    return Anchor(
        fill.fill_id,
        fill.order_id,
        fill.account_id,
        fill.strategy_id,
        fill.symbol,
        fill.mode,
        fill.filled_size,
        fill.price,
    )


def recorded_anchor(row: Mapping[str, Any] | None) -> Anchor | None:
    """Return the fill after which a residual stands, as the facts tell it."""
    if row is None:
        return None
    return Anchor(
        UUID(row["fill_id"]),
        UUID(row["order_id"]),
        row["account_id"],
        row["strategy_id"],
        row["symbol"],
        Mode(row["mode"]),
        Decimal(row["quantity"]),
        Decimal(row["price"]),
    )


def read_baskets(
    section: Mapping[str, Any],
    measures: Mapping[str, Mapping[str, Mapping[str, str]]] | None,
    policy: HedgePolicy,
) -> tuple[Basket, ...]:
    """Return the pack's baskets with the betas that hold now."""
    of_pack = tuple(
        Basket(row["name"], row["hedge_symbol"], decimals(row["betas"]))
        for row in section.get("baskets") or ()
    )
    known = {
        hedge: {symbol: Measure(**decimals(figures)) for symbol, figures in symbols.items()}
        for hedge, symbols in (measures or {}).items()
    }
    return baskets_in_force(of_pack, known, policy)


def book_of(
    symbol: str,
    exposures: Mapping[str, Decimal],
    equity: str,
    instrument: Mapping[str, Any] | None,
    *,
    halted: bool,
) -> HedgeFacts:
    """Return the book beside the instrument that would cover it."""
    lot = None if instrument is None else instrument["notional_per_lot"]
    return HedgeFacts(
        symbol=symbol,
        exposures=exposures,
        equity=Decimal(equity),
        notional_per_lot=None if lot is None else Decimal(lot),
        volume_min=Decimal(instrument["volume_min"]) if instrument else ZERO,
        volume_max=Decimal(instrument["volume_max"]) if instrument else ZERO,
        volume_step=Decimal(instrument["volume_step"]) if instrument else ONE,
        halted=halted,
    )


def cover_intent(
    anchor: Anchor,
    facts: Facts,
    intent_id: UUID,
    found: CoverProposal,
    reference: Decimal,
    protected: tuple[Decimal, Decimal] | None,
) -> CoverIntent:
    """Return the cover as it asks for authority.

    protected: stop-loss and take-profit; None for a cover that only reduces.
    """
    delta = found.side.sign * found.notional
    stop, take = protected or (None, None)
    return CoverIntent(
        intent_id=intent_id,
        symbol=found.symbol,
        side=found.side,
        order_type=OrderType.MARKET,
        quantity=found.quantity,
        notional=found.notional,
        reference_price=reference,
        stop_loss=stop,
        take_profit=take,
        venue_id=facts["venue_id"],
        latency_class=LatencyClass.IMMEDIATE,
        reduce_only=found.reduce_only,
        exposure_deltas=(
            ExposureDelta(scope="account", key=anchor.account_id, delta=delta),
            ExposureDelta(scope="instrument", key=found.symbol, delta=delta),
        ),
        reason_codes=(found.reason_code.value,),
        covers_fill_id=anchor.fill_id,
        residual_exposure=found.residual_before,
        strategy_id=anchor.strategy_id,
        account_id=anchor.account_id,
        mode=anchor.mode,
    )


def cover_event(
    anchor: Anchor, intent_id: UUID | None, before: Decimal, after: Decimal, reason: str
) -> CoverEvent:
    """Return what is said of a fill or a residual, covered or not."""
    return CoverEvent(
        fill_id=anchor.fill_id,
        order_id=anchor.order_id,
        symbol=anchor.symbol,
        account_id=anchor.account_id,
        action="none" if intent_id is None else "cover",
        cover_intent_id=intent_id,
        residual_before=before,
        residual_after=after,
        reason_code=reason,
    )


def cover_record(anchor: Anchor, cover_id: UUID, intent_id: UUID, found: CoverProposal) -> Effect:
    """Return the row by which the cover counts as filled from now on."""
    item = {
        "cover_id": str(cover_id),
        "account_id": anchor.account_id,
        "symbol": found.symbol,
        "fill_id": str(anchor.fill_id),
        "intent_id": str(intent_id),
        "side": found.side.value,
        "quantity": str(found.quantity),
    }
    return Effect(RECORD_COVERS, item)


def reference_price(instrument: Mapping[str, Any], side: Side) -> Decimal | None:
    """Return the price that a market order of the side would get, or None without a quote."""
    price = instrument["ask" if side is Side.BUY else "bid"]
    return None if price is None else Decimal(price)


def decimals(values: Mapping[str, str]) -> dict[str, Decimal]:
    """Read a table of numbers."""
    return {name: Decimal(value) for name, value in values.items()}
