"""Intake lets in what was understood and puts everything else before a person."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from backend.contracts.denials import Code
from backend.contracts.signals import RawSignal
from backend.domain.intake import NotUnderstood, parse_alert
from backend.domain.intake.wire import encode_alert
from backend.values import FinalOutcome, Mode, Side, format_instant
from tests.kit.signals import ALERT_ID, NOW, a_context, a_row, later
from workers.agents import intake

CONTEXT = a_context("intake")


def facts(body: bytes = b'{"ticker": "OANDA:EURUSD", "action": "buy"}', **changes: Any) -> Any:
    parsed = parse_alert(body)
    understood = not isinstance(parsed, NotUnderstood)
    alert = {
        "alert_id": str(ALERT_ID),
        "org_id": "demo",
        "source_id": "tv",
        "received_at": format_instant(NOW),
        "understood": understood,
        "reason_code": None if understood else parsed.reason_code.value,
        "dedupe_kind": "time",
        "parsed": encode_alert(parsed) if understood else None,
        "body_sha256": "0" * 64,
    }
    known: dict[str, Any] = {
        "approved": None,
        "alert": alert,
        "source": {"state": "active", "max_age_ms": 300_000},
        "strategy": {"strategy_id": "tv-smc", "mode": "paper", "state": "active"},
    }
    for name, change in changes.items():
        known[name] = {**known[name], **change} if isinstance(change, dict) else change
    return known


def the_review(decision: Any) -> dict[str, Any]:
    assert decision.final is FinalOutcome.IN_REVIEW
    assert decision.emissions == ()
    (effect,) = decision.effects
    assert effect.procedure == "intake.open_reviews"
    assert effect.item["reason_code"] == decision.code.value
    return effect.item


def test_understood_alert_is_announced_once():
    decision = intake.handle(a_row("alert"), facts(), CONTEXT)
    (emission,) = decision.emissions
    signal = emission.payload
    assert isinstance(signal, RawSignal)
    assert (signal.symbol_raw, signal.exchange, signal.side) == ("EURUSD", "OANDA", Side.BUY)
    assert signal.mode is Mode.PAPER
    assert decision.final is None
    assert "BUY EURUSD" in decision.explanation


def test_alert_and_review_are_asked_for_by_their_own_names():
    assert intake.ask(a_row("alert")) == {"alert_id": str(ALERT_ID)}
    assert intake.ask(a_row("review")) == {"review_id": str(ALERT_ID)}


def test_body_that_was_not_understood_goes_to_a_person_with_the_reason():
    known = facts(b'{"ticker": "EURUSD", "action": "frobnicate"}')
    decision = intake.handle(a_row("alert"), known, CONTEXT)
    assert decision.code is Code.DIRECTION_UNKNOWN
    assert "no known word" in the_review(decision)["detail"]


def test_unknown_reason_still_goes_to_a_person():
    known = facts(alert={"understood": False, "parsed": None, "reason_code": "NEW_REASON"})
    assert intake.handle(a_row("alert"), known, CONTEXT).code is Code.NOT_UNDERSTOOD


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"source": {"state": "revoked"}}, Code.TOKEN_REVOKED),
        ({"source": None}, Code.TOKEN_REVOKED),
        ({"strategy": None}, Code.STRATEGY_UNKNOWN),
        ({"strategy": {"mode": "live"}, "alert": {"dedupe_kind": "bytes"}}, Code.MODE_NOT_ALLOWED),
        ({"alert": {"parsed": {"shape": "json"}}}, Code.NOT_UNDERSTOOD),
    ],
)
def test_alert_that_nobody_may_trade_on_goes_to_a_person(changes: dict[str, Any], code: Code):
    decision = intake.handle(a_row("alert"), facts(**changes), CONTEXT)
    assert decision.code is code
    the_review(decision)


def test_live_alert_with_an_id_is_announced():
    known = facts(strategy={"mode": "live"}, alert={"dedupe_kind": "id"})
    assert intake.handle(a_row("alert"), known, CONTEXT).outcome == "understood"


def test_alert_that_waited_too_long_goes_to_a_person():
    decision = intake.handle(a_row("alert"), facts(), later(CONTEXT, minutes=6))
    assert decision.code is Code.ALERT_TOO_OLD
    assert "360 s" in the_review(decision)["detail"]


def test_old_alert_that_a_person_approved_is_announced():
    known = facts(approved="TR228")
    decision = intake.handle(a_row("review"), known, later(CONTEXT, minutes=6))
    assert decision.outcome == "understood"


@pytest.mark.parametrize(
    ("fields", "minutes", "code"),
    [
        ('"timenow": "{at}"', 6, Code.ALERT_TOO_OLD),
        ('"timenow": "{at}"', 4, None),
        ('"timenow": "{at}", "max_lag": 60', 4, Code.ALERT_TOO_OLD),
        # A bar's time is when it opened: its alerts fire until it closes.
        ('"time": "{at}", "interval": "15"', 19, None),
        ('"time": "{at}", "interval": "15"', 21, Code.ALERT_TOO_OLD),
        ('"time": "{at}"', 6, Code.ALERT_TOO_OLD),
    ],
)
def test_alert_that_fired_too_long_before_it_came_goes_to_a_person(
    fields: str, minutes: int, code: Code | None
):
    at = format_instant(NOW - timedelta(minutes=minutes))
    body = '{"ticker": "EURUSD", "action": "buy", ' + fields.replace("{at}", at) + "}"
    decision = intake.handle(a_row("alert"), facts(body.encode()), CONTEXT)
    assert decision.code is code
    if code is not None:
        assert "s before it came in" in the_review(decision)["detail"]
    # Whoever approved the review knew its age.
    approved = facts(body.encode(), approved="TR228")
    assert intake.handle(a_row("review"), approved, CONTEXT).outcome == "understood"


def test_reading_of_a_body_takes_the_place_of_its_bytes():
    known = facts(alert={"understood": False, "parsed": None, "reason_code": "NOT_READ"})
    known["alert"] |= {"body": b64encode(b"buy EURUSD").decode(), "content_type": None}
    digested = intake.digest(a_row("alert"), known)
    assert "body" not in digested["alert"]
    decision = intake.handle(a_row("alert"), digested, CONTEXT)
    (effect,) = decision.effects
    assert effect.procedure == "intake.record_readings"
    assert effect.item["parsed"]["symbol_raw"] == "EURUSD"
    assert decision.emissions == ()


def test_row_without_an_alert_is_a_bug():
    with pytest.raises(LookupError):
        intake.handle(a_row("alert"), facts(alert=None), CONTEXT)


def test_retry_makes_the_same_review_again():
    known = facts(strategy=None)
    first = intake.handle(a_row("alert"), known, CONTEXT)
    again = intake.handle(a_row("alert"), known, replace(CONTEXT))
    assert first == again
