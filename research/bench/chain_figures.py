"""Figures of the chain, read from what the desk recorded about itself."""

from __future__ import annotations

import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
from psycopg import Connection

PROBE_EVERY_S = 0.02
_COMMIT = "insert into bench.commits values (1, %s)"
_BODY = '{"as_wide_as": "' + "a message on the bus " * 60 + '"}'

_LATENCIES = """
select extract(epoch from a.answered_at - r.received_at)::float8 * 1000
  from public.signals_raw r
  join public.orders o on o.correlation_id = r.correlation_id and o.child_index = 0
  join execution.attempts a on a.order_id = o.order_id and a.answered_at is not null
 where r.received_at >= %(since)s
"""

# A hop lasts from the moment its message was stored to the moment its decision was settled.
_HOPS = """
select t.agent, extract(epoch from t.decided_at - coalesce(e.published_at, r.received_at))::float8
                * 1000
  from public.decision_traces t
  join public.signals_raw r on r.correlation_id = t.correlation_id
  left join bus.events e on e.msg_id = t.msg_id
 where t.decided_at >= %(since)s and r.received_at >= %(since)s
"""

CHAIN = (
    "intake",
    "normalizer",
    "rationale_scorer",
    "strategy_analyst",
    "strategy_router",
    "portfolio",
    "risk",
    "policy_guard",
    "order",
    "execution",
)


@dataclass(frozen=True, slots=True)
class Hops:
    """What the hops of the chain took."""

    hops: int
    p50_ms: float
    per_hop_ms: dict[str, float]
    stalls: int


def latencies_ms(conn: Connection[Any], since: datetime) -> list[float]:
    """Return webhook receipt to venue answer for every order since then."""
    return [row[0] for row in conn.execute(_LATENCIES.encode(), {"since": since}).fetchall()]


def hop_figures(conn: Connection[Any], since: datetime) -> Hops:
    """Return the medians of the chain's hops, and how many took over a second."""
    by_agent: dict[str, list[float]] = {agent: [] for agent in CHAIN}
    for agent, milliseconds in conn.execute(_HOPS.encode(), {"since": since}).fetchall():
        if agent in by_agent:
            by_agent[agent].append(milliseconds)
    every = [value for values in by_agent.values() for value in values]
    if not every:
        raise ValueError("no hop was recorded")
    return Hops(
        hops=sum(1 for values in by_agent.values() if values),
        p50_ms=round(statistics.median(every), 3),
        per_hop_ms={
            agent: round(statistics.median(values), 3)
            for agent, values in by_agent.items()
            if values
        },
        stalls=sum(1 for value in every if value > 1000),
    )


def outcomes(conn: Connection[Any]) -> dict[str, int]:
    """Return how many alerts ended where."""
    query = "select o.outcome, count(*) from public.alert_outcomes o group by o.outcome"
    return dict(conn.execute(query).fetchall())


class CommitProbe:
    """One client that commits a row now and then while the chain works.

    A hop and a commit are comparable only under the same load: both share the machine.
    """

    def __init__(self, owner_url: str) -> None:
        self._url = owner_url
        self.times_ms: list[float] = []
        with psycopg.connect(owner_url, autocommit=True) as conn:
            conn.execute("create schema if not exists bench")
            conn.execute("create table if not exists bench.commits (n int, body jsonb)")

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Commit every PROBE_EVERY_S until left."""
        stop = threading.Event()
        thread = threading.Thread(target=self._run, args=(stop,), daemon=True)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()

    def _run(self, stop: threading.Event) -> None:
        with psycopg.connect(self._url, autocommit=True) as conn:
            while not stop.wait(PROBE_EVERY_S):
                start = time.perf_counter()
                conn.execute(_COMMIT, (_BODY,), prepare=True)
                self.times_ms.append((time.perf_counter() - start) * 1000)
