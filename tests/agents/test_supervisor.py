"""The supervisor opens an incident for what is wrong and closes it when that is over."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from backend.contracts.denials import Code
from backend.values import format_instant
from tests.kit.signals import NOW, POLICY_HASH, a_context
from workers.agents import supervisor

CONTEXT = a_context("supervisor")
POLICY = {"heartbeat_age_s_max": 10, "waiting_s_max": 30, "depth_max": 2000}


def ago(**step: float) -> str:
    return format_instant(NOW - timedelta(**step))


def agent(name: str = "risk", **changes: Any) -> dict[str, Any]:
    return {
        "agent": name,
        "desired": 1,
        "draining": False,
        "heartbeat_at": format_instant(NOW),
        "oldest_waiting_at": None,
        "depth": 0,
        "parked_keys": 0,
        "dead_letters_open": 0,
    } | changes


def decide(*agents: dict[str, Any], **changes: Any) -> Any:
    known = {
        "policy": POLICY,
        "policy_hash": POLICY_HASH,
        "first_worker_at": ago(hours=1),
        "agents": list(agents),
        "jobs": [],
        "halts_unheard": [],
        "venues_unanswering": [],
        "open": [],
        "invariants": None,
    }
    return supervisor.handle_tick(known | changes, CONTEXT)


def opened(decision: Any) -> list[tuple[str, str]]:
    return [
        (effect.item["kind"], effect.item["subject"])
        for effect in decision.effects
        if effect.procedure == "ops.open_incidents"
    ]


def closed(decision: Any) -> list[tuple[str, str]]:
    return [
        (effect.item["kind"], effect.item["subject"])
        for effect in decision.effects
        if effect.procedure == "ops.close_incidents"
    ]


def test_a_desk_that_is_well_leaves_no_incident():
    decision = decide(agent())
    assert (decision.outcome, decision.effects) == ("unchanged", ())


def test_a_silent_agent_is_an_incident_and_its_return_closes_it():
    assert opened(decide(agent(heartbeat_at=ago(seconds=40)))) == [("AGENT_SILENT", "risk")]
    assert closed(decide(agent(), open=["AGENT_SILENT:risk"])) == [("AGENT_SILENT", "risk")]


def test_trouble_that_goes_on_is_not_opened_twice():
    decision = decide(agent(heartbeat_at=ago(seconds=40)), open=["AGENT_SILENT:risk"])
    assert decision.effects == ()


def test_stalls_depth_and_dead_letters_are_incidents():
    decision = decide(
        agent(oldest_waiting_at=ago(seconds=31), depth=2001, dead_letters_open=2),
    )
    kinds = [kind for kind, _ in opened(decision)]
    assert kinds == ["QUEUE_STALLED", "QUEUE_DEEP", "DEAD_LETTERS"]
    assert "2001 messages wait" in decision.explanation


def test_a_desk_that_has_just_started_may_assemble_first():
    decision = decide(agent(heartbeat_at=None), first_worker_at=ago(seconds=3))
    assert decision.effects == ()
    assert opened(decide(agent(heartbeat_at=None))) == [("AGENT_ABSENT", "risk")]


def test_an_agent_that_nobody_wants_is_not_missed():
    assert decide(agent(desired=0, heartbeat_at=None)).effects == ()
    assert decide(agent(draining=True, heartbeat_at=ago(minutes=5))).effects == ()


def test_a_broken_invariant_names_its_rows():
    broken = {"name": "orders_of_fills", "violations": 2, "samples": ["a", "b"]}
    decision = decide(agent(), invariants=[broken])
    assert opened(decision) == [("INVARIANT_BROKEN", "orders_of_fills")]
    assert "2 rows, for example a, b" in decision.explanation


def test_an_invariant_that_could_not_run_is_an_incident():
    decision = decide(agent(), invariants=[{"name": "x", "violations": None, "samples": []}])
    assert opened(decision) == [("OBSERVATION_MISSING", "x")]


def test_what_was_not_looked_at_is_not_closed():
    decision = decide(agent(), open=["INVARIANT_BROKEN:orders_of_fills"])
    assert decision.effects == ()


def test_incidents_of_others_are_theirs_to_close():
    assert decide(agent(), open=["RECONCILIATION_BROKEN:paper-1"], invariants=[]).effects == ()


def test_a_job_that_stopped_or_failed_is_an_incident():
    job = {"job": "pulse", "every_s": 10, "last_run_at": ago(seconds=41), "last_error": "no disk"}
    decision = decide(agent(), jobs=[job])
    assert opened(decision) == [("JOB_SILENT", "pulse"), ("JOB_FAILED", "pulse")]


def test_a_job_is_not_missed_for_the_time_that_the_desk_was_down():
    job = {"job": "retention", "every_s": 10, "last_run_at": ago(days=2), "last_error": None}
    assert decide(agent(), jobs=[job], first_worker_at=ago(seconds=20)).effects == ()


def test_invariants_take_their_turn():
    turns = [supervisor.ask_tick(NOW + timedelta(seconds=2 * n))["invariants"] for n in range(15)]
    assert sum(turns) == 1


def test_without_a_pack_nothing_is_judged():
    decision = decide(agent(heartbeat_at=None), policy=None)
    assert (decision.code, decision.effects) == (Code.POLICY_MISSING, ())


def test_a_halt_that_an_agent_does_not_acknowledge_is_an_incident_until_it_does():
    unheard = {
        "halt_id": "019b0000-0000-7000-8000-0000000000aa",
        "scope": "account",
        "scope_id": "paper-1",
        "halted_at": ago(seconds=6),
        "agents": ["execution", "order"],
    }
    decision = decide(agent(), halts_unheard=[unheard])
    assert opened(decision) == [("HALT_UNACKNOWLEDGED", unheard["halt_id"])]
    assert "execution, order" in decision.explanation
    over = decide(agent(), open=[f"HALT_UNACKNOWLEDGED:{unheard['halt_id']}"])
    assert closed(over) == [("HALT_UNACKNOWLEDGED", unheard["halt_id"])]


def test_a_venue_that_leaves_attempts_unanswered_for_minutes_is_halted():
    silent = {"venue_id": "mt5-paper", "since": ago(minutes=1), "attempts": 3}
    assert decide(agent(), venues_unanswering=[silent]).outcome == "unchanged"
    (effect,) = decide(agent(), venues_unanswering=[silent | {"since": ago(minutes=3)}]).effects
    assert effect.procedure == "governance.halt_automatically"
    assert (effect.item["cause"], effect.item["scope_id"]) == ("connectivity", "mt5-paper")
