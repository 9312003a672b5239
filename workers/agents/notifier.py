"""Notifier: tells people what waits for them, once, and again later where it could not.

Mission: whoever must decide knows within seconds. Hears nothing; looks once a second for
notices that are due. SLO 1000/8000 ms. Failover: the next worker in rank looks; a notice that
was claimed by one that died is due again after a minute.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from backend.notices import NoticeNotTaken
from backend.ports import Notice
from backend.values import Severity
from workers.agent import Canvas, Context, Decision, Effect, Facts
from workers.outside import Outside

CANVAS = Canvas(
    mission="Tell the strategy analyst, by every configured channel, which signals wait for a "
    "person.",
    observations="Notices that are due, and which destination knows of which.",
    actions="Sends through Apprise; records who took what.",
    beliefs="Which destinations failed of late: a breaker rests them.",
    policy="What waits together is told together. A destination that failed is tried again with "
    "growing pauses for two days; one that took a notice is never told again.",
    slo_p50_ms=1000,
    slo_p95_ms=8000,
    failover="Ticks belong to the first worker in rank; the next one takes over with its lease.",
)
HEARS: tuple[str, ...] = ()
EMITS: tuple[str, ...] = ()
FACTS = None
TICK_FACTS = "ops.claim_notices"
EFFECTS = ("ops.record_notices",)
MAY_CALL = ("ops.claim_notices", "ops.record_notices")
EVERY_MS = 1_000
LEASE_MS = 30_000

LINES_MAX = 8
"""More than these are counted, not listed: a flood must stay readable."""
BUDGET_S = 10.0
"""Less than the lease: what is not sent by then is due again."""


def ask_tick(now: datetime) -> dict[str, Any]:
    """Ask for what is due."""
    return {}


def call_tick(facts: Facts, context: Context, outside: Outside) -> dict[str, Any]:
    """Tell every destination what it does not know yet, one message each per organisation."""
    notices: Sequence[Mapping[str, Any]] = facts["notices"]
    told: dict[str, list[str]] = {notice["notice_id"]: [] for notice in notices}
    errors: dict[str, list[str]] = {}
    if not notices:
        return {"told": told, "errors": errors}
    stop_at = time.monotonic() + BUDGET_S
    for org_id in sorted({notice["org_id"] for notice in notices}):
        for destination in outside.destinations:
            news = [
                notice
                for notice in notices
                if notice["org_id"] == org_id and destination.name not in notice["told"]
            ]
            if not news or not destination.wants(org_id):
                continue
            error = "there was no time left"
            if time.monotonic() < stop_at:
                try:
                    destination.notify(_message(news, context.now, outside.console_url))
                except NoticeNotTaken as failure:
                    error = str(failure)
                else:
                    for notice in news:
                        told[notice["notice_id"]].append(destination.name)
                    continue
            for notice in news:
                errors.setdefault(notice["notice_id"], []).append(error)
    return {"told": told, "errors": errors}


def handle_tick(facts: Facts, context: Context) -> Decision:
    """Record who was told; what failed is due again later."""
    report = facts["report"]
    effects = tuple(
        Effect(
            "ops.record_notices",
            {
                "notice_id": notice_id,
                "told": names,
                "error": "; ".join(report["errors"].get(notice_id, ())) or None,
            },
        )
        for notice_id, names in report["told"].items()
    )
    failed = len(report["errors"])
    words = f"{len(effects)} notices, {failed} of them not taken everywhere."
    return Decision(
        outcome="degraded" if failed else "told",
        explanation=words if effects else "Nobody has to be told anything.",
        effects=effects,
        quiet=not effects,
    )


def _message(news: Sequence[Mapping[str, Any]], now: datetime, console_url: str | None) -> Notice:
    """Put what waits into one message; its ids let a reader know a repetition."""
    first = news[0]
    if len(news) == 1:
        title, lines = first["title"], [first["body"]]
    else:
        title = f"{len(news)} reviews wait for you"
        lines = [f"• {notice['title']}" for notice in news[:LINES_MAX]]
        if len(news) > LINES_MAX:
            lines.append(f"… and {len(news) - LINES_MAX} more")
    if console_url is not None:
        path = f"/{first['notice_id']}" if len(news) == 1 else ""
        lines.append(f"{console_url.rstrip('/')}/console/reviews{path}")
    return Notice(
        key=first["notice_id"],
        severity=Severity.WARN,
        title=title,
        body="\n".join(lines),
        raised_at=now,
    )
