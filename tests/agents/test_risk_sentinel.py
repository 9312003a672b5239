"""The sentinel halts at a breach and votes by what is lost already."""

from __future__ import annotations

import json
from typing import Any

import pytest

from backend.contracts.denials import Code
from backend.contracts.oversight import HaltIntent
from backend.policies import PACKS, load_pack
from tests.kit.signals import POLICY_HASH, a_context
from workers.agents import risk_sentinel

CONTEXT = a_context("risk_sentinel")
LIMITS = {"daily_loss_soft_pct": "2", "daily_loss_hard_pct": "3", "drawdown_pct": "10"}


def an_account(**changes: Any) -> dict[str, Any]:
    return {
        "account_id": "paper-1",
        "org_id": "demo",
        "daily_loss_pct": "0.5",
        "drawdown_pct": "1",
        "limits": LIMITS,
        "halted": False,
    } | changes


def a_proposal(**changes: Any) -> dict[str, Any]:
    return {
        "proposal_id": "019b0000-0000-7000-8000-0000000000aa",
        "kind": "high_risk_intent",
        "subject": "some-intent",
        "evidence": {"policy_hash": POLICY_HASH},
        "account_id": "paper-1",
    } | changes


def decide(**changes: Any) -> Any:
    facts = {
        "accounts": [an_account()],
        "ballots": [],
        "halt_on_breach": True,
        "platform_halted": False,
        "policy_hash": POLICY_HASH,
    } | changes
    return risk_sentinel.handle_tick(facts, CONTEXT)


def the_vote(**changes: Any) -> tuple[str, str] | None:
    votes = [e.item for e in decide(**changes).effects if e.procedure == "governance.cast_votes"]
    return (votes[0]["decision"], votes[0]["reason"]) if votes else None


def test_within_limits_nothing_happens() -> None:
    decision = decide()
    assert decision.outcome == "watched"
    assert not decision.effects


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"daily_loss_pct": "3"}, Code.DAILY_LOSS_EXCEEDED),
        ({"drawdown_pct": "10.1"}, Code.DRAWDOWN_EXCEEDED),
        ({"daily_loss_pct": None}, Code.OBSERVATION_MISSING),
    ],
)
def test_a_breach_halts_the_account_and_announces_it(change: dict[str, Any], code: Code) -> None:
    decision = decide(accounts=[an_account(**change), an_account(account_id="paper-2")])
    (effect,), (emission,) = decision.effects, decision.emissions
    assert decision.code is code
    assert (effect.procedure, effect.item["scope_id"]) == (
        "governance.halt_automatically",
        "paper-1",
    )
    assert isinstance(emission.payload, HaltIntent)
    assert str(emission.payload.halt_id) == effect.item["halt_id"]


def test_an_account_that_is_halted_is_left_so() -> None:
    assert not decide(accounts=[an_account(daily_loss_pct="9", halted=True)]).effects


def test_where_the_pack_does_not_halt_a_halt_is_proposed() -> None:
    decision = decide(accounts=[an_account(daily_loss_pct="9")], halt_on_breach=False)
    (effect,) = decision.effects
    assert (effect.procedure, effect.item["kind"]) == ("governance.open_proposals", "halt")
    assert not decision.emissions


def test_a_high_risk_intent_of_a_sound_account_is_approved() -> None:
    vote = the_vote(ballots=[a_proposal()])
    assert vote is not None
    assert vote[0] == "approve"
    assert "0.50 %" in vote[1]


@pytest.mark.parametrize(
    ("account", "proposal"),
    [
        ({"daily_loss_pct": "2"}, {}),
        ({"drawdown_pct": "12", "halted": True}, {}),
        ({"limits": {}}, {}),
        ({}, {"evidence": {"policy_hash": "another"}}),
    ],
)
def test_it_is_refused_past_the_soft_loss_or_under_another_pack(
    account: dict[str, Any], proposal: dict[str, Any]
) -> None:
    vote = the_vote(accounts=[an_account(**account)], ballots=[a_proposal(**proposal)])
    assert vote is not None
    assert vote[0] == "refuse"


def test_lifting_a_halt_is_approved_only_once_the_losses_are_within_limits() -> None:
    lift = a_proposal(kind="lift_halt")
    halted = an_account(daily_loss_pct="5", halted=True)
    assert the_vote(accounts=[halted], ballots=[lift]) is None
    vote = the_vote(accounts=[an_account(halted=True)], ballots=[lift])
    assert vote is not None
    assert vote[0] == "approve"


def test_what_it_cannot_judge_is_left_to_others() -> None:
    assert the_vote(ballots=[a_proposal(account_id=None)]) is None
    assert the_vote(ballots=[a_proposal(kind="policy")]) is None
    assert the_vote(ballots=[a_proposal(account_id="paper-9")]) is None


def test_a_halt_of_everything_is_lifted_only_once_no_account_is_in_breach() -> None:
    lift = a_proposal(kind="lift_halt", account_id=None)
    sound, losing = an_account(), an_account(account_id="paper-2", daily_loss_pct="5", halted=True)
    assert the_vote(accounts=[sound, losing], ballots=[lift]) is None
    vote = the_vote(accounts=[sound], ballots=[lift])
    assert vote is not None
    assert vote[0] == "approve"


@pytest.mark.parametrize(
    ("proposed", "loss", "decision"),
    [("0.10", "0", "approve"), ("0.02", "0", "approve"), ("0.02", "2", "refuse")],
)
def test_nothing_is_loosened_while_an_account_loses(
    proposed: str, loss: str, decision: str
) -> None:
    change = {"parameter": "routing.edge_min", "current": "0.05", "proposed": proposed}
    ballot = a_proposal(kind="parameter", org_id="demo", payload=change, account_id=None)
    vote = the_vote(accounts=[an_account(daily_loss_pct=loss)], ballots=[ballot])
    assert vote is not None
    assert vote[0] == decision


def test_a_pack_that_is_not_what_its_hash_says_halts_the_platform() -> None:
    decision = decide(pack={"name": "tampered"})
    (effect,), (emission,) = decision.effects, decision.emissions
    assert decision.code is Code.POLICY_HASH_MISMATCH
    assert (effect.item["cause"], effect.item["scope"]) == ("policy_mismatch", "platform")
    assert isinstance(emission.payload, HaltIntent)
    assert not decide(pack={"name": "tampered"}, platform_halted=True).effects


def test_a_pack_as_approved_is_left_in_force() -> None:
    pack = load_pack(PACKS / "default.toml")
    body = json.loads(pack.canonical)
    assert not decide(pack=body, policy_hash=pack.policy_hash).effects


def test_a_halt_for_a_tampered_pack_is_not_lifted_while_it_stands() -> None:
    lift = a_proposal(kind="lift_halt", cause="policy_mismatch")
    assert the_vote(ballots=[lift]) is None
    vote = the_vote(ballots=[lift], pack={"name": "tampered"}, platform_halted=True)
    assert vote is not None
    assert vote[0] == "refuse"
