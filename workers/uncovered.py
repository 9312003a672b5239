"""What people are told of residuals that nothing covers, and when that is over."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from backend.domain.hedging import (
    Asked,
    Basket,
    CoverProposal,
    HedgePolicy,
    NoCover,
    Waits,
    residual_of,
    waits,
)
from backend.values import format_decimal
from workers.agent import Effect
from workers.covering import decimals

TELL_UNCOVERED = "execution.tell_uncovered"

Standing = tuple[Mapping[str, Any], Basket, CoverProposal | NoCover]


def asked_of(account: Mapping[str, Any], basket: Basket) -> Asked:
    """Say what was asked for a basket of an account within the window."""
    asked = account["asked"].get(basket.hedge_symbol)
    return Asked(
        tries=0 if asked is None else int(asked["tries"]),
        age_s=None if asked is None else Decimal(asked["age_s"]),
        pending=basket.hedge_symbol in account["pending"],
    )


def uncovered(
    told: Iterable[Mapping[str, Any]], standing: Sequence[Standing], policy: HedgePolicy
) -> list[Effect]:
    """Have people told of what every try left open, and close what is within its bound again.

    told: what they know of already; `settled` where nothing on its way could cover it.
    """
    known = {(row["account_id"], row["symbol"]): bool(row["settled"]) for row in told}
    beyond = {(account["account_id"], basket.hedge_symbol) for account, basket, _ in standing}
    effects = [
        _spent(account, basket, policy)
        for account, basket, _ in standing
        if (account["account_id"], basket.hedge_symbol) not in known
        and waits(asked_of(account, basket), policy) is Waits.TRIES_SPENT
    ]
    over = [key for key, settled in known.items() if settled and key not in beyond]
    return effects + [
        Effect(TELL_UNCOVERED, {"account_id": account_id, "symbol": symbol, "covered": True})
        for account_id, symbol in over
    ]


def say_uncovered(effects: Iterable[Effect]) -> str:
    """Say of whom people are told what."""
    parts = [
        f"{e.item['account_id']} {e.item['symbol']} "
        + ("is covered again" if e.item["covered"] else "stands after every try")
        for e in effects
    ]
    return "; ".join(parts) or "nobody has to be told"


def _spent(account: Mapping[str, Any], basket: Basket, policy: HedgePolicy) -> Effect:
    residual = residual_of(basket, decimals(account["exposures"]))
    bound = policy.residual_max * Decimal(account["equity"])
    item = {
        "account_id": account["account_id"],
        "symbol": basket.hedge_symbol,
        "covered": False,
        "tries": asked_of(account, basket).tries,
        "residual": format_decimal(round(residual, 2)),
        "bound": format_decimal(round(bound, 2)),
    }
    return Effect(TELL_UNCOVERED, item)
