"""What an agent decides about an authorised intent that goes no further."""

from __future__ import annotations

from uuid import UUID

from backend.contracts.denials import Code
from backend.values import FinalOutcome
from workers.agent import Decision, Effect, Facts


def refuse_intent(intent_id: UUID, facts: Facts, code: Code, explanation: str) -> Decision:
    """End an intent with our no, and give back what it holds if it is still authorised.

    facts: with the intent's row as `intent`, and the policy_hash.
    """
    over = code is Code.INTENT_EXPIRED
    final = FinalOutcome.EXPIRED if over else FinalOutcome.DENIED
    intent = facts["intent"]
    holds = intent is not None and intent["state"] == "authorized"
    release = {"intent_id": str(intent_id), "code": code.value}
    return Decision(
        outcome="expired" if over else "denied",
        explanation=explanation,
        code=code,
        effects=(Effect("risk.refuse_intents", release),) if holds else (),
        policy_hash=facts["policy_hash"],
        # A cover ends nobody's alert: it trades under the correlation of what it covers.
        final=None if intent is not None and intent["kind"] == "cover" else final,
    )
