"""The orchestrator drains what should drain, and says each difference once."""

from __future__ import annotations

from typing import Any

from tests.kit.signals import a_context
from workers.agents import orchestrator

CONTEXT = a_context("orchestrator")


def agent(**changes: Any) -> dict[str, Any]:
    return {
        "agent": "risk",
        "desired": 2,
        "draining": False,
        "observed": 2,
        "alive": 2,
        "alive_draining": 0,
    } | changes


def decide(*agents: dict[str, Any], flags: tuple[dict[str, Any], ...] = ()) -> Any:
    return orchestrator.handle_tick({"agents": list(agents), "flags": list(flags)}, CONTEXT)


def called(decision: Any) -> list[str]:
    return [effect.procedure for effect in decision.effects]


def test_a_desk_as_desired_is_left_alone():
    decision = decide(agent())
    assert (decision.outcome, decision.effects, decision.emissions) == ("as_desired", (), ())


def test_a_missing_worker_is_said_once():
    decision = decide(agent(alive=1))
    (emission,) = decision.emissions
    assert emission.payload.note == {
        "desired": "2",
        "alive": "1",
        "missing": "1",
        "draining": "false",
    }
    assert called(decision) == ["ops.record_observed"]
    assert "risk has 1 of 2 workers, 1 missing" in decision.explanation
    assert decide(agent(alive=1, observed=1)).effects == ()


def test_an_agent_that_is_to_drain_is_drained_and_later_taken_back():
    (effect,) = decide(agent(draining=True)).effects
    assert effect.item == {"agent": "risk", "draining": True}
    assert decide(agent(draining=True, alive_draining=2)).effects == ()
    (effect,) = decide(agent(alive_draining=2)).effects
    assert effect.item == {"agent": "risk", "draining": False}


def test_an_agent_of_which_none_is_desired_is_drained():
    (effect,) = decide(agent(desired=0)).effects
    assert effect.item == {"agent": "risk", "draining": True}


def test_one_worker_is_enough_where_nobody_said():
    decision = decide(agent(desired=None, alive=1, observed=None))
    assert "risk has 1 of 1 workers" in decision.explanation


def test_a_flag_that_was_turned_is_announced_once():
    flag = {"flag": "strategy.tv-smc", "enabled": False, "announced": None, "note": None}
    decision = decide(flags=(flag,))
    (emission,) = decision.emissions
    assert (emission.payload.topic, emission.payload.key) == ("ops.flags", "strategy.tv-smc")
    assert called(decision) == ["ops.record_announced"]
    assert decide(flags=(flag | {"announced": False},)).effects == ()
