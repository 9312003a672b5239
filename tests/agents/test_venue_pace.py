"""A call waits as long as the venue takes by its own record, and the trace says by which."""

from __future__ import annotations

import time
from decimal import Decimal
from typing import Any

from psycopg import Connection

from tests.kit.bridge_flow import carried_out, inquiries, market_order, run
from tests.kit.bridges import Start
from tests.kit.trading_desk import ask, rows
from workers.outside import Outside


def keep_baseline(inside: Connection[Any], p99_ms: int, age: str = "0 minutes") -> None:
    """Keep the week of the account's market orders, as it was rolled up a while ago."""
    inside.execute(
        "insert into execution.latency_baselines (venue_id, route, order_type, span, starts_at,"
        " attempts, answered, unanswered, rejected, p99_ms, rolled_at) values ('mt5-paper',"
        " 'paper-1', 'market', 'week', 'epoch', 300, 300, 0, 0, %s,"
        " clock_timestamp() - %s::interval) on conflict (venue_id, route, order_type, span,"
        " starts_at) do update set p99_ms = excluded.p99_ms, rolled_at = excluded.rolled_at",
        (p99_ms, age),
    )


def test_a_call_waits_as_long_as_the_venue_takes_and_is_asked_about_then(
    bridge: Connection[Any], inside: Connection[Any], outside: Outside, start: Start,
    successor: Outside,
):  # fmt: skip
    terminal = start()
    keep_baseline(inside, 150)
    usual = run(bridge, outside, market_order(inside))
    assert usual.outcome == "filled"
    assert usual.features["timeout_ms"] == "2000"
    assert usual.features["baseline"] == "mt5-paper/paper-1/market p99 150 ms of 300 answers"
    # Executed, and no answer within two seconds: by default five would have been waited for.
    terminal.control.inject("no_answer", ms=3_500)
    began = time.monotonic()
    late = run(bridge, outside, market_order(inside))
    assert late.outcome == "unknown"
    assert time.monotonic() - began < 3.4
    ((waited,),) = rows(inside, "select latency_ms from execution.attempts where state = 'unknown'")
    assert 2_000 <= waited < 3_400
    ((attempt,),) = rows(
        inside, "select attempt_id from execution.attempts where state = 'unknown'"
    )
    ask(bridge, "execution.ask_again", {"attempt_id": attempt})
    (message,) = inquiries(inside)
    found = carried_out(bridge, successor, message)
    assert found.outcome == "filled"
    # What is found took no time of its own: the call's stays, or timeouts would never count.
    assert rows(
        inside, "select latency_ms from execution.attempts where attempt_id = %s", (attempt,)
    ) == [(waited,)]
    assert rows(inside, "select quantity from positions") == [(Decimal("0.2"),)]


def test_a_stale_baseline_is_nobodys_measure(
    bridge: Connection[Any], inside: Connection[Any], outside: Outside, start: Start
):
    start()
    keep_baseline(inside, 150, "2 hours")
    decision = run(bridge, outside, market_order(inside))
    assert decision.features["timeout_ms"] == "5000"
    assert decision.features["settle_ms"] == "15000"
    assert "stale" in decision.features["baseline"]
