"""Alert bodies gone wrong, seeded: real ones cut, spliced, re-encoded, re-typed and mixed."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from backend.domain.intake.templates import AlertForm, AlertKind, template
from backend.domain.market.alerts import MarketState, plan_alerts, write_alert

_AT = datetime(2026, 11, 19, 14, 3, tzinfo=UTC)
_MARKET = MarketState(
    "EURUSD", Decimal("1.08"), Decimal("0.001"), Decimal("0.00001"), Decimal("0.0001")
)
_FILLINGS = {
    "ticker": ("EURUSD", "BTCUSDT.P", "ES1!", '={"symbol":"NASDAQ:AAPL"}', ""),
    "exchange": ("OANDA", "BINANCE", "NASDAQ_DLY"),
    "interval": ("15", "1D", "1h", "4320"),
    "timenow": ("2026-11-19T14:03:00Z", "1763560980000", "NaN", "later"),
    "close": ("1.0850", "NaN", "1e-7", "64,000.50"),
    "strategy.order.action": ("buy", "sell", "", "{{strategy.order.action}}"),
    "strategy.order.id": ("Long", 'the "best"', "line\nbreak", "Close entry(s) order Long"),
    "strategy.market_position": ("long", "short", "flat", "null"),
}
_SPLICES = (
    *(b'"', b"'", b"{", b"}", b"[", b"]", b",", b":", b";", b"=", b"\\", b"\x00", b"\n", b"\xff"),
    *(b"null", b"NaN", b"-1", b"1e999", b"true", b"{{close}}", b"buy", b"sell", b"exit", b"flat"),
    *("не ".encode(), "\u202e".encode(), "🚫".encode(), b"\\u0000", b"\\ud800", b"EURUSD"),
)
_VALUES = (
    *(None, True, False, 0, -1, 10**30, 1.5, float("nan"), "", " ", "NaN", "null", "buy", "sell"),
    *("long", "short", "exit", "flat", "{{x}}", "a\x00b", "x" * 300, [], {}, [1, 2], ["buy"]),
    *({"side": "sell"}, [{"action": "sell"}], "1.08", "-1.08", "5%", "EURUSD", "OANDA:XAUUSD"),
)


def mutated_bodies(seed: int, count: int) -> Iterator[bytes]:
    """Yield bodies; a seed always gives the same ones."""
    dice = random.Random(seed)
    originals = _originals(dice)
    for _ in range(count):
        body = dice.choice(originals)
        if dice.random() < 0.5:
            body = _retyped(dice, body)
        for _ in range(dice.choice((0, 1, 1, 2, 5))):
            body = dice.choice((_cut, _spliced, _flipped, _mixed, _encoded))(dice, body, originals)
        yield body[:70_000]


def _originals(dice: random.Random) -> list[bytes]:
    plans = plan_alerts(dice.randrange(2**31), 150, [_MARKET], 0.0, 0.1)
    written = [
        write_alert(plan, f"fuzz-{plan.index}", _AT + timedelta(seconds=plan.index)).body
        for plan in plans
    ]
    for kind in AlertKind:
        for form in AlertForm:
            message = template(kind, form, dice.choice(("buy", "sell")))
            for _ in range(3 if message else 0):
                assert message is not None
                text = message.message
                for name, values in _FILLINGS.items():
                    text = text.replace("{{" + name + "}}", dice.choice(values))
                written.append(text.encode())
    return written


def _retyped(dice: random.Random, body: bytes) -> bytes:
    """Replace, repeat, rename or drop values of a document."""
    try:
        document = json.loads(body)
    except ValueError:
        return body
    if not isinstance(document, dict):
        return body
    node: dict[str, object] = document
    for _ in range(dice.randrange(3)):
        inner = [value for value in node.values() if isinstance(value, dict)]
        node = dice.choice(inner) if inner and dice.random() < 0.5 else node
    if node:
        key = dice.choice(sorted(node))
        what = dice.randrange(4)
        if what == 0:
            del node[key]
        elif what == 1:
            node[dice.choice((key.upper(), f"{key} ", key.replace("_", "-")))] = node[key]
        else:
            node[key] = dice.choice(_VALUES)
    if dice.random() < 0.15:
        return json.dumps([document] * dice.randrange(3)).encode()
    if dice.random() < 0.1:
        return json.dumps({dice.choice(("data", "message", "x")): json.dumps(document)}).encode()
    return json.dumps(document, ensure_ascii=dice.random() < 0.5).encode("utf-8", "surrogatepass")


def _cut(dice: random.Random, body: bytes, _: list[bytes]) -> bytes:
    a, b = sorted(dice.randrange(len(body) + 1) for _ in range(2))
    return body[:a] + body[b:] if dice.random() < 0.5 else body[a:b]


def _spliced(dice: random.Random, body: bytes, _: list[bytes]) -> bytes:
    place = dice.randrange(len(body) + 1)
    return body[:place] + dice.choice(_SPLICES) * dice.choice((1, 1, 1, 2, 50)) + body[place:]


def _flipped(dice: random.Random, body: bytes, _: list[bytes]) -> bytes:
    changed = bytearray(body)
    for _turn in range(dice.choice((1, 1, 2, 8))):
        if changed:
            changed[dice.randrange(len(changed))] = dice.randrange(256)
    return bytes(changed)


def _mixed(dice: random.Random, body: bytes, originals: list[bytes]) -> bytes:
    other = dice.choice(originals)
    return body[: dice.randrange(len(body) + 1)] + other[dice.randrange(len(other) + 1) :]


def _encoded(dice: random.Random, body: bytes, _: list[bytes]) -> bytes:
    text = body.decode("utf-8", "replace")
    return text.encode(
        dice.choice(("utf-16", "utf-16-le", "utf-8-sig", "utf-7", "cp037")), "replace"
    )
