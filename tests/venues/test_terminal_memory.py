"""The terminal repeats itself by its seed, and remembers what it wrote and nothing else."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest

from backend.paper_terminal.faults import Injection
from backend.paper_terminal.store import Store
from tests.venues.inside import (
    BUY_LIMIT,
    DONE,
    Open,
    only,
    open_inside,
    waiting,
)
from tests.venues.process import END_S


def test_equal_seeds_and_requests_give_equal_deals(tmp_path: Path):
    options = ("--slippage-points", "3", "--partial-fill", "0.5", "--slippage-impact", "0.2")

    def traded(name: str, seed: int) -> list[Any]:
        inside = open_inside(tmp_path / name, *options, "--seed", str(seed), "--balance", "1e7")
        inside.faults.inject(Injection("lost_answer", {}, probability=0.3))
        told = []
        for number in range(40):
            result = inside.trade("GBPUSD", type=number % 2, volume=2.0, type_filling=1)
            told.append(None if result is None else result.retcode)
            inside.wait(seconds=7)
        deals = [
            (d.time_msc, d.price, d.volume, d.profit) for d in inside.history_deals_get(0, END_S)
        ]
        inside.close()
        return [told, deals]

    first = traded("one", 5)
    assert first == traded("two", 5)
    assert first != traded("three", 6)


def test_a_folder_of_an_older_terminal_is_completed(paper: Open, tmp_path: Path):
    inside = paper()
    ticket = inside.order_send(waiting(BUY_LIMIT, 1.05)).order
    inside.close()
    file = sqlite3.connect(tmp_path / "0" / "terminal.sqlite3")
    for table in ("orders", "history_orders"):
        file.execute(f"alter table {table} drop column price_stoplimit")
    file.execute("delete from meta where key in ('rolled', 'queues', 'depth')")
    file.commit()
    file.close()
    again = open_inside(tmp_path / "0")
    assert only(again.orders_get()).price_stoplimit == 0.0
    assert again.order_send({"action": 8, "order": ticket}).retcode == DONE
    again.close()


def test_what_cannot_be_written_was_never_done(paper: Open, monkeypatch: pytest.MonkeyPatch):
    inside = paper()
    inside.trade()

    def full(*_: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    with monkeypatch.context() as broken:
        broken.setattr(Store, "write", full)
        with pytest.raises(sqlite3.OperationalError):
            inside.trade()
    assert inside.positions_total() == 1
    assert inside.trade().retcode == DONE
    assert inside.positions_total() == 2
