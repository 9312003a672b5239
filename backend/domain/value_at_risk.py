"""Value at risk of a book, assuming the worst where correlations are unknown."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from backend.domain.numbers import decimal_from_float

VAR_99_Z = 2.3263478740408408
"""One-sided 99 % quantile of the normal distribution."""


def portfolio_var(
    exposures: Mapping[str, Decimal],
    daily_sigma: Mapping[str, float],
    correlation: Mapping[tuple[str, str], float] | None = None,
) -> Decimal | None:
    """Return the 1-day 99 % value at risk of signed exposures, in their currency.

    None if a held symbol's sigma is unknown. A pair without a correlation counts as moving
    against us together (no diversification). Source: RiskMetrics 1996 (delta-normal).
    """
    held = [symbol for symbol in sorted(exposures) if exposures[symbol] != 0]
    if any(symbol not in daily_sigma for symbol in held):
        return None
    parts = [float(exposures[symbol]) * daily_sigma[symbol] for symbol in held]
    variance = 0.0
    for i, left in enumerate(held):
        for j, right in enumerate(held):
            if i == j:
                variance += parts[i] ** 2
                continue
            rho = _correlation(correlation, left, right)
            product = parts[i] * parts[j]
            variance += abs(product) if rho is None else rho * product
    return decimal_from_float(VAR_99_Z * max(0.0, variance) ** 0.5, 2)


def _correlation(
    correlation: Mapping[tuple[str, str], float] | None, left: str, right: str
) -> float | None:
    if correlation is None:
        return None
    known = correlation.get((left, right))
    return known if known is not None else correlation.get((right, left))
