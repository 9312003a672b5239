"""One order worked through a recorded window: our own impact, and our place in the queue.

Impact follows the square-root law on what we lately took: the market recovers with a half-life,
so that trading slowly is cheaper and cutting alone is not. An order that rests waits behind the
depth at its price; trades and cancels advance it as the logarithmic model says, and a price that
trades through it fills it. What others do is the tape's: they do not react to us otherwise.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import numpy as np

from backend.domain.algorithms import (
    Execution,
    Finished,
    Market,
    Plan,
    Progress,
    Resting,
    Send,
    Shortfall,
    measure_shortfall,
    next_step,
)
from backend.domain.algorithms.queueing import advance
from research.bench.execution_tape import Tape

IMPACT_FACTOR = 1.0
HALF_LIFE_S = 120.0
DEPTH_LOTS = 8.0
"""Median lots at the touch at the usual spread."""
CANCELS_PER_TRADE = 1.0
PASSIVE_IMPACT = 0.5
"""What is filled while it waits moves the market half as much as what takes."""
ARRIVAL_S = 1


@dataclass(frozen=True, slots=True)
class Episode:
    """One window: where it starts, and what was known of its market before it."""

    start: int
    length_s: int
    spread_usual: float
    rate: float
    """Lots a second that others traded in the hour before."""
    sigma: float
    """Standard deviation of the relative change of price over a day, from the hour before."""
    depth: np.ndarray
    """Lots at the touch in each second; drawn, because quotes carry none."""
    sold: np.ndarray
    """The share of what others trade in each second that sells."""


@dataclass(slots=True)
class _Child:
    price: float
    left: float
    front: float
    expires: int


@dataclass(slots=True)
class _Run:
    pressure: float = 0.0
    """What we took and the market has not recovered from, in lots."""
    filled: float = 0.0
    children: int = 0
    resting: list[_Child] = field(default_factory=list[_Child])
    executions: list[Execution] = field(default_factory=list[Execution])


def episode_at(tape: Tape, start: int, length_s: int, seed: int) -> Episode:
    """Measure the hour before a window and draw what the tape does not tell."""
    before = slice(max(0, start - 3_600), start)
    mid = ((tape.bid[before] + tape.ask[before]) / 2)[::60]
    minute = float(np.std(np.diff(np.log(mid)))) if len(mid) > 10 else 0.0
    dice = np.random.default_rng([seed, start])
    spread = tape.ask[before] - tape.bid[before]
    usual = float(np.median(spread))
    now = slice(start, start + length_s + 1)
    noise = np.repeat(dice.lognormal(0.0, 0.4, length_s // 10 + 2), 10)[: length_s + 1]
    tightness = np.clip(usual / np.maximum(tape.ask[now] - tape.bid[now], tape.tick), 0.2, 3.0)
    return Episode(
        start=start,
        length_s=length_s,
        spread_usual=usual,
        rate=max(float(np.mean(tape.traded[before])), 0.01),
        sigma=max(minute * math.sqrt(1_440), 1e-4),
        depth=DEPTH_LOTS * tightness * noise,
        sold=dice.beta(2.0, 2.0, length_s + 1),
    )


def simulate(tape: Tape, episode: Episode, plan: Plan) -> Shortfall:
    """Work a plan through its window and measure what it cost."""
    run = _Run()
    sign = plan.parent.side.sign
    recovery = 0.5 ** (1 / HALF_LIFE_S)
    traded, look_at = 0.0, ARRIVAL_S
    for second in range(ARRIVAL_S, episode.length_s + 1):
        at = episode.start + second
        run.pressure *= recovery
        shift = sign * _displacement(tape, episode, second, run.pressure)
        bid, ask = tape.bid[at] + shift, tape.ask[at] + shift
        _fill_resting(tape, episode, run, plan, second, bid, ask)
        traded += float(tape.traded[at])
        while second >= look_at:
            market = _market(tape, episode, plan, second, bid, ask, traded)
            resting = tuple(
                Resting(_lots(child.left), _price(child.price)) for child in run.resting
            )
            progress = Progress(_lots(run.filled), resting, run.children)
            step = next_step(plan, progress, market)
            if isinstance(step, Finished):
                return _measured(tape, episode, plan, run)
            if isinstance(step, Send):
                run.children += 1
                _send(tape, episode, run, plan, step, market, second)
                continue
            look_at = max(second + 1, math.ceil((step.until - _clock(tape, episode, 0)) / _S))
    return _measured(tape, episode, plan, run)


_S = timedelta(seconds=1)


def _clock(tape: Tape, episode: Episode, second: int) -> datetime:
    return datetime.fromtimestamp(int(tape.seconds[episode.start]) + second, UTC)


def _displacement(tape: Tape, episode: Episode, second: int, pressure: float) -> float:
    """Return by how much we hold the market away from the tape: Y σ √(Q/V) of the price."""
    share = pressure / (episode.rate * 86_400)
    return float(tape.bid[episode.start]) * IMPACT_FACTOR * episode.sigma * math.sqrt(share)


def _market(
    tape: Tape,
    episode: Episode,
    plan: Plan,
    second: int,
    bid: float,
    ask: float,
    traded: float,
) -> Market:
    depth = Decimal(f"{episode.depth[second]:.4f}")
    return Market(
        now=_clock(tape, episode, second),
        bid=_price(bid),
        ask=_price(ask),
        spread_usual=_price(episode.spread_usual),
        depth=depth,
        queue=depth,
        traded=Decimal(f"{traded:.4f}"),
        rate=Decimal(f"{episode.rate:.6f}"),
    )


def _send(
    tape: Tape,
    episode: Episode,
    run: _Run,
    plan: Plan,
    step: Send,
    market: Market,
    second: int,
) -> None:
    quantity, side = float(step.quantity), plan.parent.side
    far, near = float(market.far(side)), float(market.near(side))
    if step.limit_price is not None:
        price = float(step.limit_price)
        joins = abs(price - near) < tape.tick / 2
        front = float(episode.depth[second]) if joins else 0.0
        expires = int((step.expires_at - _clock(tape, episode, 0)) / _S)
        run.resting.append(_Child(price, quantity, front, expires))
        return
    # The mean displacement over the child, beyond the one at which it began.
    share = episode.rate * 86_400
    scale = float(tape.bid[episode.start]) * IMPACT_FACTOR * episode.sigma / math.sqrt(share)
    after = run.pressure + quantity
    mean = 2 / 3 * (after**1.5 - run.pressure**1.5) / quantity - math.sqrt(run.pressure)
    # Beyond the touch the book is walked: what is there is bounded.
    beyond = max(0.0, quantity / float(episode.depth[second]) - 1)
    walked = tape.tick * beyond / 2
    _book(tape, episode, run, second, quantity, far + side.sign * (scale * mean + walked), market)
    run.pressure = after


def _fill_resting(
    tape: Tape, episode: Episode, run: _Run, plan: Plan, second: int, bid: float, ask: float
) -> None:
    sign, at = plan.parent.side.sign, episode.start + second
    near, far = (bid, ask) if sign > 0 else (ask, bid)
    share = float(episode.sold[second])
    others = float(tape.traded[at]) * (share if sign > 0 else 1 - share)
    kept: list[_Child] = []
    for child in run.resting:
        better = sign * (child.price - near)
        part = 0.0
        if sign * (far - child.price) <= 0:
            part = child.left
        elif better > tape.tick / 2:
            # Before everyone: whoever trades, trades with us.
            part = min(child.left, others)
        elif better > -tape.tick / 2:
            back = max(0.0, float(episode.depth[second]) - child.front)
            after = max(0.0, child.front + back - others * (1 + CANCELS_PER_TRADE))
            part = min(child.left, max(0.0, others - child.front))
            child.front = advance(child.front, back, min(others, child.front + back), after)
        part = math.floor(part * 100 + 1e-9) / 100
        if part > 0:
            market = _market(tape, episode, plan, second, bid, ask, 0.0)
            _book(tape, episode, run, second, part, child.price, market)
            run.pressure += PASSIVE_IMPACT * part
            child.left = round(child.left - part, 2)
        if child.left > 0 and second < child.expires:
            kept.append(child)
    run.resting = kept


def _book(
    tape: Tape,
    episode: Episode,
    run: _Run,
    second: int,
    quantity: float,
    price: float,
    market: Market,
) -> None:
    run.filled = round(run.filled + quantity, 2)
    at = _clock(tape, episode, second)
    run.executions.append(Execution(at, _lots(quantity), _price(price), market.bid, market.ask))


def _measured(tape: Tape, episode: Episode, plan: Plan, run: _Run) -> Shortfall:
    start = episode.start
    return measure_shortfall(
        plan.parent.side,
        plan.parent.quantity,
        _price(tape.mid_at(start)),
        _price(tape.mid_at(start + ARRIVAL_S)),
        _price(tape.mid_at(start + episode.length_s)),
        run.executions,
        plan.schedule,
    )


def _lots(value: float) -> Decimal:
    return Decimal(f"{value:.2f}")


def _price(value: float) -> Decimal:
    return Decimal(f"{value:.8f}")
