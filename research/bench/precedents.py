"""`desk bench precedents`: the nearest of a million rationales, found, complete and in time.

The search is the one that scoring uses, `intake.alike`, one signal a call. Every answer is
compared with the exact one: recall counts what lies no farther than the tenth of the exact
answer, so that ties are nobody's fault.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, LiteralString

import numpy as np
import psycopg
from psycopg import Connection
from psycopg.types.json import Jsonb
from uuid_utils import uuid7

from backend.db.gateway import AGENT_PLANS, configure
from backend.domain.rationale.axes import VECTOR_NAMES
from backend.domain.rationale.features import VECTOR_SIZE
from backend.settings import Settings
from research.bench.scratch import scratch_database

Report = Callable[[str], None]
Figures = dict[str, Any]

K = 10
ORG = "bench"
SHARES = {"metal": 0.01, "index": 0.03, "fx": 0.96}
"""Classes and their share of the rows; the largest stands for a search without a filter."""
LAST = datetime(2026, 11, 20, 22, tzinfo=UTC)
SPAN = timedelta(days=365)
READ_AS_OFTEN = 3.0
"""Signals per reading of the same finished bars, on average."""


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much: the defaults are what the desk is judged by."""

    rows: int = 1_000_000
    queries: int = 400
    compared: int = 150
    """Queries of a scenario that are also answered exactly."""


QUICK = Sizes(rows=60_000, queries=100, compared=50)


@dataclass(frozen=True, slots=True)
class Scenario:
    """What is asked for: a class, and the instant by which a precedent must have closed."""

    name: str
    symbol_class: str
    known_at: datetime


SCENARIOS = (
    Scenario("unfiltered", "fx", LAST + timedelta(days=1)),
    Scenario("filter_1_percent", "metal", LAST + timedelta(days=1)),
    Scenario("filter_3_percent", "index", LAST + timedelta(days=1)),
    Scenario("as_of_the_middle", "fx", LAST - SPAN / 2),
    Scenario("as_of_the_first_days", "fx", LAST - SPAN + timedelta(days=4)),
)


def draw_vectors(random: np.random.Generator, count: int) -> np.ndarray:
    """Draw feature vectors as scoring makes them: stepped, faded, repeated. Shape (count, 16)."""
    distinct = max(1, int(count / READ_AS_OFTEN))
    columns = {name: np.zeros(distinct) for name in VECTOR_NAMES}
    fade = 1 - random.integers(0, 25, (4, distinct)) / 24
    bias = random.choice((-1.0, 1.0), distinct)
    gaps = random.integers(1, 13, distinct)
    ratio = random.lognormal(0, 0.35, distinct)
    columns["structure_bias"] = bias
    columns["structure_break"] = bias * random.choice((0.5, 1.0), distinct) * fade[0]
    columns["liquidity_sweep"] = random.choice((-1.0, 0.0, 1.0), distinct) * fade[1]
    columns["gap_balance"] = 2 * random.binomial(gaps, 0.5 + bias * 0.2) / gaps - 1
    columns["range_position"] = np.clip(random.normal(bias * 0.4, 0.6), -1, 1)
    columns["structure_momentum"] = 2 * random.binomial(5, 0.5 + bias * 0.2) / 5 - 1
    columns["volatility_fit"] = np.clip(2 - np.maximum(ratio, 1 / ratio), -1, 1)
    columns["volatility_trend"] = np.clip(ratio - 1, -1, 1)
    columns["structure_shift"] = random.choice((-1.0, 0.0, 1.0), distinct) * fade[2]
    columns["block_balance"] = random.choice((-1.0, -0.5, 0.0, 0.0, 0.0, 0.5, 1.0), distinct)
    columns["trade_entry"] = random.choice((-1.0, 0.0, 0.0, 1.0), distinct)
    columns["displacement"] = random.choice((-1.0, 1.0), distinct) * fade[3]
    vectors = np.zeros((distinct, VECTOR_SIZE))
    for index, name in enumerate(VECTOR_NAMES):
        vectors[:, index] = columns[name]
    drawn = vectors[random.integers(0, distinct, count)]
    drawn[:, VECTOR_NAMES.index("session_fit")] = random.choice((1.0, 0.6, -0.2, -1.0), count)
    return np.round(drawn, 6)


def run_precedents_bench(settings: Settings, sizes: Sizes, report: Report) -> Figures:
    """Fill a database with closed rationales, search it and return the figures."""
    random = np.random.default_rng(20261121)
    with (
        scratch_database(settings, "precedents") as scratch,
        psycopg.connect(scratch.url, autocommit=True) as conn,
    ):
        configure(conn, statement_timeout_ms=0)
        conn.execute("set role desk_owner")
        report(f"writing {sizes.rows:,} closed rationales")
        filled = fill(conn, random, sizes.rows, report)
        for name, value in AGENT_PLANS.items():
            conn.execute("select set_config(%s, %s, false)", (name, value))
        figures: Figures = {"rows": sizes.rows, "k": K, **filled}
        for scenario in SCENARIOS:
            figures[scenario.name] = _measure(conn, scenario, random, sizes)
            report(f"{scenario.name}: {figures[scenario.name]}")
    return figures


def fill(conn: Connection[Any], random: np.random.Generator, rows: int, report: Report) -> Figures:
    """Store closed rationales of the bench's organisation, as the owner, and index them."""
    # As after restoring a backup: rows first, then the graph over all of them.
    conn.execute("drop index precedents_vector_idx, precedents_group_idx")
    # COPY refuses tables whose rows are cut by organisation, even for their owner.
    conn.execute("alter table public.precedents no force row level security")
    started = time.perf_counter()
    with conn.cursor() as cursor, cursor.copy(_COPY) as copy:
        for row in _rows(random, rows):
            copy.write_row(row)
    loaded = time.perf_counter()
    report("building the graph")
    conn.execute("set maintenance_work_mem = '1GB'")
    conn.execute(_GRAPH)
    conn.execute(_GROUP)
    built = time.perf_counter()
    conn.execute("alter table public.precedents force row level security")
    conn.execute("vacuum analyze public.precedents")
    row = conn.execute(
        "select pg_table_size('public.precedents'),"
        " pg_relation_size('public.precedents_vector_idx'),"
        " pg_relation_size('public.precedents_group_idx')"
    ).fetchone()
    assert row is not None
    table, graph, group = (round(size / 1e6) for size in row)
    return {
        "load_s": round(loaded - started, 1),
        "index_s": round(built - loaded, 1),
        "table_mb": table,
        "graph_mb": graph,
        "group_index_mb": group,
    }


def _rows(random: np.random.Generator, count: int) -> Iterator[tuple[Any, ...]]:
    vectors = draw_vectors(random, count)
    classes = random.choice(list(SHARES), count, p=list(SHARES.values()))
    outcomes = np.where(random.random(count) < 0.4, 1.8, -1.0)
    for index in range(count):
        closed_at = LAST - SPAN + SPAN * (index / count)
        outcome = Decimal(repr(float(outcomes[index])))
        yield (
            str(uuid7()),
            ORG,
            str(classes[index]),
            "EURUSD",
            "BUY" if index % 2 else "SELL",
            _text(vectors[index]),
            outcome,
            "target" if outcome > 0 else "stop",
            "0" * 64,
            closed_at - timedelta(hours=6),
            closed_at,
        )


def _measure(
    conn: Connection[Any], scenario: Scenario, random: np.random.Generator, sizes: Sizes
) -> Figures:
    """Ask one signal at a time, as scoring does in a calm hour."""
    queries = draw_vectors(random, sizes.queries + 20)
    times_ms: list[float] = []
    fewest, hits, wanted = K, 0, 0
    for number, vector in enumerate(queries):
        started = time.perf_counter()
        found = _ask(conn, scenario, vector)
        took_ms = (time.perf_counter() - started) * 1e3
        if number < 20:  # plans and pages
            continue
        times_ms.append(took_ms)
        fewest = min(fewest, len(found))
        if number < sizes.compared + 20:
            exact = _exactly(conn, scenario, vector)
            farthest = exact[-1] if exact else 0.0
            hits += sum(distance <= farthest + 1e-6 for distance in found)
            wanted += len(exact)
    p50, p95, p99 = np.percentile(times_ms, (50, 95, 99))
    return {
        "recall_at_10": round(hits / wanted, 4) if wanted else None,
        "rows_fewest": fewest,
        "p50_ms": round(float(p50), 2),
        "p95_ms": round(float(p95), 2),
        "p99_ms": round(float(p99), 2),
    }


def _ask(conn: Connection[Any], scenario: Scenario, vector: np.ndarray) -> list[float]:
    asked = {
        "nr": 1,
        "vector": _text(vector),
        "org_id": ORG,
        "symbol_class": scenario.symbol_class,
        "known_at": scenario.known_at.isoformat(),
    }
    row = conn.execute(
        "select a.precedents from intake.alike(%s, %s) a", (Jsonb([asked]), K)
    ).fetchone()
    return [] if row is None else [float(found["distance"]) for found in row[0]]


def _exactly(conn: Connection[Any], scenario: Scenario, vector: np.ndarray) -> list[float]:
    row = conn.execute(
        "select intake.alike_exact(%s, %s, %s, %s::extensions.vector, %s)",
        (ORG, scenario.symbol_class, scenario.known_at, _text(vector), K),
    ).fetchone()
    assert row is not None
    return [float(found["distance"]) for found in row[0]]


def _text(vector: np.ndarray) -> str:
    return f"[{','.join(map(repr, vector.tolist()))}]"


_COPY: LiteralString = (
    "copy public.precedents (rationale_id, org_id, symbol_class, symbol, side, feature_vector,"
    " outcome_r, ended, policy_hash, scored_at, closed_at) from stdin"
)
_GRAPH: LiteralString = (
    "create index precedents_vector_idx on public.precedents"
    " using hnsw (feature_vector extensions.vector_l2_ops)"
)
_GROUP: LiteralString = (
    "create index precedents_group_idx on public.precedents (org_id, symbol_class, closed_at)"
    " include (feature_vector, rationale_id, outcome_r)"
)
