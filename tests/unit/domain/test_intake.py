"""Any bytes become an alert or a named reason why not."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.domain.intake import (
    Distance,
    DistanceUnit,
    IntakeCode,
    NotUnderstood,
    ParsedAlert,
    dedupe_key,
    parse_alert,
)
from backend.values import OrderType, Side

TRADINGVIEW = {
    "ticker": "EURUSD",
    "exchange": "OANDA",
    "interval": "15",
    "timenow": "2026-11-19T14:03:00Z",
    "strategy": {
        "order": {"action": "buy", "contracts": "1", "price": "1.0850", "id": "Long"},
        "market_position": "long",
    },
}


def understood(body: object, content_type: str | None = None) -> ParsedAlert:
    parsed = parse_alert(encode(body), content_type)
    assert isinstance(parsed, ParsedAlert), parsed
    return parsed


def refused(body: object) -> IntakeCode:
    parsed = parse_alert(encode(body))
    assert isinstance(parsed, NotUnderstood), parsed
    return parsed.reason_code


def encode(body: object) -> bytes:
    if isinstance(body, bytes):
        return body
    return body.encode() if isinstance(body, str) else json.dumps(body).encode()


def test_tradingview_placeholders_are_understood():
    alert = understood(TRADINGVIEW)
    assert (alert.symbol_raw, alert.exchange, alert.side) == ("EURUSD", "OANDA", Side.BUY)
    assert alert.price == Decimal("1.0850")
    assert alert.timeframe == "15"
    assert alert.order_name == "Long"
    assert alert.source_time == datetime(2026, 11, 19, 14, 3, tzinfo=UTC)


def test_pineconnector_distances_are_pips():
    alert = understood("60123456,buy,EURUSD,risk=1,sl=20,tp=40")
    assert alert.shape == "pineconnector"
    assert alert.stop_distance == Distance(Decimal(20), DistanceUnit.PIPS)
    assert alert.take_distance == Distance(Decimal(40), DistanceUnit.PIPS)
    assert alert.alert_id is None


@pytest.mark.parametrize(
    "body",
    [
        "SYMBOL=EURUSD;SIGNAL=BUY;ORDER_TYPE=MARKET;STOP_PRICE=1.08;TAKE_PROFIT_PRICE_1=1.1",
        {"symbol": "EURUSD", "side": "buy", "stop_price": 1.08, "target_price": 1.1},
        {"symbol": "EURUSD", "side": "buy", "risk": {"sl": 1.08, "tp": 1.1}},
        {"symbol": "EURUSD", "side": "buy", "bracket": {"stopLoss": 1.08, "takeProfit": 1.1}},
        "buy EURUSD sl=1.08 tp1=1.1 tp2=1.2",
    ],
)
def test_stop_and_target_are_read_wherever_senders_put_them(body: object):
    alert = understood(body)
    assert (alert.stop_loss, alert.take_profit) == (Decimal("1.08"), Decimal("1.1"))


@pytest.mark.parametrize("words", ["tp 1 ", "sl 1, ", "tp ", "long ", "stop loss ", "Aa", "["])
def test_no_pattern_runs_away_on_a_long_comment(words: str):
    # One that does would take hours here.
    body = {"symbol": "EURUSD", "side": "buy", "comment": (words * 60_000)[:60_000]}
    assert isinstance(parse_alert(encode(body)), ParsedAlert | NotUnderstood)


@pytest.mark.parametrize(
    ("body", "symbol", "side"),
    [
        ("buy EURUSD", "EURUSD", Side.BUY),
        ("EURUSD short", "EURUSD", Side.SELL),
        ("hunter2\nlong BTCUSD q=0.1 sl=1000", "BTCUSD", Side.BUY),
        ("sell OANDA:XAUUSD @ 2400.5 sl 2410 tp 2380", "XAUUSD", Side.SELL),
        ("EXCHANGE=BINANCE;SYMBOL=BTCUSDT;SIGNAL=BUY;VOLUME=2%;TOKEN=x", "BTCUSDT", Side.BUY),
        ("symbol: EURUSD\nside: long\nprice: 1.1", "EURUSD", Side.BUY),
        (
            "S (1, 2): order buy @ 1.5 filled on EURUSD. New strategy position is 1.5",
            "EURUSD",
            Side.BUY,
        ),
        (
            {"passphrase": "x", "action": "SELL", "symbol": "EURUSD", "sl_pips": 9},
            "EURUSD",
            Side.SELL,
        ),
        ({"tv_instrument": "BTCUSDT", "action": "enter_long"}, "BTCUSDT", Side.BUY),
        ({"ticker": "EURUSD", "action": "buy", "sentiment": "bullish"}, "EURUSD", Side.BUY),
        ({"data": {"strategy-order-action": "sell", "ticker": "XAUUSD"}}, "XAUUSD", Side.SELL),
        ({"key": "a", "message": "buy EURUSD"}, "EURUSD", Side.BUY),
        ({"symbol": "FX:EURUSD", "side": "buy", "ticker": "EURUSD"}, "EURUSD", Side.BUY),
        ('"buy EURUSD"', "EURUSD", Side.BUY),
        ([{"symbol": "EURUSD", "side": "buy"}], "EURUSD", Side.BUY),
    ],
)
def test_public_shapes_are_understood(body: object, symbol: str, side: Side):
    alert = understood(body)
    assert (alert.symbol_raw, alert.side) == (symbol, side)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", IntakeCode.BODY_EMPTY),
        (b"\xff\xfe\xfa", IntakeCode.BODY_NOT_UTF8),
        (b"x" * 70_000, IntakeCode.BODY_TOO_LARGE),
        ('{"symbol": ', IntakeCode.JSON_INVALID),
        ('{"a":' * 5000, IntakeCode.JSON_INVALID),
        ('{"symbol":"EURUSD","side":"buy","side":"sell"}', IntakeCode.JSON_KEY_TWICE),
        ({"side": "buy"}, IntakeCode.SYMBOL_MISSING),
        ({"symbol": "EURUSD"}, IntakeCode.DIRECTION_MISSING),
        ({"symbol": "EURUSD", "side": "moon"}, IntakeCode.DIRECTION_UNKNOWN),
        ({"symbol": "EURUSD", "side": 1}, IntakeCode.DIRECTION_UNKNOWN),
        (
            {"symbol": "EURUSD", "side": "{{strategy.order.action}}"},
            IntakeCode.PLACEHOLDER_NOT_FILLED,
        ),
        ({"symbol": "EURUSD", "side": "buy", "direction": "short"}, IntakeCode.DIRECTION_CONFLICT),
        ({"symbol": "EURUSD", "action": "exit"}, IntakeCode.ACTION_NOT_SUPPORTED),
        (
            {"symbol": "EURUSD", "action": "sell", "sentiment": "flat"},
            IntakeCode.ACTION_NOT_SUPPORTED,
        ),
        (
            {"symbol": "EURUSD", "action": "buy", "position_size": 0},
            IntakeCode.ACTION_NOT_SUPPORTED,
        ),
        (
            {"symbol": "EURUSD", "side": "buy", "close_position": "True"},
            IntakeCode.ACTION_NOT_SUPPORTED,
        ),
        ({"symbol": "EURUSD", "side": "buy", "order_type": "vibes"}, IntakeCode.ORDER_TYPE_UNKNOWN),
        ([{"symbol": "EURUSD", "side": "buy"}] * 2, IntakeCode.BATCH_NOT_SUPPORTED),
        ("don't buy EURUSD", IntakeCode.TEXT_NOT_UNDERSTOOD),
        ("buy or sell EURUSD", IntakeCode.TEXT_NOT_UNDERSTOOD),
        ("buy sell EURUSD", IntakeCode.DIRECTION_CONFLICT),
        ("close EURUSD", IntakeCode.ACTION_NOT_SUPPORTED),
    ],
)
def test_what_is_not_understood_says_why(body: object, code: IntakeCode):
    assert refused(body) is code


def test_a_sell_that_closes_a_long_is_no_opening_sell():
    body = {
        "ticker": "EURUSD",
        "strategy": {"order": {"action": "sell"}, "market_position": "flat"},
    }
    assert refused(body) is IntakeCode.ACTION_NOT_SUPPORTED


def test_a_bars_volume_is_no_quantity():
    bar = {"open": 1.1, "high": 1.2, "low": 1.0, "close": 1.15, "volume": 5321}
    alert = understood({"symbol": "EURUSD", "side": "buy", **bar})
    assert alert.quantity is None


def test_pending_words_carry_their_order_type():
    alert = understood("buylimit EURUSD @ 1.0800")
    assert (alert.side, alert.order_type, alert.price) == (
        Side.BUY,
        OrderType.LIMIT,
        Decimal("1.0800"),
    )


@pytest.mark.parametrize(
    "written",
    [
        1_763_560_980,
        1_763_560_980_000,
        "1763560980000",
        "2025-11-19T14:03:00Z",
        "2025-11-19 14:03:00",
    ],
)
def test_times_in_seconds_milliseconds_and_iso_are_one_instant(written: object):
    alert = understood({"symbol": "EURUSD", "side": "buy", "time": written})
    assert alert.source_time == datetime(2025, 11, 19, 14, 3, tzinfo=UTC)


def test_prices_keep_their_digits():
    alert = understood('{"symbol":"EURUSD","side":"buy","price":1.10,"sl":1.0950000000000000001}')
    assert str(alert.price) == "1.10"
    assert str(alert.stop_loss) == "1.0950000000000000001"


def test_numbers_that_are_none_are_ignored_with_a_warning():
    alert = understood({"symbol": "EURUSD", "side": "buy", "price": "cheap", "sl": float("nan")})
    assert alert.price is None
    assert alert.stop_loss is None
    assert alert.warnings == ("price unreadable",)


@given(st.binary(max_size=400))
def test_no_bytes_raise(body: bytes):
    assert isinstance(parse_alert(body), (ParsedAlert, NotUnderstood))


_SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
_WORDS = st.sampled_from(
    ["buy", "sell", "EURUSD", "1.1", "exit", "{{x}}", "sl=1", "@", "a:b", ",", ";"]
)
_KEYS = st.sampled_from(
    ["symbol", "side", "action", "price", "time", "id", "order", "sl", "q", "data"]
)


@given(
    st.recursive(
        _SCALARS | _WORDS,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=6),
        max_leaves=12,
    )
)
def test_no_json_raises_and_what_is_understood_is_storable(document: object):
    parsed = parse_alert(json.dumps(document).encode())
    if isinstance(parsed, ParsedAlert):
        for text in (parsed.symbol_raw, parsed.comment, parsed.alert_id, parsed.strategy_code):
            assert text is None or "\x00" not in text.encode().decode()
        assert parsed.price is None or parsed.price > 0


@given(st.lists(_WORDS, max_size=8).map(" ".join))
def test_no_text_raises_and_never_without_a_direction(text: str):
    parsed = parse_alert(text.encode())
    if isinstance(parsed, ParsedAlert):
        assert {"buy", "sell"} & set(text.split())


def test_the_same_alert_has_the_same_key_whatever_its_layout():
    body = encode(TRADINGVIEW)
    spaced = json.dumps(TRADINGVIEW, indent=2).encode()
    first = dedupe_key(parse_alert(body), body)
    assert first == dedupe_key(parse_alert(spaced), spaced)
    assert first.kind == "time"


def test_an_orders_name_is_no_id():
    body = encode({"symbol": "EURUSD", "side": "buy", "id": "Long 1"})
    assert dedupe_key(parse_alert(body), body).kind == "bytes"


def test_an_id_outweighs_the_time():
    first = encode({"symbol": "EURUSD", "side": "buy", "id": "a-1", "time": 1_763_560_980})
    later = encode({"symbol": "EURUSD", "side": "buy", "id": "a-1", "time": 1_763_570_000})
    assert dedupe_key(parse_alert(first), first) == dedupe_key(parse_alert(later), later)


@given(st.binary(max_size=60), st.binary(max_size=60))
def test_bodies_without_id_and_time_differ_when_their_bytes_do(one: bytes, two: bytes):
    keys = [dedupe_key(NotUnderstood(IntakeCode.BODY_EMPTY, ""), body) for body in (one, two)]
    assert (keys[0] == keys[1]) == (one == two)
