"""Books against a venue, as pure functions: they meet, once, whatever was missing."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.domain.reconciliation.comparing import compare
from backend.domain.reconciliation.records import (
    Booked,
    Books,
    Comparison,
    Deal,
    Held,
    ListedOrder,
    ListedPosition,
    Mark,
    Venue,
)
from backend.values import Side

NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)
ZERO = Decimal(0)
EMPTY: dict[str, Any] = {
    "positions": {},
    "trades": {},
    "marks": (),
    "in_flight": frozenset(),
    "cash": frozenset(),
    "balance": ZERO,
    "adopting": False,
    "before": frozenset(),
    "accepted": frozenset(),
}


def some_books(**changes: Any) -> Books:
    return Books(**(EMPTY | changes))


def a_venue(*deals: Deal, **changes: Any) -> Venue:
    """List what deals make: positions, and the balance that they moved."""
    held: dict[str, Decimal] = {}
    for deal in deals:
        if deal.side is not None:
            held[deal.symbol] = held.get(deal.symbol, ZERO) + deal.side.sign * deal.quantity
    positions = tuple(
        ListedPosition(s, Side.BUY if q > 0 else Side.SELL, abs(q), Decimal(1))
        for s, q in held.items()
        if q
    )
    balance = sum((deal.money for deal in deals), ZERO)
    given_ = {"hedging": True, "balance": balance, "positions": positions, "orders": ()}
    return Venue(**(given_ | {"deals": deals, "since": NOW - timedelta(hours=1)} | changes))


def a_deal(number: int = 1, **changes: Any) -> Deal:
    values: dict[str, Any] = {
        "venue_trade_id": str(number),
        "venue_order_id": f"o{number}",
        "venue_position_id": f"o{number}",
        "symbol": "EURUSD",
        "side": Side.BUY,
        "quantity": Decimal("0.1"),
        "price": Decimal(1),
        "commission": Decimal("0.3"),
        "fee": ZERO,
        "swap": ZERO,
        "profit": ZERO,
        "magic": 0,
        "comment": "",
        "reason": 0,
        "executed_at": NOW,
    }
    return Deal(**(values | changes))


def a_mark(magic: int = 7, **changes: Any) -> Mark:
    values: dict[str, Any] = {
        "attempt_id": f"a{magic}",
        "order_id": f"r{magic}",
        "client_order_id": f"c{magic}",
        "magic": magic,
        "venue_order_id": None,
        "symbol": "EURUSD",
        "side": Side.BUY,
        "status": "filled",
        "state": "answered",
        "strategy_id": "s",
        "correlation_id": "k",
    }
    return Mark(**(values | changes))


def applied(books: Books, found: Comparison, venue: Venue) -> Books:
    """Give the books after what a comparison asks for was done."""
    positions, trades = dict(books.positions), dict(books.trades)
    late = [d for d in venue.deals if d.magic and d.venue_trade_id not in trades and d.reason == 3]
    balance = books.balance + sum((m.amount for m in found.movements if m.kind), ZERO)
    for deal in (*late, *(trade for order in found.adopted for trade in order.trades)):
        assert deal.side is not None
        trades[deal.venue_trade_id] = Booked(deal.quantity, deal.price, NOW)
        held = positions.get(deal.symbol, Held(ZERO, Decimal(1), ""))
        quantity = held.quantity + deal.side.sign * deal.quantity
        positions[deal.symbol] = Held(quantity, Decimal(1), deal.venue_trade_id)
        balance += deal.money
    cash = books.cash | {m.venue_ref for m in found.movements}
    before = frozenset(f.key for f in found.findings)
    return replace(
        books, positions=positions, trades=trades, balance=balance, cash=cash, before=before
    )


deals = st.lists(
    st.builds(
        a_deal,
        st.integers(1, 10**6),
        side=st.sampled_from(Side),
        symbol=st.sampled_from(("EURUSD", "XAUUSD")),
        quantity=st.integers(1, 50).map(lambda n: Decimal(n) / 100),
        profit=st.integers(-500, 500).map(Decimal),
        swap=st.integers(-5, 5).map(Decimal),
        reason=st.sampled_from((0, 3, 4, 5, 6)),
        magic=st.sampled_from((0, 0, 99)),
    ),
    max_size=12,
    unique_by=lambda deal: deal.venue_trade_id,
)


@given(listed=deals, known=st.sets(st.integers(0, 11)), gap=st.integers(-3, 3))
def test_books_meet_the_venue_whatever_they_missed(listed: list[Deal], known: set[int], gap: int):
    venue = a_venue(*listed)
    booked = [deal for number, deal in enumerate(listed) if number in known]
    books = applied(some_books(), compare(some_books(), a_venue(*booked)), a_venue(*booked))
    held = books.positions.get("EURUSD", Held(ZERO, Decimal(1), ""))
    moved = replace(held, quantity=held.quantity + Decimal(gap) / 10)
    books = replace(books, positions={**books.positions, "EURUSD": moved})
    for _ in range(3):
        found = compare(books, venue)
        books = applied(books, found, venue)
    assert compare(books, venue).state == "agreed"
    theirs = {p.symbol: p.side.sign * p.quantity for p in venue.positions}
    ours = {symbol: held.quantity for symbol, held in books.positions.items() if held.quantity}
    assert ours == theirs
    assert abs(books.balance - venue.balance) < Decimal("0.01")


def test_records_that_a_history_lists_twice_count_once():
    deal = a_deal()
    found = compare(some_books(), replace(a_venue(deal), deals=(deal, deal)))
    assert [order.quantity for order in found.adopted] == [deal.quantity]


@pytest.mark.parametrize(
    ("reason", "origin"), [(4, "stop_loss"), (5, "take_profit"), (6, "stop_out")]
)
def test_a_stop_closes_the_position_of_the_order_whose_number_it_inherits(reason: int, origin: str):
    stop = a_deal(2, side=Side.SELL, reason=reason, magic=7, venue_position_id="o1")
    books = some_books(
        positions={"EURUSD": Held(Decimal("0.1"), Decimal(1), "")}, marks=(a_mark(),)
    )
    found = compare(books, a_venue(stop, positions=(), balance=Decimal("-0.3")))
    (order,) = found.adopted
    assert (order.origin, order.closes, found.state) == (origin, a_mark(), "repaired")


def test_a_trade_of_ours_is_asked_about_and_never_adopted():
    books = some_books(marks=(a_mark(status="canceled"),))
    found = compare(books, a_venue(a_deal(magic=7, reason=3)))
    assert (found.reopened, found.adopted, found.state) == ({"a7"}, [], "unsettled")


def test_a_trade_of_an_attempt_without_an_answer_is_left_to_its_answer():
    books = some_books(marks=(a_mark(state="open", status="submitted"),))
    found = compare(books, a_venue(a_deal(magic=7, reason=3)))
    assert (found.reopened, found.adopted) == (set(), [])


def test_an_order_that_works_although_it_ended_here_is_withdrawn():
    order = ListedOrder(
        "9", "EURUSD", Side.BUY, "limit", Decimal(1), Decimal(1), Decimal(1), 7, "", 3
    )
    ended = some_books(marks=(a_mark(status="not_sent", state="not_sent"),))
    assert compare(ended, a_venue(orders=(order,))).withdrawn == [order]
    working = some_books(marks=(a_mark(status="accepted"),))
    assert compare(working, a_venue(orders=(order,))).withdrawn == []


@pytest.mark.parametrize(
    ("trades", "listed", "kind"),
    [
        ({"1": Booked(Decimal("0.1"), Decimal(2), NOW)}, (a_deal(),), "changed_trade"),
        ({"5": Booked(Decimal("0.1"), Decimal(1), NOW)}, (), "missing_trade"),
    ],
)
def test_a_booked_trade_that_the_venue_denies_is_for_a_person(
    trades: dict[str, Booked], listed: tuple[Deal, ...], kind: str
):
    venue = a_venue(*listed, positions=(), balance=ZERO)
    first = compare(some_books(trades=trades), venue)
    seen = frozenset(f.key for f in first.findings)
    second = compare(some_books(trades=trades, before=seen), venue)
    (finding,) = second.findings
    assert (finding.kind, second.state) == (kind, "unexplained")
    assert finding.todo
    # Whoever lifted the halt has read it.
    assert compare(some_books(trades=trades, accepted=seen), venue).state == "agreed"


def test_an_average_price_counts_within_its_tolerance_on_a_netting_account():
    position = ListedPosition("EURUSD", Side.BUY, Decimal(1), Decimal("1.1"))
    venue = a_venue(positions=(position,), hedging=False)

    def state(average: str) -> str:
        held = {"EURUSD": Held(Decimal(1), Decimal(average), "")}
        seen = frozenset(f.key for f in compare(some_books(positions=held), venue).findings)
        return compare(some_books(positions=held, before=seen), venue).state

    assert state("1.10010") == "agreed"
    assert state("1.10012") == "unexplained"


@pytest.mark.parametrize(
    ("ours", "theirs", "entries"),
    [
        ("0", "1", [("1", "1.5")]),
        # Closed at cost: nothing is realised by an entry that nobody traded.
        ("1", "0", [("1", "1.2")]),
        ("3", "1", [("2", "1.2")]),
        # Added so that the average becomes the venue's.
        ("1", "2", [("1", "1.8")]),
        ("1", "-1", [("1", "1.2"), ("1", "1.5")]),
    ],
)
def test_synthetic_entries_give_the_venues_quantity_and_price_and_realise_nothing(
    ours: str, theirs: str, entries: list[tuple[str, str]]
):
    held = {"EURUSD": Held(Decimal(ours), Decimal("1.2"), "anchor")}
    side = Side.BUY if Decimal(theirs) > 0 else Side.SELL
    listed = ListedPosition("EURUSD", side, abs(Decimal(theirs)), Decimal("1.5"))
    venue = a_venue(positions=(listed,) if Decimal(theirs) else ())
    first = compare(some_books(positions=held), venue)
    assert (first.adopted, first.state) == ([], "unsettled")
    seen = frozenset(f.key for f in first.findings)
    again = compare(some_books(positions=held, before=seen), venue)
    made = [(str(t.quantity), str(t.price)) for order in again.adopted for t in order.trades]
    assert made == entries
    assert again == compare(some_books(positions=held, before=seen), venue)
    assert {order.origin for order in again.adopted} == {"synthetic"}
    assert again.state == "unexplained"


def test_a_gap_is_the_same_one_while_both_sides_go_on_trading():
    def keys(ours: str, theirs: str) -> set[str]:
        held = {"EURUSD": Held(Decimal(ours), Decimal(1), "")}
        listed = ListedPosition("EURUSD", Side.BUY, Decimal(theirs), Decimal(1))
        return {f.key for f in compare(some_books(positions=held), venue_with(listed)).findings}

    def venue_with(listed: ListedPosition) -> Venue:
        return a_venue(positions=(listed,))

    assert keys("0.92", "0.86") == keys("0.80", "0.74") != keys("0.80", "0.86")
