"""Orders that wait at the terminal: triggered, filled in parts, expired, frozen."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.venues.inside import (
    BUY_LIMIT,
    BUY_STOP,
    BUY_STOP_LIMIT,
    DONE,
    FROZEN,
    SELL_LIMIT,
    SELL_STOP_LIMIT,
    Open,
    only,
    waiting,
)


def test_a_stop_limit_order_becomes_its_limit_and_keeps_its_ticket(paper: Open):
    prices = [1.1] * 2 + [1.102] * 2 + [1.1] * 5
    inside = paper(prices=prices)
    request = waiting(BUY_STOP_LIMIT, 1.1015, stoplimit=1.1010, sl=1.05)
    ticket = inside.order_send(request).order
    order = only(inside.orders_get(ticket=ticket))
    assert (order.type, order.price_open, order.price_stoplimit) == (6, 1.1015, 1.101)
    inside.wait(minutes=2)
    order = only(inside.orders_get(ticket=ticket))
    assert (order.type, order.price_open, order.price_stoplimit) == (BUY_LIMIT, 1.101, 0.0)
    inside.wait(minutes=2)
    held = only(inside.positions_get())
    assert (held.ticket, held.price_open, held.sl) == (ticket, 1.1001, 1.05)


@pytest.mark.parametrize(
    ("kind", "price", "limit"),
    [
        (BUY_STOP_LIMIT, 1.1015, 0.0),
        (BUY_STOP_LIMIT, 1.1015, 1.1016),
        (BUY_STOP_LIMIT, 1.0990, 1.0980),
        (SELL_STOP_LIMIT, 1.0990, 1.0989),
        (SELL_STOP_LIMIT, 1.1015, 1.1020),
        (BUY_STOP, 1.0990, 0.0),
        (SELL_LIMIT, 1.0990, 0.0),
    ],
)
def test_waiting_orders_on_the_wrong_side_are_invalid(
    paper: Open, kind: int, price: float, limit: float
):
    assert paper().order_send(waiting(kind, price, stoplimit=limit)).retcode == 10015


@pytest.mark.parametrize(
    ("kind", "price", "filled"),
    [(BUY_STOP, 1.102, 1.1051), (SELL_LIMIT, 1.102, 1.105)],
    ids=["a stop gets the worse price after the gap", "a limit gets the better one"],
)
def test_gaps_are_filled_at_the_market(paper: Open, kind: int, price: float, filled: float):
    inside = paper(prices=[1.1, 1.1, 1.105, 1.105])
    ticket = inside.order_send(waiting(kind, price)).order
    inside.wait(minutes=3)
    assert only(inside.history_deals_get(ticket=ticket)).price == filled


def test_orders_expire_when_they_said(paper: Open):
    inside = paper(at=datetime(2026, 3, 4, 22, tzinfo=UTC))
    now_s = int(inside.clock.now.timestamp())
    tickets = [
        inside.order_send(waiting(BUY_LIMIT, 1.05, **words)).order
        for words in (
            {},
            {"type_time": 1},
            {"type_time": 2, "expiration": now_s + 600},
            {"type_time": 3, "expiration": now_s + 86_400},
        )
    ]
    seen = []
    for hours in (0.5, 2.0, 24.0):
        inside.wait(hours=hours)
        seen.append([o.ticket for o in inside.orders_get()])
    assert seen == [
        [tickets[0], tickets[1], tickets[3]],
        [tickets[0], tickets[3]],
        [tickets[0]],
    ]
    assert {o.state for t in tickets[1:] for o in inside.history_orders_get(ticket=t)} == {6}


def test_a_limit_may_fill_in_parts_into_one_position(paper: Open):
    inside = paper(
        "--partial-fill", "1", "--seed", "4", prices=[1.1] * 2 + [1.09] * 3 + [1.088] * 30
    )
    ticket = inside.order_send(waiting(BUY_LIMIT, 1.095)).order
    inside.clock.now += timedelta(minutes=2, seconds=1)
    inside.terminal.tick()
    order = only(inside.orders_get(ticket=ticket))
    assert order.state == 3
    assert 0 < order.volume_current < order.volume_initial
    part = only(inside.positions_get())
    assert part.volume + order.volume_current == pytest.approx(1.0)
    removed = inside.order_send({"action": 8, "order": ticket})
    assert removed.retcode == DONE
    done = only(inside.history_orders_get(ticket=ticket))
    assert (done.state, done.volume_current) == (2, order.volume_current)
    again = inside.order_send(waiting(BUY_LIMIT, 1.0895, volume=2.0)).order
    inside.wait(minutes=20)
    assert inside.orders_get(ticket=again) == ()
    parts = inside.history_deals_get(ticket=again)
    assert len(parts) > 1
    assert {d.position_id for d in parts} == {again}
    assert only(inside.positions_get(ticket=again)).volume == 2.0


def test_frozen_positions_are_neither_changed_nor_closed(paper: Open):
    inside = paper("--freeze-level", "300")
    near = inside.trade(sl=1.0980).order
    far = inside.trade(sl=1.05).order
    change = {"action": 6, "symbol": "EURUSD", "sl": 1.04}
    assert inside.order_send(change | {"position": near}).retcode == FROZEN
    assert inside.trade(type=1, position=near).retcode == FROZEN
    assert inside.order_send(change | {"position": far}).retcode == DONE
    assert inside.trade(type=1, position=far).retcode == DONE
