"""A passed vote changes the router's policy once; what it was about must still be so."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import psycopg
import pytest
from psycopg import Connection

from backend.policies import PACKS, load_pack, parse_pack
from tests.kit.at_once import Ready, at_once
from tests.kit.differences import SHADOW, add_differences
from tests.kit.governance import a_vote, as_voter, open_proposal, people, take_live
from tests.kit.money import a_pack, call, money_database, scalar, use
from tests.kit.postgres import Database

PERSONAS = ("strategy_analyst_agent", "risk_sentinel_agent")


@pytest.fixture(scope="module")
def desk() -> Generator[Database]:
    with money_database() as database, people(database, "alice", "bob"):
        yield database


@pytest.fixture
def conn(desk: Database) -> Generator[Connection[Any]]:
    with psycopg.connect(desk.superuser_url) as connection:
        yield connection
        connection.rollback()


def vote_all(conn: Connection[Any], desk: Database, proposal_id: str) -> str:
    """Let two personas and two people approve. Returns how the proposal stands."""
    state = ""
    for voter in (*PERSONAS, f"alice_{desk.name}", f"bob_{desk.name}"):
        if state in ("", "open"):
            as_voter(conn, voter)
            state = call(conn, "governance.cast_votes", a_vote(proposal_id))[0]["state"]
            conn.execute("reset session authorization")
    return state


def state_of(conn: Connection[Any], proposal_id: str) -> str:
    return scalar(conn, "select state from public.proposals where proposal_id = %s", proposal_id)


def routing(conn: Connection[Any]) -> dict[str, Any]:
    return scalar(conn, "select body -> 'routing' from risk.policies where active")


def a_change(current: str, proposed: str, name: str = "edge_min") -> dict[str, Any]:
    parameter = f"routing.{name}"
    return {"parameter": parameter, "current": current, "proposed": proposed}


def test_the_database_writes_packs_as_the_desk_does(conn: Any) -> None:
    for path in PACKS.glob("*.toml"):
        pack = load_pack(path)
        written = scalar(conn, "select risk.canonical_json(%s::jsonb)", pack.canonical)
        assert written == pack.canonical


def test_a_promoted_shadow_decides_and_the_former_policy_goes_on_in_the_shadow(
    conn: Any, desk: Database
) -> None:
    add_differences(conn, 40)
    before = routing(conn)
    proposal_id = open_proposal(conn, "promote_shadow", SHADOW, evidence={"mine": "better"})
    evidence = scalar(
        conn, "select evidence from public.proposals where proposal_id = %s", proposal_id
    )
    assert "mine" not in evidence
    assert (evidence["leaves"], evidence["resolved"], evidence["enough"]) == (40, 40, True)
    (measure,) = evidence["measures"]
    assert 0 < float(measure["low"]) < float(measure["mean"]) < float(measure["high"])

    assert vote_all(conn, desk, proposal_id) == "approved"
    after = routing(conn)
    assert after["name"] == SHADOW
    assert after["edge_min"] == before["shadows"][0]["edge_min"]
    former = {key: before[key] for key in before if key not in ("shadows", "promotion")}
    assert after["shadows"] == [former]
    # What the database derived is a pack like any other, under its own hash.
    row = conn.execute("select body, policy_hash from risk.policies where active").fetchone()
    assert parse_pack(row[0], "derived").policy_hash == row[1]
    changes = "select count(*) from risk.policy_changes where proposal_id = %s"
    assert scalar(conn, changes, proposal_id) == 1
    limits = "select count(*) from risk.limits where policy_hash = %s"
    assert scalar(conn, limits, row[1]) == len(a_pack().rows())


def test_executing_it_again_changes_nothing(conn: Any, desk: Database) -> None:
    add_differences(conn, 40)
    proposal_id = open_proposal(conn, "promote_shadow", SHADOW)
    vote_all(conn, desk, proposal_id)
    assert state_of(conn, proposal_id) == "executed"
    (answer,) = call(conn, "governance.execute_proposals", {"proposal_id": proposal_id})
    assert answer["repeated"] is True
    assert scalar(conn, "select risk.follow_routing(%s)", proposal_id) is False
    assert routing(conn)["name"] == SHADOW


def test_too_little_evidence_passes_no_promotion(conn: Any, desk: Database) -> None:
    add_differences(conn, 29)
    proposal_id = open_proposal(conn, "promote_shadow", SHADOW)
    assert vote_all(conn, desk, proposal_id) == "refused"
    assert routing(conn)["name"] == "demo"


def test_evidence_of_other_numbers_passes_no_promotion(conn: Any, desk: Database) -> None:
    add_differences(conn, 40)
    proposal_id = open_proposal(conn, "promote_shadow", SHADOW)
    table = a_pack().model_dump(mode="json")
    table["routing"]["shadows"][0]["edge_min"] = "0.2"
    use(conn, parse_pack(table, "changed meanwhile"))
    assert vote_all(conn, desk, proposal_id) == "refused"
    assert routing(conn)["name"] == "demo"
    # What was seen before the change says nothing about the new numbers.
    told = scalar(conn, "select execution.shadow_evidence(%s, 'demo')", SHADOW)
    assert (told["resolved"], told["enough"]) == (0, False)


def test_a_routing_parameter_that_passed_is_set(conn: Any, desk: Database) -> None:
    proposal_id = open_proposal(
        conn, "parameter", "edge", payload=a_change("0.000", "0.001"), evidence={"measures": []}
    )
    assert vote_all(conn, desk, proposal_id) == "approved"
    assert routing(conn)["edge_min"] == "0.001"
    assert state_of(conn, proposal_id) == "executed"
    differences = scalar(
        conn, "select differences from risk.policy_changes where proposal_id = %s", proposal_id
    )
    assert {d["path"] for d in differences} == {"routing.edge_min", "version"}


@pytest.mark.parametrize(
    "change",
    [
        a_change("0.3", "0.301"),
        a_change("0", "0.1"),
        a_change("0", "much"),
        a_change("0", "0.001", name="unheard_of"),
        a_change("60000", "60000.5", name="health_age_ms_max"),
        a_change("demo", "bold", name="name"),
    ],
    ids=[
        "another current",
        "more than a step",
        "no number",
        "no such parameter",
        "no whole number",
        "a name",
    ],
)
def test_a_change_that_does_not_fit_the_pack_in_force_is_refused(
    conn: Any, desk: Database, change: dict[str, Any]
) -> None:
    before = routing(conn)
    proposal_id = open_proposal(conn, "parameter", "edge", payload=change)
    assert vote_all(conn, desk, proposal_id) == "refused"
    assert routing(conn) == before


def test_a_parameter_of_another_part_waits_for_whoever_carries_it_out(
    conn: Any, desk: Database
) -> None:
    payload = {"parameter": "execution.slippage_expected_bps", "current": "1", "proposed": "2"}
    proposal_id = open_proposal(conn, "parameter", "slippage", payload=payload)
    assert vote_all(conn, desk, proposal_id) == "approved"
    assert state_of(conn, proposal_id) == "approved"


def test_beside_a_live_account_the_vote_is_what_allows_the_looser_number(
    conn: Any, desk: Database
) -> None:
    use(conn, a_pack(modes=("paper", "live")))
    take_live(conn, "paper-2")
    proposal_id = open_proposal(conn, "parameter", "edge", payload=a_change("0", "-0.001"))
    assert vote_all(conn, desk, proposal_id) == "approved"
    change = "select effect from risk.policy_changes where proposal_id = %s"
    assert scalar(conn, change, proposal_id) == "loosened"


def test_two_who_execute_at_once_change_it_once(desk: Database) -> None:
    with psycopg.connect(desk.superuser_url) as conn:
        proposal_id = open_proposal(conn, "parameter", "race", payload=a_change("0", "0.0005"))
        # Passed, and not yet followed.
        conn.execute("select governance.record_event(%s, 'approved', '{}')", (proposal_id,))

    def execute(_: int, ready: Ready) -> bool:
        with psycopg.connect(desk.role_url("desk_operator")) as session:
            ready()
            return call(session, "governance.execute_proposals", {"proposal_id": proposal_id})[0][
                "repeated"
            ]

    assert sorted(at_once(range(4), execute)) == [False, True, True, True]
    with psycopg.connect(desk.superuser_url) as conn:
        assert routing(conn)["edge_min"] == "0.0005"
        changes = "select count(*) from risk.policy_changes where proposal_id = %s"
        assert scalar(conn, changes, proposal_id) == 1
