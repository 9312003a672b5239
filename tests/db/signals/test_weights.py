"""New weights wait for the voters; what passed is in force, and no version is ever rewritten."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg import Connection

from backend.db import weights
from backend.domain.rationale import PRIOR, load_weights
from tests.kit.signal_rows import As, a_rationale, normalized
from tests.kit.signals import NOW, POLICY_HASH
from tests.kit.trading_desk import ask, rows

LEARNED = load_weights("learned-1;-0.2;structure_bias:0.5")
PROPOSAL = UUID("019b0000-0000-7000-8000-00000000aaaa")


@pytest.fixture(autouse=True)
def _as_at_first(inside: Connection[Any]):
    inside.execute("set session_replication_role = replica")
    inside.execute("delete from intake.scoring_weights where created_by <> 'migration'")
    inside.execute(
        "update intake.scoring_weights set state ="
        " case when weights_version = %s then 'active' else 'retired' end",
        (PRIOR.version,),
    )
    inside.execute("truncate proposals, proposal_events, votes cascade")
    inside.execute("set session_replication_role = origin")


def propose(as_role: As) -> UUID:
    return weights.propose(as_role("desk_operator"), PROPOSAL, "demo", LEARNED, {"outcomes": 900})


def pass_it(inside: Connection[Any]) -> bool:
    """Let the votes be in, as the quorum's own tests show that they come in."""
    inside.execute("select governance.record_event(%s, 'approved', '{}')", (PROPOSAL,))
    ((done,),) = rows(
        inside,
        "select intake.activate_weights(p) from proposals p where p.proposal_id = %s",
        (PROPOSAL,),
    )
    return done


def test_proposed_weights_are_not_in_force_and_stand_before_the_voters(
    as_role: As, inside: Connection[Any]
):
    assert propose(as_role) == propose(as_role) == PROPOSAL
    assert weights.in_force(inside) == PRIOR
    assert rows(inside, "select kind, subject, state, evidence from proposals") == [
        ("weights", "learned-1", "open", {"outcomes": 900})
    ]
    assert rows(
        inside,
        "select c.value from proposals p, lateral jsonb_each(governance.check_automatically(p)) c",
    ) == [(True,), (True,)]


def test_passed_weights_score_from_then_on(as_role: As, inside: Connection[Any]):
    propose(as_role)
    assert pass_it(inside)
    assert weights.in_force(inside) == LEARNED
    item = {"signal_id": normalized(as_role)["signal_id"]}
    (facts,) = ask(as_role("rationale_scorer_agent"), "intake.scoring_facts", item)
    assert load_weights(facts["weights"]) == LEARNED


def test_weights_other_than_those_voted_on_do_not_come_into_force(
    as_role: As, inside: Connection[Any]
):
    propose(as_role)
    # Behind everybody's back, as only a superuser could.
    inside.execute("set session_replication_role = replica")
    inside.execute(
        "update intake.scoring_weights set line = 'learned-1;9;structure_bias:5'"
        " where weights_version = 'learned-1'"
    )
    inside.execute("set session_replication_role = origin")
    assert not pass_it(inside)
    assert weights.in_force(inside) == PRIOR


def test_no_version_is_rewritten(as_role: As, inside: Connection[Any]):
    propose(as_role)
    for statement in (
        "update intake.scoring_weights set line = weights_version || ';0;'",
        "delete from intake.scoring_weights",
    ):
        with pytest.raises(psycopg.errors.FeatureNotSupported):
            inside.execute(statement)
    other = load_weights("learned-1;0;")
    with pytest.raises(Exception, match="TR510"):
        weights.propose(as_role("desk_operator"), PROPOSAL, "demo", other, {})


def test_outcomes_come_with_what_was_known_then(as_role: As, inside: Connection[Any]):
    rationale = a_rationale(normalized(as_role), features={"structure_bias": "0.5", "atr": "0.001"})
    ask(as_role("rationale_scorer_agent"), "intake.record_rationales", rationale)
    inside.execute(
        "insert into precedents (rationale_id, org_id, symbol_class, symbol, side, feature_vector,"
        " outcome_r, ended, policy_hash, scored_at, closed_at) values (%s, 'demo', 'fx', 'EURUSD',"
        " 'BUY', %s, 2, 'target', %s, %s, %s + interval '1 hour')",
        (rationale["rationale_id"], str([0.0] * 16), POLICY_HASH, NOW, NOW),
    )
    (case,) = weights.outcomes(as_role("desk_operator"), 10)
    assert case.won
    assert {name: str(value) for name, value in case.features.items()} == {"structure_bias": "0.5"}
