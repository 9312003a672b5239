"""Whatever is asked of the terminal, in whatever order: its books agree, and survive a restart."""

from __future__ import annotations

import tempfile
from decimal import Decimal
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.venues.inside import Inside, open_inside
from tests.venues.process import END_S

SYMBOLS = ("EURUSD", "XAUUSD")
PRICES = [1.1 + 0.0015 * ((i * 7) % 11 - 5) for i in range(400)]
CODES = {0} | set(range(10004, 10046))

deal = st.fixed_dictionaries(
    {
        "action": st.just(1),
        "symbol": st.sampled_from(SYMBOLS),
        "type": st.integers(0, 1),
        "volume": st.sampled_from([0.01, 0.5, 1.0, 2.0, 0.015]),
        "type_filling": st.sampled_from([1, 1, 1, 0, 2]),
        "pick": st.sampled_from([0, 0, 0, 1, 2, -1]),
    }
)
pending = st.fixed_dictionaries(
    {
        "action": st.just(5),
        "symbol": st.just("EURUSD"),
        "type": st.sampled_from([2, 3, 4, 5, 6, 7, 8]),
        "volume": st.sampled_from([0.1, 1.0]),
        "type_filling": st.sampled_from([2, 2, 2, 1, 3]),
        "points": st.sampled_from([5, 100, 300]),
        "sl": st.sampled_from([0.0, 0.0, 1.08]),
    }
)
about = st.fixed_dictionaries(
    {
        "action": st.sampled_from([6, 7, 8, 10]),
        "symbol": st.just("EURUSD"),
        "points": st.sampled_from([150, 400]),
        "sl": st.sampled_from([0.0, 1.07]),
        "tp": st.sampled_from([0.0, 1.13]),
        "pick": st.sampled_from([1, 2, -1]),
    }
)
steps = st.lists(st.one_of(deal, pending, about, st.integers(1, 90)), min_size=5, max_size=40)


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(steps=steps, hedging=st.booleans(), seed=st.integers(1, 5))
def test_books_agree_after_any_sequence_and_after_a_restart(
    steps: list[Any], hedging: bool, seed: int
):
    options = ("--margin-mode", "hedging" if hedging else "netting", "--seed", str(seed))
    options += ("--partial-fill", "0.4", "--slippage-points", "2", "--commission-per-lot", "3")
    options += ("--balance", "5000")
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        inside = open_inside(home, *options, prices=PRICES)
        for step in steps:
            if isinstance(step, int):
                inside.wait(minutes=step)
            else:
                result = inside.order_send(aimed(inside, dict(step)))
                assert result.retcode in CODES
        known = check_books(inside)
        at = inside.clock.now
        inside.close()
        again = open_inside(home, *options, prices=PRICES, at=at)
        assert check_books(again) == known
        again.close()


def aimed(inside: Inside, request: dict[str, Any]) -> dict[str, Any]:
    """Point a request at something that there is, or was, or never was."""
    pick, points = request.pop("pick", None), request.pop("points", 0)
    kind = request.get("type", 2)
    if points:
        tick = inside.symbol_info_tick("EURUSD")
        # Limits below for buyers, stops above, and the other way round for sellers.
        sign = {2: -1, 3: 1, 4: 1, 5: -1, 6: 1, 7: -1, 8: 1}[kind]
        request["price"] = round((tick.bid if kind % 2 else tick.ask) + sign * points * 1e-5, 5)
    if kind in (6, 7):
        request["stoplimit"] = round(request["price"] - sign * 50e-5, 5)
    if not pick:
        return request
    positions = [p.ticket for p in inside.positions_get()] or [1]
    orders = [o.ticket for o in inside.orders_get()] or [1]
    request["position"] = positions[pick % len(positions)]
    if request["action"] != 1:
        request["type"] = kind
        request["position_by"] = positions[(pick + 1) % len(positions)]
        request["order"] = orders[pick % len(orders)]
    return request


def check_books(inside: Inside) -> list[Any]:
    deals = inside.history_deals_get(0, END_S)
    money = sum((exact(d.profit) + exact(d.commission) + exact(d.swap) for d in deals), Decimal(0))
    assert exact(inside.account_info().balance) == money
    for symbol in SYMBOLS:
        traded = sum((signed(d.type, d.volume) for d in deals if d.symbol == symbol), Decimal(0))
        held = inside.positions_get(symbol=symbol)
        assert traded == sum((signed(p.type, p.volume) for p in held), Decimal(0))
    finished = inside.history_orders_get(0, END_S)
    filled = {}
    for d in deals:
        filled[d.order] = filled.get(d.order, Decimal(0)) + exact(d.volume)
    for order in (*finished, *inside.orders_get()):
        if order.type != 8:
            traded = exact(order.volume_initial) - exact(order.volume_current)
            assert traded == filled.get(order.ticket, Decimal(0)), order
    return [inside.positions_get(), inside.orders_get(), finished, deals]


def exact(number: float) -> Decimal:
    return Decimal(repr(number))


def signed(kind: int, volume: float) -> Decimal:
    return exact(volume) if kind == 0 else -exact(volume)
