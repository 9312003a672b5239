"""What an agent decides when it does not go on: a person has to look, or the answer is no."""

from __future__ import annotations

from uuid import UUID

from backend.contracts.denials import Code
from backend.values import FinalOutcome, format_instant
from workers.agent import Context, Decision, Effect, Heard

OPEN_REVIEWS = "intake.open_reviews"


def to_review(
    message: Heard,
    context: Context,
    kind: str,
    subject_id: UUID,
    code: Code,
    detail: str,
    *,
    before: tuple[Effect, ...] = (),
    features: dict[str, str] | None = None,
    policy_hash: str | None = None,
) -> Decision:
    """Put an alert or a signal before a person; nothing further until they decide.

    kind: `alert` or `signal`. before: effects that come first, in order.
    """
    review = Effect(
        OPEN_REVIEWS,
        {
            "review_id": str(context.new_id("review")),
            "correlation_id": str(message.correlation_id),
            "org_id": message.org_id,
            "kind": kind,
            "subject_id": str(subject_id),
            "reason_code": code.value,
            "detail": detail,
            "opened_at": format_instant(context.now),
        },
    )
    return Decision(
        outcome="in_review",
        explanation=f"A person has to look: {detail}",
        code=code,
        effects=(*before, review),
        features=features or {},
        policy_hash=policy_hash,
        final=FinalOutcome.IN_REVIEW,
    )


def denied(code: Code, detail: str, policy_hash: str | None = None) -> Decision:
    """End an alert with our no."""
    return Decision(
        outcome="denied",
        explanation=f"Denied: {detail}",
        code=code,
        policy_hash=policy_hash,
        final=FinalOutcome.DENIED,
    )
