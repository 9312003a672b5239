"""The webhook at the edge keeps what the API's webhook keeps: real Deno against real Postgres."""

from __future__ import annotations

import hashlib
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
import psycopg
import pytest
from psycopg import Connection, sql
from starlette.testclient import TestClient

from backend.api.app import create_app
from backend.contracts.denials import Code
from backend.db.bus import dump
from backend.values import FinalOutcome
from tests.kit.desk_folder import settings_of
from tests.kit.edge import EdgeFunction, serving
from tests.kit.postgres import Database
from tests.kit.signals import a_row
from tests.kit.trading_desk import TOKEN, ask, rows
from workers.agent import Context, Decision, load

BUY = b'  {"ticker": "OANDA:EURUSD", "action": "buy", "interval": "15", "id": "edge-1"}\n'


def test_an_alert_is_stored_byte_for_byte_and_handed_to_intake(
    webhook: EdgeFunction, inside: Connection[Any]
):
    answer = webhook.post(TOKEN, BUY, {"content-type": "application/json"})
    assert (answer.status, answer.content_type) == (200, "application/json")
    assert answer.document["status"] == "accepted"
    ((alert_id, body, content_type, address, age_s),) = rows(
        inside,
        "select alert_id, body, content_type, host(remote_address),"
        " extract(epoch from clock_timestamp() - received_at) from signals_raw",
    )
    assert str(alert_id) == answer.document["alert_id"]
    assert alert_id.version == 7
    assert bytes(body) == BUY
    assert (content_type, address) == ("application/json", "127.0.0.1")
    assert -5 < age_s < 60
    assert rows(inside, "select agent, row_kind, msg_id from bus.deliveries") == [
        ("intake", "alert", alert_id)
    ]


def test_a_repetition_is_answered_with_the_first_ones_id(
    webhook: EdgeFunction, inside: Connection[Any]
):
    first = webhook.post(TOKEN, BUY).document
    again = webhook.post(TOKEN, BUY)
    assert (again.status, again.document) == (
        200,
        {"status": "duplicate", "alert_id": first["alert_id"]},
    )
    assert rows(inside, "select count(*) from signals_raw") == [(1,)]
    assert rows(inside, "select count(*) from intake.duplicates") == [(1,)]


def test_of_many_at_once_one_is_accepted(webhook: EdgeFunction, inside: Connection[Any]):
    with ThreadPoolExecutor(12) as senders:
        answers = list(senders.map(lambda _: webhook.post(TOKEN, BUY), range(24)))
    assert {answer.status for answer in answers} == {200}
    words = sorted(answer.document["status"] for answer in answers)
    assert words == ["accepted", *["duplicate"] * 23]
    assert rows(inside, "select count(*) from signals_raw") == [(1,)]


def test_unknown_and_revoked_tokens_leave_nothing(webhook: EdgeFunction, inside: Connection[Any]):
    unknown = webhook.post("somebody-else", BUY)
    inside.execute("update intake.source_tokens set revoked_at = clock_timestamp()")
    revoked = webhook.post(TOKEN, BUY)
    assert [(a.status, a.document["code"]) for a in (unknown, revoked)] == [
        (404, Code.TOKEN_UNKNOWN),
        (410, Code.TOKEN_REVOKED),
    ]
    assert rows(inside, "select count(*) from signals_raw") == [(0,)]


def test_a_body_that_is_too_large_leaves_nothing(webhook: EdgeFunction, inside: Connection[Any]):
    answer = webhook.post(TOKEN, b"x" * 65_537)
    assert (answer.status, answer.document["code"]) == (413, Code.BODY_TOO_LARGE)
    assert webhook.post(TOKEN, b"x" * 65_536).status == 200
    assert rows(inside, "select octet_length(body) from signals_raw") == [(65_536,)]


def test_a_source_that_posts_too_fast_is_told_so(webhook: EdgeFunction, inside: Connection[Any]):
    inside.execute("update intake.sources set rate_per_minute = 2")
    answers = [webhook.post(TOKEN, b"buy EURUSD %d" % n).status for n in range(4)]
    inside.execute("update intake.sources set rate_per_minute = 6000")
    assert answers == [200, 200, 429, 429]


def test_an_address_that_the_source_does_not_allow_is_refused(
    edge_url: str, inside: Connection[Any]
):
    inside.execute("update intake.sources set allowed_addresses = '{52.89.214.238}'")
    with serving("tradingview-webhook", EDGE_DATABASE_URL=edge_url, EDGE_TRUSTED_HOPS="1") as door:
        true = door.post(TOKEN, BUY, {"x-forwarded-for": "6.6.6.6, 52.89.214.238"})
        claimed = door.post(TOKEN, b"buy EURUSD", {"x-forwarded-for": "52.89.214.238, 6.6.6.6"})
        unsaid = door.post(TOKEN, b"buy EURUSD")
    assert [true.status, claimed.status, unsaid.status] == [200, 403, 403]


@pytest.mark.parametrize(
    "body", [b"\xff\xfe\x00 not an alert", b"", b"moon soon", b'{"ticker": "EURUSD"', b"{}"]
)
def test_garbage_is_kept_for_review_and_not_sent_again(
    webhook: EdgeFunction, desk: Database, inside: Connection[Any], body: bytes
):
    answer = webhook.post(TOKEN, body)
    assert (answer.status, answer.document["status"]) == (200, "accepted")
    decision = decide(desk, inside, answer.document["alert_id"])
    assert decision.final is FinalOutcome.IN_REVIEW
    assert decision.emissions == ()
    assert rows(inside, "select kind, state, subject_id::text from review_queue") == [
        ("alert", "open", answer.document["alert_id"])
    ]
    assert [bytes(kept) for (kept,) in rows(inside, "select body from signals_raw")] == [body]


def test_an_alert_that_came_in_at_the_edge_becomes_a_signal(
    webhook: EdgeFunction, desk: Database, inside: Connection[Any]
):
    answer = webhook.post(TOKEN, BUY)
    (emission,) = decide(desk, inside, answer.document["alert_id"]).emissions
    signal = emission.payload.model_dump()
    assert (signal["symbol_raw"], signal["side"], signal["body_sha256"]) == (
        "EURUSD",
        "BUY",
        hashlib.sha256(BUY).hexdigest(),
    )


def test_an_alert_with_an_id_is_taken_once_whatever_else_its_body_says(
    webhook: EdgeFunction, desk: Database, inside: Connection[Any]
):
    first, again = (
        webhook.post(TOKEN, BUY.replace(b"15", minutes)).document["alert_id"]
        for minutes in (b"15", b"60")
    )
    assert decide(desk, inside, first).emissions
    assert not decide(desk, inside, again).emissions
    assert rows(inside, "select correlation_id::text, outcome from alert_outcomes") == [
        (again, "duplicate")
    ]


def test_both_doors_answer_alike(
    webhook: EdgeFunction, desk: Database, inside: Connection[Any], tmp_path: Any
):
    def posts(symbol: bytes) -> list[tuple[str, bytes]]:
        once = (TOKEN, b"buy " + symbol)
        return [("nobody", b"buy EURUSD"), (TOKEN, b"x" * 65_537), once, once]

    with TestClient(create_app(settings_of(desk, tmp_path))) as api:
        theirs = [
            api.post(f"/webhooks/tradingview/{token}", content=body)
            for token, body in posts(b"EURUSD")
        ]
    ours = [webhook.post(token, body) for token, body in posts(b"GBPUSD")]
    assert [a.status for a in ours] == [a.status_code for a in theirs] == [404, 413, 200, 200]
    for mine, other in zip(ours, theirs, strict=True):
        assert mine.content_type == other.headers["content-type"]
        assert without_id(mine.document) == without_id(other.json())


def test_while_the_database_is_gone_the_sender_is_told_to_come_again(
    edge_url: str, desk: Database, inside: Connection[Any]
):
    with serving("tradingview-webhook", EDGE_DATABASE_URL=edge_url) as door:
        assert door.post(TOKEN, b"buy EURUSD 1").status == 200
        with psycopg.connect(desk.handle.superuser_url(), autocommit=True) as server:
            allow_connections(server, desk.name, allowed=False)
            try:
                began = time.monotonic()
                gone = door.post(TOKEN, b"buy EURUSD 2")
                took_s = time.monotonic() - began
            finally:
                allow_connections(server, desk.name, allowed=True)
        assert (gone.status, gone.document["code"]) == (503, "database.unavailable")
        # TradingView hangs up after three seconds, and does not resend what it hung up on.
        assert took_s < 3
        assert door.post(TOKEN, b"buy EURUSD 2").document["status"] == "accepted"
    with psycopg.connect(desk.superuser_url) as back:
        assert back.execute("select count(*) from signals_raw").fetchone() == (2,)


def test_a_lost_session_costs_nothing(
    webhook: EdgeFunction, desk: Database, inside: Connection[Any]
):
    webhook.post(TOKEN, b"buy EURUSD 1")
    inside.execute(
        "select pg_terminate_backend(pid) from pg_stat_activity"
        " where usename = 'edge_intake' and datname = current_database()"
    )
    assert webhook.post(TOKEN, b"buy EURUSD 2").status == 200
    assert rows(inside, "select count(*) from signals_raw") == [(2,)]


def test_a_database_that_nobody_serves_is_a_503_too(edge_url: str):
    nowhere = edge_url.replace(f":{edge_url.rsplit(':', 1)[1].split('/')[0]}/", ":1/")
    with serving("tradingview-webhook", EDGE_DATABASE_URL=nowhere) as door:
        assert door.post(TOKEN, BUY).status == 503


@pytest.mark.parametrize("role", ["desk_api", "normalizer_agent"])
def test_under_any_other_login_the_function_refuses_to_work(desk: Database, role: str):
    url = desk.role_url(role, tcp=True)
    with serving("tradingview-webhook", EDGE_DATABASE_URL=url) as door:
        answer = door.post(TOKEN, BUY)
    assert (answer.status, answer.document["code"]) == (503, "edge.misconfigured")


def test_the_edges_login_reads_no_table_and_calls_nothing_else(
    desk: Database, inside: Connection[Any]
):
    callable_ones = rows(
        inside,
        "select n.nspname || '.' || p.proname from pg_proc p"
        " join pg_namespace n on n.oid = p.pronamespace"
        " where n.nspname in ('bus', 'intake', 'risk', 'governance', 'execution', 'treasury',"
        "   'audit', 'ops', 'ledger', 'public')"
        " and has_function_privilege('edge_intake', p.oid, 'execute') order by 1",
    )
    assert [name for (name,) in callable_ones] == [
        "bus.wake",
        "intake.accept_alerts",
        "intake.token_normalization_facts",
    ]
    with psycopg.connect(desk.role_url("edge_intake"), autocommit=True) as edge:
        for table in ("public.signals_raw", "intake.source_tokens", "public.instruments"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                edge.execute(f"select * from {table}")


def decide(desk: Database, inside: Connection[Any], alert_id: str) -> Decision:
    """Let intake take every row of the alert that waits for it, under its own login."""
    module = load("intake").module
    decision: Decision | None = None
    with psycopg.connect(desk.role_url("intake_agent"), autocommit=True) as agent:
        for kind in ("alert", "reading"):
            heard = a_row(kind, UUID(alert_id))
            waiting = rows(
                inside,
                "select clock_timestamp() from bus.deliveries"
                " where agent = 'intake' and row_kind = %s and msg_id = %s",
                (kind, heard.row_id),
            )
            if not waiting:
                continue
            (facts,) = ask(agent, module.FACTS, module.ask(heard))
            facts = module.digest(heard, facts)
            decision = module.handle(heard, facts, a_context(waiting[0][0], heard.msg_id))
            for effect in decision.effects:
                ask(agent, effect.procedure, orjson.loads(dump(effect.item)))
    assert decision is not None
    return decision


def a_context(now: datetime, msg_id: UUID) -> Context:
    return Context("intake", now, 1, msg_id, now)


def allow_connections(server: Connection[Any], name: str, *, allowed: bool) -> None:
    words = sql.SQL("true" if allowed else "false")
    server.execute(
        sql.SQL("alter database {} with allow_connections {}").format(sql.Identifier(name), words)
    )
    if not allowed:
        server.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where usename = 'edge_intake' and datname = %s",
            (name,),
        )


def without_id(document: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in document.items() if name != "alert_id"}
