"""The auditors' questions, the journal, and what retention leaves of a dropped partition."""

from __future__ import annotations

import json
from collections.abc import Generator
from typing import Any

import psycopg
import pytest
from psycopg import Connection

from backend.db.audit.findings import Difference, Verified
from backend.db.audit.proofs import prove
from backend.db.audit.verification import verify
from backend.db.prepare import become_owner
from tests.kit.governance import pass_proposal
from tests.kit.order_flow import an_order, new_id
from tests.kit.postgres import Database
from tests.kit.record import seal_all
from tests.kit.trading_desk import ask, furnish, rows


@pytest.fixture
def desk(database: Database) -> Generator[Connection[Any]]:
    """Lend a furnished desk's superuser session."""
    furnish(database)
    with psycopg.connect(database.superuser_url, autocommit=True) as conn:
        yield conn


@pytest.fixture
def auditor(database: Database, desk: Connection[Any]) -> Generator[Connection[Any]]:
    """Lend the session of a person who may read the record and nothing else."""
    name = "auditor_" + new_id().hex
    desk.execute(f"create role {name} login password 'p' in role auditor".encode())
    desk.execute(
        "insert into governance.voters (voter, kind, role_name, display_name)"
        " values (%s, 'human', 'auditor', 'An auditor')",
        (name,),
    )
    try:
        with psycopg.connect(
            database.handle.url(name, "p", database.name), autocommit=True
        ) as conn:
            yield conn
    finally:
        desk.execute(f"drop role {name}".encode())


def test_a_change_of_configuration_says_before_after_and_whose_word(
    desk: Connection[Any], auditor: Connection[Any]
) -> None:
    desk.execute("update public.accounts set state = 'halted' where account_id = 'paper-1'")

    ((changed, by),) = rows(
        auditor,
        "select changed -> 'state', changed_by from audit.configuration_changes"
        " where table_name = 'public.accounts' and operation = 'update'",
    )

    assert (changed, by) == ({"before": "active", "after": "halted"}, "postgres")


def test_a_voted_change_names_the_votes_that_it_was_made_on_and_a_later_one_does_not(
    desk: Connection[Any], auditor: Connection[Any]
) -> None:
    desk.execute(
        "insert into risk.cooldowns (cooldown_id, scope, scope_id, reason, started_by)"
        " values ('019b0000-0000-7000-8000-00000000c009', 'strategy', 'tv-smc', 'losses', 't')"
    )
    rest = "019b0000-0000-7000-8000-00000000c009"
    with desk.transaction():
        proposal_id = pass_proposal(desk, "end_cooldown", rest)
        fill_vote(desk, proposal_id)
    ask(desk, "risk.end_cooldowns", {"cooldown_id": rest})
    desk.execute("update risk.cooldowns set reason = 'said otherwise' where cooldown_id = %s",
                 (rest,))  # fmt: skip

    words = rows(
        auditor,
        "select on_the_word_of -> 0 ->> 'reason' from audit.configuration_changes"
        " where table_name = 'risk.cooldowns' order by changed_at",
    )

    assert words == [(None,), ("they have rested",), (None,)]


def fill_vote(conn: Connection[Any], proposal_id: str) -> None:
    conn.execute(
        "insert into public.votes (vote_id, proposal_id, voter, voter_kind, decision, reason)"
        " values (gen_random_uuid(), %s, 'ann', 'human', 'approve', 'they have rested')",
        (proposal_id,),
    )


def test_what_is_secret_or_mere_pulse_stays_out_of_the_journal(desk: Connection[Any]) -> None:
    ((source,),) = rows(desk, "select after from audit.changes where table_name = 'intake.sources'")
    assert source["source_id"] == "tv"
    assert not {"token_sha256", "secret_sha256"} & source.keys()

    before = rows(desk, "select count(*) from audit.changes")
    desk.execute("insert into ops.desired_agents (agent) values ('risk')")
    desk.execute("update ops.desired_agents set observed = 3, updated_at = clock_timestamp()")
    assert rows(desk, "select count(*) from audit.changes") == [(before[0][0] + 1,)]


def test_which_policy_was_in_force_at_a_time(
    desk: Connection[Any], auditor: Connection[Any]
) -> None:
    ((first,),) = rows(desk, "select clock_timestamp()")
    desk.execute("update risk.policies set active = false")
    desk.execute(
        "insert into risk.policies (policy_hash, name, version, body, active)"
        " values (%s, 'next', '2', '{}', true)",
        ("cd" * 32,),
    )
    at = "select name, applied_by from audit.policy_at(%s)"

    assert rows(auditor, at, (first,)) == [("tests", "tests")]
    assert rows(auditor, at, ("2100-01-01",)) == [("next", "postgres")]
    assert rows(auditor, at, ("2000-01-01",)) == []


def test_what_a_pack_said_is_never_rewritten(database: Database, desk: Connection[Any]) -> None:
    with psycopg.connect(database.owner_url) as owner:
        become_owner(owner)
        for statement in (
            "update risk.policies set body = '{}'",
            "delete from risk.policies",
            "update audit.changes set changed_by = 'x'",
        ):
            with pytest.raises(psycopg.Error) as caught, owner.transaction():
                owner.execute(statement.encode())
            assert caught.value.sqlstate == "TR514"


def test_who_approved_and_why(desk: Connection[Any], auditor: Connection[Any]) -> None:
    proposal = new_id()
    desk.execute("set session_replication_role = replica")
    desk.execute(
        "insert into public.proposals (proposal_id, org_id, kind, subject, proposed_by, expires_at)"
        " values (%s, 'demo', 'high_risk_intent', 'x', 'policy_guard_agent', '2100-01-01')",
        (proposal,),
    )
    for revision, decision in enumerate(("refuse", "approve"), start=1):
        desk.execute(
            "insert into public.votes (vote_id, proposal_id, voter, revision, voter_kind, decision,"
            " reason) values (%s, %s, 'maria', %s, 'human', %s, 'looked at it')",
            (new_id(), proposal, revision, decision),
        )

    found = rows(
        auditor,
        "select voter, decision, reason, counts from audit.approvals where proposal_id = %s"
        " order by cast_at",
        (proposal,),
    )

    assert found == [
        ("maria", "refuse", "looked at it", False),
        ("maria", "approve", "looked at it", True),
    ]


def test_what_was_denied_and_by_which_limit(
    desk: Connection[Any], auditor: Connection[Any]
) -> None:
    order = an_order(desk)
    ((intent, correlation),) = rows(
        desk, "select intent_id, correlation_id from public.orders where order_id = %s", (order,)
    )
    desk.execute(
        "insert into public.risk_checks (intent_id, limit_kind, scope, scope_id, limit_value,"
        " observed, projected, unit, outcome, code) values"
        " (%s, 'order_notional', 'account', 'paper-1', 1000, 0, 1500, 'usd', 'denied', 'TR310'),"
        " (%s, 'leverage', 'account', 'paper-1', 10, 1, 2, 'ratio', 'passed', null)",
        (intent, intent),
    )

    found = rows(
        auditor,
        "select limit_kind, scope_id, limit_value::text, projected::text, code"
        " from audit.denials where correlation_id = %s",
        (correlation,),
    )

    assert found == [("order_notional", "paper-1", "1000", "1500", "TR310")]


def test_nobody_writes_to_the_record_and_the_api_reads_no_seals(
    database: Database, auditor: Connection[Any]
) -> None:
    seal_all(database)
    assert rows(auditor, "select count(*) from audit.seal_log") == [(1,)]
    for table in ("changes", "seals", "segments", "forms", "seal_keys", "retired_partitions"):
        for verb in (f"delete from audit.{table}", f"truncate audit.{table}"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                auditor.execute(verb.encode())
    with psycopg.connect(database.role_url("desk_api"), autocommit=True) as api:
        api.execute("set role auditor")
        assert rows(api, "select count(*) from audit.seals") == [(0,)]


EVENT = (
    "insert into public.order_events (event_id, order_id, to_status, occurred_at)"
    " values (gen_random_uuid(), gen_random_uuid(), 'submitted', %s)"
)
OLD = "public.order_events_p20200102"


@pytest.fixture
def aged(desk: Connection[Any]) -> Connection[Any]:
    """Put order events into an old day's partition, which retention does not keep."""
    desk.execute("select ops.ensure_partitions('2020-01-02', 1)")
    for hour in range(3):
        desk.execute(EVENT, (f"2020-01-02 {hour:02}:00:00+00",))
    desk.execute(EVENT, ("2031-01-01 00:00:00+00",))
    desk.execute("update ops.retention set keep_days = 30 where subject = 'public.order_events'")
    return desk


def proven(database: Database) -> Verified:
    with psycopg.connect(database.role_url("desk_sealer"), autocommit=True) as conn:
        return verify(conn)


def test_a_partition_without_its_seal_is_not_dropped(
    database: Database, aged: Connection[Any]
) -> None:
    (answer,) = ask(aged, "ops.drop_partitions", {"partition": OLD})
    assert (answer["dropped"], answer["why"]) == (False, "not sealed")


def test_a_dropped_partition_leaves_its_hashes_and_the_record_verifies(
    database: Database, aged: Connection[Any]
) -> None:
    seal_all(database)
    ((old,),) = rows(
        aged, "select event_id::text from public.order_events order by occurred_at limit 1"
    )
    (answer,) = ask(aged, "ops.drop_partitions", {"partition": OLD})
    assert answer["dropped"]

    found = proven(database)

    assert found.ok, found.findings
    assert [(r.rows, r.leaves) for r in found.retired] == [(3, 3)]
    with psycopg.connect(database.role_url("desk_sealer"), autocommit=True) as conn:
        proof = prove(conn, old)
    assert proof["record"] is None
    assert len(proof["record_sha256"]) == 64


def test_retention_excuses_no_row_that_it_did_not_take(
    database: Database, aged: Connection[Any]
) -> None:
    seal_all(database)
    aged.execute("set session_replication_role = replica")
    aged.execute("delete from public.order_events where occurred_at = '2020-01-02 01:00:00+00'")
    aged.execute("set session_replication_role = origin")
    ask(aged, "ops.drop_partitions", {"partition": OLD})

    found = proven(database)

    assert found.first is not None
    assert found.first.difference is Difference.MISSING
    assert found.first.key == OLD
    assert "dropped 2 rows, 3 sealed ones" in found.first.detail


def test_a_story_tells_no_transaction_numbers(desk: Connection[Any]) -> None:
    order = an_order(desk)
    aged_story = rows(
        desk,
        "select audit.decision_story(o.correlation_id) from public.orders o where order_id = %s",
        (order,),
    )
    assert "row_xid" not in json.dumps(aged_story)
