"""`desk chaos orders`: kill everything that an order passes through, then count what remains.

A desk of its own takes alerts at a steady rate while its bridge, terminal, workers and Postgres
are killed with SIGKILL in an order that the seed decides, some of them while the desk is still
recovering from the kill before, and the terminal loses, repeats and delays answers. At the end
everything settles and the venue's books are held against ours.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from backend.errors import DeskError
from backend.settings import Settings
from research.chaos.books import DeskBooks, DeskOrder
from research.chaos.compare import Verdict, compare
from research.chaos.flow import Flow
from research.chaos.plan import Strike, plan_strikes
from research.chaos.recovery import Kill, quantiles
from research.chaos.stage import POLL_S, Stage, open_stage

Report = Callable[[int, int, str], None]
"""Steps done, steps in all, what happens now."""

SHOWN_MAX = 50
RESTS_S = 20.0
"""At each strike one limit that rests for longer is withdrawn; others may be filled."""


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much is done. patience_s: how long any recovery and the settling may take."""

    kills: int = 200
    rate_per_s: float = 4.0
    warm_up_fills: int = 5
    patience_s: float = 240.0


@dataclass(slots=True)
class _Run:
    stage: Stage
    sizes: Sizes
    report: Report
    kills: list[Kill] = field(default_factory=list[Kill])
    faults: Counter[str] = field(default_factory=Counter[str])
    withdrawn: int = 0

    def strike(self, number: int, strike: Strike) -> bool:
        """Kill one part, wait for it if it is awaited, then a while; false if it never came."""
        self.report(number, self.sizes.kills, f"killing {strike.part}")
        kill = Kill(strike.part, self.stage.kill(strike.part, self.sizes.patience_s))
        self.kills.append(kill)
        if strike.awaited:
            self.report(number, self.sizes.kills, f"{strike.part} was killed, waiting for its fill")
            if not self._fills_again(kill):
                return False
        self.withdrawn += self.stage.withdraw(RESTS_S, 1)
        if strike.fault is not None and self.stage.inject(strike.fault):
            self.faults[strike.fault.name] += 1
        threading.Event().wait(strike.pause_s)
        return True

    def _fills_again(self, kill: Kill) -> bool:
        deadline = time.monotonic() + self.sizes.patience_s
        while kill.recovered_s(self.stage.ask) is None:
            if time.monotonic() > deadline:
                return False
            time.sleep(POLL_S)
        return True

    def warm_up(self) -> None:
        """Wait for the first fills: what never worked cannot recover."""
        deadline = time.monotonic() + self.sizes.patience_s
        wanted = self.sizes.warm_up_fills
        while self.stage.ask("select count(*) from public.fills")[:1] < [(wanted,)]:
            if time.monotonic() > deadline:
                raise DeskError("chaos.no_fill", "no alert became a fill", "see its logs")
            time.sleep(POLL_S)


def run_orders_chaos(settings: Settings, seed: int, sizes: Sizes, report: Report) -> dict[str, Any]:
    """Run it and return the figures; `ok` tells whether nothing was lost, doubled or different.

    Where it is not ok the desk's home stays, and `home` names it.
    """
    strikes = plan_strikes(seed, sizes.kills)
    began = time.monotonic()
    report(0, sizes.kills, "starting a desk")
    with open_stage(settings) as stage:
        run = _Run(stage, sizes, report)
        flow = Flow(stage.webhook, stage.markets(), stage.prices, sizes.rate_per_s, seed)
        with flow.running():
            report(0, sizes.kills, "waiting for the first fills")
            run.warm_up()
            # Where nothing recovers, nothing more needs to be killed to tell.
            all(run.strike(number, strike) for number, strike in enumerate(strikes))
        report(sizes.kills, sizes.kills, "settling")
        troubles, agreed = _settled(stage, sizes)
        report(sizes.kills, sizes.kills, "comparing the books")
        desk, venue = stage.read_both()
        verdict = compare(flow.answered, flow.posted, desk, venue)
        recovered = [(kill.part, kill.recovered_s(stage.ask)) for kill in run.kills]
        troubles += [f"{part} never filled again" for part, took in recovered if took is None]
        troubles += [f"a post was refused: {answer}" for answer in flow.refused]
        verdict = replace(verdict, troubles=(*verdict.troubles, *troubles))
        stage.keep = not verdict.clean
        return _figures(verdict, recovered) | {
            "orders": len(desk.orders),
            "alerts": len(desk.alerts),
            "outcomes": dict(Counter(o for outcomes in desk.alerts.values() for o in outcomes)),
            "limits": dict(Counter(o.status for o in desk.orders if o.order_type == "limit")),
            "worked": dict(Counter(one.state for one in desk.worked)),
            "worked_children": len(_of_worked(desk)),
            "fills": len(desk.trades),
            "deals": len(venue.trades),
            "posts_repeated": flow.repeated,
            "faults": dict(run.faults),
            "reconciliation": agreed,
            "seed": seed,
            "took_s": round(time.monotonic() - began, 1),
            "ok": verdict.clean,
            "home": str(stage.desk.settings.home) if stage.keep else None,
        }


def _of_worked(desk: DeskBooks) -> list[DeskOrder]:
    intents = {one.intent_id for one in desk.worked}
    return [order for order in desk.orders if order.intent_id in intents]


def _settled(stage: Stage, sizes: Sizes) -> tuple[list[str], str]:
    """Let everything come to its end; gives what did not, and what the last comparison said."""
    # First, for stops that are hit meanwhile would never be booked.
    stage.freeze(sizes.patience_s)
    stage.settle(sizes.patience_s)
    agreed = stage.agree(sizes.patience_s)
    # A comparison may have found trades, and those have hearers.
    found = stage.settle(sizes.patience_s)
    stage.stop_workers()
    troubles = [found] if found else []
    if agreed != "agreed":
        troubles.append(f"the last comparison by the bridge ended {agreed}")
    return troubles, agreed


def _figures(verdict: Verdict, recovered: list[tuple[str, float | None]]) -> dict[str, Any]:
    parts = sorted({part for part, _ in recovered})
    took = {
        part: quantiles([s for name, s in recovered if name == part and s is not None])
        for part in parts
    }
    return {
        "kills": len(recovered),
        "lost": len(verdict.lost),
        "duplicate": len(verdict.duplicate),
        "state_mismatch": len(verdict.state_mismatch),
        "ledger_difference": float(verdict.ledger_difference),
        "recovery_s": quantiles([s for _, s in recovered if s is not None]),
        "recovery_s_by_part": took,
        "kills_by_part": dict(Counter(part for part, _ in recovered)),
        "findings": {
            "lost": verdict.lost[:SHOWN_MAX],
            "duplicate": verdict.duplicate[:SHOWN_MAX],
            "state_mismatch": verdict.state_mismatch[:SHOWN_MAX],
            "troubles": verdict.troubles[:SHOWN_MAX],
        },
    }
