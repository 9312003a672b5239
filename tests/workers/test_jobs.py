"""Scheduled jobs, called as Celery calls them, on a real database."""

from __future__ import annotations

import json
from collections.abc import Generator
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from psycopg.types.json import Jsonb

from backend.db.gateway import DenialRaised
from backend.ports import SystemClock
from tests.kit.oversight import Overseen, overseen_desk
from tests.kit.trading_desk import add_bars
from workers import jobs
from workers.app import app
from workers.jobs.running import run_job


@pytest.fixture(scope="module")
def desk() -> Generator[Overseen]:
    """Lend one overseen desk to the module."""
    with overseen_desk() as desk:
        yield desk


@pytest.fixture(autouse=True)
def _environment(desk: Overseen, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tell the jobs their database as a worker process is told."""
    home = desk.database.handle.home
    logins = ("housekeeping_agent", "optimizer_agent")
    for role in logins:
        desk.database.role_url(role)
    passwords = {role: home.secret(f"kit-{role}") for role in logins}
    (desk.keys / "passwords.json").write_text(json.dumps(passwords))
    monkeypatch.setenv("DATABASE_URL", desk.database.superuser_url)
    monkeypatch.setenv("DESK_HOME", str(desk.keys.parent))
    monkeypatch.setenv("DESK_KEYS", str(desk.keys))
    with desk.behind() as conn:
        conn.execute("truncate ops.job_runs, public.report_snapshots, public.proposals cascade")


def runs(desk: Overseen) -> dict[str, dict[str, Any]]:
    return {row["job"]: row for row in desk.rows("select * from ops.job_runs")}


def test_every_scheduled_task_is_a_job_that_exists():
    scheduled = {entry["task"] for entry in app.conf.beat_schedule.values()}
    app.loader.import_default_modules()
    assert scheduled == {getattr(jobs, name).name for name in jobs.__all__}
    assert scheduled <= set(app.tasks)


def test_the_pulse_leaves_a_sign_of_life(desk: Overseen):
    jobs.pulse()
    jobs.pulse()
    row = runs(desk)["pulse"]
    assert (row["runs"], row["failures"], row["last_report"]) == (2, 0, "alive")


def test_the_supervisor_misses_a_pulse_that_stops(desk: Overseen):
    jobs.pulse()
    desk.tick("supervisor")
    assert desk.rows("select 1 from ops.incidents where kind = 'JOB_SILENT'") == []
    with desk.behind() as conn:
        conn.execute(
            "insert into bus.workers (worker_id, process_id, agent, host, pid, version,"
            " started_at, lease_until) values (gen_random_uuid(), gen_random_uuid(), 'risk', 'h',"
            " 1, 'v', clock_timestamp() - interval '1 hour',"
            " clock_timestamp() + interval '1 minute')"
        )
        conn.execute("update ops.job_runs set last_run_at = last_run_at - interval '1 minute'")
    desk.tick("supervisor")
    (incident,) = desk.rows("select * from ops.incidents where kind = 'JOB_SILENT'")
    assert incident["subject"] == "pulse"


def test_partitions_are_made_a_fortnight_ahead_and_only_once(desk: Overseen):
    jobs.partitions()
    assert runs(desk)["partitions"]["last_report"] != "0 partitions made"
    last = (SystemClock().now() + timedelta(days=14)).strftime("%Y%m%d")
    made = desk.rows("select to_regclass(%s) is not null as made", f"bus.events_p{last}")
    assert made == [{"made": True}]
    jobs.partitions()
    assert runs(desk)["partitions"]["last_report"] == "0 partitions made"


def test_retention_drops_what_is_past_its_time(desk: Overseen):
    with desk.behind() as conn:
        conn.execute("set role desk_owner")
        conn.execute("select ops.ensure_partitions('2020-01-01', 1)")
    jobs.retention()
    assert runs(desk)["retention"]["last_report"] == "3 partitions dropped, 0 left for later"
    assert desk.rows("select to_regclass('public.order_events_p20200101') is not null as kept") == [
        {"kept": True}
    ]


def test_a_reader_delays_retention_and_nothing_else(desk: Overseen):
    with desk.behind() as conn:
        conn.execute("set role desk_owner")
        conn.execute("select ops.ensure_partitions('2020-02-01', 1)")
    with psycopg.connect(desk.database.superuser_url) as reader:
        reader.execute("select 1 from public.market_ticks_p20200201")
        jobs.retention()
    assert runs(desk)["retention"]["last_report"] == "2 partitions dropped, 1 left for later"


def test_a_day_is_reported_once_per_organisation(desk: Overseen):
    day = (SystemClock().now() - timedelta(days=1)).date()
    with desk.behind() as conn:
        conn.execute(
            "insert into signals_raw (alert_id, correlation_id, org_id, source_id, received_at,"
            " body, understood) values (gen_random_uuid(), gen_random_uuid(), 'demo', 'tv', %s,"
            " 'x', false)",
            (day,),
        )
        conn.execute(
            "select ops.record_outcome(correlation_id, org_id, 'in_review', null, 'intake',"
            " clock_timestamp()) from signals_raw"
        )
    jobs.daily_report()
    jobs.daily_report()
    (report,) = desk.rows("select * from report_snapshots")
    assert (report["org_id"], report["account_id"]) == ("demo", None)
    assert report["metrics"]["day"] == day.isoformat()
    assert report["metrics"]["alerts"] == 1
    assert report["metrics"]["outcomes"] == {"in_review": 1}
    assert report["metrics"]["realized_pnl"] == "0"


def test_the_retrospective_proposes_as_the_agent_does_and_leaves_its_trace(desk: Overseen):
    row = {"slippage_delta_bps": "2", "closed_by": "other", "fill_ratio": "1", "label": "flat"}
    with desk.behind() as conn:
        conn.execute(
            "insert into decision_deltas (order_id, correlation_id, org_id, predicted, realized,"
            " closed_at) select gen_random_uuid(), gen_random_uuid(), 'demo', %s, %s,"
            " clock_timestamp() from generate_series(1, 120)",
            (Jsonb({"r": "0.5", "slippage_bps": "1"}), Jsonb(row)),
        )
    jobs.retrospective()
    (proposal,) = desk.rows("select * from proposals")
    assert proposal["proposed_by"] == "optimizer_agent"
    (trace,) = desk.traces("optimizer")
    assert trace["outcome"] == "proposed"
    jobs.retrospective()
    assert len(desk.rows("select 1 from proposals")) == 1


def test_a_job_that_fails_says_so_and_is_counted(desk: Overseen):
    def fail(_job: object) -> str:
        raise DenialRaised("TR000", "no disk")

    with pytest.raises(DenialRaised):
        run_job("retention", 10, fail)
    row = runs(desk)["retention"]
    assert (row["runs"], row["failures"]) == (1, 1)
    assert row["last_error"] == "DenialRaised: TR000: no disk"


def test_scenarios_are_renewed_from_the_history_of_tradable_symbols(desk: Overseen):
    with desk.behind() as conn:
        (symbol,) = (
            r["symbol"]
            for r in desk.rows(
                "select symbol from instruments where state = 'tradable' order by symbol limit 1"
            )
        )
        add_bars(conn, symbol)
    jobs.scenarios()
    (symbols,) = desk.rows("select count(*) as n from instruments where state = 'tradable'")
    scenarios = desk.rows("select * from risk.scenarios order by symbol")
    assert 0 < len(scenarios) <= symbols["n"]
    assert {len(row["returns"]) for row in scenarios} == {len(scenarios[0]["returns"])}
    assert all(row["good_until"] > row["as_of"] for row in scenarios)
    assert runs(desk)["scenarios"]["failures"] == 0


def test_measurements_cover_everyone_also_who_did_nothing(desk: Overseen):
    jobs.measurements()
    rows = desk.rows("select * from risk.measurements")
    assert {row["scope"] for row in rows} == {"account", "strategy", "venue", "instrument"}
    assert {(row["kind"], row["value"]) for row in rows} == {
        ("rejection_rate_pct", 0),
        ("adverse_selection_bps", 0),
    }
