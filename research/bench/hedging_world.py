"""A simulated account around the hedger: fills, slow answers, refusals, partial fills, halts.

The hedger's own functions decide; this keeps what the database would keep, in the shape of its
facts. Time is simulated seconds, and everything random comes from one seed.
"""

from __future__ import annotations

import heapq
import random
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from backend.contracts.examples import PAYLOADS
from backend.contracts.message import Message
from backend.contracts.orders import FillEvent
from backend.contracts.portfolio import CoverIntent
from backend.domain.hedging import HedgePolicy, residual_of
from backend.values import Mode, Side
from workers.agent import Context, Decision, RowMessage
from workers.agents import hedger
from workers.covering import read_baskets
from workers.sections import read_section
from workers.uncovered import TELL_UNCOVERED

COVERED_WITHIN_S = 120.0
EQUITY = Decimal(1_000_000)
_ACCOUNT = "sim-1"
_BEGAN_AT = datetime(2026, 3, 2, 8, tzinfo=UTC)
_MESSAGE_TTL_S = 75.0
_LOT = {"EURUSD": Decimal(110_000), "GBPUSD": Decimal(127_000)}
_MEASURES = {
    "EURUSD": {"GBPUSD": {"correlation": "0.78", "sigma": "0.0056", "hedge_sigma": "0.0049"}}
}


@dataclass(frozen=True, slots=True)
class Hardness:
    """How much goes wrong: parts of covers, seconds, and how often."""

    fill_every_s: float = 120.0
    denied: float = 0.08
    lost: float = 0.01
    rejected: float = 0.10
    unanswered: float = 0.02
    partial: float = 0.20
    halt_every_s: float = 1_500.0
    halt_s: tuple[float, float] = (10.0, 45.0)
    backlog: float = 0.05
    """Part of steps that wait for seconds instead of milliseconds."""


@dataclass(slots=True)
class _Cover:
    intent_id: UUID
    symbol: str
    sign: int
    lots: Decimal
    asked_at: float
    state: str = "asked"


@dataclass(slots=True)
class Coverage:
    """Exposure beyond the bound, oldest first, and what became of it; account currency."""

    covered_in_time: Decimal = Decimal(0)
    covered_late: Decimal = Decimal(0)
    open_too_long: Decimal = Decimal(0)
    overshot: Decimal = Decimal(0)
    """What covers themselves carried beyond the bound: covered twice."""
    ages_s: list[tuple[float, float]] = field(default_factory=list[tuple[float, float]])
    """Age at which it was covered, and how much it was."""
    waiting: deque[tuple[float, Decimal]] = field(default_factory=deque[tuple[float, Decimal]])


class World:
    """One account for a while."""

    def __init__(
        self, section: Mapping[str, Any], hardness: Hardness, seed: int, *, retries: bool
    ) -> None:
        self.section = dict(section)
        policy = read_section(HedgePolicy, section)
        if policy is None:
            raise ValueError("the pack has no hedging numbers")
        self.policy = policy
        self.baskets = tuple(
            b for b in read_baskets(section, _MEASURES, policy) if b.hedge_symbol in _LOT
        )
        self.hardness = hardness
        self.random = random.Random(seed)
        self.retries = retries
        self.now = 0.0
        self.halted_until = -1.0
        self.positions: dict[str, Decimal] = dict.fromkeys(_LOT, Decimal(0))
        self.covers: list[_Cover] = []
        self.tries: list[tuple[str, float]] = []
        self._told: set[str] = set()
        self.coverage = Coverage()
        self.intents: set[UUID] = set()
        self._newest: dict[str, Any] | None = None
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._count = 0

    def run(self, seconds: float) -> Coverage:
        """Let the account trade, and return what became of its excess."""
        self._after(self.random.expovariate(1 / self.hardness.fill_every_s), self._trade)
        self._after(self.random.expovariate(1 / self.hardness.halt_every_s), self._halt)
        if self.retries:
            self._after(self.random.random() * hedger.EVERY_MS / 1000, self._tick)
        while self._events and self._events[0][0] <= seconds:
            self.now, _, happen = heapq.heappop(self._events)
            happen()
        self.now = seconds
        for since, amount in self.coverage.waiting:
            if seconds - since > COVERED_WITHIN_S:
                self.coverage.open_too_long += amount
        return self.coverage

    def _after(self, seconds: float, happen: Callable[[], None]) -> None:
        self._count += 1
        heapq.heappush(self._events, (self.now + seconds, self._count, happen))

    def _step_s(self, median_s: float) -> float:
        if self.random.random() < self.hardness.backlog:
            return self.random.uniform(1.0, 8.0)
        return self.random.lognormvariate(0.0, 0.8) * median_s

    def _id(self) -> UUID:
        return UUID(int=self.random.getrandbits(128), version=4)

    def _trade(self) -> None:
        symbol = self.random.choice(tuple(_LOT))
        lots = Decimal(self.random.randint(20, 300)) / 100
        # A strategy's book comes back to flat in the long run.
        against = self.random.random() < 0.5 + min(0.4, float(abs(self.positions[symbol])) / 25)
        sign = (-1 if self.positions[symbol] > 0 else 1) * (1 if against else -1)
        self._fill(symbol, sign * lots, cover=False)
        self._after(self.random.expovariate(1 / self.hardness.fill_every_s), self._trade)

    def _halt(self) -> None:
        length = self.random.uniform(*self.hardness.halt_s)
        self.halted_until = self.now + length
        self._after(length + self.random.expovariate(1 / self.hardness.halt_every_s), self._halt)

    def _fill(self, symbol: str, lots: Decimal, *, cover: bool) -> None:
        before = self._excess()
        self.positions[symbol] += lots
        self._account(before, self._excess(), cover=cover)
        fill = _a_fill(self._id(), symbol, Side.BUY if lots > 0 else Side.SELL, abs(lots))
        if not cover:
            self._newest = {
                "fill_id": str(fill.fill_id),
                "order_id": str(fill.order_id),
                "account_id": _ACCOUNT,
                "strategy_id": fill.strategy_id,
                "symbol": symbol,
                "mode": fill.mode.value,
                "quantity": str(abs(lots)),
                "price": "1",
            }
        self._after(self._step_s(0.05), lambda: self._hear(fill, cover=cover))

    def _hear(self, fill: FillEvent, *, cover: bool) -> None:
        msg_id = self._id()
        message: Message[FillEvent] = Message(
            msg_id, fill.TYPE, "v1", msg_id, None, fill.TTL_MS, "sim", None, str(msg_id), "demo",
            _ACCOUNT, self._instant(), fill, "sim", "sim",
        )  # fmt: skip
        facts = self._facts(fill.symbol) | {"covers": cover, "fill": None}
        self._follow(hedger.handle(message, facts, self._context(msg_id)))

    def _tick(self) -> None:
        book = self._exposures()
        facts = {
            "accounts": [
                {
                    "account_id": _ACCOUNT,
                    "equity": str(EQUITY),
                    "exposures": book,
                    "instruments": _instruments(),
                    "pending": sorted({c.symbol for c in self._pending()}),
                    "asked": self._asked(),
                }
            ],
            "told": [
                {"account_id": _ACCOUNT, "symbol": symbol, "settled": not self._pending()}
                for symbol in sorted(self._told)
            ],
            "measures": _MEASURES,
            "policy": self.section,
            "policy_hash": "0" * 64,
        }
        decision = hedger.handle_tick(facts, self._context(self._id()))
        for effect in decision.effects:
            if effect.procedure == TELL_UNCOVERED:
                symbol = effect.item["symbol"]
                (self._told.discard if effect.item["covered"] else self._told.add)(symbol)
            elif self.now >= self.halted_until and self._newest is not None:
                self.tries.append((effect.item["symbol"], self.now))
                self._after(self._step_s(0.03), lambda: self._look_again(self._newest))
        self._after(hedger.EVERY_MS / 1000, self._tick)

    def _look_again(self, fill: dict[str, Any] | None) -> None:
        assert fill is not None
        row_id = self._id()
        row = RowMessage("residual", row_id, row_id, row_id, "demo", _ACCOUNT, self._instant())
        facts = self._facts(fill["symbol"]) | {"covers": False, "fill": fill}
        self._follow(hedger.handle(row, facts, self._context(row_id)), renewed=True)

    def _follow(self, decision: Decision, *, renewed: bool = False) -> None:
        for emission in decision.emissions:
            if isinstance(emission.payload, CoverIntent):
                self._ask(emission.payload, renewed=renewed)

    def _ask(self, intent: CoverIntent, *, renewed: bool) -> None:
        if intent.intent_id in self.intents:
            raise ValueError("an intent id was used twice")
        self.intents.add(intent.intent_id)
        cover = _Cover(intent.intent_id, intent.symbol, intent.side.sign, intent.quantity, self.now)
        self.covers.append(cover)
        if not renewed:
            self.tries.append((intent.symbol, self.now))
        if self.random.random() >= self.hardness.lost:
            self._after(self._step_s(0.05), lambda: self._judge(cover))

    def _judge(self, cover: _Cover) -> None:
        if self.now < self.halted_until or self.random.random() < self.hardness.denied:
            cover.state = "denied"
            return
        cover.state = "authorized"
        if self.random.random() < self.hardness.unanswered:
            # Settled as never sent, after longer than the venue's own time limit.
            self._after(15.0, lambda: self._answer(cover, Decimal(0)))
            return
        part = Decimal(1)
        if self.random.random() < self.hardness.rejected:
            part = Decimal(0)
        elif self.random.random() < self.hardness.partial:
            part = Decimal(self.random.randint(10, 90)) / 100
        self._after(self._step_s(0.25), lambda: self._answer(cover, part))

    def _answer(self, cover: _Cover, part: Decimal) -> None:
        cover.state = "closed"
        lots = (cover.lots * part).quantize(Decimal("0.01"))
        if lots > 0:
            self._fill(cover.symbol, cover.sign * lots, cover=True)

    def _pending(self) -> list[_Cover]:
        fresh = self.now - _MESSAGE_TTL_S
        self.covers = [
            c
            for c in self.covers
            if c.state == "authorized" or (c.state == "asked" and c.asked_at > fresh)
        ]
        return self.covers

    def _asked(self) -> dict[str, Any]:
        since = self.now - float(self.policy.tries_window_s or 0)
        self.tries = [(symbol, at) for symbol, at in self.tries if at > since]
        return {
            symbol: {
                "tries": sum(s == symbol for s, _ in self.tries),
                "age_s": str(round(self.now - max(at for s, at in self.tries if s == symbol), 3)),
            }
            for symbol in {s for s, _ in self.tries}
        }

    def _exposures(self) -> dict[str, str]:
        lots = dict(self.positions)
        for cover in self._pending():
            lots[cover.symbol] += cover.sign * cover.lots
        return {symbol: str(held * _LOT[symbol]) for symbol, held in lots.items()}

    def _facts(self, symbol: str) -> dict[str, Any]:
        return {
            "equity": str(EQUITY),
            "venue_id": "sim",
            "mode": Mode.PAPER.value,
            "exposures": self._exposures(),
            "instruments": _instruments(),
            "measures": _MEASURES,
            "excess": "0",
            "halted": self.now < self.halted_until,
            "policy": self.section,
            "policy_hash": "0" * 64,
            "symbol": symbol,
        }

    def _excess(self) -> Decimal:
        book = {symbol: held * _LOT[symbol] for symbol, held in self.positions.items()}
        bound = self.policy.residual_max * EQUITY
        beyond = (abs(residual_of(basket, book)) - bound for basket in self.baskets)
        return sum((max(Decimal(0), amount) for amount in beyond), Decimal(0))

    def _account(self, before: Decimal, after: Decimal, *, cover: bool) -> None:
        told = self.coverage
        if after >= before:
            if after > before:
                told.waiting.append((self.now, after - before))
                if cover:
                    told.overshot += after - before
            return
        gone = before - after
        while gone > 0 and told.waiting:
            since, amount = told.waiting.popleft()
            part = min(gone, amount)
            gone -= part
            if part < amount:
                told.waiting.appendleft((since, amount - part))
            # What a strategy's own fill takes back was never the hedger's to cover.
            if not cover:
                continue
            told.ages_s.append((self.now - since, float(part)))
            if self.now - since <= COVERED_WITHIN_S:
                told.covered_in_time += part
            else:
                told.covered_late += part

    def _instant(self) -> datetime:
        return _BEGAN_AT + timedelta(seconds=self.now)

    def _context(self, origin: UUID) -> Context:
        return Context("hedger", self._instant(), 0, origin, self._instant())


def _instruments() -> dict[str, Any]:
    return {
        symbol: {
            "notional_per_lot": str(lot),
            "bid": "1.0999",
            "ask": "1.1001",
            "volume_min": "0.01",
            "volume_max": "100",
            "volume_step": "0.01",
            "tick_size": "0.00001",
            "sigma": "0.005",
        }
        for symbol, lot in _LOT.items()
    }


def _a_fill(fill_id: UUID, symbol: str, side: Side, lots: Decimal) -> FillEvent:
    changes = {
        "fill_id": fill_id,
        "symbol": symbol,
        "side": side,
        "filled_size": lots,
        "account_id": _ACCOUNT,
    }
    return _FILL.model_copy(update=changes)


_FILL = FillEvent.model_validate(PAYLOADS[FillEvent.TYPE])
