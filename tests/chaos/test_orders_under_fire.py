"""Orders under kills end the same on both sides; and a difference would have been seen."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

import pytest

from backend.settings import CHECKOUT
from research.chaos.books import (
    Attempt,
    DeskBooks,
    DeskOrder,
    Trade,
    VenueBooks,
    VenueOrder,
    Worked,
)
from research.chaos.compare import Verdict, compare
from research.chaos.plan import PARTS, plan_strikes
from tests.kit.homes import environment_for, temporary_home

KILLS = 6
FILLED, CANCELED = 4, 2
LOT = Decimal("0.1")
TRADE = Trade("901", "501", "EURUSD", "BUY", LOT, Decimal("1.1"), LOT, LOT, None)
VENUE = VenueBooks(
    (VenueOrder("501", 71, True, False, FILLED),), (TRADE,), {"EURUSD": LOT}, Decimal("99.90")
)
ORDER = DeskOrder("order-1", "chain-1", LOT, LOT, "filled", "501", "filled", "intent-1")
DESK = DeskBooks(
    {"alert-1": ["filled"]},
    (ORDER,),
    (Attempt("order-1", 71, "answered"),),
    (replace(TRADE, order_ticket=None),),
    {"EURUSD": LOT},
    Decimal("99.90"),
    (),
)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_orders_survive_the_death_of_all_that_they_pass_through():
    with temporary_home() as home:
        file = home / "chaos.json"
        words = ("--kills", str(KILLS), "--seed", "3", "--json", str(file))
        ended = subprocess.run(
            [sys.executable, "-m", "cli.main", "chaos", "orders", *words],
            cwd=CHECKOUT,
            env=environment_for(home),
            capture_output=True,
            text=True,
            timeout=580,
            check=False,
        )
        assert ended.returncode == 0, ended.stdout + ended.stderr
        figures = json.loads(file.read_text())
    names = ("lost", "duplicate", "state_mismatch", "ledger_difference")
    assert [figures[name] for name in names] == [0, 0, 0, 0]
    assert figures["kills"] == KILLS
    assert set(figures["kills_by_part"]) == set(PARTS)
    assert figures["orders"] > 0
    assert figures["worked"]
    assert figures["limits"]
    assert 0 < figures["recovery_s"]["p50"] <= figures["recovery_s"]["p95"]


def test_a_seed_decides_what_is_killed_and_every_part_is():
    assert plan_strikes(5, 40) == plan_strikes(5, 40) != plan_strikes(6, 40)
    assert {strike.part for strike in plan_strikes(5, len(PARTS))} == set(PARTS)
    assert plan_strikes(5, 40)[-1].awaited


def judged(desk: DeskBooks = DESK, venue: VenueBooks = VENUE, **changes: int) -> Verdict:
    return compare(["alert-1"], changes.get("posted", 1), desk, venue)


def test_equal_books_are_clean():
    assert judged().clean


SENT_AGAIN = VenueOrder("502", 71, True, False, FILLED)
OF_ANOTHER = VenueOrder("502", 72, True, False, FILLED)
AGAIN = replace(TRADE, ticket="902", order_ticket="502")


@pytest.mark.parametrize(
    ("kind", "verdict"),
    [
        ("lost", lambda: judged(replace(DESK, alerts={}))),
        ("lost", lambda: judged(replace(DESK, alerts={"alert-1": []}))),
        ("lost", lambda: judged(replace(DESK, trades=()))),
        ("lost", lambda: judged(venue=replace(VENUE, orders=(), trades=()))),
        ("duplicate", lambda: judged(posted=0)),
        ("duplicate", lambda: judged(venue=replace(VENUE, orders=(*VENUE.orders, SENT_AGAIN)))),
        ("duplicate", lambda: judged(venue=replace(VENUE, orders=(*VENUE.orders, OF_ANOTHER)))),
        ("duplicate", lambda: judged(_two_attempts(), _two_orders())),
        ("state_mismatch", lambda: judged(replace(DESK, trades=(*DESK.trades, AGAIN)))),
        ("state_mismatch", lambda: judged(_order(status="canceled"))),
        ("state_mismatch", lambda: judged(_order(filled=LOT / 2))),
        ("state_mismatch", lambda: judged(_order(outcome="expired"))),
        ("state_mismatch", lambda: judged(replace(DESK, positions={}))),
        ("state_mismatch", lambda: judged(_traded(price=Decimal("1.2")))),
        ("state_mismatch", lambda: judged(_traded(costs=Decimal(0)))),
        ("state_mismatch", lambda: judged(replace(DESK, attempts=(_attempt("unknown"),)))),
        ("state_mismatch", lambda: judged(_worked(LOT * 2, LOT))),
        ("state_mismatch", lambda: judged(_worked(LOT, LOT / 2))),
        ("state_mismatch", lambda: judged(_worked(LOT, LOT, "working"))),
        ("duplicate", lambda: judged(_worked(LOT / 2, LOT))),
        ("troubles", lambda: judged(replace(DESK, troubles=("halt: why",)))),
    ],
)
def test_a_difference_is_found(kind: str, verdict: Callable[[], Verdict]):
    found = verdict()
    assert getattr(found, kind)
    assert not found.clean


def test_an_order_that_was_worked_to_its_end_is_clean():
    assert judged(_worked(LOT, LOT)).clean


def test_a_cent_between_ledger_and_balance_is_found():
    found = judged(replace(DESK, cash=Decimal("99.89")))
    assert found.ledger_difference == Decimal("0.01")
    assert not found.clean


def _order(**changes: object) -> DeskBooks:
    return replace(DESK, orders=(replace(ORDER, **changes),))  # type: ignore[arg-type]


def _traded(**changes: Decimal) -> DeskBooks:
    return replace(DESK, trades=(replace(DESK.trades[0], **changes),))  # type: ignore[arg-type]


def _worked(quantity: Decimal, filled: Decimal, state: str = "finished") -> DeskBooks:
    return replace(DESK, worked=(Worked("intent-1", quantity, filled, state),))


def _attempt(state: str) -> Attempt:
    return replace(DESK.attempts[0], state=state)


def _two_attempts() -> DeskBooks:
    return replace(DESK, attempts=(*DESK.attempts, Attempt("order-1", 72, "answered")))


def _two_orders() -> VenueBooks:
    return replace(VENUE, orders=(*VENUE.orders, OF_ANOTHER), trades=(TRADE, AGAIN))
