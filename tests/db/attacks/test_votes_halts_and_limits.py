"""Nobody is counted twice, votes for another or too late, lifts a halt or raises a limit alone."""

from __future__ import annotations

import functools
from collections.abc import Generator
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from psycopg import Connection

from backend.db.roles import LOGINS
from backend.policies import apply_pack, request_pack
from tests.kit.at_once import Ready, at_once
from tests.kit.attacks import Catalogue, fingerprint, logged_in, read_catalogue
from tests.kit.governance import a_vote, open_proposal, people
from tests.kit.money import a_pack, an_intent, authorize, call, money_database, scalar
from tests.kit.postgres import Database

VOTERS = ("risk_sentinel_agent", "strategy_analyst_agent", "execution_overseer_agent",
          "compliance_agent")  # fmt: skip


@pytest.fixture(scope="module")
def desk() -> Generator[Database]:
    with (
        money_database() as database,
        people(database, "alice", "bob", "mallory"),
        people(database, "dave", role="auditor"),
    ):
        with psycopg.connect(database.superuser_url) as conn:
            conn.execute(
                "insert into public.organizations (org_id, name, base_currency)"
                " values ('other', 'Other', 'USD')"
            )
        with people(database, "carol", org_id="other"):
            yield database
            watching(database).close()


@pytest.fixture
def proposal_id(desk: Database) -> Generator[str]:
    """Lend a proposal that waits for two people and two personas."""
    with psycopg.connect(desk.superuser_url, autocommit=True) as conn:
        yield open_proposal(conn, "mint", payload={"amount": "10"}, evidence={"plan": "july"})
        conn.execute("set session_replication_role = replica")
        conn.execute("truncate public.proposals, public.proposal_events, public.votes cascade")
        conn.execute("truncate governance.halts, governance.halt_acknowledgements")
        conn.execute("update governance.voters set state = 'active'")


def login(desk: Database, name: str) -> str:
    return name if name in LOGINS else f"{name}_{desk.name}"


@functools.cache
def catalogue_of(desk: Database) -> Catalogue:
    with psycopg.connect(desk.superuser_url) as conn:
        return read_catalogue(conn)


@functools.cache
def watching(desk: Database) -> Connection[Any]:
    return psycopg.connect(desk.superuser_url, autocommit=True)


def state(desk: Database) -> dict[str, tuple[int, int | None]]:
    return fingerprint(watching(desk), catalogue_of(desk))


def refusals(desk: Database, who: str, *statements: str) -> list[str | None]:
    """Try each logged in as somebody; how they were refused, having changed nothing."""
    before = state(desk)
    codes: list[str | None] = []
    with logged_in(desk.role_url(login(desk, who))) as conn:
        for statement in statements:
            with pytest.raises(psycopg.Error) as caught:
                conn.execute(statement.encode())
            codes.append(caught.value.sqlstate)
    assert state(desk) == before
    return codes


def refusal(desk: Database, who: str, statement: str, proposal_id: str) -> str | None:
    return refusals(desk, who, statement.replace("%s", f"'{proposal_id}'"))[0]


def vote(desk: Database, who: str, proposal_id: str, **changes: Any) -> list[dict[str, Any]]:
    with logged_in(desk.role_url(login(desk, who))) as conn:
        return call(conn, "governance.cast_votes", a_vote(proposal_id, **changes))


def tally(desk: Database, proposal_id: str) -> dict[str, Any]:
    with psycopg.connect(desk.superuser_url) as conn:
        return scalar(
            conn, "select governance.tally(p) from public.proposals p where proposal_id = %s",
            proposal_id,
        )  # fmt: skip


CAST = "select governance.cast_votes(jsonb_build_array(jsonb_build_object('i', 0, 'proposal_id', %s::uuid, 'decision', 'approve', 'reason', 'r')))"  # noqa: E501


@pytest.mark.parametrize("role", [*(r for r in LOGINS if r not in VOTERS), "dave"])
def test_whoever_is_no_voter_casts_no_vote(desk: Database, proposal_id: str, role: str) -> None:
    assert refusal(desk, role, CAST, proposal_id) == "42501"


@pytest.mark.parametrize("role", ["risk_agent", "alice", "dave", "desk_api", "desk_operator"])
def test_nobody_writes_a_vote_in_anothers_name(desk: Database, proposal_id: str, role: str) -> None:
    statement = (
        "insert into public.votes (vote_id, proposal_id, voter, voter_kind, decision, reason)"
        " values (gen_random_uuid(), %s, 'bob', 'human', 'approve', 'r')"
    )
    assert refusal(desk, role, statement, proposal_id) == "42501"


def test_nobody_is_counted_twice_however_often_they_vote(desk: Database, proposal_id: str) -> None:
    for index in range(5):
        vote(desk, "alice", proposal_id, reason=f"because {index}")
    assert tally(desk, proposal_id)["humans"] == {"approve": 1, "refuse": 0}
    assert tally(desk, proposal_id)["outcome"] == "open"


def test_a_vote_cast_in_eight_sessions_at_once_counts_once(
    desk: Database, proposal_id: str
) -> None:
    url = desk.role_url(login(desk, "alice"))

    def cast(index: int, ready: Ready) -> None:
        with logged_in(url) as conn:
            ready()
            call(conn, "governance.cast_votes", a_vote(proposal_id, reason=f"because {index}"))

    at_once(range(8), cast)
    assert tally(desk, proposal_id)["humans"] == {"approve": 1, "refuse": 0}


def test_claims_do_not_make_a_vote_anothers(desk: Database, proposal_id: str) -> None:
    with logged_in(desk.role_url(login(desk, "alice"))) as conn:
        conn.execute(
            "select set_config('request.jwt.claims', %s, false)",
            (f'{{"sub": "{login(desk, "bob")}", "org_id": "demo"}}',),
        )
        call(conn, "governance.cast_votes", a_vote(proposal_id))
    with psycopg.connect(desk.superuser_url) as conn:
        assert conn.execute("select voter from public.votes").fetchall() == [
            (login(desk, "alice"),)
        ]


def test_votes_of_strangers_suspended_and_too_late_are_refused(
    desk: Database, proposal_id: str
) -> None:
    assert refusal(desk, "carol", CAST, proposal_id) == "TR505"
    with psycopg.connect(desk.superuser_url, autocommit=True) as conn:
        conn.execute(
            "update governance.voters set state = 'suspended' where voter = %s",
            (login(desk, "mallory"),),
        )
    assert refusal(desk, "mallory", CAST, proposal_id) == "TR501"
    vote(desk, "bob", proposal_id, decision="refuse")
    assert refusal(desk, "alice", CAST, proposal_id) == "TR502"


def test_whoever_proposes_has_no_vote_on_it(desk: Database, proposal_id: str) -> None:
    del proposal_id
    with logged_in(desk.role_url(login(desk, "alice"))) as conn:
        own = open_proposal(conn, "mint", "mine", payload={"amount": "1"}, evidence={"a": 1})
    assert refusal(desk, "alice", CAST, own) == "TR504"


def test_a_superuser_or_migrator_has_no_vote(desk: Database, proposal_id: str) -> None:
    for url in (desk.superuser_url, desk.owner_url):
        with psycopg.connect(url) as conn, pytest.raises(psycopg.Error) as caught:
            conn.execute(CAST.encode(), (proposal_id,))
        assert caught.value.sqlstate in ("TR509", "42501")


def test_a_ballot_is_not_moved_deleted_or_cast_for_another(
    desk: Database, proposal_id: str
) -> None:
    for statement in (
        "update treasury.my_ballots set proposal_id = gen_random_uuid() where proposal_id = %s",
        "update treasury.my_ballots set cast_at = now() where proposal_id = %s",
        "delete from treasury.my_ballots where proposal_id = %s",
        "insert into treasury.my_ballots (proposal_id) values (%s)",
        "update treasury.vote_history set voter = 'bob' where proposal_id = %s",
    ):
        assert refusal(desk, "alice", statement, proposal_id) in ("42501", "55000")


@pytest.fixture
def halt_id(desk: Database, proposal_id: str) -> str:
    del proposal_id
    with logged_in(desk.role_url("desk_operator")) as conn:
        answers = call(conn, "governance.record_halts", {
            "halt_id": str(uuid4()), "scope": "platform", "scope_id": "*", "reason": "r",
        })  # fmt: skip
        return answers[0]["halt_id"]


@pytest.mark.parametrize("role", [*LOGINS, "alice", "dave"])
def test_nobody_lifts_a_halt_alone(desk: Database, halt_id: str, role: str) -> None:
    lift = (
        "select governance.lift_halts(jsonb_build_array("
        "jsonb_build_object('i', 0, 'halt_id', %s::uuid)))"
    )
    expected = "TR512" if role == "desk_operator" else "42501"
    tried = (
        lift.replace("%s", f"'{halt_id}'"),
        "update governance.halts set lifted_at = now(), lifted_by = 'me'",
        "delete from governance.halts",
    )
    assert refusals(desk, role, *tried) == [expected, "42501", "42501"]


def test_a_vote_short_of_the_quorum_lifts_nothing(desk: Database, halt_id: str) -> None:
    with logged_in(desk.role_url("risk_sentinel_agent")) as conn:
        proposal_id = open_proposal(conn, "lift_halt", halt_id)
    vote(desk, "compliance_agent", proposal_id)
    vote(desk, "alice", proposal_id)
    with psycopg.connect(desk.superuser_url) as conn:
        assert scalar(conn, "select count(*) from governance.halts where lifted_at is null") == 1


@pytest.mark.parametrize("role", [*LOGINS, "alice", "dave"])
def test_nobody_raises_a_limit(desk: Database, role: str) -> None:
    tried = (
        "update risk.limits set value = value * 2",
        "insert into risk.limits select policy_hash, 'account', 'paper-1', kind, 1e9, unit"
        " from risk.limits limit 1",
        "update risk.policies set active = not active",
        "select risk.install_policy('[]')",
        "select risk.follow_policy(gen_random_uuid())",
        "update risk.account_state set equity = 1e9",
        "delete from risk.reservations",
    )
    assert set(refusals(desk, role, *tried)) == {"42501"}


def test_the_operators_looser_pack_waits_for_votes(desk: Database) -> None:
    with psycopg.connect(desk.superuser_url, autocommit=True) as conn:
        apply_pack(conn, a_pack({"spread_bps": "10"}), applied_by="test")
        in_force = scalar(conn, "select policy_hash from risk.policies where active")
    with logged_in(desk.role_url("desk_operator")) as conn:
        asked = request_pack(conn, a_pack({"spread_bps": "11"}), applied_by="mallory")
        assert asked is not None
    with psycopg.connect(desk.superuser_url) as conn:
        assert scalar(conn, "select policy_hash from risk.policies where active") == in_force


def test_thirty_two_sessions_race_for_the_last_of_a_budget_and_never_two_get_it(
    desk: Database,
) -> None:
    with psycopg.connect(desk.superuser_url, autocommit=True) as conn:
        apply_pack(
            conn, a_pack({"account": {"paper-1": {"gross_exposure": "150000"}}}), applied_by="race"
        )
        conn.execute("update public.latest_quotes set received_at = clock_timestamp()")
        conn.execute(_FRESH)
    url = desk.role_url("risk_agent")

    def race(_: int, ready: Ready) -> str:
        with logged_in(url) as conn:
            ready()
            return authorize(conn, an_intent())[0]["decision"]

    outcomes = at_once(range(32), race)
    with psycopg.connect(desk.superuser_url) as conn:
        held = scalar(conn, "select coalesce(sum(remaining_notional), 0) from risk.reservations")
    assert len(outcomes) == 32
    assert outcomes.count("authorized") + outcomes.count("trimmed") >= 1
    assert outcomes.count("authorized") <= 1
    assert held <= 150_000


_FRESH = (
    "insert into risk.account_state (account_id, equity, peak_equity, day, day_start_equity,"
    " realized_today, as_of) select a.account_id, 100000, 100000,"
    " (clock_timestamp() at time zone 'UTC')::date, 100000, 0, clock_timestamp()"
    " from public.accounts a on conflict (account_id) do update set as_of = excluded.as_of"
)
