"""What part of excess exposure is covered within two minutes, with the hedger's own decisions."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from backend.policies import PACKS, load_pack
from research.bench.execution_sizes import Report, Sizes
from research.bench.execution_tape import Tape
from research.bench.hedging_world import COVERED_WITHIN_S, Coverage, Hardness, World

_HOURS = 1.0
_ACCOUNTS, _ACCOUNTS_QUICK = 100, 20


def run_hedging(tape: Tape, sizes: Sizes, report: Report) -> dict[str, Any]:
    """Simulate accounts for an hour each, under the default pack, and reckon what was covered.

    Hours of the same kind are simulated once more with a hedger that reacts to fills alone. The
    tape is not used: what is measured is time, not price. What overshot is what covers carried
    beyond the bound themselves, because a strategy turned round while they were on their way.
    """
    del tape
    count = _ACCOUNTS_QUICK if sizes.quick else _ACCOUNTS
    figures: dict[str, Any] = {"accounts": count, "hours_each": _HOURS}
    figures["within_s"] = COVERED_WITHIN_S
    for name, retries in (("hedger", True), ("fills_only", False)):
        report(f"hedging: {count} accounts for {_HOURS:g} h, {name}")
        figures[name] = _figures(simulate(count, sizes.seed, retries=retries), sizes)
    return figures


def simulate(
    accounts: int, seed: int, *, retries: bool, hardness: Hardness | None = None
) -> list[Coverage]:
    """Return the coverage of each account; the same seed gives the same hours."""
    section = load_pack(PACKS / "default.toml").hedging.model_dump(mode="json")
    hard = hardness or Hardness()
    return [
        World(section, hard, seed + number, retries=retries).run(_HOURS * 3_600)
        for number in range(accounts)
    ]


def covered_share(told: Sequence[Coverage]) -> float:
    """Return the part of excess exposure that covers closed in time."""
    in_time = sum(float(one.covered_in_time) for one in told)
    late = sum(float(one.covered_late + one.open_too_long) for one in told)
    return in_time / (in_time + late) if in_time + late else 1.0


def hedging_table(figures: dict[str, Any]) -> tuple[Sequence[str], Sequence[Sequence[str]]]:
    """Return what is shown of the figures."""
    keys = ("covered_in_time", "ci_low", "ci_high", "age_p50_s", "age_p95_s", "overshot")
    rows = [(name, *(str(figures[name][key]) for key in keys)) for name in ("hedger", "fills_only")]
    return ("", "covered in 2 min", "95 % from", "to", "age p50 s", "p95 s", "overshot"), rows


def _figures(told: Sequence[Coverage], sizes: Sizes) -> dict[str, Any]:
    dice = random.Random(sizes.seed)
    drawn = sorted(
        covered_share(dice.choices(told, k=len(told))) for _ in range(min(sizes.bootstrap, 1_000))
    )
    total = sum(float(one.covered_in_time + one.covered_late + one.open_too_long) for one in told)
    overshot = sum(float(one.overshot) for one in told)
    return {
        "covered_in_time": round(covered_share(told), 5),
        "ci_low": round(drawn[int(0.025 * len(drawn))], 5),
        "ci_high": round(drawn[int(0.975 * len(drawn))], 5),
        "age_p50_s": round(_age(told, 0.5), 2),
        "age_p95_s": round(_age(told, 0.95), 2),
        "overshot": round(overshot / total, 5) if total else 0.0,
    }


def _age(told: Sequence[Coverage], share: float) -> float:
    """Return the age by which that part of all that was covered had been covered."""
    ages = sorted(pair for one in told for pair in one.ages_s)
    left = share * sum(amount for _, amount in ages)
    for age, amount in ages:
        left -= amount
        if left <= 0:
            return age
    return 0.0
