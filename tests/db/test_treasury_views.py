"""Treasury operators vote by updating a row, in psql, under a login of their own."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import psycopg
import pytest
from psycopg import Connection
from psycopg.rows import dict_row

from tests.kit.governance import a_vote, open_proposal, people
from tests.kit.money import call, money_database, scalar
from tests.kit.postgres import Database

APPROVE = (
    "update treasury.my_ballots set decision = 'approve', reason = 'the books bear it'"
    " where proposal_id = %s"
)


@pytest.fixture(scope="module")
def desk() -> Generator[Database]:
    with (
        money_database() as database,
        people(database, "alice", "bob"),
        people(database, "dave", role="auditor"),
    ):
        with psycopg.connect(database.superuser_url) as conn:
            conn.execute(
                "insert into public.organizations (org_id, name, base_currency)"
                " values ('other', 'Other', 'USD')"
            )
        with people(database, "carol", org_id="other"):
            yield database


@pytest.fixture
def proposal_id(desk: Database) -> Generator[str]:
    """Lend a proposal that waits for two people and two personas."""
    with psycopg.connect(desk.superuser_url, autocommit=True) as conn:
        yield open_proposal(
            conn, "mint", payload={"amount": "10", "currency": "USD"}, evidence={"plan": "july"}
        )
        conn.execute("set session_replication_role = replica")
        conn.execute("truncate public.proposals, public.proposal_events, public.votes cascade")
        conn.execute("update governance.voters set state = 'active'")


def as_person(desk: Database, name: str) -> Connection[dict[str, Any]]:
    url = desk.role_url(f"{name}_{desk.name}")
    return psycopg.connect(url, autocommit=True, row_factory=dict_row)


def rows(conn: Connection[dict[str, Any]], query: str, *arguments: Any) -> list[dict[str, Any]]:
    return conn.execute(query.encode(), arguments).fetchall()


def refusal(conn: Connection[Any], statement: str, *arguments: Any) -> str | None:
    with pytest.raises(psycopg.Error) as caught:
        conn.execute(statement.encode(), arguments)
    return caught.value.sqlstate


def test_a_person_votes_with_one_update_and_sees_what_is_still_missing(
    desk: Database, proposal_id: str
) -> None:
    with as_person(desk, "alice") as alice:
        (ballot,) = rows(alice, "select * from treasury.my_ballots")
        assert (ballot["kind"], ballot["decision"], ballot["humans_needed"]) == ("mint", None, 2)
        assert alice.execute(APPROVE, (proposal_id,)).rowcount == 1
        (ballot,) = rows(alice, "select * from treasury.my_ballots")
        assert (ballot["decision"], ballot["reason"]) == ("approve", "the books bear it")
        (pending,) = rows(alice, "select * from treasury.pending_votes")
    assert (pending["humans_approved"], pending["personas_approved"]) == (1, 0)
    assert pending["waits_for"] == [
        "execution_overseer",
        "risk_sentinel",
        "strategy_analyst",
        "1 of treasury_operator",
    ]


def test_the_last_vote_decides_and_the_history_tells_of_all(
    desk: Database, proposal_id: str
) -> None:
    for persona in ("risk_sentinel", "strategy_analyst"):
        with psycopg.connect(desk.role_url(f"{persona}_agent")) as conn:
            call(conn, "governance.cast_votes", a_vote(proposal_id))
    for name in ("alice", "bob"):
        with as_person(desk, name) as conn:
            conn.execute(APPROVE, (proposal_id,))
    with as_person(desk, "bob") as bob:
        assert rows(bob, "select 1 from treasury.my_ballots") == []
        assert rows(bob, "select 1 from treasury.pending_votes") == []
        history = rows(bob, "select * from treasury.vote_history order by cast_at")
        events = rows(bob, "select event from public.proposal_events order by recorded_at")
    assert [row["display_name"] for row in history] == [
        "Risk Sentinel",
        "Strategy Analyst",
        "alice",
        "bob",
    ]
    assert {(row["state"], row["counts"]) for row in history} == {("executed", True)}
    assert [row["event"] for row in events] == ["opened", "approved", "executed"]


def test_a_second_update_is_a_change_of_mind_that_history_keeps(
    desk: Database, proposal_id: str
) -> None:
    with as_person(desk, "alice") as alice:
        alice.execute(APPROVE, (proposal_id,))
        alice.execute(
            "update treasury.my_ballots set decision = 'refuse', reason = 'I looked again'"
        )
        history = rows(alice, "select * from treasury.vote_history order by revision")
    assert [(row["decision"], row["counts"]) for row in history] == [
        ("approve", False),
        ("refuse", True),
    ]
    assert history[0]["state"] == "refused"


@pytest.mark.parametrize(
    ("statement", "code"),
    [
        ("update treasury.my_ballots set decision = 'approve'", "TR507"),
        ("update treasury.my_ballots set decision = 'approve', reason = '  '", "TR507"),
        ("update treasury.my_ballots set reason = 'just because'", "TR508"),
        ("update treasury.my_ballots set decision = 'maybe', reason = 'x'", "TR508"),
        ("update treasury.my_ballots set payload = '{}', reason = 'x'", "42501"),
        ("update treasury.my_ballots set kind = 'halt'", "42501"),
        ("delete from treasury.my_ballots", "55000"),
        ("insert into treasury.my_ballots (decision) values ('approve')", "55000"),
        ("update treasury.pending_votes set humans_needed = 0", "55000"),
        ("update public.proposals set state = 'approved'", "42501"),
        ("update governance.quorum_rules set humans = 0", "42501"),
        ("update governance.voters set role_name = 'treasury_operator'", "42501"),
        ("select governance.record_event(gen_random_uuid(), 'approved', '{}')", "42501"),
        ("insert into public.votes (vote_id, proposal_id, voter, voter_kind, decision, reason)"
         " select gen_random_uuid(), proposal_id, 'bob', 'human', 'approve', 'x'"
         " from public.proposals", "42501"),
    ],
)  # fmt: skip
def test_whatever_is_not_a_reasoned_vote_of_ones_own_is_refused(
    desk: Database, proposal_id: str, statement: str, code: str
) -> None:
    with as_person(desk, "alice") as alice:
        assert refusal(alice, statement) == code
    with psycopg.connect(desk.superuser_url) as conn:
        assert scalar(conn, "select count(*) from public.votes") == 0
        assert scalar(conn, "select state from public.proposals") == "open"


def test_an_auditor_reads_and_does_not_vote(desk: Database, proposal_id: str) -> None:
    with as_person(desk, "dave") as dave:
        assert len(rows(dave, "select 1 from treasury.pending_votes")) == 1
        assert refusal(dave, APPROVE, proposal_id) == "42501"
        assert refusal(dave, "select governance.cast_votes('[]')") == "42501"


def test_people_of_another_organisation_see_nothing(desk: Database, proposal_id: str) -> None:
    with as_person(desk, "carol") as carol:
        for view in ("pending_votes", "my_ballots", "vote_history"):
            assert rows(carol, f"select 1 from treasury.{view}") == []
        assert carol.execute(APPROVE, (proposal_id,)).rowcount == 0


def test_a_suspended_person_sees_and_changes_nothing(desk: Database, proposal_id: str) -> None:
    with as_person(desk, "alice") as alice:
        with psycopg.connect(desk.superuser_url) as conn:
            conn.execute(
                "update governance.voters set state = 'suspended' where display_name = 'alice'"
            )
        assert rows(alice, "select 1 from treasury.pending_votes") == []
        assert alice.execute(APPROVE, (proposal_id,)).rowcount == 0
        assert refusal(alice, "select governance.cast_votes('[]')") == "TR501"


def test_what_one_proposed_is_not_among_ones_ballots(desk: Database, proposal_id: str) -> None:
    with as_person(desk, "alice") as alice:
        alice.execute(
            "select governance.open_proposals(jsonb_build_array(jsonb_build_object('i', 0,"
            " 'proposal_id', gen_random_uuid(), 'org_id', 'demo', 'kind', 'buyback',"
            " 'subject', 'august')))"
        )
        ballots = rows(alice, "select kind from treasury.my_ballots")
        pending = rows(alice, "select kind, proposed_by from treasury.pending_votes order by kind")
    assert [row["kind"] for row in ballots] == ["mint"]
    assert pending[0] == {"kind": "buyback", "proposed_by": f"alice_{desk.name}"}
