"""Execution Overseer: watches how well each venue executes each symbol.

Mission: let nobody route into a venue that is wide, slow, rejecting or halted. Observes
quotes, attempts and reservations every two seconds. SLO 20/100 ms. Failover: rank 0 of its
workers ticks; with none, health grows old and the router selects nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from backend.contracts.denials import Code
from backend.contracts.signals import HealthSignal
from backend.domain.health import HealthFacts, HealthPolicy, VenueHealth, judge_health
from backend.domain.numbers import ZERO
from backend.values import read_instant
from workers.agent import Canvas, Context, Decision, Effect, Emission, Facts
from workers.ballots import CAST_VOTES, Ballot, Vote, by_books, by_gain, by_measures, cast
from workers.sections import read_section

CANVAS = Canvas(
    mission="Judge every venue and symbol by what it did lately, and say when that changes.",
    observations="Quotes, rejections, silence and latency of 15 minutes, open reservations, "
    "halts, open proposals.",
    actions="Records venue_health; publishes signals.health.v1 on change and every 30 s; casts "
    "reasoned votes.",
    beliefs="A few imagined clean orders stand beside the observed ones while there are few.",
    policy="Without a fresh quote, under a halt or without a known risk budget: confidence 0.",
    slo_p50_ms=20,
    slo_p95_ms=100,
    failover="The next worker ticks; meanwhile health grows old and nothing is routed.",
)
HEARS: tuple[str, ...] = ()
EMITS = (HealthSignal.TYPE,)
FACTS = "execution.health_facts"
EFFECTS = ("execution.record_health", CAST_VOTES)
MAY_CALL = ("execution.health_facts", "execution.record_health", "governance.cast_votes")
EVERY_MS = 2_000

_ANNOUNCE_EVERY_S = 30
_RECORD_EVERY = timedelta(seconds=5)
_MATERIAL_CONFIDENCE = Decimal("0.1")


@dataclass(frozen=True, slots=True)
class _Judged:
    venue_id: str
    symbol: str
    health: VenueHealth
    announced: bool
    due: bool
    """What is recorded of it grows old."""


def ask_tick(now: datetime) -> dict[str, Any]:
    """Ask for every venue and symbol at once."""
    return {}


def handle_tick(facts: Facts, context: Context) -> Decision:
    """Judge every pair; announce what changed materially or was not said for half a minute."""
    policy = read_section(HealthPolicy, facts["policy"])
    if policy is None:
        # Nothing is recorded: what stands grows stale, and the router stops by itself.
        detail = "No active pack says what is healthy, so no health is reported."
        return Decision("not_judged", detail, code=Code.POLICY_MISSING)
    open_risk_max = facts["policy"].get("open_risk_max")
    budget = None if open_risk_max is None else Decimal(str(open_risk_max))
    judged = [_judge(pair, policy, budget, context.now) for pair in facts["pairs"]]
    announced = [one for one in judged if one.announced]
    votes = cast(facts["ballots"], lambda ballot: _vote(ballot, judged), context)
    if not announced and not votes.effects and not any(one.due for one in judged):
        return Decision("unchanged", f"{len(judged)} pairs judged, nothing new.")
    ailing = [one for one in judged if one.health.fill_confidence == 0]
    return Decision(
        outcome="judged",
        explanation=f"{len(judged)} pairs judged, {len(announced)} announced, "
        f"{len(ailing)} not usable{_because(ailing)}."
        + "".join(f" Vote: {sentence}." for sentence in votes.sentences),
        effects=(
            *(
                Effect("execution.record_health", _signal(one, context.now).model_dump(mode="json"))
                for one in judged
            ),
            *votes.effects,
        ),
        emissions=tuple(Emission(_signal(one, context.now), one.symbol) for one in announced),
        features={
            f"{one.venue_id}/{one.symbol}": str(one.health.fill_confidence) for one in announced
        },
        policy_hash=facts["policy_hash"],
    )


def _vote(ballot: Ballot, judged: list[_Judged]) -> Vote | None:
    """Judge an intent by how its venue does now, a cost by its evidence, a halt by the books."""
    if ballot["kind"] == "halt":
        return by_books(ballot)
    if ballot["kind"] == "parameter":
        # What a trade earns is the analyst's to judge; what its execution costs is judged here.
        parameter = ballot["payload"].get("parameter", "")
        return by_measures(ballot) if parameter.startswith("execution.") else None
    if ballot["kind"] in ("promote_shadow", "venue_model"):
        return by_gain(ballot)
    if ballot["kind"] != "high_risk_intent":
        return None
    place = (ballot["venue_id"], ballot["symbol"])
    health = next((one.health for one in judged if (one.venue_id, one.symbol) == place), None)
    if health is None:
        return None
    detail = f"{place[1]} at {place[0]} fills with confidence {health.fill_confidence:.2f}"
    if health.fill_confidence == 0:
        return Vote("refuse", f"{detail}: {', '.join(health.reasons)}")
    return Vote("approve", detail)


def _judge(
    pair: Mapping[str, Any], policy: HealthPolicy, open_risk_max: Decimal | None, now: datetime
) -> _Judged:
    health = judge_health(
        HealthFacts(
            bid=_decimal(pair["bid"]),
            ask=_decimal(pair["ask"]),
            quoted_at=None if pair["quoted_at"] is None else read_instant(pair["quoted_at"]),
            sent=int(pair["sent"]),
            rejected=int(pair["rejected"]),
            latency_p95_ms=None if pair["latency_p95_ms"] is None else int(pair["latency_p95_ms"]),
            open_risk=Decimal(pair["open_risk"]),
            open_risk_max=open_risk_max,
            halted=bool(pair["halted"]),
            now=now,
            unanswered=int(pair["unanswered"]),
            # Decisions recorded before this was asked know of none.
            unreachable=bool(pair.get("unreachable", False)),
        ),
        policy,
    )
    before = pair["before"]
    due = before is None or now - read_instant(before["as_of"]) >= _RECORD_EVERY
    announced = _is_news(before, health, now)
    return _Judged(pair["venue_id"], pair["symbol"], health, announced, due)


def _is_news(before: Mapping[str, Any] | None, health: VenueHealth, now: datetime) -> bool:
    if before is None:
        return True
    confidence = Decimal(before["fill_confidence"])
    moved = abs(confidence - health.fill_confidence)
    if moved >= _MATERIAL_CONFIDENCE or (confidence == 0) != (health.fill_confidence == 0):
        return True
    if (int(before["throttle_per_minute"]) == 0) != (health.throttle_per_minute == 0):
        return True
    # Half minutes are counted by the clock: no memory is needed to keep the rhythm.
    return _half_minute(read_instant(before["as_of"])) != _half_minute(now)


def _half_minute(instant: datetime) -> int:
    return int(instant.timestamp()) // _ANNOUNCE_EVERY_S


def _signal(one: _Judged, now: datetime) -> HealthSignal:
    health = one.health
    return HealthSignal(
        venue_id=one.venue_id,
        symbol=one.symbol,
        fill_confidence=health.fill_confidence,
        throttle_per_minute=health.throttle_per_minute,
        debt_to_risk=max(ZERO, health.debt_to_risk),
        spread_bps=health.spread_bps,
        rejection_rate=health.rejection_rate,
        latency_p95_ms=health.latency_p95_ms,
        as_of=now,
    )


def _because(ailing: list[_Judged]) -> str:
    if not ailing:
        return ""
    named = (f"{one.symbol} at {one.venue_id}: {', '.join(one.health.reasons)}" for one in ailing)
    return f" ({'; '.join(sorted(named)[:5])})"


def _decimal(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)
