"""Order: cuts a routed intent into child orders and opens them.

Mission: orders exist only from authority, never more than it. `execution.open_orders` decides
under the halts' locks. SLO 5/25 ms. Failover: stateless; order ids derive from the message.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from backend.contracts.denials import Code
from backend.contracts.message import Message
from backend.contracts.orders import PlaceCommand, RouteIntent
from backend.domain.slicing import ChildOrder, SlicingFacts, SlicingPolicy, slice_order
from backend.values import FinalOutcome, LatencyClass, format_decimal, format_instant
from workers.agent import Canvas, Context, Decision, Effect, Emission, Facts
from workers.sections import read_section

CANVAS = Canvas(
    mission="Make child orders out of authority, and never more of them than it covers.",
    observations="The intent as authorised, the instrument's steps, halts, quote, the pack.",
    actions="Opens orders; publishes order.command.place.v1, one per child; a denied intent gives "
    "back what it holds.",
    beliefs="None: every fact is read afresh.",
    policy="Under a halt, after the authorisation's end, on a stale or distant price or under "
    "another policy pack nothing is opened.",
    slo_p50_ms=5,
    slo_p95_ms=25,
    failover="Stateless; a repeated message opens the same orders once.",
)
HEARS = (RouteIntent.TYPE,)
EMITS = (PlaceCommand.TYPE,)
FACTS = "execution.order_facts"
EFFECTS = ("execution.open_orders", "risk.refuse_intents")
MAY_CALL = ("execution.order_facts", "execution.open_orders", "risk.refuse_intents")


def ask(message: Message[RouteIntent]) -> dict[str, Any]:
    """Ask for the intent as it stands and how it may be cut."""
    return {"intent_id": str(message.payload.intent_id)}


def handle(message: Message[RouteIntent], facts: Facts, context: Context) -> Decision:
    """Open the child orders of one routed intent."""
    route = message.payload
    if facts["ordered"]:
        return Decision("repeated", f"intent {route.intent_id} has {facts['ordered']} orders")
    refusal = _refuse(route, facts)
    if refusal is not None:
        return _denied(route, facts, *refusal)
    policy = read_section(SlicingPolicy, facts["slicing"])
    if policy is None or facts["execution"] is None:
        return _denied(route, facts, Code.POLICY_MISSING, "no active pack says how to cut orders")
    try:
        children = slice_order(_slicing_facts(route, facts, context), policy)
    except ValueError as error:
        return _denied(route, facts, Code.ORDER_NOT_EXPRESSIBLE, str(error))
    commands = [_command(route, facts, child, context) for child in children]
    effect = Effect(
        "execution.open_orders",
        {
            "intent_id": str(route.intent_id),
            "children": [_child(command) for command in commands],
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
    over = code is Code.INTENT_EXPIRED
    final = FinalOutcome.EXPIRED if over else FinalOutcome.DENIED
    intent = facts["intent"]
    holds = intent is not None and intent["state"] == "authorized"
    release = {"intent_id": str(route.intent_id), "code": code.value}
    return Decision(
        outcome="expired" if over else "denied",
        explanation=f"No order opened: {detail}.",
        code=code,
        effects=(Effect("risk.refuse_intents", release),) if holds else (),
        policy_hash=facts["policy_hash"],
        final=None if intent is not None and intent["kind"] == "cover" else final,
    )


def _slicing_facts(route: RouteIntent, facts: Facts, context: Context) -> SlicingFacts:
    instrument = facts["instrument"]
    return SlicingFacts(
        quantity=route.quantity,
        volume_min=Decimal(instrument["volume_min"]),
        volume_max=Decimal(instrument["volume_max"]),
        volume_step=Decimal(instrument["volume_step"]),
        # A place command has no start of its own yet, so nothing is spread over time.
        latency_class=LatencyClass.IMMEDIATE,
        starts_at=context.now,
    )


def _command(route: RouteIntent, facts: Facts, child: ChildOrder, context: Context) -> PlaceCommand:
    return PlaceCommand(
        strategy_id=route.strategy_id,
        account_id=route.account_id,
        mode=route.mode,
        order_id=context.new_id("order", child.child_index),
        intent_id=route.intent_id,
        child_index=child.child_index,
        venue_id=route.routing_plan[0].venue_id,
        symbol=route.symbol,
        side=route.side,
        order_type=route.order_type,
        quantity=child.quantity,
        limit_price=route.price_limit,
        reference_price=route.reference_price,
        stop_loss=route.stop_loss,
        take_profit=route.take_profit,
        time_in_force=route.time_in_force,
        algorithm=child.algorithm.value,
        latency_class=route.latency_class,
        reduce_only=route.reduce_only,
        deviation_points=int(facts["execution"]["deviation_points"]),
        policy_hash=route.policy_hash,
        expires_at=child.expires_at,
    )


def _child(command: PlaceCommand) -> dict[str, Any]:
    return {
        "order_id": str(command.order_id),
        "child_index": command.child_index,
        "quantity": format_decimal(command.quantity),
        "limit_price": None if command.limit_price is None else format_decimal(command.limit_price),
        "time_in_force": command.time_in_force.value,
        "algorithm": command.algorithm,
        "deviation_points": command.deviation_points,
        "expires_at": format_instant(command.expires_at),
    }
