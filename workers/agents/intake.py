"""Intake: turns a stored alert into a signed signal, or puts it before a person.

Mission: nothing trades on a body that was not understood. Observes `signals_raw`, the source
and its strategy. SLO 5/20 ms. Failover: another worker takes its shards; alerts are stored
before anyone is asked, so none is lost.

An alert whose door did not read it (the edge function) is read here first; the reading claims
the alert's id or time as the API's door does, and then comes back as a row of its own. Every
five seconds the numbers of numbered sources are looked at for gaps.
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from backend.contracts.denials import Code
from backend.contracts.signals import RawSignal
from backend.domain.intake import IntakeCode, NotUnderstood, ParsedAlert, dedupe_key, parse_alert
from backend.domain.intake.age import age_max, fired_at
from backend.domain.intake.numbering import Counted, Gap, count
from backend.domain.intake.wire import decode_alert, stored_form
from backend.values import Mode, read_instant
from workers.agent import Canvas, Context, Decision, Effect, Emission, Facts, RowMessage
from workers.reviews import OPEN_REVIEWS, to_review

CANVAS = Canvas(
    mission="Let every understood alert in exactly once and nothing else.",
    observations="Alerts as stored, their source and its strategy, approved reviews, numbers.",
    actions="Publishes signals.raw.v1; opens reviews; keeps readings and gaps.",
    beliefs="None: every fact is read afresh.",
    policy="Not understood, revoked, without a strategy or too old: a person looks. "
    "Live strategies need alerts with an id or a time.",
    slo_p50_ms=5,
    slo_p95_ms=20,
    failover="Stateless; shards move to another worker when the lease ends.",
)
HEARS: tuple[str, ...] = ()
HEARS_ROWS = ("alert", "reading", "review")
EMITS = (RawSignal.TYPE,)
FACTS = "intake.alert_facts"
TICK_FACTS = "intake.numbering_facts"
EFFECTS = ("intake.record_readings", "intake.record_gaps", OPEN_REVIEWS)
MAY_CALL = (
    "intake.alert_facts",
    "intake.numbering_facts",
    "intake.open_reviews",
    "intake.record_gaps",
    "intake.record_readings",
)
EVERY_MS = 5_000

NOT_READ = "NOT_READ"
"""What stands in `signals_raw.reason_code` where the door left the reading to this agent."""


def ask(message: RowMessage) -> dict[str, Any]:
    """Name the alert, or the approved review that sends one on."""
    name = "review_id" if message.kind == "review" else "alert_id"
    return {name: str(message.row_id)}


def digest(message: RowMessage, facts: Facts) -> Facts:
    """Read a body that is still to be read, so that the reading is kept instead of the bytes."""
    alert = facts["alert"]
    if alert is None or "body" not in alert:
        return facts
    kept = {name: value for name, value in alert.items() if name not in ("body", "content_type")}
    body = b64decode(alert["body"])
    return {**facts, "alert": kept | {"reading": _read(body, alert["content_type"])}}


def _read(body: bytes, content_type: str | None) -> dict[str, Any]:
    outcome = parse_alert(body, content_type)
    key = dedupe_key(outcome, body)
    reading: dict[str, Any] = {"dedupe_kind": key.kind, "dedupe_value": key.value}
    if isinstance(outcome, NotUnderstood):
        return reading | {"reason_code": outcome.reason_code.value, "detail": outcome.detail}
    parsed = stored_form(outcome)
    if parsed is None:
        return reading | {"reason_code": IntakeCode.TEXT_NOT_UNDERSTOOD.value, "detail": "text"}
    return reading | {"parsed": parsed, "secrets": list(outcome.secrets)}


def handle(message: RowMessage, facts: Facts, context: Context) -> Decision:
    """Announce an understood alert. Raises LookupError if the alert is not there."""
    alert = facts["alert"]
    if alert is None:
        raise LookupError(f"{message.kind} {message.row_id} leads to no alert")
    if alert["reason_code"] == NOT_READ:
        return _keep_reading(alert)
    if not alert["understood"]:
        return _review(message, alert, context, *_why_not(alert))
    refusal = _refuse(facts, alert)
    if refusal is not None:
        return _review(message, alert, context, *refusal)
    try:
        parsed = decode_alert(alert["parsed"])
        if facts["approved"] is None and (old := _too_old(facts, parsed, context.now)):
            return _review(message, alert, context, Code.ALERT_TOO_OLD, old)
        signal = _raw_signal(alert, parsed, facts["strategy"])
    except (KeyError, TypeError, ValueError) as error:
        # Whoever parsed it wrote something that is no alert; pydantic's errors are ValueErrors.
        detail = f"the parsed form is not valid ({type(error).__name__})"
        return _review(message, alert, context, Code.NOT_UNDERSTOOD, detail)
    return Decision(
        outcome="understood",
        explanation=f"{signal.side.value} {signal.symbol_raw} from source {signal.source_id}, "
        f"read as {parsed.shape}, for strategy {signal.strategy_id} in {signal.mode.value} mode.",
        emissions=(Emission(signal, _key(signal.symbol_raw)),),
        features={"shape": parsed.shape, "dedupe": str(alert["dedupe_kind"])},
    )


def handle_tick(facts: Facts, context: Context) -> Decision:
    """Look for numbers that are missing."""
    effects: list[Effect] = []
    words: list[str] = []
    for row in facts["sources"]:
        gaps = [Gap(g["first"], g["last"], None, UUID(g["gap_id"])) for g in row["gaps"]]
        numbers = [(number, UUID(alert_id)) for number, alert_id in row["numbers"]]
        counted = count(row["expected"], gaps, numbers)
        words += _in_words(row["source_id"], counted)
        effects.append(_keep_count(row, counted, context, len(effects)))
    return Decision(
        outcome="gaps" if words else "counted",
        explanation="; ".join(words) + "." if words else "No number is missing.",
        effects=tuple(effects),
        quiet=not words,
    )


def ask_tick(now: datetime) -> dict[str, Any]:
    """Ask for numbers that nobody looked at."""
    return {}


def _keep_reading(alert: Mapping[str, Any]) -> Decision:
    reading = {name: value for name, value in alert["reading"].items() if name != "detail"}
    return Decision(
        outcome="read",
        explanation="The door left the reading to this agent; what it says comes as a row.",
        effects=(Effect("intake.record_readings", {"alert_id": alert["alert_id"], **reading}),),
        features={"dedupe": str(reading["dedupe_kind"])},
    )


def _why_not(alert: Mapping[str, Any]) -> tuple[Code, str]:
    code = _code_of(alert["reason_code"])
    if code is Code.SECRET_WRONG:
        return code, f"nothing was read of it: {code.meaning}"
    detail = alert.get("reading", {}).get("detail")
    return code, f"the body was not understood: {code.meaning}" + (f" ({detail})" if detail else "")


def _refuse(facts: Facts, alert: Mapping[str, Any]) -> tuple[Code, str] | None:
    source, strategy = facts["source"], facts["strategy"]
    if source is None or source["state"] != "active":
        return Code.TOKEN_REVOKED, "the source's token was revoked after the alert came in"
    if strategy is None:
        return Code.STRATEGY_UNKNOWN, f"source {alert['source_id']} belongs to no strategy"
    if strategy["mode"] == Mode.LIVE and alert["dedupe_kind"] == "bytes":
        detail = "an alert without id and time cannot be told from its repetition, so not live"
        return Code.MODE_NOT_ALLOWED, detail
    return None


def _too_old(facts: Facts, parsed: ParsedAlert, now: datetime) -> str | None:
    """Say how old an alert is that nobody may trade on unasked; a person may send it on."""
    longest = age_max(parsed, int(facts["source"]["max_age_ms"]))
    received_at = read_instant(facts["alert"]["received_at"])
    if now - received_at > longest:
        return f"it waited {int((now - received_at).total_seconds())} s before anyone read it"
    fired = fired_at(parsed, received_at)
    if fired is not None and received_at - fired > longest:
        return f"it fired {int((received_at - fired).total_seconds())} s before it came in"
    return None


def _keep_count(row: Mapping[str, Any], counted: Counted, context: Context, number: int) -> Effect:
    opened = [
        {
            "gap_id": str(context.new_id(f"gap {number}", index)),
            "first": gap.first,
            "last": gap.last,
            "alert_id": str(gap.shown_by),
        }
        for index, gap in enumerate(counted.opened)
    ]
    return Effect(
        "intake.record_gaps",
        {
            "source_id": row["source_id"],
            "expected": counted.expected,
            "looked_until": row["looked_until"],
            "opened": opened,
            "closed": [str(gap_id) for gap_id in counted.closed],
        },
    )


def _in_words(source_id: str, counted: Counted) -> list[str]:
    words = [f"{source_id} misses {gap.first} to {gap.last}" for gap in counted.opened]
    if counted.closed:
        words.append(f"{source_id} sent what was missing in {len(counted.closed)} gaps")
    if counted.restarts:
        words.append(f"{source_id} counts anew")
    return words


def _raw_signal(
    alert: Mapping[str, Any], parsed: ParsedAlert, strategy: Mapping[str, Any]
) -> RawSignal:
    return RawSignal(
        alert_id=UUID(alert["alert_id"]),
        source_id=alert["source_id"],
        received_at=read_instant(alert["received_at"]),
        source_time=fired_at(parsed, read_instant(alert["received_at"])),
        symbol_raw=parsed.symbol_raw,
        exchange=parsed.exchange,
        side=parsed.side,
        order_type=parsed.order_type,
        price=parsed.price,
        stop_loss=parsed.stop_loss,
        take_profit=parsed.take_profit,
        quantity=parsed.quantity,
        timeframe=parsed.timeframe,
        strategy_id=strategy["strategy_id"],
        mode=Mode(strategy["mode"]),
        body_sha256=alert["body_sha256"],
    )


def _review(
    message: RowMessage, alert: Mapping[str, Any], context: Context, code: Code, detail: str
) -> Decision:
    return to_review(message, context, "alert", UUID(alert["alert_id"]), code, detail)


def _code_of(reason_code: str | None) -> Code:
    return Code.__members__.get(reason_code or "", Code.NOT_UNDERSTOOD)


def _key(symbol_raw: str) -> str:
    return symbol_raw.upper()[:64]
