"""Injected faults: each does what its name says, by count, probability and time, and ends."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest

from backend.errors import DeskError
from tests.venues.conftest import Starter
from tests.venues.process import END_S, PaperProcess
from tests.venues.test_terminal_life import eventually, order

DONE, PARTIAL = 10009, 10010


@pytest.fixture
def paper(shared_terminal: PaperProcess):
    """The shared terminal without faults, before and after."""
    shared_terminal.control.clear()
    yield shared_terminal
    shared_terminal.control.clear()


def marked(client: Any, magic: int) -> list[Any]:
    return [p for p in client.positions_get() if p.magic == magic]


def test_without_bounds_a_fault_strikes_once_and_is_gone(paper: PaperProcess):
    client = paper.client()
    rule = paper.control.inject("reject", retcode=10024)
    assert (rule["left"], rule["functions"]) == (1, ["order_send"])
    answers = [client.order_send(order()).retcode for _ in range(2)]
    assert answers == [10024, DONE]
    assert paper.control.rules() == []


def test_counts_skips_actions_and_symbols_choose_the_calls(paper: PaperProcess):
    client = paper.client()
    paper.control.inject("reject", skip=1, next_calls=2, symbol="GBPUSD", action="deal")
    euros = [client.order_send(order()).retcode for _ in range(2)]
    pounds = [client.order_send(order("GBPUSD")).retcode for _ in range(4)]
    assert (euros, pounds) == ([DONE] * 2, [DONE, 10006, 10006, DONE])


def test_equal_seeds_strike_the_same_calls(start_terminal: Starter):
    def struck(name: str) -> list[int]:
        terminal = start_terminal("--seed", "11", name=name)
        client = terminal.client()
        terminal.control.inject("reject", probability=0.5)
        return [client.order_check(order()).retcode * 0 + client.order_send(order()).retcode
                for _ in range(20)]  # fmt: skip

    first, second = struck("one"), struck("two")
    assert first == second
    assert set(first) == {DONE, 10006}


def test_rules_end_by_time_and_unless_kept_with_the_process(start_terminal: Starter):
    terminal = start_terminal()
    terminal.control.inject("reject", duration_s=0.2)
    assert len(terminal.control.rules()) == 1
    eventually(lambda: not terminal.control.rules(), "the time is over")
    terminal.control.inject("latency", ms=1, next_calls=9)
    kept = terminal.control.inject("reject", next_calls=3, keep=True)
    assert terminal.client().order_send(order()).retcode == 10006
    terminal.kill()
    (rule,) = terminal.start().control.rules()
    assert (rule["id"], rule["fault"], rule["left"]) == (kept["id"], "reject", 2)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ({"fault": "bad_weather"}, "no such fault"),
        ({"fault": "reject", "points": 3}, "has no parameter points"),
        ({"fault": "reject", "retcode": "many"}, "retcode must be int"),
        ({"fault": "reject", "action": "dance"}, "no such action"),
        ({"fault": "reject", "probability": 0}, "probability"),
        ({"fault": "server_lost", "next_calls": 1}, "it takes a duration"),
    ],
)
def test_what_cannot_be_injected_is_told(paper: PaperProcess, words: dict[str, Any], told: str):
    with pytest.raises(DeskError, match=told):
        paper.control.inject(words.pop("fault"), **words)


def test_the_back_door_wants_its_token_and_is_private(paper: PaperProcess):
    door = paper.home / "control"
    assert door.stat().st_mode & 0o077 == 0
    told, port = door.read_text(), paper.port
    door.write_text(told.replace('"token": "', '"token": "x'))
    try:
        with pytest.raises(DeskError, match="token is wrong"):
            paper.control.rules()
    finally:
        door.write_text(told)
    assert port != 0


def test_a_lost_request_was_never_executed_and_a_lost_answer_was(paper: PaperProcess):
    client = paper.client()
    for fault, magic, executed in (("lost_request", 71, 0), ("lost_answer", 72, 1)):
        paper.control.inject(fault)
        assert client.order_send(order(magic=magic)) is None
        assert client.last_error() == (-10005, "IPC timeout")
        assert len(marked(client, magic)) == executed


def test_reading_can_fail_too_and_none_is_not_empty(paper: PaperProcess):
    client = paper.client()
    paper.control.inject("lost_request", functions=("positions_get",), code=-10001)
    assert client.positions_get() is None
    assert client.last_error() == (-10001, "IPC send failed")
    assert client.positions_get() is not None


@pytest.mark.parametrize(
    ("fault", "executed"),
    [("disconnect_before", 0), ("disconnect_after", 1), ("no_answer", 1)],
)
def test_a_cut_connection_leaves_the_deed_done_or_undone(
    paper: PaperProcess, fault: str, executed: int
):
    magic = 80 + executed
    before = len(marked(paper.client(), magic))
    client = paper.client()
    paper.control.inject(fault, **({"ms": 50} if fault == "no_answer" else {}))
    with pytest.raises((EOFError, TimeoutError, OSError)):
        client.order_send(order(magic=magic))
    assert len(marked(paper.client(), magic)) == before + executed


@pytest.mark.parametrize(("fault", "executed"), [("crash_before", 0), ("crash_after", 1)])
def test_a_terminal_that_dies_keeps_what_it_had_executed(
    start_terminal: Starter, fault: str, executed: int
):
    terminal = start_terminal()
    client = terminal.client()
    terminal.control.inject(fault)
    with pytest.raises((EOFError, OSError)):
        client.order_send(order(magic=5))
    terminal.kill()
    assert len(marked(terminal.start().client(), 5)) == executed


@pytest.mark.parametrize("retcode", [10008, 10011, 10012, 10031])
def test_a_false_answer_hides_what_was_executed(paper: PaperProcess, retcode: int):
    client = paper.client()
    before = len(marked(client, retcode))
    paper.control.inject("false_answer", retcode=retcode)
    result = client.order_send(order(magic=retcode))
    assert (result.retcode, result.deal, result.volume, result.price) == (retcode, 0, 0.0, 0.0)
    assert bool(result.order) == (retcode == 10008)
    assert len(marked(client, retcode)) == before + 1


def test_an_answer_may_come_twice_or_be_that_of_an_earlier_request(paper: PaperProcess):
    client = paper.client()
    first = client.order_send(order(magic=91))
    paper.control.inject("duplicate_answer")
    second = client.order_send(order(magic=92))
    assert second.order > first.order
    paper.control.inject("stale_answer")
    stale = client.order_send(order(magic=93))
    assert (stale.order, stale.request_id) == (second.order, second.request_id)
    assert stale.request.magic == 92
    assert [len(marked(client, magic)) for magic in (91, 92, 93)] == [1, 1, 1]


def test_records_may_be_listed_late_or_twice(paper: PaperProcess):
    client = paper.client()
    paper.control.inject("late_records", ms=60_000, records="deals,orders")
    ticket = client.order_send(order(magic=94)).order
    assert len(marked(client, 94)) == 1
    assert client.history_deals_get(ticket=ticket) == ()
    assert client.history_orders_get(ticket=ticket) == ()
    paper.control.inject("late_records", ms=300, records="deals,orders,positions")
    ticket = client.order_send(order(magic=95)).order
    assert not marked(client, 95)
    eventually(lambda: marked(client, 95), "the position is listed")
    assert len(client.history_deals_get(ticket=ticket)) == 1
    paper.control.inject("repeated_records")
    assert len(client.history_deals_get(ticket=ticket)) == 2


def test_fills_can_be_partial_slipped_and_stripped_of_their_comment(paper: PaperProcess):
    client = paper.client()
    paper.control.inject("partial_fill", share=0.25)
    part = client.order_send(order(volume=1.0, type_filling=1))
    assert (part.retcode, part.volume) == (PARTIAL, 0.25)
    paper.control.inject("overwrite_comment", text="by the broker")
    client.order_send(order(magic=96, comment="mine"))
    assert marked(client, 96)[0].comment == "by the broker"
    paper.control.inject("slippage", points=5000)
    ask = client.symbol_info_tick("EURUSD").ask
    assert client.order_send(order()).price > ask + 0.04


def test_a_requote_offers_a_worse_price(paper: PaperProcess):
    client = paper.client()
    paper.control.inject("requote", points=1000)
    told = client.order_send(order())
    assert (told.retcode, told.deal, told.volume) == (10004, 0, 0.0)
    assert told.ask > client.symbol_info_tick("EURUSD").ask + 0.005


def test_a_displaced_session_is_told_and_may_come_back(paper: PaperProcess):
    client = paper.client()
    paper.control.inject("displace")
    assert client.order_send(order()) is None
    assert client.last_error()[0] == -10004
    assert client.symbol_info_tick("EURUSD") is not None
    assert client.initialize()
    assert client.order_send(order()).retcode == DONE


def test_states_of_things_last_until_they_are_cleared(paper: PaperProcess):
    client = paper.client()

    def during(fault: str, look: Any, **parameters: Any) -> Any:
        rule = paper.control.inject(fault, **parameters)
        seen = look()
        paper.control.clear(rule["id"])
        return seen

    def retcode(**changes: object) -> Any:
        return lambda: client.order_send(order(**changes)).retcode

    assert during("autotrading_off", retcode()) == 10027
    assert during("autotrading_off", retcode(), by="server") == 10026
    assert during("autotrading_off", lambda: client.order_send(order()), by="api") is None
    assert during("autotrading_off", lambda: client.terminal_info().trade_allowed) is False
    assert during("server_lost", retcode()) == 10031
    assert during("server_lost", lambda: client.terminal_info().connected) is False
    assert during("market_closed", retcode(), symbol="EURUSD") == 10018
    assert during("trade_mode", lambda: client.symbol_info("EURUSD").trade_mode) == 3
    wide = during("spread", lambda: client.symbol_info_tick("EURUSD"), factor=50.0)
    narrow = client.symbol_info_tick("EURUSD")
    assert wide.ask - wide.bid > 20 * (narrow.ask - narrow.bid)
    ahead = during("server_time", lambda: client.symbol_info_tick("EURUSD").time, hours=1.0)
    assert 3590 <= ahead - client.symbol_info_tick("EURUSD").time <= 3610
    assert retcode()() == DONE


def test_quotes_may_stand_still_while_the_rest_goes_on(paper: PaperProcess):
    client = paper.client()
    paper.control.inject("stale_quotes", symbol="EURUSD")
    still = client.symbol_info_tick("EURUSD")
    pounds = client.symbol_info_tick("GBPUSD").time_msc
    eventually(lambda: client.symbol_info_tick("GBPUSD").time_msc > pounds, "pounds go on")
    assert client.symbol_info_tick("EURUSD").time_msc == still.time_msc
    assert client.order_send(order()).retcode == DONE
    paper.control.clear()
    eventually(lambda: client.symbol_info_tick("EURUSD").time_msc > still.time_msc, "euros go on")


def test_new_connections_can_be_refused(paper: PaperProcess):
    standing = paper.client()
    paper.control.inject("refuse_connections")
    with pytest.raises((EOFError, OSError)):
        paper.client()
    assert standing.order_send(order()).retcode == DONE


def test_latency_delays_the_request_not_the_reader(paper: PaperProcess):
    client, reader = paper.client(), paper.client(initialize=False)
    paper.control.inject("latency", ms=400)
    answered: list[float] = []

    def send() -> None:
        client.order_send(order())
        answered.append(time.monotonic())

    thread = threading.Thread(target=send)
    begun = time.monotonic()
    thread.start()
    assert reader.symbol_info_tick("EURUSD") is not None
    assert not answered
    thread.join()
    assert answered[0] - begun >= 0.4


def test_a_request_reported_lost_may_be_executed_later(paper: PaperProcess):
    client = paper.client()
    paper.control.inject("late_execution", ms=300)
    assert client.order_send(order(magic=101)) is None
    assert client.last_error()[0] == -10005
    assert not marked(client, 101)
    eventually(lambda: marked(client, 101), "the server executes it")
    assert len(marked(client, 101)) == 1


def test_lists_may_be_empty_before_a_terminal_has_synchronised(paper: PaperProcess):
    client = paper.client()
    client.order_send(order(magic=102))
    paper.control.inject("empty_answer", next_calls=2)
    assert client.positions_get() == ()
    assert client.history_deals_get(0, END_S) == ()
    assert len(marked(client, 102)) == 1


def test_more_than_was_asked_for_may_be_filled(paper: PaperProcess):
    client = paper.client()
    paper.control.inject("overfill", share=1.5)
    result = client.order_send(order(volume=0.2, magic=103))
    assert (result.retcode, result.volume) == (DONE, 0.3)
    assert marked(client, 103)[0].volume == 0.3


def test_people_at_the_terminal_trade_and_pay_behind_the_desk_s_back(paper: PaperProcess):
    client = paper.client()
    balance = client.account_info().balance
    done = paper.control.trade(order(magic=104))
    assert done["retcode"] == DONE
    assert [p.reason for p in marked(client, 104)] == [0]
    assert client.order_send(order()).retcode == DONE
    paper.control.deposit("250.50")
    assert client.account_info().balance == pytest.approx(balance + 250.5 - 0.6)
    with pytest.raises(DeskError, match='Invalid "volume" argument'):
        paper.control.trade(order(volume=1))
    with pytest.raises(DeskError, match="no amount"):
        paper.control.deposit("much")


def test_a_terminal_may_be_logged_in_elsewhere(paper: PaperProcess):
    client = paper.client()
    paper.control.inject("other_account", login=7, trade_mode=2)
    account = client.account_info()
    assert (account.login, account.trade_mode) == (7, 2)
    paper.control.clear()
    assert client.account_info().trade_mode == 0
