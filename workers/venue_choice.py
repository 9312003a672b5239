"""The Strategy Router's choice of venue: what it reads, what it says, how it is read back.

A strategy with several accounts has facts of each candidate. Whoever the routing policy would
not route to is refused first; of the rest the chooser draws one, with a chance that stands in the
trace beside all that it was made from. Off-policy evaluation starts from there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from backend.contracts.denials import Code
from backend.contracts.signals import HypothesisSignal
from backend.domain.venue_selection import (
    Case,
    Explored,
    NoVenue,
    Posterior,
    VenueChoice,
    VenueOrder,
    VenuePolicy,
    VenueState,
    choose_venue,
)
from backend.domain.venue_selection.order import SizeBounds, largest_order
from backend.values import format_decimal
from workers.agent import Facts
from workers.sections import read_section

Candidate = Mapping[str, Any]
Refused = tuple[Code, str]
AT = "venue.at."
"""Features of this prefix tell each candidate's chance, or why it had none."""
_REFUSED = "refused "
INITIAL = "initial"
"""The model's name while nothing has been learned."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """A venue drawn: the facts as they are at its account, and what the trace keeps of it."""

    facts: Facts
    record: dict[str, Any]
    features: dict[str, str]
    sentence: str


@dataclass(frozen=True, slots=True)
class NoneLeft:
    """No venue may take the order: the first one's reason, and everybody's in words."""

    facts: Facts
    code: Code
    detail: str


def choose(
    hypothesis: HypothesisSignal,
    facts: Facts,
    seed: int,
    refuse: Callable[[Facts], Refused | None],
) -> Chosen | NoneLeft:
    """Choose where a hypothesis goes. refuse: why the router would not route it there, or None."""
    told = facts["venues"]
    policy, bounds = (
        read_section(VenuePolicy, told["policy"]),
        read_section(SizeBounds, told["bounds"]),
    )
    candidates: Sequence[Candidate] = told["candidates"]
    at = {one["account_id"]: _facts_at(facts, one) for one in candidates}
    home = at.get(facts["strategy"]["account_id"], facts)
    if policy is None or bounds is None:
        detail = "the pack's section of venues is unreadable"
        return NoneLeft(home, Code.POLICY_MISSING, detail)
    order = _order(hypothesis, candidates, bounds)
    refusals: dict[str, Refused] = {}
    taken: dict[str, Candidate] = {}
    states: list[VenueState] = []
    for one in candidates:
        refusal = refuse(at[one["account_id"]]) or _unknown(one, candidates[0], taken, order)
        if refusal is not None:
            refusals[one["account_id"]] = refusal
        elif (state := _state(one)) is not None:
            taken[one["venue_id"]] = one
            states.append(state)
    if order is None or not states:
        return _none_left(home, refusals, {})
    # What is refused still counts: where money lies decides what share a venue has of it.
    whole = (*states, *_unusable(candidates, taken))
    found = choose_venue(whole, order, _believed(told), policy, _explored(told), seed)
    if isinstance(found, NoVenue):
        concentrated = {v: r.value for v, r in found.refused if v in taken}
        return _none_left(home, refusals, concentrated)
    return _chosen(at, taken, refusals, found, order, told)


def read_choice(
    told: Mapping[str, Any], features: Mapping[str, str], reward_bps: float | None
) -> Case | None:
    """Read a choice back from its trace; None if the bounds it was made in are unreadable.

    told: the facts' `venues`. reward_bps: what came of it; None where nothing was filled.
    """
    policy = read_section(VenuePolicy, told["policy"])
    if policy is None:
        return None
    words = {k.removeprefix(AT): v for k, v in features.items() if k.startswith(AT)}
    chances = {v: Decimal(w) for v, w in words.items() if not w.startswith(_REFUSED)}
    could = {v for v, w in words.items() if v in chances or w.endswith("CONCENTRATION")}
    accounts = dict(pair.split("=", 1) for pair in features["venue.accounts"].split(","))
    taken = {
        one["venue_id"]: one
        for one in told["candidates"]
        if one["venue_id"] in could and accounts[one["venue_id"]] == one["account_id"]
    }
    states = [state for one in taken.values() if (state := _state(one)) is not None]
    return Case(
        states=(*states, *_unusable(told["candidates"], taken)),
        order=VenueOrder(Decimal(features["venue.quantity"]), Decimal(features["venue.notional"])),
        policy=policy,
        explored=_explored(told),
        venue_id=features["venue.chosen"],
        chances=chances,
        reward_bps=reward_bps,
    )


def _facts_at(facts: Facts, one: Candidate) -> Facts:
    """Return the facts as if the candidate were the strategy's account."""
    where = {k: one[k] for k in ("account_id", "venue_id", "account_state", "account_mode")}
    return {
        **facts,
        "strategy": {**facts["strategy"], **where},
        "halts": one["halts"],
        "health": one["health"],
        "routed_last_minute": one["routed_last_minute"],
    }


def _order(
    hypothesis: HypothesisSignal, candidates: Sequence[Candidate], bounds: SizeBounds
) -> VenueOrder | None:
    """Return the largest that sizing may make of it at any candidate; None if it has no value."""
    lots = [
        Decimal(one["lot_value"]) / Decimal(one["mid"]) * hypothesis.reference_price
        for one in candidates
        if one["lot_value"] is not None
    ]
    equities = [Decimal(one["equity"]) for one in candidates if one["equity"] is not None]
    if not lots or not equities:
        return None
    return largest_order(
        bounds,
        max(equities),
        max(lots),
        hypothesis.reference_price,
        hypothesis.stop_loss,
        hypothesis.quantity,
    )


def _unknown(
    one: Candidate,
    home: Candidate,
    taken: Mapping[str, Candidate],
    order: VenueOrder | None,
) -> Refused | None:
    """Refuse what cannot be compared with the others."""
    if one["venue_id"] in taken:
        return Code.NO_VENUE, f"account {taken[one['venue_id']]['account_id']} stands for it"
    if one["currency"] != home["currency"]:
        return Code.CONVERSION_RATE_MISSING, f"kept in {one['currency']}"
    if order is None or one["lot_value"] is None:
        return Code.PRICE_MISSING, "a lot has no value there"
    if one["exposure"] is None or one["rejection_rate"] is None:
        return Code.OBSERVATION_MISSING, "what lies there or how it does is not known"
    return None


def _state(one: Candidate) -> VenueState | None:
    """Return what the chooser sees of a candidate; None where something of it is unknown."""
    health = one["health"]
    if health is None or one["exposure"] is None or one["latency_p95_ms"] is None:
        return None
    return VenueState(
        venue_id=one["venue_id"],
        spread_bps=Decimal(health["spread_bps"]),
        depth=Decimal(one["depth"]),
        rejection_rate=Decimal(one["rejection_rate"]),
        latency_ms=int(one["latency_p95_ms"]),
        exposure=Decimal(one["exposure"]),
    )


def _unusable(
    candidates: Sequence[Candidate], taken: Mapping[str, Candidate]
) -> tuple[VenueState, ...]:
    """Return what lies with venues that may not be chosen, as far as it is known."""
    zero = Decimal(0)
    left = {
        one["venue_id"]: VenueState(
            one["venue_id"], zero, zero, zero, 0, Decimal(one["exposure"]), usable=False
        )
        for one in candidates
        if one["venue_id"] not in taken and one["exposure"] is not None
    }
    return tuple(left.values())


def _believed(told: Mapping[str, Any]) -> Posterior:
    model = told["model"]
    names = [one["venue_id"] for one in told["candidates"]]
    return Posterior.initial(names) if model is None else Posterior.from_numbers(model["body"])


def _explored(told: Mapping[str, Any]) -> Explored:
    counted = told["explored"]
    return Explored(
        orders=counted["orders"],
        explored_orders=counted["explored_orders"],
        notional=Decimal(counted["notional"]),
        explored_notional=Decimal(counted["explored_notional"]),
    )


def _none_left(
    home: Facts, refusals: Mapping[str, Refused], concentrated: Mapping[str, str]
) -> NoneLeft:
    words = [f"{account}: {code.meaning} ({why})" for account, (code, why) in refusals.items()]
    words += [f"{venue}: {why}" for venue, why in concentrated.items()]
    own = refusals.get(home["strategy"]["account_id"])
    code = own[0] if own is not None and not concentrated else Code.NO_VENUE
    return NoneLeft(home, code, f"{code.meaning} ({'; '.join(words) or 'no candidate'})")


def _chosen(
    at: Mapping[str, Facts],
    taken: Mapping[str, Candidate],
    refusals: Mapping[str, Refused],
    found: VenueChoice,
    order: VenueOrder,
    told: Mapping[str, Any],
) -> Chosen:
    venue_of = {one["account_id"]: one["venue_id"] for one in told["candidates"]}
    model = INITIAL if told["model"] is None else str(told["model"]["model"])
    ways = {
        **{
            venue_of[account]: f"{_REFUSED}{code.name}"
            for account, (code, _) in refusals.items()
            if venue_of[account] not in taken
        },
        **{v: f"{_REFUSED}{why.value}" for v, why in found.refused if v in taken},
        **{v: format_decimal(chance) for v, chance in found.probabilities},
    }
    features = {
        "venue.chosen": found.venue_id,
        "venue.best": found.best_venue_id,
        "venue.propensity": format_decimal(found.propensity),
        "venue.explored": "true" if found.explored else "false",
        "venue.model": model,
        "venue.quantity": format_decimal(order.quantity),
        "venue.notional": format_decimal(order.notional),
        "venue.accounts": ",".join(f"{v}={one['account_id']}" for v, one in taken.items()),
        **{f"{AT}{venue}": word for venue, word in sorted(ways.items())},
    }
    said = ", ".join(f"{venue} {word}" for venue, word in sorted(ways.items()))
    drawn = "to explore" if found.explored else "as the cheapest expected"
    return Chosen(
        facts=at[taken[found.venue_id]["account_id"]],
        record={
            "propensity": found.propensity,
            "explored": found.explored,
            "notional": order.notional,
        },
        features=features,
        sentence=f" Venue {found.venue_id} was drawn {drawn} by model {model}: {said}.",
    )
