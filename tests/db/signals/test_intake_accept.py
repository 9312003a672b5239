"""An alert is stored verbatim, once, and handed on; nobody without a token gets in."""

from __future__ import annotations

import threading
from base64 import b64encode
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from psycopg import Connection

from backend.domain.intake import ParsedAlert, dedupe_key, parse_alert
from backend.domain.intake.wire import encode_alert
from tests.kit.postgres import Database
from tests.kit.signal_rows import As
from tests.kit.trading_desk import BODY, TOKEN, add_token, ask, post, rows

AT = datetime(2026, 3, 4, 10, 0, 59, tzinfo=UTC)
WITH_ID = b'{"ticker": "EURUSD", "action": "buy", "alert_id": "a-4711"}'


@pytest.fixture
def api(as_role: As) -> Connection[Any]:
    return as_role("desk_api")


def test_alert_is_stored_byte_for_byte_and_handed_to_intake(
    api: Connection[Any], inside: Connection[Any]
):
    answer = post(api, b'  {"ticker": "eurusd", "action":"buy"}\n')
    assert answer["status"] == "accepted"
    ((body, understood, parsed, source, org),) = rows(
        inside,
        "select body, understood, parsed, source_id, org_id from signals_raw where alert_id = %s",
        (answer["alert_id"],),
    )
    assert bytes(body) == b'  {"ticker": "eurusd", "action":"buy"}\n'
    assert (understood, source, org) == (True, "tv", "demo")
    assert parsed["symbol_raw"] == "EURUSD"
    assert rows(
        inside,
        "select agent, row_kind, ordering_key, msg_id::text, correlation_id::text"
        " from bus.deliveries",
    ) == [("intake", "alert", "EURUSD", answer["alert_id"], answer["correlation_id"])]


def test_body_that_nobody_understands_is_kept_and_handed_on(
    api: Connection[Any], inside: Connection[Any]
):
    answer = post(api, b"\xff\xfe not an alert")
    assert answer["status"] == "accepted"
    assert rows(inside, "select understood, reason_code, parsed from signals_raw") == [
        (False, "BODY_NOT_UTF8", None)
    ]
    assert rows(inside, "select ordering_key from bus.deliveries") == [("tv",)]


def test_unknown_token_is_refused_and_leaves_nothing(api: Connection[Any], inside: Connection[Any]):
    assert post(api, token="somebody-else") == {"status": "refused", "code": "TR201"}
    assert rows(inside, "select count(*) from signals_raw") == [(0,)]


def test_revoked_token_is_refused(api: Connection[Any], inside: Connection[Any]):
    inside.execute("update intake.sources set state = 'revoked', revoked_at = now()")
    assert post(api) == {"status": "refused", "code": "TR202"}
    assert rows(inside, "select count(*) from bus.deliveries") == [(0,)]


def test_same_call_again_says_the_same_and_delivers_once(
    api: Connection[Any], inside: Connection[Any]
):
    alert_id = uuid4()
    assert post(api, alert_id=alert_id) == post(api, alert_id=alert_id)
    assert rows(inside, "select count(*) from bus.deliveries") == [(1,)]
    assert rows(inside, "select count(*) from intake.duplicates") == [(0,)]


def test_alert_with_an_id_is_unique_for_ever(api: Connection[Any], inside: Connection[Any]):
    first = post(api, WITH_ID, received_at=AT)
    again = post(api, WITH_ID, received_at=AT + timedelta(days=400))
    assert again["status"] == "duplicate"
    assert again["alert_id"] == first["alert_id"]
    assert rows(inside, "select alert_id::text, body from intake.duplicates") == [
        (first["alert_id"], WITH_ID)
    ]
    assert rows(inside, "select count(*) from bus.deliveries") == [(1,)]


@pytest.mark.parametrize(
    "body", [WITH_ID, b'{"ticker":"EURUSD","action":"buy","timenow":"2026-03-04T10:00:00Z"}']
)
def test_alert_is_known_after_everything_that_passes_has_passed(
    as_role: As, api: Connection[Any], inside: Connection[Any], body: bytes
):
    long_ago = AT - timedelta(days=900)
    first = post(api, body, received_at=long_ago)
    post(api, body, received_at=long_ago)
    housekeeping = as_role("housekeeping_agent")
    ask(housekeeping, "ops.clear_passing", {})
    ask(housekeeping, "ops.rotate_partitions", {})
    assert rows(inside, "select count(*) from intake.duplicates") == [(0,)]
    assert post(api, body) | {"i": 0} == first | {"status": "duplicate", "i": 0}
    assert rows(inside, "select count(*) from bus.deliveries") == [(1,)]


def test_of_many_posts_in_one_batch_and_at_once_one_is_accepted(
    desk: Database, api: Connection[Any], inside: Connection[Any]
):
    answers: list[dict[str, Any]] = []

    def post_batch() -> None:
        items = [an_item(WITH_ID), an_item(WITH_ID), an_item(b"buy EURUSD")]
        with psycopg.connect(desk.role_url("desk_api"), autocommit=True) as conn:
            answers.extend(ask(conn, "intake.accept_alerts", *items))

    threads = [threading.Thread(target=post_batch) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answer["status"] for answer in answers) == ["accepted"] * 2 + ["duplicate"] * 16
    assert len({answer["alert_id"] for answer in answers}) == 2
    assert rows(inside, "select count(*) from bus.deliveries") == [(2,)]


def an_item(body: bytes) -> dict[str, Any]:
    """Give a post as the API's door hands it in, with its reading."""
    read = parse_alert(body)
    assert isinstance(read, ParsedAlert)
    key = dedupe_key(read, body)
    return {
        "token_sha256": sha256(TOKEN.encode()).hexdigest(),
        "body": b64encode(body).decode(),
        "alert_id": uuid4(),
        "parsed": encode_alert(read),
        "dedupe_kind": key.kind,
        "dedupe_value": key.value,
    }


def test_same_bytes_within_a_minute_are_one_alert_even_across_a_full_minute(
    api: Connection[Any],
):
    first = post(api, received_at=AT)
    for seconds in (1, 2, 59.999):
        again = post(api, received_at=AT + timedelta(seconds=seconds))
        assert (again["status"], again["alert_id"]) == ("duplicate", first["alert_id"])


def test_same_bytes_a_minute_later_are_another_alert(api: Connection[Any], inside: Connection[Any]):
    first = post(api, received_at=AT)
    second = post(api, received_at=AT + timedelta(seconds=60))
    third = post(api, received_at=AT + timedelta(seconds=119))
    assert second["status"] == "accepted"
    assert (third["status"], third["alert_id"]) == ("duplicate", second["alert_id"])
    assert first["alert_id"] != second["alert_id"]
    assert rows(inside, "select count(*) from bus.deliveries") == [(2,)]


def test_clock_that_runs_behind_does_not_let_a_copy_in(api: Connection[Any]):
    post(api, received_at=AT)
    assert post(api, received_at=AT - timedelta(minutes=5))["status"] == "duplicate"


def test_sources_share_no_keys(api: Connection[Any], inside: Connection[Any]):
    add_token(inside, "tv-2", "other")
    key = ("id", "one and the same")
    assert post(api, key=key)["status"] == "accepted"
    assert post(api, key=key, token="other")["status"] == "accepted"


def test_of_two_posts_at_once_one_waits_and_is_the_duplicate(
    desk: Database, api: Connection[Any], inside: Connection[Any]
):
    answers: list[dict[str, Any]] = []

    def post_second() -> None:
        with psycopg.connect(desk.role_url("desk_api"), autocommit=True) as second:
            answers.append(post(second, BODY))

    with psycopg.connect(desk.role_url("desk_api")) as first:
        accepted = post(first, BODY)
        racer = threading.Thread(target=post_second)
        racer.start()
        _until_somebody_waits(inside)
        assert answers == []
        first.commit()
        racer.join()
    assert accepted["status"] == "accepted"
    assert [answer["status"] for answer in answers] == ["duplicate"]
    assert rows(inside, "select count(*) from bus.deliveries") == [(1,)]


def test_if_the_first_of_two_posts_rolls_back_the_second_is_accepted(
    desk: Database, inside: Connection[Any]
):
    answers: list[dict[str, Any]] = []

    def post_second() -> None:
        with psycopg.connect(desk.role_url("desk_api"), autocommit=True) as second:
            answers.append(post(second, WITH_ID))

    with psycopg.connect(desk.role_url("desk_api")) as first:
        post(first, WITH_ID)
        racer = threading.Thread(target=post_second)
        racer.start()
        _until_somebody_waits(inside)
        first.rollback()
        racer.join()
    assert [answer["status"] for answer in answers] == ["accepted"]
    assert rows(inside, "select count(*) from signals_raw") == [(1,)]


def test_edge_function_gets_in_the_same_way(desk: Database, inside: Connection[Any]):
    with psycopg.connect(desk.role_url("edge_intake"), autocommit=True) as edge:
        assert post(edge)["status"] == "accepted"


@pytest.mark.parametrize("role", ["intake_agent", "risk_agent", "desk_reader"])
def test_nobody_else_may_accept_alerts(desk: Database, role: str):
    with (
        psycopg.connect(desk.role_url(role), autocommit=True) as conn,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        post(conn)


def test_webhooks_role_cannot_write_past_the_procedure(api: Connection[Any]):
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        api.execute("delete from intake.alert_keys")


def _until_somebody_waits(inside: Connection[Any]) -> None:
    """Return once another session of this database waits for a lock."""
    for _ in range(2_000):
        waiting = rows(
            inside,
            "select 1 from pg_stat_activity where datname = current_database()"
            " and wait_event_type = 'Lock' and pg_sleep(0.005) is not null",
        )
        if waiting:
            return
        inside.execute("select pg_sleep(0.005)")
    raise AssertionError("the second post never waited for the first")
