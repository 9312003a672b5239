"""Partitions: an insert never fails, and rows that came early find their place."""

from collections.abc import Generator

import psycopg
import pytest

from backend.db.prepare import become_owner
from tests.kit.postgres import Database


@pytest.fixture
def owner(database_of_each_version: Database) -> Generator[psycopg.Connection]:
    """Lend a transaction as desk_owner."""
    with psycopg.connect(database_of_each_version.owner_url) as conn:
        become_owner(conn)
        conn.execute("set timezone = 'UTC'")
        yield conn


BAR = (
    "insert into market_bars (symbol, timeframe, opened_at, open, high, low, close, volume, source)"
    " values ('EURUSD', 'M15', %s, 1, 1, 1, 1, 0, 'test')"
)
EVENT = (
    "insert into order_events (event_id, order_id, to_status, occurred_at)"
    " values (gen_random_uuid(), gen_random_uuid(), 'submitted', %s)"
)


def test_a_bar_without_a_partition_waits_in_the_default_one_and_moves(
    owner: psycopg.Connection,
) -> None:
    owner.execute(BAR, ("2014-05-07 10:00+00",))
    owner.execute(BAR, ("2014-06-01 00:00+00",))
    assert _home_of_bars(owner) == ["market_bars_default", "market_bars_default"]

    row = owner.execute("select ops.ensure_bar_partitions('2014-05-02', '2014-05-20')").fetchone()

    assert row == (1,)
    assert _home_of_bars(owner) == ["market_bars_p201405", "market_bars_default"]


def test_append_only_rows_move_house_although_they_may_not_change(
    owner: psycopg.Connection,
) -> None:
    owner.execute(EVENT, ("2031-01-02 23:59:59.999999+00",))

    owner.execute("select ops.ensure_partitions('2031-01-02', 2)")

    where = owner.execute("select tableoid::regclass::text from order_events").fetchall()
    assert where == [("order_events_p20310102",)]
    with pytest.raises(psycopg.Error) as caught:
        owner.execute("delete from order_events")
    assert caught.value.sqlstate == "TR514"


def test_rows_of_the_default_partition_are_append_only_after_a_move_too(
    owner: psycopg.Connection,
) -> None:
    owner.execute(EVENT, ("2031-01-02 10:00+00",))
    owner.execute(EVENT, ("2031-03-02 10:00+00",))
    owner.execute("select ops.ensure_partitions('2031-01-02', 1)")

    with pytest.raises(psycopg.Error) as caught:
        owner.execute("update order_events_default set to_status = 'filled'")

    assert caught.value.sqlstate == "TR514"


def test_making_partitions_twice_makes_them_once(owner: psycopg.Connection) -> None:
    first = owner.execute("select ops.ensure_partitions('2031-01-30', 3)").fetchone()
    second = owner.execute("select ops.ensure_partitions('2031-01-30', 3)").fetchone()

    # Three days of four tables, and bars of January and February.
    assert first == (14,)
    assert second == (0,)


@pytest.mark.parametrize("days", [0, 401])
def test_an_incredible_number_of_partitions_is_refused(
    owner: psycopg.Connection, days: int
) -> None:
    with pytest.raises(psycopg.errors.InvalidParameterValue):
        owner.execute("select ops.ensure_partitions('2031-01-30', %s)", (days,))


def _home_of_bars(conn: psycopg.Connection) -> list[str]:
    rows = conn.execute(
        "select tableoid::regclass::text from market_bars order by opened_at"
    ).fetchall()
    return [row[0] for row in rows]
