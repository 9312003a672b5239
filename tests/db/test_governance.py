"""Packs are applied as reviewed; high-risk intents wait for people, who vote under their login."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any
from uuid import UUID, uuid4, uuid5

import psycopg
import pytest
from psycopg import Connection
from psycopg.types.json import Jsonb

from backend.policies import PACKS, PolicyPack, apply_pack, load_pack
from tests.kit.governance import (
    a_vote,
    age_proposals,
    as_voter,
    pass_proposal,
    people,
    take_live,
)
from tests.kit.money import (
    a_pack,
    authorize_one,
    call,
    children_of,
    money_database,
    quote_all,
    scalar,
    use,
)
from tests.kit.postgres import Database
from tests.kit.signals import a_context
from workers.agents import risk_sentinel


@pytest.fixture(scope="module")
def desk() -> Generator[Database]:
    with money_database() as database, people(database, "alice", "bob"):
        yield database


@pytest.fixture
def conn(desk: Database) -> Generator[Connection[Any]]:
    with psycopg.connect(desk.superuser_url) as connection:
        quote_all(connection)
        yield connection
        connection.rollback()


def refusal(conn: Connection[Any], procedure: str, item: dict[str, Any]) -> str | None:
    with pytest.raises(psycopg.Error) as caught, conn.transaction():
        call(conn, procedure, item)
    return caught.value.sqlstate


def pack_refusal(conn: Connection[Any], pack: PolicyPack) -> str | None:
    with pytest.raises(psycopg.Error) as caught, conn.transaction():
        apply_pack(conn, pack, applied_by="tests")
    return caught.value.sqlstate


def awaiting(conn: Connection[Any]) -> tuple[str, str]:
    """Let an intent wait for a vote. Returns intent and proposal."""
    intent_id, proposal_id = authorize_one(conn, quantity="2")["intent_id"], str(uuid4())
    request = {
        "proposal_id": proposal_id,
        "intent_id": intent_id,
        "payload": {},
        "evidence": {},
        "ttl_s": 600,
    }
    for _ in range(2):
        call(conn, "governance.request_approvals", request)
    return intent_id, proposal_id


def test_the_database_hashes_what_it_stores(conn: Any) -> None:
    pack = use(conn, a_pack({"spread_bps": "9"}))
    active = scalar(conn, "select risk.active_policy()")
    assert active["policy_hash"] == pack.policy_hash
    rows = scalar(conn, "select count(*) from risk.limits where policy_hash = %s", pack.policy_hash)
    assert rows == len(pack.rows())
    assert apply_pack(conn, pack, applied_by="tests") is False
    assert scalar(conn, "select count(*) from risk.policies where active") == 1


def test_a_pack_that_was_in_force_before_can_return(conn: Any) -> None:
    first, second = use(conn, a_pack({"spread_bps": "9"})), a_pack({"spread_bps": "8"})
    use(conn, second)
    assert apply_pack(conn, first, applied_by="tests") is True
    assert scalar(conn, "select risk.active_policy() ->> 'policy_hash'") == first.policy_hash


def test_limits_that_differ_from_the_packs_text_are_refused(conn: Any) -> None:
    pack = a_pack({"spread_bps": "9"})
    tampered = [{**row, "value": "999"} if row["kind"] == "spread_bps" else row
                for row in pack.rows()]  # fmt: skip
    for limits in (tampered, pack.rows()[1:], []):
        item = [{"i": 0, "canonical": pack.canonical, "limits": limits}]
        with pytest.raises(psycopg.Error) as caught, conn.transaction():
            conn.execute("select risk.apply_policy(%s)", (Jsonb(item),))
        assert caught.value.sqlstate == "TR338"


@pytest.mark.parametrize("name", ["default", "demo", "bench"])
def test_each_pack_of_the_desk_applies_beside_paper_accounts(conn: Any, name: str) -> None:
    apply_pack(conn, load_pack(PACKS / f"{name}.toml"), applied_by="tests")
    assert scalar(conn, "select risk.active_policy() ->> 'name'") == name


def test_paper_packs_are_refused_beside_a_live_account(conn: Any) -> None:
    take_live(conn, "paper-2")
    for name in ("demo", "bench"):
        assert pack_refusal(conn, load_pack(PACKS / f"{name}.toml")) == "TR339"


def test_beside_a_live_account_a_pack_needs_a_passed_proposal(conn: Any) -> None:
    take_live(conn, "paper-2")
    pack = load_pack(PACKS / "default.toml")
    assert pack_refusal(conn, pack) == "TR512"
    pass_proposal(conn, "policy", pack.policy_hash)
    assert apply_pack(conn, pack, applied_by="tests") is True
    assert scalar(conn, "select state from public.proposals") == "executed"


def test_agents_may_not_apply_packs(desk: Database) -> None:
    for role in ("risk_agent", "policy_guard_agent", "optimizer_agent", "desk_api"):
        with (
            psycopg.connect(desk.role_url(role)) as other,
            pytest.raises(psycopg.errors.InsufficientPrivilege),
        ):
            apply_pack(other, a_pack(), applied_by="tests")


def test_what_waits_for_a_vote_holds_nothing(conn: Any) -> None:
    intent_id, _ = awaiting(conn)
    assert scalar(conn, "select state from public.intents") == "awaiting_vote"
    held = "select count(*) from risk.reservations where released_at is null"
    assert scalar(conn, held) == 0
    facts = {"intent_id": intent_id, "share": "0.8"}
    assert call(conn, "governance.policy_facts", facts)[0]["intent"]["state"] == "awaiting_vote"
    assert scalar(conn, "select count(*) from public.proposals") == 1


def test_one_humans_approval_sends_a_high_risk_intent_back_to_risk(conn: Any, desk: Any) -> None:
    intent_id, proposal_id = awaiting(conn)
    as_voter(conn, f"alice_{desk.name}")
    (answer,) = call(conn, "governance.cast_votes", a_vote(proposal_id))
    conn.execute("reset session authorization")
    assert answer["state"] == "approved"
    row = conn.execute("select agent, row_kind, msg_id from bus.deliveries").fetchone()
    assert row == ("risk", "approved", UUID(proposal_id))

    again = {
        "proposal_id": proposal_id,
        "intent_id": str(uuid5(UUID(proposal_id), "approved intent")),
    }
    (judged,) = call(conn, "risk.authorize_intents", again)
    assert judged["decision"] == "authorized"
    assert judged["intent"]["quantity"] == "2.00"
    assert judged["intent_id"] != intent_id
    facts = {"intent_id": judged["intent_id"], "share": "0.8"}
    assert call(conn, "governance.policy_facts", facts)[0]["approved_by"] == proposal_id


def test_an_approved_intent_is_judged_by_the_market_of_that_moment(conn: Any, desk: Any) -> None:
    _, proposal_id = awaiting(conn)
    as_voter(conn, f"alice_{desk.name}")
    call(conn, "governance.cast_votes", a_vote(proposal_id))
    conn.execute("reset session authorization")
    conn.execute("update public.latest_quotes set bid = bid * 2, ask = ask * 2")
    again = {"proposal_id": proposal_id, "intent_id": str(uuid4())}
    assert call(conn, "risk.authorize_intents", again)[0]["code"] == "TR318"


def test_without_a_passed_vote_nothing_is_authorised_again(conn: Any) -> None:
    _, proposal_id = awaiting(conn)
    for asked in (proposal_id, str(uuid4())):
        again = {"proposal_id": asked, "intent_id": str(uuid4())}
        assert call(conn, "risk.authorize_intents", again)[0]["decision"] == "denied"


def test_a_refusing_human_ends_it(conn: Any, desk: Any) -> None:
    awaited = awaiting(conn)[1]
    as_voter(conn, f"bob_{desk.name}")
    (answer,) = call(conn, "governance.cast_votes", a_vote(awaited, "refuse"))
    conn.execute("reset session authorization")
    assert answer["state"] == "refused"
    assert scalar(conn, "select state from public.intents") == "refused"
    assert scalar(conn, "select outcome || ' ' || code from public.alert_outcomes") == (
        "denied TR511"
    )


def test_a_vote_counts_once_and_needs_a_reason_and_a_voter(conn: Any, desk: Any) -> None:
    _, proposal_id = awaiting(conn)
    assert refusal(conn, "governance.cast_votes", a_vote(proposal_id)) == "TR509"
    as_voter(conn, "risk_sentinel_agent")
    assert refusal(conn, "governance.cast_votes", a_vote(proposal_id, reason=" ")) == "TR507"
    assert refusal(conn, "governance.cast_votes", a_vote(str(uuid4()))) == "TR505"
    # A persona's voice alone does not decide a high-risk intent.
    first = call(conn, "governance.cast_votes", a_vote(proposal_id))[0]
    again = call(conn, "governance.cast_votes", a_vote(proposal_id))[0]
    assert (first["state"], first["repeated"], again["repeated"]) == ("open", False, True)
    conn.execute("reset session authorization")
    age_proposals(conn)
    as_voter(conn, f"alice_{desk.name}")
    assert refusal(conn, "governance.cast_votes", a_vote(proposal_id)) == "TR503"


def test_votes_after_the_decision_are_refused(conn: Any, desk: Any) -> None:
    _, proposal_id = awaiting(conn)
    as_voter(conn, f"alice_{desk.name}")
    call(conn, "governance.cast_votes", a_vote(proposal_id))
    conn.execute("reset session authorization")
    as_voter(conn, f"bob_{desk.name}")
    assert refusal(conn, "governance.cast_votes", a_vote(proposal_id, "refuse")) == "TR502"


def test_nobody_votes_on_a_proposal_of_their_own(conn: Any) -> None:
    as_voter(conn, "risk_sentinel_agent")
    item = {"proposal_id": str(uuid4()), "org_id": "demo", "kind": "halt", "subject": "account/x"}
    call(conn, "governance.open_proposals", item)
    assert refusal(conn, "governance.cast_votes", a_vote(item["proposal_id"])) == "TR504"
    for kind in ("high_risk_intent", "dividend"):
        assert refusal(conn, "governance.open_proposals", {**item, "kind": kind}) == "TR510"


def test_two_personas_pass_a_halt_and_it_stands_at_once(conn: Any) -> None:
    item = {
        "proposal_id": str(uuid4()),
        "org_id": "demo",
        "kind": "halt",
        "subject": "account/paper-1",
        "payload": {"scope": "account", "scope_id": "paper-1", "reason": "too much lost"},
    }
    call(conn, "governance.open_proposals", item)
    for persona, state in (("strategy_analyst", "open"), ("execution_overseer", "approved")):
        as_voter(conn, f"{persona}_agent")
        (answer,) = call(conn, "governance.cast_votes", a_vote(item["proposal_id"]))
        conn.execute("reset session authorization")
        assert answer["state"] == state
    assert authorize_one(conn)["code"] == "TR403"


def test_proposals_that_nobody_decides_expire_with_their_intents(conn: Any) -> None:
    awaiting(conn)
    age_proposals(conn)
    assert call(conn, "governance.expire_proposals", {})[0]["expired"] == 1
    assert scalar(conn, "select state from public.intents") == "expired"
    assert scalar(conn, "select outcome from public.alert_outcomes") == "expired"


def test_the_sentinel_reads_losses_limits_and_open_proposals(conn: Any) -> None:
    _, proposal_id = awaiting(conn)
    conn.execute("update risk.account_state set equity = 96000 where account_id = 'paper-1'")
    as_voter(conn, "risk_sentinel_agent")
    (facts,) = call(conn, "governance.sentinel_facts", {})
    assert [ballot["proposal_id"] for ballot in facts["ballots"]] == [proposal_id]
    account = facts["accounts"][0]
    assert (account["account_id"], account["daily_loss_pct"]) == ("paper-1", "4.000000")
    assert account["limits"]["daily_loss_hard_pct"] == "95"


@pytest.mark.parametrize("name", ["default", "demo", "bench"])
def test_the_sentinel_finds_an_applied_pack_untouched_and_a_touched_one_not(
    conn: Any, name: str
) -> None:
    apply_pack(conn, load_pack(PACKS / f"{name}.toml"), applied_by="tests")
    context = a_context("risk_sentinel")

    def watch() -> list[Any]:
        (facts,) = call(conn, "governance.sentinel_facts", {"pack": True})
        effects = risk_sentinel.handle_tick({**facts, "accounts": []}, context).effects
        return [effect.item["cause"] for effect in effects]

    assert watch() == []
    conn.execute("set local session_replication_role = replica")
    conn.execute(
        "update risk.policies set body = jsonb_set(body, '{limits,platform,leverage}', '\"99\"')"
        " where active"
    )
    assert watch() == ["policy_mismatch"]


def ballots_of(conn: Connection[Any], persona: str) -> list[dict[str, Any]]:
    """Read what waits for a persona, under its login."""
    as_voter(conn, f"{persona}_agent")
    procedure = (
        "execution.health_facts"
        if persona == "execution_overseer"
        else (
            "governance.sentinel_facts" if persona == "risk_sentinel" else "governance.ballot_facts"
        )
    )
    (facts,) = call(conn, procedure, {})
    conn.execute("reset session authorization")
    return facts["ballots"]


@pytest.mark.parametrize("persona", ["strategy_analyst", "execution_overseer", "risk_sentinel"])
def test_a_persona_reads_what_it_has_not_voted_on(conn: Any, persona: str) -> None:
    _, proposal_id = awaiting(conn)
    (ballot,) = ballots_of(conn, persona)
    assert (ballot["account_id"], ballot["venue_id"]) == ("paper-1", "mt5-paper")
    assert ballot["reward_to_risk"] == "2.000000"
    assert ballot["probability"] is None
    as_voter(conn, f"{persona}_agent")
    call(conn, "governance.cast_votes", a_vote(proposal_id))
    conn.execute("reset session authorization")
    assert ballots_of(conn, persona) == []


def test_a_suspended_voter_has_no_ballots(conn: Any) -> None:
    awaiting(conn)
    conn.execute("update governance.voters set state = 'suspended' where persona = 'compliance'")
    assert ballots_of(conn, "compliance") == []


def test_a_ballot_about_a_halt_carries_losses_and_findings_since(conn: Any) -> None:
    halt_id, lift = str(uuid4()), str(uuid4())
    halt = {"halt_id": halt_id, "scope": "account", "scope_id": "paper-1", "reason": "test"}
    call(conn, "governance.record_halts", halt)
    item = {"proposal_id": lift, "org_id": "demo", "kind": "lift_halt", "subject": halt_id}
    call(conn, "governance.open_proposals", item)
    conn.execute("update risk.account_state set equity = 96000 where account_id = 'paper-1'")
    conn.execute(
        "insert into public.compliance_alerts (alert_id, org_id, account_id, severity, rule_id,"
        " description) values (gen_random_uuid(), 'demo', 'paper-1', 'CRITICAL', 'x', 'x'),"
        " (gen_random_uuid(), 'demo', 'paper-2', 'CRITICAL', 'x', 'x')"
    )
    (ballot,) = ballots_of(conn, "compliance")
    assert ballot["account_id"] == "paper-1"
    assert ballot["critical_findings"] == 1
    assert (ballot["daily_loss_pct"], ballot["drawdown_pct"]) == ("4.000000", "4.000000")


def test_what_is_denied_after_its_authorisation_holds_nothing(conn: Any) -> None:
    intent_id = authorize_one(conn)["intent_id"]
    as_voter(conn, "policy_guard_agent")
    for code in ("TR403", "TR307"):
        item = {"intent_id": intent_id, "code": code}
        assert call(conn, "risk.refuse_intents", item)[0]["state"] == "denied"
    conn.execute("reset session authorization")
    row = conn.execute(
        "select n.denial_code, r.released_by, r.remaining_quantity, r.remaining_notional"
        "  from public.intents n join risk.reservations r using (intent_id)"
    ).fetchone()
    assert row == ("TR403", "policy_guard", 0, 0)


def test_an_intent_that_became_orders_is_not_denied_any_more(conn: Any) -> None:
    intent_id = authorize_one(conn)["intent_id"]
    call(conn, "execution.open_orders", children_of(intent_id, "1"))
    item = {"intent_id": intent_id, "code": "TR403"}
    assert call(conn, "risk.refuse_intents", item)[0]["state"] == "ordered"
    held = "select count(*) from risk.reservations where released_at is null"
    assert scalar(conn, held) == 1
