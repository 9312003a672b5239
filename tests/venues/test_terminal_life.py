"""The terminal over time: durability, triggers, accounts, sessions, prices."""

import time
from pathlib import Path
from typing import Any

import pytest
from mt5linux import MetaTrader5

from tests.venues.conftest import Starter
from tests.venues.process import END_S, PaperProcess

DONE = 10009


def order(symbol: str = "EURUSD", **changes: object) -> dict[str, object]:
    """A market order to buy a tenth of a lot, with changes.

    Its magic is somebody's: what carries none may be taken for an order that lost its marks.
    """
    return {"action": 1, "symbol": symbol, "volume": 0.1, "type": 0, "magic": 4711, **changes}


def eventually(look: Any, what: str) -> Any:
    """Wait until a look at the terminal gives something."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        if found := look():
            return found
        time.sleep(0.02)
    raise AssertionError(f"did not happen: {what}")


def test_acknowledged_orders_survive_a_kill(start_terminal: Starter):
    terminal = start_terminal("--seed", "3")
    client = terminal.client()
    tickets = [client.order_send(order()).order for _ in range(20)]
    pending = client.order_send(
        order(action=5, type=2, price=0.9, type_filling=2, comment="resting")
    ).order
    balance = client.account_info().balance
    terminal.kill()

    client = terminal.start().client()
    assert sorted(p.ticket for p in client.positions_get()) == sorted(tickets)
    assert client.orders_get()[0].ticket == pending
    assert client.orders_get()[0].comment == "resting"
    assert client.account_info().balance == balance
    assert client.order_send(order()).order > pending


def test_prices_go_on_along_the_same_path_after_a_restart(start_terminal: Starter):
    terminal = start_terminal("--seed", "3")
    before = terminal.client().copy_rates_from_pos("EURUSD", 1, 1, 100)
    terminal.kill()
    after = terminal.start().client().copy_rates_from_pos("EURUSD", 1, 1, 101)
    known = {int(row["time"]): row.tolist() for row in before}
    again = {int(row["time"]): row.tolist() for row in after}
    common = known.keys() & again.keys()
    assert len(common) >= 98
    assert all(known[at] == again[at] for at in common)


def test_folder_of_another_account_is_refused(start_terminal: Starter):
    terminal = start_terminal()
    terminal.kill()
    terminal.options = ("--account-login", "5")
    with pytest.raises(RuntimeError, match="was made with login 10001"):
        terminal.start()


def test_folder_has_one_terminal_at_a_time(start_terminal: Starter):
    terminal = start_terminal()
    with pytest.raises(RuntimeError, match="in use by another terminal"):
        PaperProcess(terminal.home).start()


def test_stop_loss_is_executed_by_the_price(start_terminal: Starter):
    client = start_terminal("--speed", "2000", "--seed", "5").client()
    bid = client.symbol_info_tick("BTCUSD").bid
    request = order("BTCUSD", sl=round(bid - 60, 2), tp=round(bid + 60, 2), magic=9)
    result = eventually(lambda: _filled(client, request), "an order within the stops level")

    def closing() -> Any:
        deals = client.history_deals_get(position=result.order)
        return next((d for d in deals if d.entry == 1), None)

    deal = eventually(closing, "stop or target")
    assert deal.reason in (4, 5)
    assert deal.comment.startswith("[sl" if deal.reason == 4 else "[tp")
    level = request["sl"] if deal.reason == 4 else request["tp"]
    assert (deal.price <= level) if deal.reason == 4 else (deal.price >= level)
    assert deal.magic == 9
    assert not client.positions_get(ticket=result.order)


def _filled(client: MetaTrader5, request: dict[str, Any]) -> Any:
    tick = client.symbol_info_tick("BTCUSD")
    request |= {"sl": round(tick.bid - 60, 2), "tp": round(tick.bid + 60, 2)}
    result = client.order_send(request)
    return result if result.retcode == DONE else None


def test_pending_orders_are_filled_by_the_price(start_terminal: Starter):
    client = start_terminal("--speed", "2000", "--seed", "6").client()
    tick = client.symbol_info_tick("BTCUSD")
    pending = order("BTCUSD", action=5, type_filling=2)
    below = client.order_send(pending | {"type": 2, "price": round(tick.bid - 150, 2)})
    above = client.order_send(pending | {"type": 4, "price": round(tick.ask + 150, 2)})
    assert (below.retcode, above.retcode) == (DONE, DONE)

    def first() -> Any:
        return [o for r in (below, above) for o in client.history_orders_get(ticket=r.order)]

    done = eventually(first, "one of both is touched")[0]
    (deal,) = client.history_deals_get(ticket=done.ticket)
    assert done.state == 4
    better = deal.price <= done.price_open if done.type == 2 else deal.price >= done.price_open
    assert better
    assert client.positions_get(ticket=done.ticket)


def test_netting_account_adds_reduces_and_reverses(start_terminal: Starter):
    client = start_terminal("--margin-mode", "netting").client()
    assert client.account_info().margin_mode == 0
    client.order_send(order(volume=0.3))
    client.order_send(order(volume=0.1))
    (position,) = client.positions_get()
    assert position.volume == pytest.approx(0.4)
    client.order_send(order(type=1, volume=0.1))
    assert client.positions_get()[0].volume == pytest.approx(0.3)
    client.order_send(order(type=1, volume=0.5))
    (position,) = client.positions_get()
    assert (position.type, position.volume) == (1, pytest.approx(0.2))
    client.order_send(order(volume=0.2))
    assert client.positions_get() == ()
    deals = client.history_deals_get(0, END_S)
    assert [d.entry for d in deals[1:]] == [0, 0, 1, 2, 1]
    total = sum(d.profit + d.commission for d in deals)
    assert client.account_info().balance == pytest.approx(total)


def test_instant_execution_requotes_past_the_deviation(start_terminal: Starter):
    client = start_terminal("--execution", "instant").client()
    ask = client.symbol_info_tick("EURUSD").ask
    assert client.order_send(order()).retcode == 10015
    far = client.order_send(order(price=round(ask + 0.01, 5), deviation=10))
    assert far.retcode == 10004
    assert far.bid > 0
    assert client.order_send(order(price=ask, deviation=2000)).retcode == DONE


def test_ioc_orders_may_fill_in_part(start_terminal: Starter):
    client = start_terminal("--partial-fill", "1", "--slippage-points", "5").client()
    result = client.order_send(order(volume=1.0, type_filling=1))
    assert result.retcode == 10010
    assert 0.3 <= result.volume < 1.0
    assert client.history_orders_get(ticket=result.order)[0].volume_current > 0
    assert client.order_send(order(volume=1.0, type_filling=0)).retcode == DONE


def test_recorded_bars_are_replayed_around_now(start_terminal: Starter, tmp_path: Path):
    lines = ["time_utc,open,high,low,close,volume,spread"]
    for i in range(400):
        price = 1.1 + i * 0.0001
        at = f"2024-01-{1 + i // 24:02d}T{i % 24:02d}:00:00+00:00"
        lines.append(
            f"{at},{price:.5f},{price + 0.0002:.5f},{price:.5f},{price + 0.0001:.5f},10,12"
        )
    path = tmp_path / "EURUSD_H1.csv"
    path.write_text("\n".join(lines))
    client = start_terminal("--bars", str(path), "--start-bar", "300", name="recorded").client()
    rates = client.copy_rates_from_pos("EURUSD", 16385, 0, 200)
    # The hour may have turned since the start: bar 300 is then the last but one.
    begun = rates[-1] if rates[-1]["open"] == pytest.approx(1.13) else rates[-2]
    before = next(bar for bar in rates if bar["time"] == begun["time"] - 3600)
    assert begun["open"] == pytest.approx(1.13)
    assert before["close"] == pytest.approx(1.1 + 299 * 0.0001 + 0.0001)
    assert before["spread"] == 12
    quarters = client.copy_rates_from_pos("EURUSD", 15, 0, 500)
    of_the_hour = [bar for bar in quarters if 0 <= bar["time"] - begun["time"] < 3600]
    assert of_the_hour[0]["open"] == pytest.approx(1.13)
    assert min(bar["low"] for bar in of_the_hour) == pytest.approx(1.13)


def test_broken_recording_is_named_by_line_and_column(start_terminal: Starter, tmp_path: Path):
    path = tmp_path / "EURUSD.csv"
    path.write_text(
        "time_utc,open,high,low,close,volume,spread\n2024-01-01T00:00:00Z,1,2,0.5,x,1,1\n"
    )
    with pytest.raises(RuntimeError, match="line 2: column close: no number: 'x'"):
        start_terminal("--bars", str(path))
