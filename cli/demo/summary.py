"""What a run came to, every figure read back from Postgres."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from psycopg import Connection

from backend.contracts.denials import Code
from backend.db import reads
from cli.console import out, print_table
from cli.demo.story import tell

_COUNTS = """
select (select count(*) from public.signals_raw),
       (select count(*) from intake.duplicates),
       (select count(*) from public.signals_raw r
         join public.alert_outcomes o on o.correlation_id = r.correlation_id),
       (select count(*) from public.orders),
       (select count(*) from public.fills)
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

_DENIALS = """
select o.outcome, coalesce(o.code, '-'), count(*) from public.alert_outcomes o
  join public.signals_raw r on r.correlation_id = o.correlation_id
 where o.outcome not in ('filled', 'partially_filled')
 group by o.outcome, o.code order by count(*) desc
"""

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
    agents: tuple[tuple[str, int, float], ...]
    outcomes: dict[str, int]


def progress(conn: Connection[Any]) -> Progress:
    """Read how far the run is."""
    counts = conn.execute(_COUNTS.encode()).fetchone()
    assert counts is not None
    agents = conn.execute(_AGENTS.encode()).fetchall()
    outcomes = conn.execute(_OUTCOMES.encode()).fetchall()
    accepted, duplicates, decided, orders, fills = counts
    per_agent = tuple((name, n, float(p50 or 0)) for name, n, p50 in agents)
    return Progress(accepted, duplicates, decided, orders, fills, per_agent, dict(outcomes))


def read(conn: Connection[Any]) -> dict[str, Any]:
    """Read the whole summary. `json` holds what scripts get."""
    state = progress(conn)
    latency = conn.execute(_LATENCY.encode()).fetchone()
    quantiles = latency[0] if latency is not None and latency[0] is not None else (None,) * 3
    example = conn.execute(_EXAMPLE.encode()).fetchone()
    pnl = conn.execute(_PNL.encode()).fetchone()
    assert pnl is not None
    ok = sum(state.outcomes.values()) == state.accepted > 0
    correlation_id = None if example is None else str(example[0])
    alerts = {
        "posted": state.accepted + state.duplicates,
        "accepted": state.accepted,
        "duplicate": state.duplicates,
    }
    names = ("p50", "p95", "p99")
    return {
        "ok": ok,
        "alerts": alerts,
        "state": state,
        "denials": conn.execute(_DENIALS.encode()).fetchall(),
        "story": None if example is None else reads.decision_story(conn, example[0]),
        "json": {
            "ok": ok,
            "database_url": "",
            "api_url": "",
            "alerts": alerts,
            "outcomes": state.outcomes,
            "orders": state.orders,
            "fills": state.fills,
            "realized_pnl": str(pnl[0]),
            "commission": str(pnl[1]),
            "latency_ms": {
                name: None if value is None else round(float(value), 3)
                for name, value in zip(names, quantiles, strict=True)
            },
            "example_correlation_id": correlation_id,
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
    outcomes = [(outcome, code, _meaning(code), str(n)) for outcome, code, n in told["denials"]]
    filled = facts["outcomes"].get("filled", 0)
    print_table(
        "",
        ("outcome", "code", "", "alerts"),
        [("filled", "-", "the venue filled the order", str(filled)), *outcomes],
    )
    lost = alerts["accepted"] - sum(facts["outcomes"].values())
    verdict = (
        "[green]every accepted alert reached exactly one outcome[/]"
        if told["ok"]
        else f"[red]{lost} accepted alerts have no outcome[/]"
    )
    console.print(verdict)


def _handled(told: dict[str, Any], agent: str) -> int:
    return next((n for name, n, _ in told["state"].agents if name == agent), 0)


def _milliseconds(latency: dict[str, float | None]) -> str:
    parts = [f"{name} {value:.0f} ms" for name, value in latency.items() if value is not None]
    return ", ".join(parts) or "no order was sent"


def _meaning(code: str) -> str:
    known = Code.of_number(code)
    return known.meaning if known else ""
