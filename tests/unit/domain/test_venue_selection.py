"""Which venue an order goes to: limits, bounded exploration, exact propensities, evaluation."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.domain.venue_selection import (
    CASES_MIN,
    Case,
    Explored,
    Logged,
    NoVenue,
    Posterior,
    Refusal,
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
    learn_venues,
    predict_rewards,
)
from backend.domain.venue_selection.order import SizeBounds, largest_order

POLICY = VenuePolicy(
    counterparty_share_max=Decimal("0.6"),
    counterparty_notional_max=Decimal(10_000_000),
    counterparty_notional_free=Decimal(500_000),
    exploration_orders_share=Decimal("0.2"),
    exploration_notional_share=Decimal("0.1"),
    exploration_notional_max=Decimal(200_000),
    probability_min=Decimal("0.02"),
    reward_bps_max=Decimal(20),
    draws=128,
)
ORDER = VenueOrder(Decimal(1), Decimal(100_000))


def a_state(venue_id: str, **changes: Any) -> VenueState:
    state = VenueState(
        venue_id, Decimal("1.0"), Decimal(10), Decimal("0.02"), 100, exposure=Decimal(0)
    )
    return replace(state, **changes)


states = st.lists(
    st.builds(
        VenueState,
        venue_id=st.sampled_from(["alpha", "bravo", "charlie", "delta"]),
        spread_bps=st.decimals("0.1", "30", places=2),
        depth=st.decimals("0", "50", places=2),
        rejection_rate=st.decimals("0", "1", places=3),
        latency_ms=st.integers(0, 5_000),
        exposure=st.decimals("0", "9000000", places=0),
        usable=st.booleans(),
    ),
    max_size=4,
    unique_by=lambda state: state.venue_id,
)


@settings(max_examples=60, deadline=None)
@given(states, st.decimals("0.01", "20", places=2), st.integers(0, 2**31))
def test_only_a_venue_that_the_limits_leave_is_chosen_with_the_chance_on_record(
    venues: list[VenueState], lots: Decimal, seed: int
) -> None:
    order = VenueOrder(lots, lots * 100_000)
    explored = Explored(100, 3, Decimal(10_000_000), Decimal(100_000))
    posterior = Posterior.initial(["alpha"])
    found = choose_venue(venues, order, posterior, POLICY, explored, seed)
    assert found == choose_venue(venues[::-1], order, posterior, POLICY, explored, seed)
    if isinstance(found, NoVenue):
        assert {name for name, _ in found.refused} == {state.venue_id for state in venues}
        return
    chosen = next(state for state in venues if state.venue_id == found.venue_id)
    total = sum(state.exposure for state in venues) + order.notional
    after = chosen.exposure + order.notional
    assert chosen.usable
    assert after <= POLICY.counterparty_notional_max
    assert after <= max(POLICY.counterparty_notional_free, POLICY.counterparty_share_max * total)
    chances = dict(found.probabilities)
    assert sum(chances.values()) == 1
    assert min(chances.values()) >= 0
    assert found.propensity == chances[found.venue_id] > 0
    assert 1 - chances[found.best_venue_id] <= POLICY.exploration_orders_share
    if order.notional > POLICY.exploration_notional_max:
        assert chances[found.best_venue_id] == 1
        assert not found.explored


@settings(max_examples=15, deadline=None)
@given(
    st.lists(st.decimals("0.01", "3", places=2), min_size=10, max_size=40),
    st.integers(0, 2**31),
)
def test_exploration_never_takes_more_orders_or_notional_than_the_policy_gives(
    lots: list[Decimal], seed: int
) -> None:
    explored, posterior = Explored(), Posterior.initial(["alpha", "bravo", "charlie"])
    venues = [a_state(name) for name in posterior.venues]
    for at, quantity in enumerate(lots):
        order = VenueOrder(quantity, quantity * 100_000)
        choice = choose_venue(venues, order, posterior, POLICY, explored, seed + at)
        assert isinstance(choice, VenueChoice)
        explored = Explored(
            explored.orders + 1,
            explored.explored_orders + choice.explored,
            explored.notional + order.notional,
            explored.explored_notional + (order.notional if choice.explored else 0),
        )
        assert explored.explored_orders <= POLICY.exploration_orders_share * explored.orders
        assert explored.explored_notional <= POLICY.exploration_notional_share * explored.notional


def test_the_recorded_chances_are_how_often_venues_are_chosen() -> None:
    posterior = Posterior.initial(["alpha", "bravo", "charlie"])
    venues = [a_state("alpha"), a_state("bravo"), a_state("charlie", spread_bps=Decimal(2))]
    explored = Explored(1_000, 0, Decimal(10**9), Decimal(0))
    found = [choose_venue(venues, ORDER, posterior, POLICY, explored, seed) for seed in range(600)]
    choices = [one for one in found if isinstance(one, VenueChoice)]
    for name in posterior.venues:
        taken = np.mean([one.venue_id == name for one in choices])
        chance = np.mean([float(dict(one.probabilities)[name]) for one in choices])
        assert abs(taken - chance) < 4 * np.sqrt(chance * (1 - chance) / len(choices)) + 1e-9


def test_an_order_that_no_counterparty_may_take_goes_nowhere() -> None:
    venues = [
        a_state("alpha", exposure=Decimal(9_990_000)),
        a_state("bravo", usable=False),
        a_state("charlie", exposure=Decimal(9_950_000)),
    ]
    found = choose_venue(venues, ORDER, Posterior.initial([]), POLICY, Explored(), seed=1)
    assert found == NoVenue(
        (
            ("alpha", Refusal.CONCENTRATION),
            ("bravo", Refusal.UNUSABLE),
            ("charlie", Refusal.CONCENTRATION),
        )
    )


def test_what_venues_cost_is_learned_and_survives_being_written_down() -> None:
    dice = np.random.default_rng(3)
    names = ("alpha", "bravo")
    posterior = Posterior.initial(names)
    rows, rewards = [], []
    for _ in range(600):
        spread, name = Decimal(f"{dice.uniform(0.5, 4):.3f}"), names[dice.integers(2)]
        rows.append(features_of(a_state(name, spread_bps=spread), ORDER, names))
        rewards.append(-float(spread) / 2 - (name == "bravo") + dice.normal(0, 0.5))
    posterior = learn(posterior, np.array(rows), np.array(rewards), 20)
    assert posterior.mean[0] == pytest.approx(-1, abs=0.1)
    assert posterior.noise == pytest.approx(0.25, abs=0.05)
    again = Posterior.from_numbers(posterior.as_numbers())
    assert again.version == posterior.version
    choice = choose_venue([a_state("alpha"), a_state("bravo")], ORDER, again, POLICY, Explored(), 1)
    assert isinstance(choice, VenueChoice)
    assert choice.best_venue_id == "alpha"


def test_estimates_equal_the_published_ones_on_the_digits() -> None:
    """Numbers of the Open Bandit Pipeline's own example, seed 12345."""
    datasets = pytest.importorskip("sklearn.datasets")
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import train_test_split

    x, y = datasets.load_digits(return_X_y=True)
    x_fit, x_log, y_fit, y_log = train_test_split(x, y, test_size=0.7, random_state=12345)
    rows = np.arange(len(y_log))
    behavior = LogisticRegression(random_state=12345)
    chances = np.full((len(rows), 10), (1.0 - 0.8) / 10)
    with pytest.warns(Warning, match="converge"):
        behavior.fit(x_fit, y_fit)
    chances[rows, behavior.predict(x_log)] = 0.8 + (1.0 - 0.8) / 10
    dice = np.random.RandomState(12345)
    actions = np.array([dice.choice(np.arange(10), p=p, replace=False) for p in chances])
    rewards = (actions == y_log).astype(float)
    target = np.zeros((len(rows), 10))
    target[rows, RandomForestClassifier(random_state=12345).fit(x_fit, y_fit).predict(x_log)] = 1
    truth = float(target[rows, y_log].mean())
    log = Logged(actions, rewards, chances[rows, actions], chances)
    # A model that knows nothing of classes: doubly robust holds on the propensities.
    poor = np.full(target.shape, rewards.mean())
    found = evaluate(log, target, poor)

    assert truth == pytest.approx(0.9634340222575517, abs=1e-12)
    assert abs(found.ips.value - truth) / truth == pytest.approx(0.01827255896321327, abs=1e-9)
    assert abs(found.snips.value - truth) / truth == pytest.approx(0.01277, abs=1e-5)
    assert found.dr is not None
    assert found.dr.low <= truth <= found.dr.high
    assert judge_change(found) is Verdict.BETTER


def test_a_doubly_robust_estimate_survives_a_wrong_model_and_no_support_decides_nothing() -> None:
    dice = np.random.default_rng(11)
    count = 4_000
    chances = np.tile([0.9, 0.1], (count, 1))
    actions = (dice.random(count) < 0.1).astype(np.int64)
    worth = np.array([-1.0, -0.6])
    rewards = worth[actions] + dice.normal(0, 0.5, count)
    log = Logged(actions, rewards, chances[np.arange(count), actions], chances)
    other = np.tile([0.0, 1.0], (count, 1))
    features = np.tile(np.eye(2), (count, 1, 1))
    for predicted in (np.full((count, 2), 3.0), predict_rewards(features, log)):
        found = evaluate(log, other, predicted, seed=5)
        assert found.dr is not None
        assert found.dr.low <= -0.6 <= found.dr.high
        assert judge_change(found) is Verdict.BETTER
    back = evaluate(log, np.tile([1.0, 0.0], (count, 1)), predict_rewards(features, log), seed=5)
    assert judge_change(back) is not Verdict.BETTER
    never = np.column_stack([np.ones(count), np.zeros(count)])
    blind = evaluate(Logged(np.zeros(count, dtype=np.int64), rewards, np.ones(count), never), other)
    assert blind.unsupported == 1
    assert judge_change(blind) is Verdict.NO_DECISION


def test_recorded_recommendations_leave_the_better_policy_undecided(market_data: Path) -> None:
    """Random and Bernoulli Thompson sampling were both live: either log tells of both."""
    folder = market_data / "open_bandit"
    random, bts = (pd.read_csv(folder / f"{name}_all_all.csv.gz") for name in ("random", "bts"))
    # That policy looked at no user: its chances of an item at a place can be read off its log.
    chances = bts.groupby(["position", "item_id"])["propensity_score"].mean().unstack(fill_value=0)
    chances = chances.reindex(columns=range(80), fill_value=0)
    target = chances.div(chances.sum(axis=1), axis=0).loc[random["position"]].to_numpy()
    log = Logged(
        random["item_id"].to_numpy(),
        random["click"].to_numpy(dtype=float),
        random["propensity_score"].to_numpy(),
    )
    found = evaluate(log, target, resamples=400)
    assert found.logged.value == pytest.approx(0.0038)
    # What it earned when it was live lies well inside, and the interval is honest about it.
    assert found.ips.low < bts["click"].mean() < found.ips.high
    assert found.snips.low < bts["click"].mean() < found.snips.high
    assert judge_change(found) is Verdict.NO_DECISION


def cases(count: int, saved_bps: float, share: float = 0.2) -> list[Case]:
    """Give choices between two venues of which the second costs so much less."""
    dice = np.random.default_rng(11)
    both = (a_state("alpha"), a_state("bravo"))
    chances = {"alpha": Decimal(str(1 - share)), "bravo": Decimal(str(share))}
    found: list[Case] = []
    for number in range(count):
        other = dice.random() < share
        reward = -5 + saved_bps * other + dice.normal(0, 1)
        found.append(
            Case(
                both,
                ORDER,
                POLICY,
                Explored(1_000, 10, Decimal(10**8), Decimal(10**6)),
                "bravo" if other else "alpha",
                chances,
                None if number % 97 == 0 else float(reward),
            )
        )
    return found


@pytest.mark.parametrize(
    ("saved_bps", "verdict"),
    [(3, Verdict.BETTER), (0, Verdict.NO_DECISION), (-3, Verdict.BETTER)],
)
def test_what_is_learned_is_judged_by_choices_that_it_did_not_see(
    saved_bps: float, verdict: Verdict
) -> None:
    # Where the usual venue is the cheaper one, exploring it less is what is gained.
    learned = learn_venues(cases(2_400, saved_bps))
    assert learned.verdict is verdict
    told = learned.evidence("before")
    assert (told["active"], told["enough"]) == ("before", verdict is Verdict.BETTER)
    assert learned.cases == 1_200


def test_too_few_or_forced_choices_teach_nothing_to_vote_on() -> None:
    with pytest.raises(ValueError, match="known outcome"):
        learn_venues(cases(CASES_MIN - 1, 3))
    forced = [
        replace(case, venue_id="alpha", chances={"alpha": Decimal(1)}) for case in cases(400, 3)
    ]
    learned = learn_venues(forced)
    assert (learned.evaluation, learned.verdict) == (None, Verdict.NO_DECISION)
    assert not learned.evidence(None)["enough"]


def test_an_order_without_a_fill_costs_as_much_as_a_cost_may_count() -> None:
    unfilled = replace(cases(1, 0)[0], reward_bps=None)
    assert unfilled.reward == -float(POLICY.reward_bps_max)
    assert replace(unfilled, reward_bps=-1_000).reward == unfilled.reward


@settings(max_examples=60, deadline=None)
@given(
    equity=st.decimals("0", "1000000", places=2),
    stop=st.decimals("0.9", "1.2", places=4),
    requested=st.none() | st.decimals("0.01", "50", places=2),
)
def test_the_largest_order_breaks_no_bound_of_sizing(
    equity: Decimal, stop: Decimal, requested: Decimal | None
) -> None:
    bounds = SizeBounds(Decimal("0.01"), Decimal(5), Decimal(200_000))
    order = largest_order(bounds, equity, Decimal(110_000), Decimal("1.1"), stop, requested)
    assert 0 <= order.quantity <= bounds.quantity_cap
    assert order.notional <= bounds.notional_cap + 1
    assert requested is None or order.quantity <= requested
    lost = order.quantity * abs(Decimal("1.1") - stop) * 100_000
    assert lost <= equity * bounds.risk_fraction + 1
