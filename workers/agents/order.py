"""Order: cuts a routed intent into child orders and opens them, at once or over time.

Mission: orders exist only from authority, never more than it. `execution.open_orders` decides
under the halts' locks, for what is worked over time `execution.work_orders`. SLO 5/25 ms.
Failover: stateless; order ids derive from the message, worked orders go on from their rows.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from backend.contracts.denials import Code
from backend.contracts.message import Message
from backend.contracts.orders import PlaceCommand, RouteIntent
from backend.domain.algorithms import (
    Algorithm,
    SlicingPolicy,
    choose,
)
from backend.domain.algorithms.apportion import cut_at_once
from backend.domain.algorithms.choose import fault_of
from backend.domain.settling import child_pace
from backend.values import (
    LatencyClass,
    OrderType,
    format_decimal,
)
from workers.agent import Canvas, Context, Decision, Effect, Emission, Facts, RowMessage
from workers.bridge.baselines import baselines_of
from workers.refusals import refuse_intent
from workers.sections import read_section
from workers.worked_orders import child_item, look_at_order, plan_order
from workers.working import Unworkable, volume_known

CANVAS = Canvas(
    mission="Make child orders out of authority, and never more of them than it covers.",
    observations="The intent as authorised, the instrument's steps, halts, quote, the pack; of a "
    "worked order its plan, children, fills and the volume that others trade.",
    actions="Opens orders; publishes order.command.place.v1, one per child; states the schedule "
    "of what is worked over time and compares it at the end; a denied intent gives back what it "
    "holds.",
    beliefs="None: every fact is read afresh.",
    policy="Under a halt, after the authorisation's end, on a stale or distant price or under "
    "another policy pack nothing is opened.",
    slo_p50_ms=5,
    slo_p95_ms=25,
    failover="Stateless; a repeated message opens the same orders once, worked orders go on from "
    "their rows.",
)
HEARS = (RouteIntent.TYPE,)
HEARS_ROWS = ("slice",)
EMITS = (PlaceCommand.TYPE,)
FACTS = "execution.order_facts"
MORE_FACTS = "execution.work_facts"
TICK_FACTS = "execution.due_slices"
EFFECTS = (
    "execution.open_orders",
    "execution.work_orders",
    "execution.ask_slices",
    "risk.refuse_intents",
)
MAY_CALL = (
    "execution.ask_slices",
    "execution.due_slices",
    "execution.open_orders",
    "execution.order_facts",
    "execution.record_volume_curves",
    "execution.volume_facts",
    "execution.work_facts",
    "execution.work_orders",
    "risk.refuse_intents",
)
EVERY_MS = 1_000


def ask(message: Message[RouteIntent] | RowMessage) -> dict[str, Any]:
    """Ask for the intent as it stands and how it may be cut."""
    if isinstance(message, RowMessage):
        return {"slice_id": str(message.row_id)}
    return {"intent_id": str(message.payload.intent_id)}


def ask_more(message: Message[RouteIntent] | RowMessage, facts: Facts) -> dict[str, Any] | None:
    """Ask for the market and what was done so far, where something is not sent at once."""
    if isinstance(message, RowMessage):
        return {"slice_id": str(message.row_id)}
    route = message.payload
    if route.latency_class is LatencyClass.IMMEDIATE or route.order_type is not OrderType.MARKET:
        return None
    if facts["ordered"] or facts["refusal"] is not None:
        return None
    policy = read_section(SlicingPolicy, facts["slicing"])
    if policy is None or policy.goes_at_once(route.latency_class, route.quantity):
        return None
    return {"intent_id": str(route.intent_id)}


def handle(message: Message[RouteIntent] | RowMessage, facts: Facts, context: Context) -> Decision:
    """Open the child orders of one routed intent, or take the next step of a worked one."""
    if isinstance(message, RowMessage):
        return look_at_order(message, facts, context)
    route = message.payload
    # A worked order may have none yet: its intent says that it is planned.
    if facts["ordered"] or (facts["intent"] or {}).get("state") == "ordered":
        return Decision("repeated", f"intent {route.intent_id} has {facts['ordered']} orders")
    refusal = _refuse(route, facts)
    if refusal is not None:
        return _denied(route, facts, *refusal)
    policy = read_section(SlicingPolicy, facts["slicing"])
    if policy is None or fault_of(policy) is not None or facts["execution"] is None:
        return _denied(route, facts, Code.POLICY_MISSING, "no active pack says how to cut orders")
    pace_s, after = child_pace(baselines_of(facts.get("latencies") or ()), context.now)
    policy = policy.paced(pace_s)
    chosen = choose(
        policy,
        route.latency_class if "market" in facts else LatencyClass.IMMEDIATE,
        route.quantity,
        context.now,
        volume_known=volume_known(facts, policy, route.latency_class, context.now),
    )
    try:
        if chosen.worked:
            return plan_order(route, facts, chosen, policy, context, after)
        return _open(route, facts, policy, context)
    except Unworkable as error:
        return _denied(route, facts, Code.PRICE_MISSING, str(error))
    except ValueError as error:
        return _denied(route, facts, Code.ORDER_NOT_EXPRESSIBLE, str(error))


def ask_tick(now: datetime) -> dict[str, Any]:
    """Ask which worked orders are due for a look."""
    return {}


def handle_tick(facts: Facts, context: Context) -> Decision:
    """Queue a look at each worked order that is due."""
    parents = facts["parents"]
    return Decision(
        "looked_after" if parents else "idle",
        f"{len(parents)} worked orders are due.",
        effects=tuple(Effect("execution.ask_slices", {"intent_id": one}) for one in parents),
        quiet=True,
    )


def _open(route: RouteIntent, facts: Facts, policy: SlicingPolicy, context: Context) -> Decision:
    """Open everything now, in as few children as the venue allows."""
    instrument = facts["instrument"]
    quantities = cut_at_once(
        route.quantity,
        Decimal(instrument["volume_min"]),
        Decimal(instrument["volume_max"]),
        Decimal(instrument["volume_step"]),
    )
    expires_at = context.now + timedelta(seconds=policy.child_ttl_s)
    commands = [
        _command(route, facts, index, quantity, expires_at, context)
        for index, quantity in enumerate(quantities)
    ]
    effect = Effect(
        "execution.open_orders",
        {
            "intent_id": str(route.intent_id),
            "children": [child_item(command) for command in commands],
        },
    )
    parts = " + ".join(format_decimal(command.quantity) for command in commands)
    return Decision(
        outcome="ordered",
        explanation=f"{route.side.value} {parts} lots of {route.symbol} opened for "
        f"{commands[0].venue_id}, {commands[0].algorithm}.",
        effects=(effect,),
        emissions=tuple(Emission(command, command.account_id) for command in commands),
        policy_hash=facts["policy_hash"],
    )


def _refuse(route: RouteIntent, facts: Facts) -> tuple[Code, str] | None:
    intent = facts["intent"]
    if intent is None:
        return Code.ORDER_NOT_AUTHORIZED, f"no intent {route.intent_id}"
    if facts["refusal"] is not None:
        code = Code(facts["refusal"])
        return code, code.meaning
    if route.policy_hash != intent["policy_hash"]:
        return Code.POLICY_HASH_MISMATCH, "routed under another policy than authorised"
    if (intent["side"], intent["symbol"], intent["account_id"]) != (
        route.side.value,
        route.symbol,
        route.account_id,
    ):
        return Code.ORDER_NOT_AUTHORIZED, "the message names another order than the record"
    if route.quantity > Decimal(intent["authorized_quantity"]):
        return Code.CHILDREN_EXCEED_INTENT, Code.CHILDREN_EXCEED_INTENT.meaning
    if [share.venue_id for share in route.routing_plan] != [intent["venue_id"]]:
        return Code.VENUE_UNKNOWN, "the plan names another venue than was authorised"
    if facts["instrument"] is None:
        return Code.INSTRUMENT_MISSING, Code.INSTRUMENT_MISSING.meaning
    return None


def _denied(route: RouteIntent, facts: Facts, code: Code, detail: str) -> Decision:
    return refuse_intent(route.intent_id, facts, code, f"No order opened: {detail}.")


def _command(
    route: RouteIntent,
    facts: Facts,
    index: int,
    quantity: Decimal,
    expires_at: datetime,
    context: Context,
) -> PlaceCommand:
    return PlaceCommand(
        strategy_id=route.strategy_id,
        account_id=route.account_id,
        mode=route.mode,
        order_id=context.new_id("order", index),
        intent_id=route.intent_id,
        child_index=index,
        venue_id=route.routing_plan[0].venue_id,
        symbol=route.symbol,
        side=route.side,
        order_type=route.order_type,
        quantity=quantity,
        limit_price=route.price_limit,
        reference_price=route.reference_price,
        stop_loss=route.stop_loss,
        take_profit=route.take_profit,
        time_in_force=route.time_in_force,
        algorithm=Algorithm.IMMEDIATE.value,
        latency_class=route.latency_class,
        reduce_only=route.reduce_only,
        deviation_points=int(facts["execution"]["deviation_points"]),
        policy_hash=route.policy_hash,
        expires_at=expires_at,
    )
