"""What the order agent decides about a worked order: its plan, its next step, its end."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from backend.contracts.denials import Code
from backend.contracts.orders import PlaceCommand, RouteIntent
from backend.domain.algorithms import (
    Chosen,
    Finished,
    Market,
    Plan,
    Progress,
    Send,
    SlicingPolicy,
    Step,
    Wait,
    next_step,
)
from backend.values import Mode, Side, TimeInForce, format_decimal, format_instant
from workers.agent import Context, Decision, Effect, Emission, Facts, RowMessage
from workers.working import (
    ENDING,
    finish_item,
    market_of,
    plan_again,
    plan_item,
    plan_of,
    progress_of,
    steps,
)

HELD_UP = timedelta(seconds=2)
"""A child that may not be opened now is tried again this soon."""


def plan_order(
    route: RouteIntent,
    facts: Facts,
    chosen: Chosen,
    policy: SlicingPolicy,
    context: Context,
    paced_after: str,
) -> Decision:
    """State the schedule of a worked order, and take its first step.

    paced_after: the baseline that its pace follows. Raises Unworkable, ValueError.
    """
    plan = plan_of(facts, route.side, route.quantity, route.latency_class, chosen, policy, context)
    market = market_of(facts, route.side, plan.terms, context.now)
    sends, step = steps(plan, Progress(), market)
    due = len(plan.schedule.slices)
    said = (
        f"{route.side.value} {format_decimal(route.quantity)} lots of {route.symbol} are worked "
        f"by {chosen.algorithm.value} ({chosen.why}) in {due} slices until "
        f"{format_instant(chosen.ends_at)}"
    )
    if policy.pace_s:
        said += f", at least {policy.pace_s} s apart ({paced_after})"
    item = {"plan": plan_item(plan, chosen, market)}
    found = _stepped(str(route.intent_id), facts, plan, market, (sends, step), context, item, said)
    return replace(found, features={**found.features, "baseline": paced_after})


def look_at_order(message: RowMessage, facts: Facts, context: Context) -> Decision:
    """Take the next step of a worked order from what its rows say."""
    row = facts["parent"]
    if row is None or row["state"] != "working":
        return Decision("repeated", "nothing of it is worked any more")
    plan = plan_again(facts)
    market = market_of(facts, plan.parent.side, plan.terms, context.now)
    progress = progress_of(facts)
    refusal = facts["child_refusal"]
    if refusal is None:
        sends, step = steps(plan, progress, market)
    else:
        sends, step = [], _held_up(plan, progress, market, Code(refusal))
    item = {"slice_id": str(message.row_id)}
    said = f"{row['algorithm']} has {format_decimal(progress.filled)} of {row['quantity']} lots"
    return _stepped(row["intent_id"], facts, plan, market, (sends, step), context, item, said)


def child_item(command: PlaceCommand) -> dict[str, Any]:
    """Say for SQL what a command is to open."""
    return {
        "order_id": str(command.order_id),
        "child_index": command.child_index,
        "quantity": format_decimal(command.quantity),
        "order_type": command.order_type.value,
        "limit_price": None if command.limit_price is None else format_decimal(command.limit_price),
        "time_in_force": command.time_in_force.value,
        "algorithm": command.algorithm,
        "deviation_points": command.deviation_points,
        "expires_at": format_instant(command.expires_at),
    }


def _held_up(plan: Plan, progress: Progress, market: Market, code: Code) -> Step:
    """Say what follows when no child may be opened: its end, or another look."""
    if code in ENDING and not progress.resting:
        return Finished(code.meaning)
    step = next_step(plan, progress, market)
    if isinstance(step, Send) or code in ENDING:
        return Wait(market.now + HELD_UP, f"{code.value}: {code.meaning}")
    return step


def _stepped(
    intent_id: str,
    facts: Facts,
    plan: Plan,
    market: Market,
    taken: tuple[list[Send], Step],
    context: Context,
    item: dict[str, Any],
    said: str,
) -> Decision:
    """Turn a step into the effect that makes it true and the commands that carry it out."""
    sends, step = taken
    first = len(facts["children"])
    commands = [
        _worked_command(intent_id, facts, plan, send, first + nr, context)
        for nr, send in enumerate(sends)
    ]
    due = plan.schedule.total_at(market.now)
    children = [
        child_item(command)
        | {
            **_resting_terms(send),
            "due_quantity": format_decimal(due),
            "bid": format_decimal(market.bid),
            "ask": format_decimal(market.ask),
            "why": send.why,
        }
        for command, send in zip(commands, sends, strict=True)
    ]
    code = facts["child_refusal"] if isinstance(step, Finished) else None
    item = {
        "intent_id": intent_id,
        **item,
        "children": children,
        "look_at": format_instant(step.until) if isinstance(step, Wait) else None,
        "finish": finish_item(facts, plan, step.why, market, code)
        if isinstance(step, Finished)
        else None,
    }
    sent = " + ".join(format_decimal(send.quantity) for send in sends)
    then = f"sent {sent}" if sends else step.why if not isinstance(step, Send) else ""
    return Decision(
        outcome="finished" if isinstance(step, Finished) else "sliced" if sends else "waiting",
        explanation=f"{said}: {then}.",
        code=None if code is None else Code(code),
        effects=(Effect("execution.work_orders", item),),
        emissions=tuple(Emission(command, command.account_id) for command in commands),
        features={"pace_s": str(plan.terms.pace_s)},
        policy_hash=facts["policy_hash"],
    )


def _resting_terms(send: Send) -> dict[str, str]:
    if send.limit_price is None:
        return {}
    return {"time_in_force": "GTD", "good_till": format_instant(send.expires_at)}


def _worked_command(
    intent_id: str, facts: Facts, plan: Plan, send: Send, index: int, context: Context
) -> PlaceCommand:
    order = facts["order"]
    rests = send.limit_price is not None
    # What rests is good until `expires_at`; the order's row says so in the venue's words.
    in_force = TimeInForce.GTC if rests else TimeInForce(facts["execution"]["time_in_force"])
    return PlaceCommand(
        strategy_id=order["strategy_id"],
        account_id=order["account_id"],
        mode=Mode(order["mode"]),
        order_id=context.new_id("order", index),
        intent_id=UUID(intent_id),
        child_index=index,
        venue_id=order["venue_id"],
        symbol=order["symbol"],
        side=Side(order["side"]),
        order_type=send.order_type,
        quantity=send.quantity,
        limit_price=send.limit_price,
        reference_price=Decimal(order["reference_price"]),
        stop_loss=_decimal(order["stop_loss"]),
        take_profit=_decimal(order["take_profit"]),
        time_in_force=in_force,
        algorithm=plan.algorithm.value,
        latency_class=plan.parent.latency_class,
        reduce_only=order["reduce_only"],
        deviation_points=int(facts["execution"]["deviation_points"]),
        policy_hash=order["policy_hash"],
        expires_at=send.expires_at,
    )


def _decimal(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)
