"""The order-book mode: recorded depth, deals level by level, and a place in the queue."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, cast

import pytest

from backend.venues.mt5.reader import Mt5Options, Mt5Reader
from tests.venues.inside import Inside, open_inside
from tests.venues.stage import InsideClock, Within

DONE, PARTIAL, REJECTED = 10009, 10010, 10006
FOK, IOC, RETURN, BOC = range(4)
START_MS = 1_700_000_000_000
Levels = Sequence[tuple[str, str]]


def snapshot(bids: Levels, asks: Levels) -> dict[str, Any]:
    return {"lastUpdateId": 1, "E": START_MS, "bids": bids, "asks": asks}


def change(second: float, bids: Levels = (), asks: Levels = ()) -> dict[str, Any]:
    at = START_MS + round(second * 1000)
    return {"e": "depthUpdate", "E": at, "s": "BTCUSDT", "U": 2, "u": 3, "b": bids, "a": asks}


def trade(second: float, price: str, volume: str, sold: bool) -> dict[str, Any]:
    at = START_MS + round(second * 1000)
    return {"e": "trade", "E": at, "s": "BTCUSDT", "p": price, "q": volume, "m": sold}


BIDS = [("100.0", "2.000"), ("99.9", "5.000")]
ASKS = [("100.1", "1.000"), ("100.2", "2.000"), ("100.5", "4.000")]


@pytest.fixture
def book(tmp_path: Path) -> Generator[Callable[..., Inside]]:
    opened: list[Inside] = []

    def make(*messages: dict[str, Any], options: Sequence[str] = ()) -> Inside:
        path = tmp_path / "book.jsonl"
        # The last message only makes the recording long enough that it does not begin anew.
        lines = [snapshot(BIDS, ASKS), change(1, BIDS), *messages, change(500, BIDS)]
        path.write_text("".join(f"{i} {json.dumps(line)}\n" for i, line in enumerate(lines)))
        words = ("--depth", str(path), "--balance", "1000000", *options)
        opened.append(open_inside(tmp_path / "home", *words))
        return opened[-1]

    yield make
    for inside in opened:
        inside.close()


def place(inside: Inside, kind: int, price: float, **changes: object) -> int:
    request = {"action": 5, "symbol": "BTCUSDT", "volume": 1.0, "type": kind, "price": price}
    result = inside.order_send(request | {"type_filling": RETURN} | changes)
    assert result.retcode == DONE
    return int(result.order)


def filled(inside: Inside, ticket: int) -> float:
    return round(sum(deal.volume for deal in inside.history_deals_get(ticket=ticket)), 3)


def test_the_depth_of_market_is_shown_to_those_who_subscribed(book: Callable[..., Inside]):
    inside = book()
    assert inside.symbol_info("BTCUSDT").ticks_bookdepth == 20
    assert inside.market_book_get("BTCUSDT") is None
    assert inside.last_error()[0] == -1
    assert inside.market_book_add("BTCUSDT")
    shown = [(level.type, level.price, level.volume_dbl)
             for level in inside.market_book_get("BTCUSDT")]  # fmt: skip
    assert shown == [(1, 100.5, 4.0), (1, 100.2, 2.0), (1, 100.1, 1.0), (2, 100.0, 2.0),
                     (2, 99.9, 5.0)]  # fmt: skip
    tick = inside.symbol_info_tick("BTCUSDT")
    assert (tick.bid, tick.ask) == (100.0, 100.1)
    assert inside.market_book_release("BTCUSDT")
    assert inside.market_book_get("BTCUSDT") is None


def reader_of(inside: Inside) -> Mt5Reader:
    options = Mt5Options(server_utc_offset_hours=0, read_only=True)
    reader = Mt5Reader(cast("Any", Within(inside)), InsideClock(inside), options)
    reader.connect()
    return reader


def test_a_quote_tells_what_waits_at_the_touch_and_how_the_book_leans(book: Callable[..., Inside]):
    inside = book()
    quote = reader_of(inside).quote("BTCUSDT")
    assert quote is not None
    assert (quote.bid_depth, quote.ask_depth) == (Decimal(2), Decimal(1))
    # Seven lots offered, seven wanted.
    assert quote.depth_imbalance == 0
    assert inside.trade("BTCUSDT", volume=3.5).retcode == DONE
    quote = reader_of(inside).quote("BTCUSDT")
    assert quote is not None
    assert (quote.bid_depth, quote.ask_depth) == (Decimal(2), Decimal("3.5"))
    assert quote.depth_imbalance == Decimal("0.333333")


def test_a_book_is_subscribed_to_again_where_the_subscription_was_lost(
    book: Callable[..., Inside],
):
    inside = book()
    reader = reader_of(inside)
    assert (quote := reader.quote("BTCUSDT")) is not None
    assert quote.bid_depth == 2
    assert inside.market_book_release("BTCUSDT")
    assert (quote := reader.quote("BTCUSDT")) is not None
    assert quote.bid_depth is None
    assert (quote := reader.quote("BTCUSDT")) is not None
    assert quote.bid_depth == 2


def test_a_market_order_walks_the_book_one_deal_a_level(book: Callable[..., Inside]):
    inside = book()
    result = inside.trade("BTCUSDT", volume=2.5)
    assert (result.retcode, result.volume) == (DONE, 2.5)
    deals = inside.history_deals_get(ticket=result.order)
    assert [(d.price, d.volume) for d in deals] == [(100.1, 1.0), (100.2, 1.5)]
    assert {d.position_id for d in deals} == {result.order}
    (held,) = inside.positions_get(symbol="BTCUSDT")
    assert (held.volume, held.price_open) == (2.5, 100.16)
    # What was taken is gone until the recording says otherwise.
    assert inside.trade("BTCUSDT", volume=0.1).price == 100.2


def test_what_the_book_does_not_hold_is_not_filled(book: Callable[..., Inside]):
    inside = book()
    assert inside.trade("BTCUSDT", volume=8.0, type_filling=FOK).retcode == REJECTED
    part = inside.trade("BTCUSDT", volume=8.0, type_filling=IOC)
    assert (part.retcode, part.volume) == (PARTIAL, 7.0)
    assert inside.trade("BTCUSDT", volume=1.0, type_filling=IOC).retcode == REJECTED


def test_what_is_ahead_in_the_queue_is_served_first(book: Callable[..., Inside]):
    inside = book(
        trade(3.5, "100.0", "1.500", sold=True),
        trade(5.5, "100.0", "0.800", sold=True),
        trade(7.5, "100.0", "9.000", sold=False),
        trade(9.5, "100.0", "5.000", sold=True),
    )
    inside.wait(seconds=2)
    ticket = place(inside, 2, 100.0)
    seen = []
    for _ in range(4):
        inside.wait(seconds=2)
        seen.append(filled(inside, ticket))
    # 2.0 stood ahead: 1.5 of it goes, then 0.5 and 0.3 of ours; buyers' trades do not serve us.
    assert seen == [0.0, 0.3, 0.3, 1.0]
    deals = inside.history_deals_get(ticket=ticket)
    assert {d.price for d in deals} == {100.0}
    assert [o.state for o in inside.history_orders_get(ticket=ticket)] == [4]


def test_a_shrinking_level_moves_one_forward_a_growing_one_never_back(
    book: Callable[..., Inside],
):
    inside = book(
        change(3.5, bids=[("100.0", "0.500")]),
        change(4.5, bids=[("100.0", "9.000")]),
        trade(6.5, "100.0", "0.700", sold=True),
    )
    inside.wait(seconds=2)
    ticket = place(inside, 2, 100.0)
    inside.wait(seconds=6)
    assert filled(inside, ticket) == 0.2


def test_a_trade_beyond_the_price_serves_at_once_and_a_crossed_book_whole(
    book: Callable[..., Inside],
):
    inside = book(
        trade(3.5, "99.8", "0.250", sold=True),
        change(5.5, bids=[("100.0", "0"), ("99.9", "0"), ("99.5", "1")], asks=[("99.6", "1")]),
    )
    inside.wait(seconds=2)
    ticket = place(inside, 2, 99.9)
    inside.wait(seconds=2)
    assert filled(inside, ticket) == 0.25
    inside.wait(seconds=2)
    assert filled(inside, ticket) == 1.0


def test_the_place_in_the_queue_survives_a_restart(book: Callable[..., Inside], tmp_path: Path):
    inside = book(trade(3.5, "100.0", "1.500", sold=True), trade(6.5, "100.0", "0.800", sold=True))
    inside.wait(seconds=2)
    ticket = place(inside, 2, 100.0)
    inside.wait(seconds=2)
    place(inside, 3, 100.5)
    at = inside.clock.now
    inside.close()
    again = open_inside(
        tmp_path / "home", "--depth", str(tmp_path / "book.jsonl"), "--balance", "1000000", at=at
    )
    again.wait(seconds=4)
    assert filled(again, ticket) == 0.3
    again.close()


def test_stops_and_targets_follow_the_best_prices_of_the_book(book: Callable[..., Inside]):
    inside = book(change(4.5, bids=[("100.0", "0"), ("99.9", "0"), ("98.0", "3")]))
    inside.wait(seconds=2)
    ticket = inside.trade("BTCUSDT", volume=0.5, sl=99.5).order
    inside.wait(seconds=4)
    out = inside.history_deals_get(position=ticket)[-1]
    assert (out.entry, out.reason, out.price) == (1, 4, 98.0)


def test_a_file_without_a_book_is_refused(tmp_path: Path):
    path = tmp_path / "empty.jsonl"
    path.write_text("1 {}\n")
    with pytest.raises(ValueError, match="no order book"):
        open_inside(tmp_path / "home", "--depth", str(path))


def test_a_real_recording_serves_a_passive_order_in_the_end(market_data: Path, tmp_path: Path):
    recording = market_data / "hftbacktest" / "binance_usdm_btcusdt_20240808.gz"
    inside = open_inside(tmp_path, "--depth", str(recording), "--balance", "1000000", "--seed", "3")
    inside.market_book_add("BTCUSDT")
    shown = inside.market_book_get("BTCUSDT")
    assert len(shown) == 40
    prices = [level.price for level in shown]
    assert prices == sorted(prices, reverse=True)
    tick = inside.symbol_info_tick("BTCUSDT")
    ticket = place(inside, 2, tick.bid, volume=0.05)
    for _ in range(300):
        inside.wait(seconds=1)
        if not inside.orders_get(ticket=ticket):
            break
    assert filled(inside, ticket) == 0.05
    rates = inside.copy_rates_from_pos("BTCUSDT", 1, 0, 4)
    assert (rates["high"] >= rates["low"]).all()
    inside.close()
