"""An understood alert survives the way through JSON exactly."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.domain.intake import Distance, DistanceUnit, ParsedAlert, parse_alert
from backend.domain.intake.wire import decode_alert, encode_alert
from backend.values import OrderType, Side

PRICES = st.none() | st.decimals(
    min_value=Decimal("0.00000001"), max_value=Decimal(10) ** 9, allow_nan=False, places=8
)
TEXTS = st.none() | st.text(min_size=1, max_size=64)
DISTANCES = st.none() | st.builds(
    Distance,
    st.decimals(min_value=Decimal("0.01"), max_value=Decimal(10_000), places=2),
    st.sampled_from(DistanceUnit),
)
INSTANTS = st.none() | st.integers(0, 4_000_000_000_000_000).map(
    lambda microseconds: datetime(2000, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds)
)


@given(
    st.builds(
        ParsedAlert,
        shape=st.just("json"),
        symbol_raw=st.text(min_size=1, max_size=32),
        side=st.sampled_from(Side),
        order_type=st.sampled_from(OrderType),
        alert_id=TEXTS,
        exchange=TEXTS,
        price=PRICES,
        stop_loss=PRICES,
        take_profit=PRICES,
        stop_distance=DISTANCES,
        take_distance=DISTANCES,
        quantity=PRICES,
        timeframe=TEXTS,
        source_time=INSTANTS,
        strategy_code=TEXTS,
        order_name=TEXTS,
        comment=TEXTS,
        sequence=st.none() | st.integers(0, 2**53),
        warnings=st.lists(st.text(max_size=16), max_size=3).map(tuple),
    )
)
def test_every_alert_comes_back_as_it_was(alert: ParsedAlert):
    assert decode_alert(json.loads(json.dumps(encode_alert(alert)))) == alert


def test_numbers_travel_as_text_and_instants_with_their_zone():
    alert = parse_alert(b'{"ticker":"EURUSD","action":"sell","price":1.10,"time":1767607200}')
    assert isinstance(alert, ParsedAlert)
    encoded = encode_alert(alert)
    assert encoded["price"] == "1.10"
    assert encoded["source_time"] == "2026-01-05T10:00:00.000000Z"
    assert encoded["stop_loss"] is None


@pytest.mark.parametrize(
    "change",
    [
        {"side": "UP"},
        {"symbol_raw": None},
        {"price": 1.1},
        {"price": "much"},
        {"sequence": "7"},
        {"warnings": None},
        {"stop_distance": "20 pips"},
        {"stop_distance": {"value": "20", "unit": "miles"}},
        {"source_time": "2026-01-05T10:00:00"},
    ],
)
def test_what_is_no_alert_is_refused(change: dict[str, object]):
    alert = parse_alert(b"buy EURUSD")
    assert isinstance(alert, ParsedAlert)
    with pytest.raises((KeyError, TypeError, ValueError)):
        decode_alert({**encode_alert(alert), **change})
