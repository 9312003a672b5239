"""When an alert fired, as far as it says, and how old it may become."""

from __future__ import annotations

from datetime import datetime, timedelta

from backend.domain.intake.alert import ParsedAlert
from backend.domain.timeframe import canonical_timeframe, timeframe_seconds


def fired_at(alert: ParsedAlert, received_at: datetime) -> datetime | None:
    """Return when an alert fired by its own word; None if it says nothing of it.

    `{{time}}` is when the bar opened: an alert of that bar fires until the bar closes.
    """
    if alert.source_time is None or not alert.bar_time:
        return alert.source_time
    timeframe = canonical_timeframe(alert.timeframe)
    if timeframe is None:
        return alert.source_time
    closes_at = alert.source_time + timedelta(seconds=timeframe_seconds(timeframe))
    return max(alert.source_time, min(closes_at, received_at))


def age_max(alert: ParsedAlert, source_max_age_ms: int) -> timedelta:
    """Return the age up to which an alert may trade: the source's, or the sender's if shorter."""
    source = timedelta(milliseconds=source_max_age_ms)
    return source if alert.max_lag_s is None else min(source, timedelta(seconds=alert.max_lag_s))
