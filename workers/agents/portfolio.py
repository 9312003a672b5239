"""Portfolio: turns an opportunity into an intent of a size, or says why there is none.

Mission: risk no more than the pack's share of equity per trade. Observes the account, its
book, the quote and the treasury. SLO 5/20 ms. Failover: stateless, facts are read afresh.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from backend.contracts.base import ExposureDelta
from backend.contracts.denials import Code
from backend.contracts.message import Message
from backend.contracts.portfolio import AllocateIntent, Constraints
from backend.contracts.signals import Opportunity
from backend.domain.sizing import NotSized, Sized, SizingFacts, SizingPolicy, size
from backend.domain.treasury import Balance, TreasuryFacts, TreasuryPolicy, treasury_state
from backend.values import Side, format_decimal, read_instant
from workers.agent import Canvas, Context, Decision, Emission, Facts
from workers.reviews import denied
from workers.sections import read_section

CANVAS = Canvas(
    mission="Give each opportunity the size that risk, edge and treasury allow.",
    observations="Account equity, instrument steps, quote, position with reservations, balances.",
    actions="Publishes portfolio.intent.allocate.v1, or ends the alert as denied.",
    beliefs="None: every fact is read afresh.",
    policy="The smallest of risk per trade, fractional Kelly on what is left of the probability "
    "after its uncertainty, the volatility target, caps, leverage and request, times the "
    "treasury's throttle, rounded down to the step. After losses in a row, or where volatility is "
    "unknown, a small fixed risk takes the models' place. Anything else missing sizes nothing.",
    slo_p50_ms=5,
    slo_p95_ms=20,
    failover="Stateless; shards move to another worker when the lease ends.",
)
HEARS = (Opportunity.TYPE,)
EMITS = (AllocateIntent.TYPE,)
FACTS = "risk.sizing_facts"
EFFECTS: tuple[str, ...] = ()
MAY_CALL = ("risk.sizing_facts",)


def ask(message: Message[Opportunity]) -> dict[str, Any]:
    """Ask for the account's state and everything that bounds a size."""
    payload = message.payload
    return {
        "symbol": payload.symbol,
        "account_id": payload.account_id,
        "hypothesis_id": str(payload.hypothesis_id),
        "strategy_id": payload.strategy_id,
    }


def handle(message: Message[Opportunity], facts: Facts, context: Context) -> Decision:
    """Size one opportunity."""
    opportunity, policy_hash = message.payload, facts["policy_hash"]
    policy = read_section(SizingPolicy, facts["policy"])
    if policy is None:
        return denied(Code.POLICY_MISSING, "no active pack says how to size", policy_hash)
    gap = _missing(facts)
    if gap is not None:
        return denied(gap, f"{opportunity.symbol}: {gap.meaning}", policy_hash)
    found = size(_sizing_facts(opportunity, facts, context), policy)
    if isinstance(found, NotSized):
        code = Code[found.code.name]
        return denied(code, f"{code.meaning} ({found.detail})", policy_hash)
    intent = _intent(message, found, policy, context)
    return Decision(
        outcome="sized",
        explanation=f"{intent.side.value} {format_decimal(found.quantity)} lots of "
        f"{intent.symbol}: {format_decimal(found.risk_amount.quantize(Decimal('0.01')))} "
        f"at risk, {', '.join(found.reason_codes)}.",
        emissions=(Emission(intent, intent.account_id),),
        features={
            "utility": format_decimal(found.utility),
            "risk_score": format_decimal(found.risk_score),
            "leverage_after": format_decimal(found.leverage_after),
        },
        policy_hash=policy_hash,
    )


def _missing(facts: Facts) -> Code | None:
    gaps = (
        ("instrument", Code.INSTRUMENT_MISSING),
        ("account", Code.ACCOUNT_MISSING),
        ("quote", Code.PRICE_MISSING),
        ("probability", Code.OBSERVATION_MISSING),
        ("gross_exposure", Code.OBSERVATION_MISSING),
    )
    return next((code for name, code in gaps if facts[name] is None), None)


def _sizing_facts(opportunity: Opportunity, facts: Facts, context: Context) -> SizingFacts:
    instrument, quote = facts["instrument"], facts["quote"]
    bid, ask = Decimal(quote["bid"]), Decimal(quote["ask"])
    price, stop = opportunity.reference_price, opportunity.stop_loss
    rate = facts["rate"]
    return SizingFacts(
        side=opportunity.side,
        reference_price=price,
        stop_loss=stop,
        probability=Decimal(facts["probability"]),
        reward_to_risk=abs(opportunity.take_profit - price) / abs(price - stop)
        if price != stop
        else Decimal(0),
        confidence=opportunity.confidence,
        atr=opportunity.atr,
        sigma=None if facts["sigma"] is None else Decimal(facts["sigma"]),
        trades=facts["trades"],
        losses_in_row=facts["losses_in_row"],
        spread_bps=(ask - bid) * 20_000 / (ask + bid),
        requested_quantity=opportunity.quantity,
        equity=Decimal(facts["account"]["equity"]),
        quote_rate=None if rate is None else Decimal(rate),
        contract_size=Decimal(instrument["contract_size"]),
        volume_min=Decimal(instrument["volume_min"]),
        volume_max=Decimal(instrument["volume_max"]),
        volume_step=Decimal(instrument["volume_step"]),
        current_quantity=Decimal(facts["current_quantity"]),
        gross_exposure=Decimal(facts["gross_exposure"]),
        treasury_throttle=_throttle(facts, context),
    )


def _throttle(facts: Facts, context: Context) -> Decimal | None:
    """Return what the treasury allows of a normal size; None if it cannot be known."""
    policy = read_section(TreasuryPolicy, facts["treasury"])
    balances: Sequence[Mapping[str, Any]] | None = facts["balances"]
    if policy is None or not balances or facts["margin_rate"] is None:
        return None
    currency = facts["account"]["currency"]
    # Only what is held in the account's own currency can be valued without guessing.
    own = [row for row in balances if row["currency"] == currency]
    gross, margin_rate = Decimal(facts["gross_exposure"]), Decimal(facts["margin_rate"])
    state = treasury_state(
        TreasuryFacts(
            currency=currency,
            balances=[
                Balance(
                    row["currency"],
                    Decimal(row["cash"]),
                    Decimal(1) if row["currency"] == currency else None,
                    is_cash=True,
                )
                for row in balances
            ],
            reserved=gross * margin_rate,
            unrealized=sum((Decimal(r["equity"]) - Decimal(r["cash"]) for r in own), Decimal(0)),
            as_of=min(read_instant(row["as_of"]) for row in balances),
            now=context.now,
        ),
        policy,
    )
    return state.throttle


def _intent(
    message: Message[Opportunity], sized: Sized, policy: SizingPolicy, context: Context
) -> AllocateIntent:
    opportunity = message.payload
    keys = (
        ("organization", message.org_id),
        ("account", opportunity.account_id),
        ("strategy", opportunity.strategy_id),
        ("instrument", opportunity.symbol),
        ("venue", opportunity.venue_id),
    )
    return AllocateIntent(
        intent_id=context.new_id("intent"),
        opportunity_id=opportunity.opportunity_id,
        signal_id=opportunity.signal_id,
        strategy_id=opportunity.strategy_id,
        account_id=opportunity.account_id,
        mode=opportunity.mode,
        symbol=opportunity.symbol,
        side=Side(opportunity.side),
        order_type=opportunity.order_type,
        quantity=sized.quantity,
        notional=sized.notional,
        reference_price=opportunity.reference_price,
        stop_loss=opportunity.stop_loss,
        take_profit=opportunity.take_profit,
        venue_id=opportunity.venue_id,
        latency_class=opportunity.latency_class,
        reduce_only=False,
        exposure_deltas=tuple(
            ExposureDelta(scope=scope, key=key, delta=sized.exposure_delta) for scope, key in keys
        ),
        reason_codes=sized.reason_codes,
        target_size=sized.target_size,
        current_size=sized.current_size,
        confidence=opportunity.confidence,
        risk_score=sized.risk_score,
        utility=sized.utility,
        constraints=Constraints(
            leverage=sized.leverage_after,
            risk_fraction=policy.risk_fraction,
            quantity_cap=sized.quantity_cap,
        ),
    )
