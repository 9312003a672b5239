"""Posts are stored together: one that breaks the statement harms no other, a lost session none."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from psycopg import Connection

from backend.api.alert_store import AlertStore, StoreBusy
from backend.db.gateway import connect
from backend.db.intake import Accepted, Alert
from tests.kit.clock import FixedClock
from tests.kit.postgres import Database
from tests.kit.trading_desk import TOKEN, rows


def an_alert(value: str, parsed: Any = None) -> Alert:
    """Give an alert of the desk's source that nobody understood."""
    from hashlib import sha256

    return Alert(
        alert_id=uuid4(),
        token_sha256=sha256(TOKEN.encode()).digest(),
        body=value.encode(),
        content_type=None,
        remote_address="127.0.0.1",
        parsed=parsed,
        reason_code=None if parsed else "TEXT_NOT_UNDERSTOOD",
        dedupe_kind="id",
        dedupe_value=value,
        received_at=FixedClock().now(),
    )


def store_all(
    desk: Database, alerts: list[Alert], between: Any = None
) -> tuple[list[Accepted | BaseException], int]:
    """Store alerts through one session. Returns the answers and how often `stored` was called."""
    batches: list[None] = []

    async def run() -> list[Accepted | BaseException]:
        store = AlertStore(
            partial(connect, desk.role_url("desk_api")),
            asyncio.get_running_loop(),
            stored=lambda: batches.append(None),
            sessions=1,
        )
        try:
            if between is not None:
                await store.store(an_alert("before"))
                between()
            futures = [store.store(alert) for alert in alerts]
            return await asyncio.gather(*futures, return_exceptions=True)
        finally:
            await asyncio.to_thread(store.close)

    return asyncio.run(run()), len(batches)


def test_alerts_that_wait_together_share_a_commit(desk: Database, inside: Connection[Any]):
    alerts = [an_alert(f"a{number}") for number in range(60)]
    answers, batches = store_all(desk, alerts)
    assert [getattr(a, "alert_id", a) for a in answers] == [str(a.alert_id) for a in alerts]
    assert batches <= 4
    assert rows(inside, "select count(distinct xmin::text) <= 4, count(*) from signals_raw") == [
        (True, 60)
    ]


def test_copies_within_one_batch_are_duplicates(desk: Database, inside: Connection[Any]):
    answers, _ = store_all(desk, [an_alert("one and the same") for _ in range(10)])
    states = [getattr(answer, "status", answer) for answer in answers]
    assert sorted(states) == ["accepted"] + ["duplicate"] * 9
    assert rows(inside, "select count(*) from signals_raw") == [(1,)]


def test_one_alert_that_cannot_be_stored_harms_no_other(desk: Database, inside: Connection[Any]):
    alerts = [an_alert(f"b{number}") for number in range(8)]
    alerts[3] = an_alert("b3", parsed={"source_time": "never"})
    answers, _ = store_all(desk, alerts)
    assert isinstance(answers.pop(3), psycopg.Error)
    assert {getattr(answer, "status", answer) for answer in answers} == {"accepted"}


def test_lost_session_costs_no_alert(desk: Database, inside: Connection[Any]):
    def cut() -> None:
        inside.execute(
            "select pg_terminate_backend(a.pid, 5000) from pg_stat_activity a"
            " where a.usename = 'desk_api' and a.datname = current_database()"
        )

    answers, _ = store_all(desk, [an_alert(f"c{number}") for number in range(5)], between=cut)
    assert {getattr(answer, "status", answer) for answer in answers} == {"accepted"}


def test_closed_store_takes_nothing(desk: Database, inside: Connection[Any]):
    async def run() -> None:
        store = AlertStore(
            partial(connect, desk.role_url("desk_api")),
            asyncio.get_running_loop(),
            stored=lambda: None,
        )
        await asyncio.to_thread(store.close)
        with pytest.raises(StoreBusy):
            store.store(an_alert("late"))

    asyncio.run(run())
