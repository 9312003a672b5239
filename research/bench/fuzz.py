"""`desk bench fuzz`: mutated alerts against the reading, the deciding and, if asked, the webhook.

In this process every body goes the way of an alert: read, keyed, stored form, decided on by the
intake agent. Nothing may raise; nothing may be announced that was not understood; and what is
understood must have a word of its direction in it. Over HTTP nothing may be answered but 200,
413 and 429, every alert must come to an outcome, and no order may stem from an alert that was
not understood.
"""

from __future__ import annotations

import hashlib
import re
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from backend.contracts.denials import Code
from backend.db.gateway import dump
from backend.domain.intake import NotUnderstood, dedupe_key, parse_alert
from backend.domain.intake.wire import stored_form
from backend.errors import DeskError
from backend.settings import Settings
from backend.values import Side, format_instant
from research.load.mutations import mutated_bodies
from workers.agent import Context, RowMessage
from workers.agents import intake

Report = Callable[[str], None]

_NOW = datetime(2026, 11, 19, 14, 3, 1, tzinfo=UTC)
_WORDS = {
    Side.BUY: re.compile(r"buy|long|call|bull|bto", re.IGNORECASE),
    Side.SELL: re.compile(r"sell|short|put|bear|sto", re.IGNORECASE),
}
_OUTCOME_WAIT_S = 180.0


class FuzzFailed(Exception):
    """A body that broke a promise; the message holds it."""


def run_fuzz(seed: int, count: int, report: Report) -> dict[str, Any]:
    """Send bodies the way of an alert in this process. Raises FuzzFailed."""
    outcomes: Counter[str] = Counter()
    began = time.perf_counter()
    for number, body in enumerate(mutated_bodies(seed, count), start=1):
        try:
            outcomes[decide_on(body)] += 1
        except Exception as error:
            raise FuzzFailed(f"{type(error).__name__}: {error}: {body[:2000]!r}") from error
        if number % 20_000 == 0:
            report(f"{number} bodies, {outcomes['understood']} understood")
    return {
        "bodies": count,
        "seed": seed,
        "seconds": round(time.perf_counter() - began, 1),
        "understood": outcomes.pop("understood", 0),
        "reasons": dict(outcomes.most_common()),
    }


def decide_on(body: bytes) -> str:
    """Read a body and let intake decide. Returns `understood` or the reason's name.

    Raises AssertionError where a promise is broken, and whatever else goes wrong.
    """
    read = parse_alert(body)
    key = dedupe_key(read, body)
    assert len(key.value) == 64
    parsed = None if isinstance(read, NotUnderstood) else stored_form(read)
    reason = read.reason_code.value if isinstance(read, NotUnderstood) else "TEXT_NOT_UNDERSTOOD"
    facts = {
        "approved": None,
        "alert": {
            "alert_id": str(UUID(int=7)),
            "source_id": "fuzz",
            "received_at": format_instant(_NOW),
            "understood": parsed is not None,
            "reason_code": None if parsed is not None else reason,
            "dedupe_kind": key.kind,
            "parsed": parsed,
            "body_sha256": hashlib.sha256(body).hexdigest(),
        },
        "source": {"state": "active", "max_age_ms": 10**12},
        "strategy": {"strategy_id": "fuzz", "mode": "paper", "state": "active"},
    }
    dump(facts)  # what jsonb gets
    row = RowMessage("alert", UUID(int=7), UUID(int=7), UUID(int=7), "demo", "EURUSD", _NOW)
    decision = intake.handle(row, facts, Context("intake", _NOW, 1, UUID(int=7), _NOW))
    if not decision.emissions:
        assert decision.effects, "nothing is announced and nobody is asked"
        return Code(decision.code).name if decision.code is not None else decision.outcome
    assert not isinstance(read, NotUnderstood), "announced and not understood"
    text = body.decode("utf-8", "ignore") + body.decode("utf-16", "ignore")
    text += body.decode("utf-16-le", "ignore") + body.decode("utf-16-be", "ignore")
    assert _WORDS[read.side].search(re.sub(r"[^A-Za-z]|\\u[0-9a-f]{4}", "", text)), "guessed"
    return "understood"


def run_http_fuzz(settings: Settings, seed: int, count: int, report: Report) -> dict[str, Any]:
    """Post bodies to a whole desk and wait for their outcomes. Raises FuzzFailed."""
    from research.bench.webhook import QUICK, open_bench
    from research.load.post import Poster

    with open_bench(settings, QUICK) as bench:
        poster, statuses = Poster(bench.url), Counter[int]()
        for body in mutated_bodies(seed, count):
            status = poster.post(body, "text/plain")
            statuses[status] += 1
            if status not in (200, 413):
                raise FuzzFailed(f"answered {status}: {body[:2000]!r}")
        report(f"posted: {dict(statuses)}; waiting for outcomes")
        deadline = time.monotonic() + _OUTCOME_WAIT_S
        while bench.backlog() > 0:
            if time.monotonic() > deadline:
                raise DeskError("fuzz.stuck", f"{bench.backlog()} alerts have no outcome", "logs")
            time.sleep(0.2)
        ((orders, letters),) = bench.conn.execute(
            "select (select count(*) from public.orders o join public.signals_raw r"
            " on r.correlation_id = o.correlation_id where not r.understood),"
            " (select count(*) from bus.dead_letters)"
        ).fetchall()
        if orders or letters:
            raise FuzzFailed(f"{orders} orders of what nobody understood, {letters} dead letters")
        outcomes = bench.conn.execute(
            "select outcome, count(*) from public.alert_outcomes group by outcome order by 2 desc"
        ).fetchall()
        return {"posted": count, "statuses": dict(statuses), "outcomes": dict(outcomes)}
