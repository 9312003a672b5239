"""A notice is due until everyone was told, claimed by one at a time, and never lost."""

from __future__ import annotations

from typing import Any

from psycopg import Connection

from tests.kit.signal_rows import As, opened
from tests.kit.trading_desk import ask, rows

NAMES = ["json-a", "json-b"]


def claim(as_role: As) -> list[dict[str, Any]]:
    return ask(as_role("notifier_agent"), "ops.claim_notices", {})[0]["notices"]


def record(as_role: As, notice_id: str, told: list[str], error: str | None = None) -> None:
    item = {"notice_id": notice_id, "told": told, "error": error}
    ask(as_role("notifier_agent"), "ops.record_notices", item)


def come_due(inside: Connection[Any]) -> None:
    inside.execute("update ops.notices set next_at = clock_timestamp()")


def test_claimed_notice_is_hidden_for_a_while_and_then_due_again(
    as_role: As, inside: Connection[Any]
):
    review = opened(as_role)
    (notice,) = claim(as_role)
    assert notice["notice_id"] == str(review["review_id"])
    assert claim(as_role) == []
    come_due(inside)
    assert [n["notice_id"] for n in claim(as_role)] == [notice["notice_id"]]


def test_notice_that_everyone_took_is_done(as_role: As, inside: Connection[Any]):
    opened(as_role)
    (notice,) = claim(as_role)
    for _ in range(2):
        record(as_role, notice["notice_id"], NAMES)
    come_due(inside)
    assert claim(as_role) == []
    assert rows(inside, "select state, attempts from ops.notices") == [("done", 1)]
    assert rows(inside, "select count(*) from ops.notice_deliveries") == [(2,)]


def test_notice_that_failed_is_due_later_for_who_does_not_know(
    as_role: As, inside: Connection[Any]
):
    opened(as_role)
    (notice,) = claim(as_role)
    record(as_role, notice["notice_id"], NAMES[:1], "json-b did not take it")
    assert claim(as_role) == []
    ((waits_s,),) = rows(inside, "select extract(epoch from next_at - now())::int from ops.notices")
    assert 0 <= waits_s <= 5
    come_due(inside)
    assert claim(as_role)[0]["told"] == NAMES[:1]


def test_notice_that_nobody_took_for_two_days_is_given_up_by_name(
    as_role: As, inside: Connection[Any]
):
    opened(as_role)
    (notice,) = claim(as_role)
    inside.execute("update ops.notices set created_at = created_at - interval '3 days'")
    record(as_role, notice["notice_id"], [], "json-a did not take it")
    assert rows(inside, "select state, last_error from ops.notices") == [
        ("failed", "json-a did not take it")
    ]


def test_review_that_rolls_back_tells_nobody(as_role: As, inside: Connection[Any]):
    operator = as_role("intake_agent")
    try:
        with operator.transaction():
            opened(as_role)
            raise ZeroDivisionError
    except ZeroDivisionError:
        pass
    assert claim(as_role) == []
