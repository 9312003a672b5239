"""Intake: turns a stored alert into a signed signal, or puts it before a person.

Mission: nothing trades on a body that was not understood. Observes `signals_raw`, the source
and its strategy. SLO 5/20 ms. Failover: another worker takes its shards; alerts are stored
before anyone is asked, so none is lost.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

from backend.contracts.denials import Code
from backend.contracts.signals import RawSignal
from backend.domain.intake import ParsedAlert
from backend.domain.intake.wire import decode_alert
from backend.values import Mode
from workers.agent import Canvas, Context, Decision, Emission, Facts, RowMessage
from workers.reviews import OPEN_REVIEWS, read_instant, to_review

CANVAS = Canvas(
    mission="Let every understood alert in exactly once and nothing else.",
    observations="Alerts as stored, their source and its strategy, approved reviews.",
    actions="Publishes signals.raw.v1; opens reviews.",
    beliefs="None: every fact is read afresh.",
    policy="Not understood, revoked, without a strategy or too old: a person looks. "
    "Live strategies need alerts with an id or a time.",
    slo_p50_ms=5,
    slo_p95_ms=20,
    failover="Stateless; shards move to another worker when the lease ends.",
)
HEARS: tuple[str, ...] = ()
HEARS_ROWS = ("alert", "review")
EMITS = (RawSignal.TYPE,)
FACTS = "intake.alert_facts"
EFFECTS = (OPEN_REVIEWS,)
MAY_CALL = ("intake.alert_facts", "intake.open_reviews")


def ask(message: RowMessage) -> dict[str, Any]:
    """Name the alert, or the approved review that sends one on."""
    return {f"{message.kind}_id": str(message.row_id)}


def handle(message: RowMessage, facts: Facts, context: Context) -> Decision:
    """Announce an understood alert. Raises LookupError if the alert is not there."""
    alert = facts["alert"]
    if alert is None:
        raise LookupError(f"{message.kind} {message.row_id} leads to no alert")
    if not alert["understood"]:
        code = _code_of(alert["reason_code"])
        return _review(
            message, alert, context, code, f"the body was not understood: {code.meaning}"
        )
    refusal = _refuse(facts, alert, context)
    if refusal is not None:
        return _review(message, alert, context, *refusal)
    strategy = facts["strategy"]
    try:
        parsed = decode_alert(alert["parsed"])
        signal = _raw_signal(alert, parsed, strategy)
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


def _refuse(facts: Facts, alert: Mapping[str, Any], context: Context) -> tuple[Code, str] | None:
    source, strategy = facts["source"], facts["strategy"]
    if source is None or source["state"] != "active":
        return Code.TOKEN_REVOKED, "the source's token was revoked after the alert came in"
    if strategy is None:
        return Code.STRATEGY_UNKNOWN, f"source {alert['source_id']} belongs to no strategy"
    if strategy["mode"] == Mode.LIVE and alert["dedupe_kind"] == "bytes":
        detail = "an alert without id and time cannot be told from its repetition, so not live"
        return Code.MODE_NOT_ALLOWED, detail
    age = context.now - read_instant(alert["received_at"])
    # A person who approved the review knew its age.
    if facts["approved"] is None and age > timedelta(milliseconds=int(source["max_age_ms"])):
        return Code.ALERT_TOO_OLD, f"it waited {int(age.total_seconds())} s before anyone read it"
    return None


def _raw_signal(
    alert: Mapping[str, Any], parsed: ParsedAlert, strategy: Mapping[str, Any]
) -> RawSignal:
    return RawSignal(
        alert_id=UUID(alert["alert_id"]),
        source_id=alert["source_id"],
        received_at=read_instant(alert["received_at"]),
        source_time=parsed.source_time,
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
