"""Precedents: the nearest that had closed before, of one's own, never fewer than there are."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg import Connection
from psycopg.types.json import Jsonb

from tests.kit.signal_rows import As, normalized
from tests.kit.signals import NOW, POLICY_HASH
from tests.kit.trading_desk import ask

EXACT_MAX = 20_000
"""As intake.alike has it."""


def a_vector(*head: float) -> str:
    return str([*head, *(0.0,) * (16 - len(head))])


def keep(
    conn: Connection[Any],
    vector: str = a_vector(1),
    closed_at: datetime = NOW - timedelta(hours=1),
    org_id: str = "demo",
    symbol_class: str = "fx",
) -> str:
    """Store a precedent. Returns its rationale's id."""
    rationale_id = uuid4()
    conn.execute(
        "insert into precedents (rationale_id, org_id, symbol_class, symbol, side, feature_vector,"
        " outcome_r, ended, policy_hash, scored_at, closed_at)"
        " values (%s, %s, %s, 'EURUSD', 'BUY', %s::extensions.vector, 1.8, 'target', %s, %s, %s)",
        (
            rationale_id,
            org_id,
            symbol_class,
            vector,
            POLICY_HASH,
            closed_at - timedelta(1),
            closed_at,
        ),
    )
    return str(rationale_id)


def keep_many(conn: Connection[Any], count: int, symbol_class: str, closed_at: datetime) -> None:
    conn.execute("select setseed(0.5)")
    conn.execute("drop index precedents_vector_idx")
    conn.execute(
        "insert into precedents (rationale_id, org_id, symbol_class, symbol, side, feature_vector,"
        " outcome_r, ended, policy_hash, scored_at, closed_at)"
        " select gen_random_uuid(), 'demo', %s, 'EURUSD', 'BUY',"
        "        array[random(), random(), random(), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]"
        "          ::real[]::extensions.vector, 1, 'time', %s, %s, %s"
        "   from generate_series(1, %s) n",
        (symbol_class, POLICY_HASH, closed_at - timedelta(1), closed_at, count),
    )
    # Row by row the graph would take half a minute.
    conn.execute(
        "create index precedents_vector_idx on precedents"
        " using hnsw (feature_vector extensions.vector_l2_ops)"
    )
    conn.execute("analyze precedents")


def alike(
    conn: Connection[Any],
    *vectors: str,
    count: int = 5,
    org_id: str = "demo",
    symbol_class: str = "fx",
    known_at: Sequence[datetime] = (NOW,),
) -> list[list[dict[str, Any]]]:
    asked = [
        {
            "nr": nr,
            "vector": v,
            "org_id": org_id,
            "symbol_class": symbol_class,
            "known_at": known_at[nr % len(known_at)],
        }
        for nr, v in enumerate(vectors)
    ]
    found = conn.execute(
        "select a.nr, a.precedents from intake.alike(%s::jsonb, %s) a order by a.nr",
        (Jsonb(asked, dumps=_dump), count),
    ).fetchall()
    return [row[1] for row in found]


def _dump(value: Any) -> str:
    return json.dumps(value, default=str)


def ids(found: Sequence[dict[str, Any]]) -> list[str]:
    return [precedent["rationale_id"] for precedent in found]


def test_the_nearest_come_first(inside: Connection[Any]):
    far, near = keep(inside, a_vector(0)), keep(inside, a_vector(0.9))
    (found,) = alike(inside, a_vector(1))
    assert found == [
        {"rationale_id": near, "distance": "0.100000", "outcome_r": "1.8"},
        {"rationale_id": far, "distance": "1.000000", "outcome_r": "1.8"},
    ]


def test_what_closed_after_the_signal_was_known_is_no_precedent(inside: Connection[Any]):
    kept = keep(inside, closed_at=NOW - timedelta(microseconds=1))
    keep(inside, closed_at=NOW)
    (found,) = alike(inside, a_vector(1))
    assert ids(found) == [kept]


def test_other_organisations_and_classes_stay_out(inside: Connection[Any]):
    keep(inside, org_id="other")
    keep(inside, symbol_class="metal")
    assert alike(inside, a_vector(1)) == []


def test_each_signal_of_a_batch_gets_its_own(inside: Connection[Any]):
    keep(inside, closed_at=NOW - timedelta(hours=2))
    found = alike(inside, a_vector(1), a_vector(1), known_at=(NOW, NOW - timedelta(hours=3)))
    assert [len(one) for one in found] == [1, 0]


def test_beyond_the_exact_limit_the_graph_finds_as_many_and_nearly_the_same(
    inside: Connection[Any],
):
    keep_many(inside, EXACT_MAX + 500, "fx", NOW - timedelta(hours=1))
    vectors = [a_vector(x / 20, 0.3, 1 - x / 20) for x in range(20)]
    hits = 0
    for vector, found in zip(vectors, alike(inside, *vectors, count=10), strict=True):
        ((exact,),) = inside.execute(
            "select intake.alike_exact('demo', 'fx', %s, %s::extensions.vector, 10)", (NOW, vector)
        ).fetchall()
        assert len(found) == 10
        hits += sum(float(p["distance"]) <= float(exact[-1]["distance"]) for p in found)
    assert hits >= 0.95 * 10 * len(vectors)
    # It was the graph that answered.
    inside.execute("select set_config('hnsw.iterative_scan', 'relaxed_order', false)")
    plan = inside.execute(
        "explain (format json) select rationale_id from precedents where org_id = 'demo'"
        " and symbol_class = 'fx' and closed_at < now()"
        " order by feature_vector operator(extensions.<->) %s::extensions.vector limit 10",
        (vectors[0],),
    ).fetchone()
    assert "precedents_vector_idx" in str(plan)
    # What it leaves short is looked up exactly: three closed early enough, far from what is asked.
    early = {keep(inside, a_vector(9, 9), closed_at=NOW - timedelta(days=9)) for _ in range(3)}
    (found,) = alike(inside, a_vector(0), known_at=(NOW - timedelta(days=5),))
    assert set(ids(found)) == early


def test_scorer_is_told_of_them_with_the_facts_or_in_one_more_statement(
    as_role: As, inside: Connection[Any]
):
    kept = keep(inside, closed_at=NOW - timedelta(hours=1))
    signal = normalized(as_role, received_at=NOW)
    (more,) = ask(
        as_role("rationale_scorer_agent"),
        "intake.precedent_facts",
        {"signal_id": signal["signal_id"], "vector": a_vector(1)},
    )
    assert ids(more["precedents"]) == [kept]
    (none,) = ask(
        as_role("rationale_scorer_agent"),
        "intake.precedent_facts",
        {"signal_id": UUID(int=0), "vector": a_vector(1)},
    )
    assert none["precedents"] == []


def test_outcomes_are_never_rewritten(inside: Connection[Any]):
    keep(inside)
    inside.execute("set session_replication_role = origin")
    for statement in ("update precedents set outcome_r = 9", "delete from precedents"):
        with pytest.raises(psycopg.Error):
            inside.execute(statement)
