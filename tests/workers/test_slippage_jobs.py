"""Jobs that learn from recorded fills: what orders slip by, how long venues take."""

from __future__ import annotations

import json
from collections.abc import Generator

import pytest

from backend.domain.slippage import SlippageModel, SlippageOrder, forecast
from tests.kit.oversight import Overseen, overseen_desk
from workers import jobs
from workers.jobs.slippage_model import fit_now

_ORDERS = """
insert into public.orders (order_id, intent_id, child_index, correlation_id, org_id, account_id,
  strategy_id, venue_id, symbol, side, order_type, quantity, reference_price, time_in_force,
  algorithm, latency_class, mode, status, policy_hash, created_at)
select md5('order' || n)::uuid, md5('intent' || n)::uuid, 0, md5('c' || n)::uuid, 'demo',
       'paper-1', 'tv-smc', 'mt5-paper', 'EURUSD', 'BUY', 'market', 0.1 + n % 7, 1.1, 'IOC',
       'immediate', 'immediate', 'paper', 'filled', 'p', now() - n * interval '1 minute'
  from generate_series(1, 300) as n
"""
_ATTEMPTS = """
insert into execution.attempts (attempt_id, order_id, client_order_id, magic, account_id,
  worker_id, account_epoch, state, opened_at, latency_ms)
select md5('attempt' || n)::uuid, md5('order' || n)::uuid, 'c' || n, n, 'paper-1', md5('w')::uuid,
       1, case when n % 50 = 0 then 'not_sent' else 'answered' end,
       now() - n * interval '1 minute', case when n % 50 > 0 then n end
  from generate_series(1, 300) as n
"""
_FILLS = """
insert into public.fills (fill_id, order_id, intent_id, correlation_id, org_id, account_id,
  strategy_id, venue_id, venue_trade_id, symbol, side, quantity, price, slippage_bps, filled_at)
select md5('fill' || n)::uuid, md5('order' || n)::uuid, md5('intent' || n)::uuid,
       md5('c' || n)::uuid, 'demo', 'paper-1', 'tv-smc', 'mt5-paper', n::text, 'EURUSD', 'BUY',
       0.1 + n % 7, 1.1, 0.5 + 0.05 * (n % 7) + 0.01 * (n * 37 % 20),
       now() - n * interval '1 minute'
  from generate_series(1, 300) as n
"""
_TICKS = """
insert into public.market_ticks (venue_id, symbol, quoted_at, bid, ask)
select 'mt5-paper', 'EURUSD', now() - n * interval '1 minute' - interval '2 seconds',
       1.1, 1.1001 + 0.00001 * (n % 5)
  from generate_series(1, 300) as n
"""
_VOLATILITY = """
insert into risk.volatilities (symbol, sigma, good_until)
values ('EURUSD', 0.006, now() + interval '1 day')
on conflict (symbol) do update set sigma = excluded.sigma
"""


@pytest.fixture(scope="module")
def desk() -> Generator[Overseen]:
    with overseen_desk() as desk, desk.behind() as conn:
        conn.execute("set session_replication_role = replica")
        for statement in (_ORDERS, _ATTEMPTS, _FILLS, _TICKS, _VOLATILITY):
            conn.execute(statement)
        conn.execute("set session_replication_role = origin")
        yield desk


@pytest.fixture(autouse=True)
def _environment(desk: Overseen, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.database.role_url("housekeeping_agent")
    passwords = {"housekeeping_agent": desk.database.handle.home.secret("kit-housekeeping_agent")}
    (desk.keys / "passwords.json").write_text(json.dumps(passwords))
    monkeypatch.setenv("DATABASE_URL", desk.database.superuser_url)
    monkeypatch.setenv("DESK_HOME", str(desk.keys.parent))
    monkeypatch.setenv("DESK_KEYS", str(desk.keys))


def test_answers_are_rolled_up_by_venue_route_and_order_type(desk: Overseen) -> None:
    jobs.latencies()
    jobs.latencies()
    (week,) = desk.rows("select * from execution.latency_baselines where span = 'week'")
    assert (week["venue_id"], week["route"], week["order_type"]) == (
        "mt5-paper",
        "paper-1",
        "market",
    )
    assert (week["attempts"], week["answered"], week["unanswered"]) == (300, 294, 6)
    known = sorted(n for n in range(1, 301) if n % 50)
    assert week["p50_ms"] == known[146]
    assert week["p95_ms"] == known[279]
    assert week["longest_ms"] == 299
    hours = desk.rows("select * from execution.latency_baselines where span = 'hour'")
    assert 1 <= len(hours) <= 2


def test_a_model_is_fitted_from_recorded_fills_kept_and_not_fitted_again_at_once(
    desk: Overseen,
) -> None:
    pytest.importorskip("sklearn")
    jobs.latencies()
    jobs.slippage_model()
    (kept,) = desk.rows("select * from execution.slippage_models")
    assert kept["active"]
    assert kept["rows"] == 300
    assert {one["rows"] for one in kept["calibration"]} == {45}
    model = SlippageModel.from_numbers(kept["body"])
    assert model.as_numbers() == kept["body"]
    assert model.version == kept["model"]
    told = forecast(model, SlippageOrder(1.0, 60.0, 1e-4, 0.15, 12.0))
    assert 0.4 < told.expected_bps < 1.2
    assert told.worst_bps > told.expected_bps
    assert jobs.slippage_model() == "the model is fresh"
    assert fit_now().startswith(kept["model"])
