"""`desk demo` as a person runs it: what it says is what SQL, the API and a replay say too."""

from __future__ import annotations

import contextlib
import http.client
import json
from collections import Counter
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
import psycopg
import pytest
from psycopg.rows import dict_row

from backend.contracts.denials import Code
from backend.values import FinalOutcome
from tests.kit.desk_run import DeskRun, desk, processes_of
from tests.kit.homes import report_of, temporary_home
from workers.replaying import replay

ALERTS = 40

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@dataclass(frozen=True)
class Demo:
    """One run of `desk demo --keep`."""

    home: Path
    facts: dict[str, Any]
    printed: str
    told: str

    def reader(self) -> psycopg.Connection[dict[str, Any]]:
        """Log in as the summary says."""
        return psycopg.connect(self.facts["database_url"], row_factory=dict_row)

    def rows(self, query: str, *parameters: Any) -> list[dict[str, Any]]:
        """Read rows as the summary's login."""
        with self.reader() as conn:
            return conn.execute(query.encode(), parameters).fetchall()

    def count(self, what: str) -> int:
        """Count rows as the summary's login."""
        (row,) = self.rows(f"select count(*) as n from {what}")
        return int(row["n"])


def run_demo(home: Path) -> Demo:
    """Run a demo that stays, and read what it leaves."""
    file = home / "out.json"
    done = desk(home, "demo", "--alerts", str(ALERTS), "--keep", "--json", str(file))
    assert done.returncode == 0, done.stderr
    return Demo(home, json.loads(file.read_text()), done.stdout, done.stderr)


@pytest.fixture(scope="module")
def demo() -> Generator[Demo]:
    with temporary_home() as home:
        yield run_demo(home)


def get(url: str, token: str | None) -> tuple[int, Any]:
    """Ask the API."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=10)
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    with contextlib.closing(connection):
        connection.request("GET", parts.path, headers=headers)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())


def test_the_summary_holds_what_scripts_are_promised(demo: Demo):
    facts = demo.facts
    assert facts["ok"] is True
    assert facts["alerts"]["posted"] == ALERTS
    assert facts["alerts"]["accepted"] + facts["alerts"]["duplicate"] == ALERTS
    assert facts["alerts"]["duplicate"] <= ALERTS * 0.05
    assert sum(facts["outcomes"].values()) == facts["alerts"]["accepted"]
    assert set(facts["outcomes"]) <= {outcome.value for outcome in FinalOutcome}
    assert facts["outcomes"]["filled"] > 0
    latency = facts["latency_ms"]
    assert 0 < latency["p50"] <= latency["p95"] <= latency["p99"]
    assert {"database_url", "api_url", "orders", "fills", "example_correlation_id"} <= set(facts)


def test_every_count_of_the_summary_is_what_sql_counts(demo: Demo):
    facts = demo.facts
    assert demo.count("public.signals_raw") == facts["alerts"]["accepted"]
    assert demo.count("intake.duplicates") == facts["alerts"]["duplicate"]
    assert demo.count("public.orders") == facts["orders"]
    assert demo.count("public.fills") == facts["fills"]
    outcomes = demo.rows("select outcome, count(*) as n from public.alert_outcomes group by 1")
    assert {row["outcome"]: row["n"] for row in outcomes} == facts["outcomes"]


def test_the_summary_s_login_reads_every_row_and_writes_none(demo: Demo):
    tables = demo.rows(
        "select n.nspname || '.' || c.relname as name from pg_class c"
        "  join pg_namespace n on n.oid = c.relnamespace"
        " where c.relkind in ('r', 'p') and not c.relispartition and n.nspname = 'public'"
    )
    with DeskRun(demo.home).session() as everything:
        for name in (str(row["name"]) for row in tables):
            # Quotes, ticks and traces go on: what the reader sees may only have grown since.
            query = f"select count(*) from {name}".encode()
            whole = everything.execute(query).fetchone()
            assert whole is not None
            assert demo.count(name) >= whole[0], name
    with demo.reader() as conn, pytest.raises(psycopg.errors.InsufficientPrivilege):
        conn.execute("insert into public.organizations (org_id, name) values ('x', 'x')")
    with demo.reader() as conn, pytest.raises(psycopg.errors.InsufficientPrivilege):
        conn.execute("delete from public.fills")


def test_an_auditor_follows_a_fill_to_the_alert_s_bytes_by_sql_alone(demo: Demo):
    (found,) = demo.rows(
        """
        select r.body, s.score, s.sentence, s.contributions, i.policy_hash, p.body as policy,
               o.order_id, o.intent_id, o.quantity, f.quantity as filled
          from public.fills f
          join public.orders o on o.order_id = f.order_id
          join public.intents i on i.intent_id = o.intent_id
          join risk.policies p on p.policy_hash = i.policy_hash
          join public.signals_raw r on r.correlation_id = f.correlation_id
          join public.strategy_rationales s on s.correlation_id = f.correlation_id
         where f.correlation_id = %s
        """,
        demo.facts["example_correlation_id"],
    )
    assert b"demo-" in found["body"]
    assert found["score"] > 0
    assert found["sentence"]
    assert found["contributions"]
    assert found["policy"]
    checks = demo.rows(
        "select limit_kind, limit_value, projected, outcome from public.risk_checks"
        " where intent_id = %s",
        found["intent_id"],
    )
    kinds = {check["limit_kind"] for check in checks}
    assert {"order_notional", "gross_exposure", "quote_age_ms", "stop_loss_required"} <= kinds
    assert all(check["limit_value"] is not None for check in checks)
    life = demo.rows(
        "select from_status, to_status from public.order_events where order_id = %s"
        " order by occurred_at",
        found["order_id"],
    )
    assert [event["to_status"] for event in life] == ["initialized", "submitted", "filled"]
    assert found["filled"] == found["quantity"]


def test_the_decision_story_in_sql_holds_the_whole_chain(demo: Demo):
    example = demo.facts["example_correlation_id"]
    (row,) = demo.rows("select audit.decision_story(%s) as story", example)
    agents = {decision["agent"] for decision in row["story"]["decisions"]}
    assert {"intake", "rationale_scorer", "risk", "policy_guard", "execution"} <= agents
    assert row["story"]["outcome"]["outcome"] == "filled"
    assert f"The story of {example}" in demo.printed


def test_every_alert_s_story_ends_where_the_chain_left_it(demo: Demo):
    gaps = demo.rows(
        "select o.correlation_id, o.outcome, o.code from public.alert_outcomes o"
        " where not exists (select from public.decision_traces t"
        "                    where t.correlation_id = o.correlation_id and t.agent = o.agent"
        "                      and t.final_outcome = o.outcome)"
        # Of several orders, or of one that is worked over time, none knows alone how the alert
        # ends: SQL sums them up.
        "   and not exists (select from public.orders r"
        "                    where r.correlation_id = o.correlation_id"
        "                      and (r.latency_class <> 'immediate' or r.child_index > 0))"
    )
    assert gaps == []
    codes = demo.rows("select distinct code from public.alert_outcomes where outcome <> 'filled'")
    assert all(Code.of_number(row["code"]) for row in codes)


def test_every_recorded_decision_can_be_made_again_bit_for_bit(demo: Demo):
    traces = demo.rows("select * from public.decision_traces order by decided_at")
    events = {row["msg_id"]: row for row in demo.rows("select * from bus.events")}
    assert len(traces) > ALERTS
    different = [
        (trace["agent"], trace["message_type"], trace["trace_id"])
        for trace in traces
        if not replay(trace, events.get(trace["msg_id"])).same
    ]
    assert different == []


def test_desk_replay_means_the_database_of_the_demo_that_runs(demo: Demo):
    again = desk(demo.home, "replay", demo.facts["example_correlation_id"], "--json")
    assert again.returncode == 0, again.stdout + again.stderr
    assert json.loads(again.stdout)["same"] is True


def test_the_api_tells_the_same_story_to_whoever_has_a_token(demo: Demo):
    example = demo.facts["example_correlation_id"]
    url = f"{demo.facts['api_url']}/decisions/{example}"
    assert get(url, None)[0] == 401
    made = desk(demo.home, "token", "create", "maria")
    assert made.returncode == 0, made.stderr
    status, told = get(url, made.stdout.strip())
    assert status == 200
    (row,) = demo.rows("select audit.decision_story(%s) as story", example)
    assert told["alert"]["bytes_hex"] == row["story"]["alert"]["bytes_hex"]
    assert told["outcome"]["outcome"] == "filled"
    decided = [(d["agent"], d["outcome"], d["explanation"]) for d in told["decisions"]]
    assert decided == [
        (d["agent"], d["outcome"], d["explanation"]) for d in row["story"]["decisions"]
    ]


def test_what_is_printed_for_a_file_has_no_codes_and_one_line_a_thought(demo: Demo):
    assert "\x1b" not in demo.printed + demo.told
    assert "every accepted alert reached exactly one outcome" in demo.printed
    assert f"psql '{demo.facts['database_url']}'" in demo.told


def test_a_demo_beside_a_running_desk_says_what_to_do(demo: Demo):
    second = desk(demo.home, "demo")
    assert second.returncode == 2
    assert "already runs" in second.stderr
    assert "desk down" in second.stderr
    assert report_of(demo.home).healthy


def test_the_terminal_asks_for_the_margin_that_the_policy_reckons_with(demo: Demo):
    words = psutil.Process(DeskRun(demo.home).process("terminal").pid).cmdline()
    leverage = int(words[words.index("--leverage") + 1])
    (policy,) = demo.rows(
        "select (body -> 'authority' ->> 'margin_rate')::numeric as rate"
        "  from risk.policies where active"
    )
    assert leverage * policy["rate"] == 1


def shapes_of(demo: Demo) -> Counter[str]:
    """Count the alerts by what a seed fixes: neither ids nor times nor prices."""
    return Counter(
        f"{row['symbol']} {row['shape']}"
        for row in demo.rows(
            "select parsed ->> 'symbol_raw' as symbol, parsed ->> 'shape' as shape"
            "  from public.signals_raw"
        )
    )


def test_down_leaves_nothing_and_a_second_demo_begins_on_a_fresh_database(demo: Demo):
    first, shapes = demo.facts, shapes_of(demo)
    assert desk(demo.home, "down").returncode == 0
    assert processes_of(demo.home) == []
    again = run_demo(demo.home)
    assert again.facts["database_url"] != first["database_url"]
    assert again.facts["alerts"]["posted"] == ALERTS
    assert again.count("public.signals_raw") == again.facts["alerts"]["accepted"]
    assert again.facts["example_correlation_id"] != first["example_correlation_id"]
    assert shapes_of(again) == shapes
    with pytest.raises(psycopg.OperationalError, match="does not exist"):
        psycopg.connect(first["database_url"])
