"""What is told of a change that was asked of a working order, and how long it is waited for."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from backend.contracts.denials import Code
from backend.venues.model import Outcome, VenueReport
from workers.bridge.answers import code_of
from workers.bridge.asking import Prepared
from workers.bridge.baselines import pace_of


def unchangeable(wanted: Prepared) -> str | None:
    """Say why no venue of this kind could change these terms, or None."""
    return "MetaTrader cannot change an order's volume" if "quantity" in wanted else None


def change_answered(prepared: Prepared, told: VenueReport) -> dict[str, Any]:
    """Say how a change stands after the venue's answer to it."""
    if told.outcome is Outcome.PLACED:
        return change_said(prepared, "applied", None, told.message)
    # It may pass, or it may have them already: setting them again does no harm.
    unsure = told.again or told.outcome is Outcome.UNKNOWN
    return change_said(prepared, "unknown" if unsure else "refused", code_of(told), told.message)


def change_said(prepared: Prepared, state: str, code: Code | None, message: str) -> dict[str, Any]:
    """Say how a change stands, in the words that SQL reads."""
    return {
        "change": {
            "change_id": prepared["change"]["change_id"],
            "state": state,
            "code": None if code is None else code.value,
            "message": message[:500],
        }
    }


def timeout_s(prepared: Prepared) -> float:
    """Return how long a call about an order waits for its answer."""
    return pace_of(prepared).timeout / timedelta(seconds=1)
