"""One alert's decisions, told in the order in which they were made."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Any

from rich.markup import escape
from rich.padding import Padding

from backend.contracts.denials import Code
from backend.values import format_decimal
from cli.console import out

LATER = 13
"""Where text begins below an instant."""


def tell(story: dict[str, Any]) -> None:
    """Print the life of one alert."""
    console = out()
    alert = story["alert"]
    body = bytes.fromhex(alert["bytes_hex"]).decode(errors="replace")
    console.print(f"\n[bold]The story of {story['correlation_id']}[/] (times in UTC)")
    _say(f"[dim]{alert['received_at'][11:23]}[/] an alert came in through {alert['source_id']}:")
    _say(escape(body), LATER)
    for decision in story["decisions"]:
        code = Code.of_number(decision["code"])
        named = f" [yellow]{code} {code.meaning}[/]" if code else ""
        _say(
            f"[dim]{decision['decided_at'][11:23]}[/] [bold]{decision['agent']}[/]"
            f" {decision['outcome']}{named}"
        )
        _say(escape(decision["explanation"]), LATER)
    for intent in story["intents"]:
        _tell_checks(intent)
    for order in story["orders"]:
        _tell_order(order)


def _say(text: str, indent: int = 0) -> None:
    """Print a paragraph: wrapped between words for a person, on one line for a file."""
    console = out()
    if console.is_terminal:
        console.print(Padding(text, (0, 0, 0, indent)))
    else:
        console.print(" " * indent + text, soft_wrap=True)


def _tell_checks(intent: dict[str, Any]) -> None:
    _say(
        f"\nLimits checked for intent {intent['intent_id']}"
        f" (policy {str(intent['policy_hash'])[:12]}):"
    )
    for check in intent["checks"]:
        mark = {"passed": "[green]✓[/]", "trimmed": "[yellow]~[/]"}.get(
            check["outcome"], "[red]✗[/]"
        )
        _say(
            f"{mark} {check['limit_kind']} ({_scope(check)}):"
            f" {_number(check['projected'])} of {_number(check['limit_value'])}"
            f" {(check['unit'] or '').replace('_', ' ')}",
            2,
        )


def _scope(check: dict[str, Any]) -> str:
    whose = check["scope_id"]
    return str(check["scope"]) if whose in (None, "*") else f"{check['scope']} {whose}"


def _number(value: Any) -> str:
    """Write a number of the database without the zeros of its column's scale."""
    try:
        return format_decimal(Decimal(str(value)).normalize())
    except InvalidOperation:
        return "–" if value is None else str(value)


def _tell_order(order: dict[str, Any]) -> None:
    _say(
        f"\nOrder {order['order_id']}: {order['side']} {_number(order['quantity'])}"
        f" {order['symbol']} at {order['venue_id']}, stop {_number(order['stop_loss'])},"
        f" target {_number(order['take_profit'])}",
    )
    for event in order["events"]:
        _say(
            f"[dim]{event['occurred_at'][11:23]}[/] {event['from_status'] or '–'} →"
            f" {event['to_status']} {escape(event['message'] or '')}",
            2,
        )
    for fill in order["fills"]:
        _say(
            f"filled {_number(fill['quantity'])} at {_number(fill['price'])}"
            f" (venue trade {fill['venue_trade_id']},"
            f" slippage {_number(fill['slippage_bps'])} bps,"
            f" commission {_number(fill['commission'])})",
            2,
        )
