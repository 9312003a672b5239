"""State in advance how a parent will be worked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from backend.domain.algorithms import adaptive, iceberg, immediate, passive, pov, twap, vwap
from backend.domain.algorithms.apportion import check_expressible
from backend.domain.algorithms.model import Algorithm, Parent, Plan, Schedule, Terms
from backend.domain.algorithms.volume_curve import VolumeCurve
from backend.domain.sessions import Session

_PLAIN: dict[Algorithm, Callable[[Plan], Schedule]] = {
    Algorithm.IMMEDIATE: immediate.schedule,
    Algorithm.TWAP: twap.schedule,
    Algorithm.ICEBERG: iceberg.schedule,
    Algorithm.PASSIVE: passive.schedule,
    Algorithm.ADAPTIVE: adaptive.schedule,
}
_BY_VOLUME: dict[Algorithm, Callable[[Plan, Mapping[Session, VolumeCurve]], Schedule]] = {
    Algorithm.VWAP: vwap.schedule,
    Algorithm.POV: pov.schedule,
}


def make_plan(
    parent: Parent,
    algorithm: Algorithm,
    terms: Terms,
    curves: Mapping[Session, VolumeCurve] | None = None,
) -> Plan:
    """Plan a parent. The same arguments make the same plan.

    Raises ValueError if the venue cannot express the quantity, the parent has no time, or an
    algorithm that goes by volume knows none.
    """
    check_expressible(parent)
    if parent.ends_at <= parent.starts_at:
        raise ValueError("an order needs time to work")
    plan = Plan(parent, algorithm, terms, Schedule(()))
    if algorithm in _PLAIN:
        return replace(plan, schedule=_PLAIN[algorithm](plan))
    return replace(plan, schedule=_BY_VOLUME[algorithm](plan, curves or {}))
