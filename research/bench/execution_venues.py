"""The bandit against the best fixed venue and against random, on the tape's spreads and moves.

Four venues quote the tape's market with spreads, depth, rejections and latency of their own,
which wander and depend on the session; none is best throughout. The bandit sees what the desk
would see, its rewards come late and noisy. Regret is counted in expected cost against who knows
the cheapest venue of every order; each run has its own orders and its own wandering.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np

from backend.domain.sessions import Session
from backend.domain.venue_selection import (
    Explored,
    Logged,
    Posterior,
    VenueChoice,
    VenueOrder,
    VenuePolicy,
    VenueState,
    Verdict,
    choose_venue,
    evaluate,
    features_of,
    judge_change,
    learn,
    predict_rewards,
)
from research.bench.bootstrap import CONFIDENCE, draw_anew, mean_interval
from research.bench.execution_sizes import Report, Sizes
from research.bench.execution_tape import Tape

VENUES = ("alpha", "bravo", "charlie", "delta")
_SPREAD = np.array([1.0, 0.85, 1.15, 0.95])
"""Against the tape's spread, outside the session below."""
_NIGHT_SPREAD = np.array([1.0, 1.6, 0.7, 1.2])
_DEPTH = np.array([8.0, 5.0, 12.0, 3.0])
_REJECTS = np.array([0.02, 0.06, 0.03, 0.10])
_LATENCY_S = np.array([0.15, 0.40, 0.25, 0.08])
_REJECT_COST_BPS = 1.5
_DRIFT = 0.5
"""Standard deviations that the price runs away from us while the order travels."""
_SEEN_ORDERS = 60
"""Orders of which the rejection rate that the desk sees was counted."""
_LATE_ORDERS = 10
_NIGHT = frozenset({Session.ASIA, Session.OFF})
_LOT = Decimal(100_000)

POLICY = VenuePolicy(
    # Not binding here: the best fixed venue would break any share below one.
    counterparty_share_max=Decimal(1),
    counterparty_notional_max=Decimal(10) ** 12,
    counterparty_notional_free=Decimal(0),
    exploration_orders_share=Decimal("0.10"),
    exploration_notional_share=Decimal("0.10"),
    exploration_notional_max=Decimal(10) ** 7,
    probability_min=Decimal("0.01"),
    reward_bps_max=Decimal(20),
)


@dataclass(frozen=True, slots=True, eq=False)
class _World:
    """One run's orders: what the desk sees of each venue, and what each would cost.

    All of shape (orders, venues), costs in basis points; quantity of shape (orders,).
    """

    quantity: np.ndarray
    spread: np.ndarray
    depth: np.ndarray
    rejects_seen: np.ndarray
    latency_s: np.ndarray
    expected: np.ndarray
    realized: np.ndarray


def run_venues(tape: Tape, sizes: Sizes, report: Report) -> dict[str, Any]:
    """Return regret per order of the bandit, the best fixed venue and random, with intervals."""
    runs, orders = (6, 600) if sizes.quick else (16, 1_500)
    regrets: dict[str, list[float]] = {"bandit": [], "best_fixed": [], "random": []}
    explored: list[float] = []
    offline: dict[str, list[dict[str, Any]]] = {}
    for run in range(runs):
        world = _world(tape, orders, sizes.seed + run)
        choices, learned = _work(world, sizes.seed + run)
        cheapest = world.expected.min(axis=1)
        count = len(world.quantity)
        taken = np.array([VENUES.index(choice.venue_id) for choice in choices])
        regrets["bandit"].append(float((world.expected[np.arange(count), taken] - cheapest).mean()))
        fixed = world.expected.mean(axis=0)
        # In hindsight, run by run: nobody could have fixed it better.
        regrets["best_fixed"].append(float(fixed.min() - cheapest.mean()))
        regrets["random"].append(float(fixed.mean() - cheapest.mean()))
        explored.append(float(np.mean([choice.explored for choice in choices])))
        for change, told in _off_policy(world, choices, taken, learned, sizes).items():
            offline.setdefault(change, []).append(told)
    report(f"venues: {runs} runs, bandit {np.mean(regrets['bandit']):.3f} bps from the cheapest")
    bandit = np.array(regrets["bandit"])
    picks = draw_anew(runs, sizes)
    return {
        "venues": len(VENUES),
        "runs": runs,
        "orders_per_run": orders,
        "confidence": CONFIDENCE,
        "regret_bps_per_order": {
            name: mean_interval(np.array(values), picks) for name, values in regrets.items()
        },
        "saved_bps_per_order": {
            "against_best_fixed": mean_interval(np.array(regrets["best_fixed"]) - bandit, picks),
            "against_random": mean_interval(np.array(regrets["random"]) - bandit, picks),
        },
        "explored_orders_share": {
            "mean": round(float(np.mean(explored)), 4),
            "largest": round(max(explored), 4),
            "allowed": float(POLICY.exploration_orders_share),
        },
        "off_policy": {change: _told(found) for change, found in offline.items()},
    }


def venues_table(figures: dict[str, Any]) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Return the regrets as people read them."""
    rows = [
        (name, f"{one['mean']:.3f}", f"{one['low']:.3f} to {one['high']:.3f}")
        for name, one in (
            *((f"regret of {name}", v) for name, v in figures["regret_bps_per_order"].items()),
            *((f"saved {name}", v) for name, v in figures["saved_bps_per_order"].items()),
        )
    ]
    return ("bps per order", "mean", "95 %"), rows


def _world(tape: Tape, orders: int, seed: int) -> _World:
    dice = np.random.default_rng([seed, 7])
    starts = np.array(tape.windows(60, orders, seed, first=600))
    count, many = len(starts), len(VENUES)
    mid = tape.mid
    sigma = np.array([np.std(np.diff(np.log(mid[s - 600 : s + 1]))) for s in starts]) * 1e4
    night = np.array([tape.session_at(int(s)) in _NIGHT for s in starts])
    quoted = (tape.ask[starts] - tape.bid[starts]) / mid[starts] * 1e4
    mood = _wandering(dice, count, many)
    spread = quoted[:, None] * np.where(night[:, None], _NIGHT_SPREAD, _SPREAD)
    spread = spread * np.exp(0.35 * mood)
    depth = _DEPTH * np.exp(0.4 * _wandering(dice, count, many))
    rejects = np.clip(_REJECTS * np.exp(0.9 * _wandering(dice, count, many)), 0, 0.6)
    latency = _LATENCY_S * np.exp(0.5 * _wandering(dice, count, many))
    quantity = np.round(np.exp(dice.normal(0.0, 0.8, count)), 2).clip(0.01, 20)
    side = dice.choice([-1.0, 1.0], count)
    walk = 0.3 * np.sqrt(quantity[:, None] / depth)
    travel = sigma[:, None] * np.sqrt(latency)
    expected = spread / 2 + walk + rejects * _REJECT_COST_BPS + _DRIFT * travel
    # What comes on top is the tape's own move after the order, and whether it was refused.
    after = side * np.log(mid[starts + 1] / mid[starts]) * 1e4
    refused = dice.random((count, many)) < rejects
    noise = after[:, None] * np.sqrt(latency) + (refused - rejects) * _REJECT_COST_BPS
    return _World(
        quantity=quantity,
        spread=spread,
        depth=depth,
        rejects_seen=dice.binomial(_SEEN_ORDERS, rejects) / _SEEN_ORDERS,
        latency_s=latency * np.exp(dice.normal(0, 0.15, latency.shape)),
        expected=expected,
        realized=expected + noise,
    )


def _wandering(dice: np.random.Generator, count: int, many: int) -> np.ndarray:
    """Return standard normal series that forget slowly."""
    steps, found = dice.standard_normal((count, many)), np.empty((count, many))
    held = dice.standard_normal(many)
    for at in range(count):
        held = 0.97 * held + 0.243 * steps[at]
        found[at] = held
    return found


def _states(world: _World, at: int) -> list[VenueState]:
    return [
        VenueState(
            venue_id=name,
            spread_bps=Decimal(f"{world.spread[at, k]:.4f}"),
            depth=Decimal(f"{world.depth[at, k]:.4f}"),
            rejection_rate=Decimal(f"{world.rejects_seen[at, k]:.6f}"),
            latency_ms=int(world.latency_s[at, k] * 1_000),
            exposure=Decimal(0),
        )
        for k, name in enumerate(VENUES)
    ]


def _order(world: _World, at: int) -> VenueOrder:
    lots = Decimal(f"{world.quantity[at]:.2f}")
    return VenueOrder(lots, lots * _LOT)


def _work(world: _World, seed: int) -> tuple[list[VenueChoice], Posterior]:
    """Return every choice, and what was believed after half of them."""
    posterior = learned = Posterior.initial(VENUES)
    explored = Explored()
    choices: list[VenueChoice] = []
    waiting: list[tuple[np.ndarray, float]] = []
    for at in range(len(world.quantity)):
        states, order = _states(world, at), _order(world, at)
        choice = choose_venue(states, order, posterior, POLICY, explored, seed * 100_003 + at)
        if not isinstance(choice, VenueChoice):
            raise RuntimeError("a venue was to be chosen")
        choices.append(choice)
        k = VENUES.index(choice.venue_id)
        explored = Explored(
            explored.orders + 1,
            explored.explored_orders + choice.explored,
            explored.notional + order.notional,
            explored.explored_notional + (order.notional if choice.explored else Decimal(0)),
        )
        waiting.append((features_of(states[k], order, VENUES), -float(world.realized[at, k])))
        if len(waiting) == _LATE_ORDERS:
            rows = np.array([row for row, _ in waiting])
            rewards = np.array([reward for _, reward in waiting])
            posterior = learn(posterior, rows, rewards, float(POLICY.reward_bps_max))
            waiting.clear()
        if at < len(world.quantity) // 2:
            learned = posterior
    return choices, learned


def _off_policy(
    world: _World,
    choices: list[VenueChoice],
    taken: np.ndarray,
    learned: Posterior,
    sizes: Sizes,
) -> dict[str, dict[str, Any]]:
    """Judge two changes from the second half's log alone, and hold them to what is known."""
    half = len(taken) // 2
    rows = np.arange(half, len(taken))
    chances = np.array([[float(chance) for _, chance in choices[at].probabilities] for at in rows])
    own, at_own = taken[rows], np.arange(len(rows))
    log = Logged(own, -world.realized[rows, own], chances[at_own, own], chances)
    features = np.array(
        [
            [features_of(state, _order(world, at), VENUES) for state in _states(world, at)]
            for at in range(half, len(taken))
        ]
    )
    predicted = predict_rewards(features, log)
    best = np.zeros(chances.shape)
    best[at_own, (features @ learned.mean).argmax(axis=1)] = 1
    found: dict[str, dict[str, Any]] = {}
    for change, target in (
        ("to_random", np.full(chances.shape, 1 / len(VENUES))),
        ("to_greedy", best),
    ):
        told = evaluate(log, target, predicted, resamples=300, seed=sizes.seed)
        truth = -float((target * world.realized[rows]).sum(axis=1).mean())
        estimate = told.dr or told.snips
        found[change] = {
            "error": estimate.value - truth,
            "holds": estimate.low <= truth <= estimate.high,
            "verdict": judge_change(told).value,
            "unsupported": told.unsupported,
        }
    return found


def _told(found: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "interval_holds_truth_share": round(float(np.mean([one["holds"] for one in found])), 4),
        "mean_error_bps": round(float(np.mean([one["error"] for one in found])), 4),
        "unsupported_share": round(float(np.mean([one["unsupported"] for one in found])), 4),
        "verdicts": {
            word.value: sum(o["verdict"] == word.value for o in found) for word in Verdict
        },
    }
