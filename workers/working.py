"""Worked orders: from rows to the algorithm's next step, and from the step to effects.

The order agent hears of a worked order when it is routed and whenever it is due for a look. What
is known is read from rows each time; the plan that was stated first is read back, never remade.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from backend.contracts.denials import Code
from backend.domain.algorithms import (
    Algorithm,
    Chosen,
    Execution,
    Market,
    Parent,
    Plan,
    Progress,
    Resting,
    Schedule,
    Send,
    Shortfall,
    Slice,
    SlicingPolicy,
    Step,
    Terms,
    VolumeCurve,
    Wait,
    expected_volume,
    make_plan,
    measure_shortfall,
    next_step,
)
from backend.domain.numbers import BPS
from backend.domain.sessions import Calendar, Session, is_open
from backend.values import LatencyClass, Side, format_decimal, format_instant, read_instant
from workers.agent import Context, Facts
from workers.sections import read_section

AT_ONCE_MAX = 20
"""Children of one look; whatever is left is cut at the next."""
AGAIN = timedelta(seconds=1)
"""When children were sent, what became of them is looked at this soon."""
ENDING = frozenset(
    {Code.HALTED, Code.ORDER_NOT_AUTHORIZED, Code.POLICY_HASH_MISMATCH, Code.ACCOUNT_NOT_TRADING}
)
"""For these no child will ever be opened again: authority is gone, or people said stop."""


class Unworkable(ValueError):
    """What must be known to work an order is not. Its text says what."""


def plan_of(
    facts: Facts,
    side: Side,
    quantity: Decimal,
    latency_class: LatencyClass,
    chosen: Chosen,
    policy: SlicingPolicy,
    context: Context,
) -> Plan:
    """Plan a parent that was just routed. Raises Unworkable, ValueError."""
    told = _market_row(facts)
    parent = Parent(
        side=side,
        quantity=quantity,
        volume_min=Decimal(told["volume_min"]),
        volume_max=Decimal(told["volume_max"]),
        volume_step=Decimal(told["volume_step"]),
        tick_size=Decimal(told["tick_size"]),
        latency_class=latency_class,
        starts_at=context.now,
        ends_at=chosen.ends_at,
        seed=context.seed,
    )
    return make_plan(parent, chosen.algorithm, policy.terms(), curves_of(told))


def plan_again(facts: Facts) -> Plan:
    """Read back what was planned. Raises Unworkable if it cannot be read."""
    row, order, told = facts["parent"], facts["order"], _market_row(facts)
    terms = read_section(Terms, row["terms"])
    if terms is None:
        raise Unworkable("the terms of its plan cannot be read")
    parent = Parent(
        side=Side(order["side"]),
        quantity=Decimal(row["quantity"]),
        volume_min=Decimal(told["volume_min"]),
        volume_max=Decimal(told["volume_max"]),
        volume_step=Decimal(told["volume_step"]),
        tick_size=Decimal(told["tick_size"]),
        latency_class=LatencyClass(row["latency_class"]),
        starts_at=read_instant(row["starts_at"]),
        ends_at=read_instant(row["ends_at"]),
        seed=int(row["seed"]),
    )
    slices = tuple(Slice(read_instant(at), Decimal(total)) for at, total in row["schedule"])
    return Plan(parent, Algorithm(row["algorithm"]), terms, Schedule(slices))


def volume_known(
    facts: Facts, policy: SlicingPolicy, latency_class: LatencyClass, now: datetime
) -> bool:
    """Tell whether an order that goes by volume could be planned now, and followed."""
    told = facts.get("market")
    if told is None:
        return False
    until = now + timedelta(seconds=policy.waits_s(latency_class) + policy.duration_s)
    by_pov = Algorithm.POV in (policy.algorithm, policy.algorithm_parked)
    return bool(expected_volume(curves_of(told), now, until)) and not (
        by_pov and told["traded"] is None
    )


def plan_item(plan: Plan, chosen: Chosen, market: Market) -> dict[str, Any]:
    """Say for SQL what is planned."""
    parent = plan.parent
    terms = {
        name: format_decimal(value) if isinstance(value, Decimal) else value
        for name, value in asdict(plan.terms).items()
    }
    return {
        "algorithm": plan.algorithm.value,
        "why": chosen.why,
        "quantity": format_decimal(parent.quantity),
        "arrival_bid": format_decimal(market.bid),
        "arrival_ask": format_decimal(market.ask),
        "starts_at": format_instant(parent.starts_at),
        "ends_at": format_instant(parent.ends_at),
        "schedule": [
            [format_instant(one.at), format_decimal(one.total)] for one in plan.schedule.slices
        ],
        "terms": terms,
        "seed": str(parent.seed),
    }


def market_of(facts: Facts, side: Side, terms: Terms, now: datetime) -> Market:
    """Say what is known of the market, to an order of a side. Raises Unworkable without a quote."""
    told = _market_row(facts)
    bid, ask = Decimal(told["bid"]), Decimal(told["ask"])
    usual = told["spread_usual_bps"]
    traded, hour = told["traded"], told["traded_hour"]
    # Decisions recorded before books were read know of none.
    depths = told.get("bid_depth"), told.get("ask_depth")
    near, far = depths if side is Side.BUY else depths[::-1]
    return Market(
        now=now,
        bid=bid,
        ask=ask,
        spread_usual=None if usual is None else Decimal(usual) * (bid + ask) / 2 / BPS,
        depth=None if far is None else Decimal(far),
        queue=None if near is None else Decimal(near),
        traded=None if traded is None else Decimal(traded) * terms.lots_per_volume,
        rate=None if hour is None else Decimal(hour) * terms.lots_per_volume / 3_600,
        is_open=is_open(now, Calendar(told["calendar"])),
    )


def progress_of(facts: Facts) -> Progress:
    """Sum up the children as their rows say."""
    children = facts["children"]
    resting = tuple(
        Resting(
            Decimal(child["quantity"]) - Decimal(child["filled_quantity"]),
            None if child["limit_price"] is None else Decimal(child["limit_price"]),
        )
        for child in children
        if child["open"]
    )
    return Progress(
        filled=sum((Decimal(child["filled_quantity"]) for child in children), Decimal(0)),
        resting=resting,
        children=len(children),
        last_sent_at=max((read_instant(c["created_at"]) for c in children), default=None),
    )


def steps(plan: Plan, progress: Progress, market: Market) -> tuple[list[Send], Step]:
    """Return the children that go now, and what comes after them."""
    sends: list[Send] = []
    step = next_step(plan, progress, market)
    while isinstance(step, Send) and len(sends) < AT_ONCE_MAX:
        sends.append(step)
        progress = replace(
            progress,
            resting=(*progress.resting, Resting(step.quantity, step.limit_price)),
            children=progress.children + 1,
            last_sent_at=market.now,
        )
        step = next_step(plan, progress, market)
    if sends:
        return sends, Wait(market.now + AGAIN, "children were sent")
    return sends, step


def finish_item(
    facts: Facts, plan: Plan, why: str, market: Market, code: str | None = None
) -> dict[str, Any]:
    """Say for SQL that a parent is over, and what it cost."""
    found = shortfall_of(facts, plan, market)
    average = found.average_price
    return {
        "why": why,
        "code": code,
        "filled_quantity": format_decimal(found.filled),
        "average_price": None if average is None else format_decimal(average),
        "delay_bps": format_decimal(found.delay),
        "impact_bps": format_decimal(found.impact),
        "spread_bps": format_decimal(found.spread),
        "opportunity_bps": format_decimal(found.opportunity),
        "total_bps": format_decimal(found.total),
        "behind_share": format_decimal(found.behind_share),
    }


def shortfall_of(facts: Facts, plan: Plan, market: Market) -> Shortfall:
    """Compare what was planned with what became of it."""
    row = facts["parent"]
    executions = [
        Execution(
            read_instant(fill["filled_at"]),
            Decimal(fill["quantity"]),
            Decimal(fill["price"]),
            None if fill["bid"] is None else Decimal(fill["bid"]),
            None if fill["ask"] is None else Decimal(fill["ask"]),
        )
        for fill in facts["fills"]
    ]
    return measure_shortfall(
        plan.parent.side,
        plan.parent.quantity,
        Decimal(row["decision_price"]),
        (Decimal(row["arrival_bid"]) + Decimal(row["arrival_ask"])) / 2,
        (market.bid + market.ask) / 2,
        executions,
        plan.schedule,
    )


def curves_of(told: Mapping[str, Any]) -> dict[Session, VolumeCurve]:
    """Read the learned curves of a symbol by session."""
    return {
        Session(row["session"]): VolumeCurve(
            "",
            Session(row["session"]),
            int(row["bucket_s"]),
            tuple(Decimal(one) for one in row["volumes"]),
            int(row["days"]),
        )
        for row in told["curves"]
    }


def _market_row(facts: Facts) -> Mapping[str, Any]:
    told = facts["market"]
    if told is None or told["bid"] is None:
        raise Unworkable("there is no quote of the instrument at the venue")
    return told
