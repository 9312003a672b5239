"""One alert's decisions, told in the order in which they were made."""

from __future__ import annotations

from typing import Any

from rich.markup import escape

from backend.contracts.denials import Code
from cli.console import out


def tell(story: dict[str, Any]) -> None:
    """Print the life of one alert."""
    console = out()
    alert = story["alert"]
    body = bytes.fromhex(alert["bytes_hex"]).decode(errors="replace")
    console.print(f"\n[bold]The story of {story['correlation_id']}[/]")
    console.print(f"[dim]{alert['received_at']}[/] an alert came in through {alert['source_id']}:")
    console.print(f"    {escape(body)}", soft_wrap=True)
    for decision in story["decisions"]:
        code = Code.of_number(decision["code"])
        named = f" [yellow]{code} {code.meaning}[/]" if code else ""
        console.print(
            f"[dim]{decision['decided_at'][11:23]}[/] [bold]{decision['agent']}[/]"
            f" {decision['outcome']}{named}: {escape(decision['explanation'])}",
            soft_wrap=True,
        )
    for intent in story["intents"]:
        _tell_checks(intent)
    for order in story["orders"]:
        _tell_order(order)


def _tell_checks(intent: dict[str, Any]) -> None:
    console = out()
    console.print(
        f"\nLimits checked for intent {intent['intent_id']}"
        f" (policy {str(intent['policy_hash'])[:12]}):"
    )
    for check in intent["checks"]:
        mark = {"passed": "[green]✓[/]", "trimmed": "[yellow]~[/]"}.get(
            check["outcome"], "[red]✗[/]"
        )
        console.print(
            f"  {mark} {check['limit_kind']} ({check['scope']} {check['scope_id']}):"
            f" projected {check['projected']} of {check['limit_value']} {check['unit'] or ''}"
        )


def _tell_order(order: dict[str, Any]) -> None:
    console = out()
    console.print(
        f"\nOrder {order['order_id']}: {order['side']} {order['quantity']} {order['symbol']}"
        f" at {order['venue_id']}, stop {order['stop_loss']}, target {order['take_profit']}"
    )
    for event in order["events"]:
        console.print(
            f"  [dim]{event['occurred_at'][11:23]}[/] {event['from_status'] or '–'} →"
            f" {event['to_status']} {escape(event['message'] or '')}"
        )
    for fill in order["fills"]:
        console.print(
            f"  filled {fill['quantity']} at {fill['price']}"
            f" (venue trade {fill['venue_trade_id']}, slippage {fill['slippage_bps']} bps,"
            f" commission {fill['commission']})"
        )
