"""Each kind of proposal passes by its own rule, is decided once, and by nobody alone."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from psycopg import Connection
from psycopg.types.json import Jsonb

from tests.kit.at_once import Ready, at_once
from tests.kit.differences import add_differences
from tests.kit.governance import (
    a_proposal,
    a_vote,
    age_proposals,
    as_voter,
    open_proposal,
    pass_proposal,
    people,
)
from tests.kit.money import a_pack, authorize_one, call, money_database, quote_all, scalar, use
from tests.kit.postgres import Database

TWO_PERSONAS = ("strategy_analyst", "risk_sentinel")
EVIDENCE = {"simulation": "019b"}
RESTING = "019b0000-0000-7000-8000-00000000c001"
MONEY = {"amount": "1000", "currency": "USD"}

RULES = [
    ("halt", {"payload": {"scope": "account", "scope_id": "paper-1"}}, TWO_PERSONAS),
    ("parameter", {}, (*TWO_PERSONAS, "alice")),
    ("end_cooldown", {"subject": RESTING}, ("alice", "bob")),
    ("policy", {}, (*TWO_PERSONAS, "alice", "bob")),
    ("loosen_limit", {}, ("alice", "bob", *TWO_PERSONAS)),
    ("promote_shadow", {"subject": "stricter"}, (*TWO_PERSONAS, "bob", "alice")),
    ("go_live", {"subject": "paper-2", "evidence": EVIDENCE}, ("alice", *TWO_PERSONAS, "bob")),
    ("buyback", {"payload": MONEY}, ("alice", "bob", *TWO_PERSONAS)),
    ("mint", {"payload": MONEY}, ("alice", *TWO_PERSONAS, "bob")),
]  # fmt: skip


@pytest.fixture(scope="module")
def desk() -> Generator[Database]:
    with money_database() as database, people(database, "alice", "bob", "carol"):
        with psycopg.connect(database.superuser_url) as conn:
            conn.execute("set local role desk_owner")
            add_differences(conn, 40)
            use(conn, a_pack(modes=("paper", "live")))
            conn.execute(
                "insert into risk.cooldowns (cooldown_id, scope, scope_id, reason, started_by)"
                " values (%s, 'strategy', 'tv-two', 'five losses', 't')",
                (RESTING,),
            )
            conn.execute("reset role")
            conn.execute("update treasury.balances set cash = 50000, buffer_min = 20000")
            conn.execute(
                "insert into public.organizations (org_id, name, base_currency)"
                " values ('other', 'Other', 'USD')"
            )
            conn.execute(
                "update governance.voters set org_id = 'other' where voter = %s",
                (f"carol_{database.name}",),
            )
        yield database


@pytest.fixture
def conn(desk: Database) -> Generator[Connection[Any]]:
    with psycopg.connect(desk.superuser_url) as connection:
        quote_all(connection)
        yield connection
        connection.rollback()


Voting = Callable[..., str]  # votes as a persona or a person; returns how the proposal stands


@pytest.fixture
def vote(conn: Connection[Any], desk: Database) -> Voting:
    def cast(voter: str, proposal_id: str, decision: str = "approve", reason: str = "sound") -> str:
        as_voter(conn, login_of(voter, desk))
        try:
            with conn.transaction():
                item = a_vote(proposal_id, decision, reason)
                return call(conn, "governance.cast_votes", item)[0]["state"]
        except psycopg.Error as refused:
            return refused.sqlstate or ""
        finally:
            conn.execute("reset session authorization")

    return cast


def login_of(voter: str, desk: Database) -> str:
    person = voter in ("alice", "bob", "carol", "dora")
    return f"{voter}_{desk.name}" if person else f"{voter}_agent"


def decision_of(conn: Connection[Any], proposal_id: str) -> dict[str, Any]:
    query = (
        "select detail from public.proposal_events"
        " where proposal_id = %s and event in ('approved', 'refused')"
    )
    return scalar(conn, query, proposal_id)


@pytest.mark.parametrize(("kind", "changes", "voters"), RULES, ids=[rule[0] for rule in RULES])
def test_a_kind_passes_by_exactly_the_votes_that_its_rule_demands(
    conn: Any, vote: Voting, kind: str, changes: dict[str, Any], voters: tuple[str, ...]
) -> None:
    item = a_proposal(kind, **changes)
    call(conn, "governance.open_proposals", item)
    states = [vote(voter, item["proposal_id"]) for voter in voters]
    assert states == ["open"] * (len(voters) - 1) + ["approved"]
    detail = decision_of(conn, item["proposal_id"])
    assert detail["rule"]["kind"] == kind
    assert len(detail["votes"]) == len(voters)
    assert all(detail["checks"].values())


def test_a_kind_without_a_rule_cannot_be_proposed(conn: Any) -> None:
    for kind in ("dividend", "high_risk_intent"):
        with pytest.raises(psycopg.Error) as caught, conn.transaction():
            open_proposal(conn, kind)
        assert caught.value.sqlstate == "TR510"


@pytest.mark.parametrize(
    ("kind", "changes", "check"),
    [
        ("buyback", {"payload": {"amount": "30001", "currency": "USD"}}, "reserves_cover"),
        ("buyback", {"payload": {"amount": "-5", "currency": "USD"}}, "amount_stated"),
        ("mint", {"payload": {"amount": "much"}}, "readable"),
        ("go_live", {"subject": "paper-2"}, "evidence_given"),
        ("go_live", {"subject": "nobody", "evidence": EVIDENCE}, "subject_stands"),
    ],
)
def test_votes_alone_do_not_pass_what_an_automated_check_refuses(
    conn: Any, vote: Voting, kind: str, changes: dict[str, Any], check: str
) -> None:
    item = a_proposal(kind, **changes)
    call(conn, "governance.open_proposals", item)
    states = [vote(voter, item["proposal_id"]) for voter in (*TWO_PERSONAS, "alice", "bob")]
    assert states[-1] == "refused"
    assert decision_of(conn, item["proposal_id"])["checks"][check] is False


def test_a_change_of_mind_supersedes_before_the_decision_and_counts_once(
    conn: Any, vote: Voting
) -> None:
    proposal_id = open_proposal(conn, "halt", payload={"scope": "platform", "scope_id": "*"})
    assert vote("strategy_analyst", proposal_id, "refuse") == "open"
    assert vote("strategy_analyst", proposal_id, "approve") == "open"
    assert vote("strategy_analyst", proposal_id, "approve", "still sound") == "open"
    assert vote("risk_sentinel", proposal_id) == "approved"
    found = conn.execute(
        "select voter, revision, decision from public.votes order by cast_at"
    ).fetchall()
    assert [(revision, decision) for _, revision, decision in found] == [
        (1, "refuse"),
        (2, "approve"),
        (3, "approve"),
        (1, "approve"),
    ]
    # After the decision nobody changes their mind; saying the same again changes nothing.
    assert vote("risk_sentinel", proposal_id, "refuse") == "TR502"
    assert vote("risk_sentinel", proposal_id, "approve", "as I said") == "executed"
    assert scalar(conn, "select count(*) from public.votes") == 4


def test_the_same_person_is_not_two_people(conn: Any, vote: Voting) -> None:
    proposal_id = open_proposal(conn, "mint", payload=MONEY)
    for voter in TWO_PERSONAS:
        vote(voter, proposal_id)
    assert [vote("alice", proposal_id, reason=why) for why in ("one", "two")] == ["open", "open"]
    assert vote("bob", proposal_id) == "approved"


def test_nobody_votes_for_another_organisation_or_outside_their_part(
    conn: Any, vote: Voting
) -> None:
    proposal_id = open_proposal(conn, "mint", payload=MONEY)
    assert vote("carol", proposal_id) == "TR505"
    assert vote("compliance", proposal_id) == "TR501"
    halt = open_proposal(conn, "halt", payload={"scope": "platform", "scope_id": "*"})
    assert vote("alice", halt) == "TR501"
    assert vote("alice", proposal_id, "perhaps") == "TR508"
    assert vote("alice", proposal_id, "approve", " ") == "TR507"
    assert scalar(conn, "select count(*) from public.votes") == 0


def test_a_vote_of_someone_who_was_suspended_since_does_not_count(conn: Any, vote: Voting) -> None:
    proposal_id = open_proposal(conn, "mint", payload=MONEY)
    vote("alice", proposal_id)
    conn.execute("update governance.voters set state = 'suspended' where display_name = 'alice'")
    states = [vote(voter, proposal_id) for voter in (*TWO_PERSONAS, "bob")]
    assert states == ["open"] * 3
    assert vote("alice", proposal_id, reason="again") == "TR501"


def test_whoever_proposes_does_not_vote_on_it(conn: Any, desk: Database, vote: Voting) -> None:
    as_voter(conn, login_of("alice", desk))
    proposal_id = open_proposal(conn, "mint", payload=MONEY)
    with pytest.raises(psycopg.Error) as caught, conn.transaction():
        open_proposal(conn, "mint", "elsewhere", org_id="other")
    assert caught.value.sqlstate == "TR501"
    conn.execute("reset session authorization")
    assert vote("alice", proposal_id) == "TR504"
    assert [vote(voter, proposal_id) for voter in (*TWO_PERSONAS, "bob")][-1] == "open"


def test_a_refusing_person_ends_it_and_so_do_two_personas(conn: Any, vote: Voting) -> None:
    proposal_id = open_proposal(conn, "parameter")
    assert vote("bob", proposal_id, "refuse") == "refused"
    again = open_proposal(conn, "parameter")
    assert vote("strategy_analyst", again, "refuse") == "open"
    assert vote("risk_sentinel", again, "refuse") == "refused"


def test_a_proposals_state_is_its_last_event_and_nothing_else(conn: Any, vote: Voting) -> None:
    proposal_id = open_proposal(conn, "parameter")
    for statement in (
        "update public.proposals set state = 'approved', decided_at = clock_timestamp()",
        "update public.proposals set payload = '{\"more\": true}'",
        "update public.proposals set expires_at = expires_at + interval '1 day'",
        "delete from public.proposals",
        "update public.proposal_events set event = 'approved'",
        "delete from public.proposal_events",
        "update public.votes set decision = 'approve'",
        "insert into public.proposals (proposal_id, org_id, kind, subject, state, proposed_by,"
        " expires_at, decided_at) values (gen_random_uuid(), 'demo', 'mint', 'x', 'approved', 'x',"
        " clock_timestamp() + interval '1 h', clock_timestamp())",
    ):
        vote("strategy_analyst", proposal_id)
        with pytest.raises(psycopg.Error) as caught, conn.transaction():
            conn.execute(statement.encode())
        assert caught.value.sqlstate == "TR514", statement
    assert scalar(conn, "select state from public.proposals") == "open"
    assert scalar(conn, "select string_agg(event, ' ') from public.proposal_events") == "opened"


def test_a_passed_pack_is_not_applied_beside_another_than_it_was_compared_with(
    conn: Any, vote: Voting
) -> None:
    proposal_id = open_proposal(conn, "policy", "some-hash", payload={"before": "another"})
    states = [vote(voter, proposal_id) for voter in (*TWO_PERSONAS, "alice", "bob")]
    assert states[-1] == "refused"


def test_what_is_over_is_expired_once_and_no_vote_revives_it(conn: Any, vote: Voting) -> None:
    proposal_id = open_proposal(conn, "parameter")
    age_proposals(conn)
    assert vote("alice", proposal_id) == "TR503"
    assert [call(conn, "governance.expire_proposals", {})[0]["expired"] for _ in range(2)] == [1, 0]
    assert vote("alice", proposal_id) == "TR502"


ALLOWED = {
    "governance.cast_votes": {
        "strategy_analyst_agent", "execution_overseer_agent", "risk_sentinel_agent",
        "compliance_agent", "treasury_operator",
    },
    "governance.open_proposals": {
        "risk_sentinel_agent", "optimizer_agent", "desk_operator", "treasury_operator",
    },
    "governance.expire_proposals": {"housekeeping_agent"},
    "governance.execute_proposals": {"desk_operator"},
    "governance.lift_halts": {"desk_operator"},
    "governance.record_halts": {"desk_operator"},
    "governance.halt_automatically": {
        "risk_sentinel_agent", "supervisor_agent", "auditor", "desk_operator",
    },
    "governance.request_approvals": {"policy_guard_agent"},
    "governance.settle_proposal": set[str](),
    "governance.record_event": set[str](),
    "governance.stand_halts": set[str](),
    "governance.lift_halt": set[str](),
}  # fmt: skip


@pytest.mark.parametrize("procedure", ALLOWED)
def test_a_procedure_is_for_the_roles_that_it_names(conn: Any, procedure: str) -> None:
    able = conn.execute(
        "select r.rolname from pg_roles r, pg_proc p join pg_namespace n on n.oid = p.pronamespace"
        " where n.nspname || '.' || p.proname = %s and not r.rolsuper"
        " and has_function_privilege(r.oid, p.oid, 'execute')"
        " and r.rolname not in ('desk_owner', 'desk_migrator', 'postgres')"
        " and not exists (select from governance.voters w where w.voter = r.rolname"
        "                  and w.kind = 'human')"
        " and (r.rolname like '%%_agent' or r.rolname in ('desk_api', 'desk_operator',"
        " 'edge_intake', 'desk_reader', 'treasury_operator', 'auditor', 'desk_agents'))",
        (procedure,),
    ).fetchall()
    assert {row[0] for row in able} == ALLOWED[procedure]


def a_committed_proposal(desk: Database, kind: str = "parameter", **changes: Any) -> str:
    with psycopg.connect(desk.superuser_url) as conn:
        return open_proposal(conn, kind, str(uuid4()), **changes)


def call_at_once(desk: Database, *sessions: tuple[str, str, dict[str, Any]]) -> list[Any]:
    """Call procedures under real logins at the same moment; answers or SQLSTATEs."""

    def ask(session: tuple[str, str, dict[str, Any]], ready: Ready) -> Any:
        login, procedure, item = session
        with psycopg.connect(desk.role_url(login)) as conn:
            ready()
            try:
                return call(conn, procedure, item)[0]
            except psycopg.Error as refused:
                return refused.sqlstate

    return at_once(sessions, ask)


def test_two_who_decide_at_once_decide_once(desk: Database) -> None:
    proposal_id = a_committed_proposal(desk, "halt", payload={"scope": "venue",
                                                              "scope_id": "mt5-paper"})  # fmt: skip
    item = a_vote(proposal_id)
    answers = call_at_once(
        desk,
        *((f"{persona}_agent", "governance.cast_votes", item)
          for persona in (*TWO_PERSONAS, "execution_overseer")),
    )  # fmt: skip
    with psycopg.connect(desk.superuser_url) as conn:
        events = "select count(*) from public.proposal_events where proposal_id = %s and event = %s"
        assert scalar(conn, events, proposal_id, "approved") == 1
        assert scalar(conn, events, proposal_id, "executed") == 1
        assert scalar(conn, "select count(*) from governance.halts where scope = 'venue'") == 1
        conn.execute("update governance.halts set lifted_at = clock_timestamp(), lifted_by = 't'")
    states = [answer if isinstance(answer, str) else answer["state"] for answer in answers]
    assert sorted(states) == ["TR502", "approved", "open"]


def test_one_voter_in_two_sessions_votes_once(desk: Database) -> None:
    proposal_id = a_committed_proposal(desk, "mint", payload=MONEY)
    alice = login_of("alice", desk)
    answers = call_at_once(desk, *[(alice, "governance.cast_votes", a_vote(proposal_id))] * 4)
    assert sorted(answer["repeated"] for answer in answers) == [False, True, True, True]
    with psycopg.connect(desk.superuser_url) as conn:
        count = "select count(*) from public.votes where proposal_id = %s"
        assert scalar(conn, count, proposal_id) == 1


def test_many_who_execute_at_once_execute_once(desk: Database) -> None:
    with psycopg.connect(desk.superuser_url) as conn:
        proposal_id = pass_proposal(conn, "buyback", str(uuid4()), payload=MONEY)
    item = {"proposal_id": proposal_id}
    answers = call_at_once(desk, *[("desk_operator", "governance.execute_proposals", item)] * 6)
    assert [answer["repeated"] for answer in answers].count(False) == 1


def test_what_expires_while_it_is_voted_on_ends_once(desk: Database) -> None:
    proposal_id = a_committed_proposal(desk)
    with psycopg.connect(desk.superuser_url) as conn:
        age_proposals(conn)
    call_at_once(
        desk,
        ("housekeeping_agent", "governance.expire_proposals", {}),
        ("housekeeping_agent", "governance.expire_proposals", {}),
        (login_of("bob", desk), "governance.cast_votes", a_vote(proposal_id, "refuse")),
    )
    # Whom a voter keeps waiting passes the proposal over; the next sweep has it.
    call_at_once(desk, ("housekeeping_agent", "governance.expire_proposals", {}))
    with psycopg.connect(desk.superuser_url) as conn:
        query = "select string_agg(event, ' ') from public.proposal_events where proposal_id = %s"
        assert scalar(conn, query, proposal_id) == "opened expired"


def test_claims_of_a_login_of_ones_own_count_for_nothing(desk: Database) -> None:
    proposal_id = a_committed_proposal(desk, "mint", payload=MONEY)
    claims = Jsonb({"sub": login_of("alice", desk), "role": "treasury_operator", "org_id": "demo"})
    with psycopg.connect(desk.role_url(login_of("bob", desk))) as conn:
        conn.execute("select set_config('request.jwt.claims', %s::text, true)", (claims,))
        call(conn, "governance.cast_votes", a_vote(proposal_id))
    with psycopg.connect(desk.role_url("desk_operator")) as conn:
        conn.execute("select set_config('request.jwt.claims', %s::text, true)", (claims,))
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            call(conn, "governance.cast_votes", a_vote(proposal_id))
    with psycopg.connect(desk.superuser_url) as conn:
        voters = "select array_agg(voter) from public.votes where proposal_id = %s"
        assert scalar(conn, voters, proposal_id) == [login_of("bob", desk)]


def test_a_superuser_who_is_no_voter_may_look_and_not_vote(conn: Any) -> None:
    proposal_id = open_proposal(conn, "mint", payload=MONEY)
    with pytest.raises(psycopg.Error) as caught, conn.transaction():
        call(conn, "governance.cast_votes", a_vote(proposal_id))
    assert caught.value.sqlstate == "TR509"


def test_an_intent_that_left_its_waiting_place_is_not_approved(conn: Any, vote: Voting) -> None:
    intent_id = authorize_one(conn)["intent_id"]
    proposal_id = str(uuid4())
    request = {"proposal_id": proposal_id, "intent_id": intent_id, "ttl_s": 600}
    request |= {"payload": {}, "evidence": {}}
    call(conn, "governance.request_approvals", request)
    conn.execute("update public.intents set state = 'expired'")
    assert vote("alice", proposal_id) == "refused"
    assert scalar(conn, "select count(*) from bus.deliveries") == 0
