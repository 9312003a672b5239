"""The bus as its procedures offer it: one function per procedure, one session per agent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from uuid import UUID

from psycopg import Connection, sql
from psycopg.rows import dict_row

from backend.db import gateway
from backend.db.gateway import translated

Row = dict[str, Any]
Items = Sequence[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Registration:
    """What the bus grants an agent."""

    agent: str
    lease_ms: int
    batch_max: int


@dataclass(frozen=True, slots=True)
class Lease:
    """A worker's place among its peers: it owns the shards with shard % workers == rank."""

    shards: int
    taken: int
    workers: int
    rank: int | None
    """None while draining: what one worker does for all is then another's."""
    throttled_by: str | None


def register_worker(
    conn: Connection[Any], worker_id: UUID, process_id: UUID, host: str, pid: int, version: str
) -> Registration:
    """Announce this session's agent."""
    answer = _scalar(
        conn,
        "select bus.register_worker(%s, %s, %s, %s, %s)",
        (worker_id, process_id, host, pid, version),
    )
    return Registration(answer["agent"], answer["lease_ms"], answer["batch_max"])


def lease(conn: Connection[Any], worker_id: UUID) -> Lease:
    """Renew the worker and settle which shards are its own. Only between batches."""
    answer = _scalar(conn, "select bus.lease(%s)", (worker_id,))
    return Lease(
        answer["shards"],
        answer["taken"],
        answer["workers"],
        answer["rank"],
        answer["throttled_by"],
    )


def claim(conn: Connection[Any], worker_id: UUID, limit: int) -> list[Row]:
    """Claim the oldest deliveries, in order."""
    with translated(), conn.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(_CLAIM, (worker_id, limit)).fetchall()


_CLAIM = """
select delivery_id, attempts, row_kind, expired, msg_id, type, version, correlation_id,
       causation_id, ttl_ms, sender, intent, idempotency_key, org_id, ordering_key,
       created_at, payload, key_id, sig, published_at
  from bus.claim(%s, %s)
"""


def call(conn: Connection[Any], procedure: str, items: Items) -> list[Row]:
    """Call an agent's procedure with a batch; the answers come in the items' order."""
    return _in_order(procedure, gateway.call(conn, procedure, items), len(items))


@dataclass(frozen=True, slots=True)
class Handed:
    """A delivery that was leased at birth to a worker of the publisher's own process."""

    agent: str
    worker_id: str
    delivery_id: int
    msg_id: str


@dataclass(frozen=True, slots=True)
class Told:
    """What a settlement says: agents that have something to claim, and what was handed on."""

    wake: list[str]
    handed: list[Handed]


def dump(value: object) -> str:
    """Write JSON for a procedure, as the wire has it."""
    return gateway.dump(value).decode()


def finish(
    conn: Connection[Any],
    effects: Sequence[tuple[str, Items]],
    worker_id: UUID,
    acks: Sequence[int],
    messages: Items,
    traces: Items,
    peers: Mapping[str, str],
) -> Told:
    """Make a batch true in one statement, which is one transaction.

    peers: the workers, by agent, of this worker's own process.

    PostgreSQL evaluates a select list from left to right, and each volatile function sees
    what the earlier ones did; so effects come first and the settlement closes.
    """
    arguments = [gateway.dump(items) for _, items in effects]
    arguments += [
        str(worker_id).encode(),
        b"{%s}" % b",".join(b"%d" % ack for ack in acks),
        gateway.dump(messages),
        gateway.dump(traces),
        gateway.dump(peers) if messages else b"{}",
    ]
    told = gateway.ask(conn, _finish_statement(tuple(name for name, _ in effects)), arguments)
    return Told(told["wake"], [Handed(*handed) for handed in told["handed"]])


@lru_cache(maxsize=256)
def _finish_statement(procedures: tuple[str, ...]) -> bytes:
    calls = [
        f"{sql.Identifier(*name.split('.')).as_string()}(${number}::jsonb)"
        for number, name in enumerate(procedures, 1)
    ]
    n = len(procedures)
    calls.append(
        f"bus.settle(${n + 1}::uuid, ${n + 2}::bigint[], ${n + 3}::jsonb, ${n + 4}::jsonb,"
        f" ${n + 5}::jsonb)"
    )
    return f"select {', '.join(calls)}".encode()


def retry(
    conn: Connection[Any],
    worker_id: UUID,
    delivery_id: int,
    code: str,
    error: str,
    random: float,
    *,
    final: bool,
    version: str,
) -> str:
    """Park the delivery's key, or bury it. Returns `parked` or `dead`."""
    return _scalar(
        conn,
        "select bus.retry(%s, %s, %s, %s, %s::float8, %s, %s)",
        (worker_id, delivery_id, code, error, random, final, version),
    )


def release(conn: Connection[Any], worker_id: UUID, delivery_ids: Iterable[int]) -> int:
    """Give claimed deliveries back untried."""
    return _scalar(conn, "select bus.release(%s, %s)", (worker_id, list(delivery_ids)))


def recover(conn: Connection[Any], worker_id: UUID) -> int:
    """Give back what is leased to a worker that has nothing in hand; returns how much."""
    return _scalar(conn, "select bus.recover(%s)", (worker_id,))


def stop_worker(conn: Connection[Any], worker_id: UUID) -> None:
    """Hand everything back at a clean stop."""
    conn.execute("select bus.stop_worker(%s)", (worker_id,))


def renew_process(conn: Connection[Any], process_id: UUID) -> int:
    """Renew every worker of a process; returns how many made progress lately."""
    return _scalar(conn, "select bus.renew_process(%s)", (process_id,))


def wake(conn: Connection[Any], agents: Iterable[str]) -> None:
    """Hint to agents elsewhere that something waits for them."""
    conn.execute("select bus.wake(%s)", (sorted(agents),))


def public_keys(conn: Connection[Any]) -> list[Row]:
    """Return the key registry."""
    with conn.cursor(row_factory=dict_row) as cursor:
        return cursor.execute("select * from bus.public_keys()").fetchall()


def listen(conn: Connection[Any], agents: Iterable[str]) -> None:
    """Listen to the hints for these agents; the connection must be in autocommit."""
    for agent in agents:
        conn.execute(sql.SQL("listen {}").format(sql.Identifier(CHANNEL_PREFIX + agent)))


CHANNEL_PREFIX = "desk_wake_"


def _scalar(conn: Connection[Any], statement: Any, arguments: Sequence[Any]) -> Any:
    with translated():
        row = conn.execute(statement, arguments).fetchone()
    assert row is not None
    return row[0]


def _in_order(procedure: str, answers: list[Row] | None, count: int) -> list[Row]:
    ordered: list[Row | None] = [None] * count
    for answer in answers or ():
        ordered[int(answer["i"])] = answer
    missing = [index for index, answer in enumerate(ordered) if answer is None]
    if missing:
        raise ValueError(f"{procedure} gave no answer for items {missing}")
    return [answer for answer in ordered if answer is not None]
