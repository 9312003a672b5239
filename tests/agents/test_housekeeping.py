"""Housekeeping does what something calls for, and traces only what ends alerts."""

from __future__ import annotations

from typing import Any

from tests.kit.signals import a_context
from workers.agents import housekeeping

CONTEXT = a_context("housekeeping")
TIDY = {
    "intents_due": 0,
    "proposals_due": 0,
    "reviews_due": 0,
    "workers_gone": 0,
    "parked_over": 0,
    "keys_old": 0,
    "duplicates_old": 0,
    "refused_old": 0,
    "partitions_missing": 0,
}


def decide(**due: int) -> Any:
    return housekeeping.handle_tick(TIDY | due, CONTEXT)


def called(decision: Any) -> list[str]:
    return [effect.procedure for effect in decision.effects]


def test_a_tidy_desk_is_left_alone():
    decision = decide()
    assert (decision.outcome, decision.effects) == ("tidy", ())


def test_what_ends_alerts_is_traced():
    decision = decide(intents_due=2, reviews_due=1, proposals_due=1)
    assert called(decision) == [
        "risk.expire_intents",
        "governance.expire_proposals",
        "intake.expire_reviews",
    ]
    assert not decision.quiet
    assert "2 authorisations ended unused" in decision.explanation


def test_routine_is_done_quietly():
    decision = decide(workers_gone=1, parked_over=3, partitions_missing=4)
    assert called(decision) == ["ops.clear_workers", "ops.clear_passing", "ops.rotate_partitions"]
    assert decision.quiet


def test_everything_that_passed_is_cleared_in_one_call():
    assert called(decide(keys_old=1, duplicates_old=1, refused_old=1)) == ["ops.clear_passing"]
