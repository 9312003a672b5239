"""Days at the terminal: sessions, nights that cost swaps, clocks that jump."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from backend.paper_terminal.faults import Injection
from backend.paper_terminal.sessions import parse_week
from tests.venues.inside import (
    CLOSED,
    DONE,
    Open,
    only,
    open_inside,
)
from tests.venues.process import END_S


def test_the_market_is_closed_out_of_its_windows_and_prices_stand_still(paper: Open):
    friday = datetime(2026, 3, 6, 23, 57, tzinfo=UTC)
    prices = [1.1 + 0.0001 * i for i in range(4000)]
    inside = paper("--sessions", "strict", prices=prices, at=friday)
    assert inside.trade().retcode == DONE
    inside.wait(minutes=5)
    last = inside.symbol_info_tick("EURUSD")
    assert inside.trade().retcode == CLOSED
    assert inside.order_check({"action": 1, "symbol": "EURUSD", "volume": 1.0}).retcode == CLOSED
    inside.wait(hours=24)
    assert inside.symbol_info_tick("EURUSD").time_msc == last.time_msc
    assert datetime.fromtimestamp(last.time, UTC) <= datetime(2026, 3, 6, 23, 58, tzinfo=UTC)
    inside.wait(hours=24, minutes=5)
    assert inside.symbol_info_tick("EURUSD").bid > last.bid + 0.2
    assert inside.trade().retcode == DONE


def test_nothing_is_triggered_while_the_market_is_closed(paper: Open):
    friday = datetime(2026, 3, 6, 23, 55, tzinfo=UTC)
    # The price dives on Saturday and is back before Monday.
    prices = [1.1] * 600 + [1.0] * 60 + [1.1] * 3000
    inside = paper("--sessions", "strict", prices=prices, at=friday)
    inside.trade(sl=1.05)
    inside.wait(days=2, hours=1)
    assert only(inside.positions_get()).sl == 1.05


def test_bars_of_closed_hours_are_not_listed(paper: Open):
    sunday = datetime(2026, 3, 8, 12, 0, tzinfo=UTC)
    inside = paper("--sessions", "strict", at=sunday)
    hours = inside.copy_rates_from_pos("EURUSD", 16385, 0, 30)
    days = {datetime.fromtimestamp(int(t), UTC).weekday() for t in hours["time"]}
    assert days == {3, 4}


@pytest.mark.parametrize("text", ["mon 25:00-26:00", "mon 10:00-09:00", "noday 1:00-2:00", ""])
def test_a_senseless_session_is_refused(text: str):
    with pytest.raises(ValueError, match="no trading session"):
        parse_week(text)


@pytest.mark.parametrize(
    ("opened", "nights"),
    [(datetime(2026, 3, 3, 22, tzinfo=UTC), 1), (datetime(2026, 3, 4, 22, tzinfo=UTC), 3),
     (datetime(2026, 3, 7, 22, tzinfo=UTC), 0)],
    ids=["tuesday", "wednesday is charged three times", "the weekend is not charged"],
)  # fmt: skip
def test_swaps_are_charged_when_the_server_s_day_ends(paper: Open, opened: datetime, nights: int):
    inside = paper(at=opened)
    inside.trade()
    inside.trade(type=1)
    inside.wait(hours=1, minutes=59)
    assert [p.swap for p in inside.positions_get()] == [0.0, 0.0]
    inside.wait(minutes=2)
    long, short = inside.positions_get()
    assert (long.swap, short.swap) == (round(-7.2 * nights, 2), round(2.9 * nights, 2))


def test_swaps_leave_with_the_volume_and_reach_the_balance_at_the_close(paper: Open):
    inside = paper(at=datetime(2026, 3, 3, 22, tzinfo=UTC))
    ticket = inside.trade(volume=0.3).order
    inside.wait(hours=3)
    assert only(inside.positions_get()).swap == -2.16
    balance = inside.account_info().balance
    assert inside.account_info().equity == pytest.approx(balance - 2.16 - 3.0)
    inside.trade(type=1, volume=0.1, position=ticket)
    assert only(inside.positions_get()).swap == -1.44
    inside.trade(type=1, volume=0.2, position=ticket)
    deals = inside.history_deals_get(position=ticket)
    assert [d.swap for d in deals] == [0.0, -0.72, -1.44]
    assert inside.account_info().balance == pytest.approx(
        balance + sum(d.profit + d.swap for d in deals)
    )


def test_a_night_is_charged_once_whatever_dies(paper: Open, tmp_path: Path):
    inside = paper(at=datetime(2026, 3, 3, 22, tzinfo=UTC))
    inside.trade()
    inside.wait(hours=3)
    inside.close()
    again = open_inside(tmp_path / "0", at=datetime(2026, 3, 4, 2, tzinfo=UTC))
    again.terminal.tick()
    assert only(again.positions_get()).swap == -7.2
    again.wait(days=1)
    assert only(again.positions_get()).swap == round(-7.2 * 4, 2)
    again.close()


def test_naive_datetimes_mean_the_machine_s_zone_and_miss_what_just_happened(paper: Open):
    # The server is two hours ahead of UTC, the terminal's machine in New York.
    inside = paper("--server-utc-offset-hours", "2", "--machine-utc-offset-hours", "-5")
    deal = inside.trade().deal
    now = inside.clock.now
    day = timedelta(days=1)

    def listed(first: datetime, last: datetime) -> bool:
        return deal in {d.ticket for d in inside.history_deals_get(first, last)}

    assert not listed(now - day, now)
    assert listed(now - day, now + day)
    wall = (now + timedelta(hours=2)).replace(tzinfo=None)
    # Written as the server's wall time, but read as New York's: five hours too late a start.
    assert not listed(wall - timedelta(minutes=1), wall + timedelta(minutes=1))
    assert listed(wall - timedelta(hours=6), wall)


def test_the_clock_of_the_server_may_jump_with_the_season(paper: Open):
    inside = paper("--server-utc-offset-hours", "2")
    before = inside.trade().deal
    inside.faults.inject(Injection("server_time", {"hours": 1.0}))
    after = inside.trade().deal
    deals = {d.ticket: d.time for d in inside.history_deals_get(0, END_S)}
    assert deals[after] - deals[before] == 3600


def test_rules_that_make_no_sense_are_named(paper: Open):
    for rules, told in (
        ("[NEW]\ndigits = 2\n", "of which symbol it is `like`"),
        ("[EURUSD]\nflavour = 2\n", "EURUSD.flavour: no such word"),
        ('[EURUSD]\nsessions = "never"\n', "EURUSD.sessions"),
    ):
        with pytest.raises(ValueError, match=told):
            paper(rules=rules)
