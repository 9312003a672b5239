"""What a run came to, every figure read back from Postgres."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import Connection

from backend.contracts.denials import Code
from backend.db import reads
from backend.values import format_decimal
from cli.console import out, print_table
from cli.demo.story import tell

_COUNTS = """
select (select count(*) from public.signals_raw),
       (select count(*) from intake.duplicates),
       (select count(*) from public.signals_raw r
         join public.alert_outcomes o on o.correlation_id = r.correlation_id),
       (select count(*) from public.orders),
       (select count(*) from public.fills),
       (select count(*) from bus.deliveries d
         join public.signals_raw r on r.correlation_id = d.correlation_id)
"""

_AGENTS = """
select t.agent, count(*), percentile_cont(0.5) within group (order by t.latency_us) / 1000.0
  from public.decision_traces t
 where t.message_type <> 'tick'
 group by t.agent order by t.agent
"""

_OUTCOMES = """
select o.outcome, count(*) from public.alert_outcomes o
  join public.signals_raw r on r.correlation_id = o.correlation_id
 group by o.outcome order by count(*) desc
"""

_BY_CODE = """
select o.outcome, coalesce(o.code, '-'), count(*) from public.alert_outcomes o
  join public.signals_raw r on r.correlation_id = o.correlation_id
 group by o.outcome, o.code order by count(*) desc
"""

_PLAINLY = {
    "filled": "the venue filled the order",
    "partially_filled": "the venue filled part of the order",
}

_LATENCY = """
select percentile_cont(array[0.5, 0.95, 0.99]) within group (
         order by extract(epoch from a.answered_at - r.received_at) * 1000)
  from (select o.correlation_id, min(k.answered_at) as answered_at
          from public.orders o join execution.attempts k on k.order_id = o.order_id
         where k.answered_at is not null group by o.correlation_id) a
  join public.signals_raw r on r.correlation_id = a.correlation_id
"""

_PNL = """
select coalesce(sum(p.realized_pnl), 0), coalesce(sum(p.commission), 0) from public.positions p
"""

_EXAMPLE = """
select f.correlation_id from public.fills f
  join public.signals_raw r on r.correlation_id = f.correlation_id
 order by f.recorded_at limit 1
"""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is."""

    accepted: int
    duplicates: int
    decided: int
    orders: int
    fills: int
    under_way: int
    """Messages about alerts that agents have still to handle."""
    agents: tuple[tuple[str, int, float], ...]
    outcomes: dict[str, int]

    @property
    def settled(self) -> bool:
        """Tell whether every alert has its outcome and nothing more comes of any."""
        return self.accepted == self.decided and self.under_way == 0


class Reader:
    """Reads a desk that may lose its database for a while."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._conn: Connection[Any] | None = None

    @contextlib.contextmanager
    def session(self) -> Iterator[Connection[Any]]:
        """Lend the session, opened again if it broke."""
        if self._conn is None or self._conn.closed:
            self._conn = psycopg.connect(self._url, autocommit=True)
        yield self._conn

    def progress(self) -> Progress | None:
        """Read how far the run is; None while the database does not answer."""
        try:
            with self.session() as conn:
                return progress(conn)
        except psycopg.OperationalError:
            if self._conn is not None:
                self._conn.close()
            return None


def progress(conn: Connection[Any]) -> Progress:
    """Read how far the run is."""
    counts = conn.execute(_COUNTS.encode()).fetchone()
    assert counts is not None
    agents = conn.execute(_AGENTS.encode()).fetchall()
    outcomes = conn.execute(_OUTCOMES.encode()).fetchall()
    accepted, duplicates, decided, orders, fills, under_way = counts
    per_agent = tuple((name, n, float(p50 or 0)) for name, n, p50 in agents)
    return Progress(
        accepted, duplicates, decided, orders, fills, under_way, per_agent, dict(outcomes)
    )


def read(reader: Reader, asked: int) -> dict[str, Any]:
    """Read the whole summary; `json` holds what scripts get. asked: posts that were answered."""
    with reader.session() as conn, conn.transaction():
        conn.execute("set transaction isolation level repeatable read")
        state = progress(conn)
        latency = conn.execute(_LATENCY.encode()).fetchone()
        example = conn.execute(_EXAMPLE.encode()).fetchone()
        pnl = conn.execute(_PNL.encode()).fetchone()
        outcomes = conn.execute(_BY_CODE.encode()).fetchall()
        story = None if example is None else reads.decision_story(conn, example[0])
    assert pnl is not None
    quantiles = latency[0] if latency is not None and latency[0] is not None else (None,) * 3
    names = ("p50", "p95", "p99")
    posted = state.accepted + state.duplicates
    # A post that was sent again because its answer got lost counts as a duplicate.
    ok = sum(state.outcomes.values()) == state.accepted > 0 and posted >= asked
    return {
        "state": state,
        "outcomes": outcomes,
        "story": story,
        "json": {
            "ok": ok,
            "database_url": "",
            "api_url": "",
            "alerts": {
                "posted": posted,
                "accepted": state.accepted,
                "duplicate": state.duplicates,
            },
            "outcomes": state.outcomes,
            "orders": state.orders,
            "fills": state.fills,
            "realized_pnl": format_decimal(pnl[0].normalize()),
            "commission": format_decimal(pnl[1].normalize()),
            "latency_ms": {
                name: None if value is None else round(float(value), 3)
                for name, value in zip(names, quantiles, strict=True)
            },
            "example_correlation_id": None if example is None else str(example[0]),
        },
    }


def show(told: dict[str, Any]) -> None:
    """Print the summary and one story."""
    facts = told["json"]
    alerts = facts["alerts"]
    console = out()
    if told["story"] is not None:
        tell(told["story"])
    console.print()
    rows = [
        ("alerts posted", str(alerts["posted"])),
        ("accepted", str(alerts["accepted"])),
        ("duplicates dropped", str(alerts["duplicate"])),
        ("scored", str(_handled(told, "rationale_scorer"))),
        ("orders", str(facts["orders"])),
        ("fills", str(facts["fills"])),
        ("realised PnL, commission", f"{facts['realized_pnl']}, {facts['commission']} USD"),
        ("webhook → venue's answer", _milliseconds(facts["latency_ms"])),
    ]
    print_table("", ("", ""), rows)
    outcomes = [
        (outcome, code, _meaning(code, outcome), str(n)) for outcome, code, n in told["outcomes"]
    ]
    print_table("", ("outcome", "code", "", "alerts"), outcomes)
    lost = alerts["accepted"] - sum(facts["outcomes"].values())
    verdict = (
        "[green]every accepted alert reached exactly one outcome[/]"
        if facts["ok"]
        else f"[red]{lost} of {alerts['accepted']} accepted alerts have no outcome[/]"
    )
    console.print(verdict)


def _handled(told: dict[str, Any], agent: str) -> int:
    return next((n for name, n, _ in told["state"].agents if name == agent), 0)


def _milliseconds(latency: dict[str, float | None]) -> str:
    parts = [f"{name} {value:.0f} ms" for name, value in latency.items() if value is not None]
    return ", ".join(parts) or "no order was sent"


def _meaning(code: str, outcome: str) -> str:
    known = Code.of_number(code)
    return known.meaning if known else _PLAINLY.get(outcome, "")
