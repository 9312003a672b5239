"""Figures that conditions are judged by: scenarios, measurements."""

from __future__ import annotations

from typing import Any

from psycopg import Connection

from tests.kit.money import a_pack, authorize_one, call, use

WORST = [0.001] * 495 + [-0.01, -0.02, -0.03, -0.04, -0.05]


def scenarios(
    conn: Connection[Any],
    returns: dict[str, list[float]],
    correlations: dict[str, dict[str, str]] | None = None,
    good_until: str = "2100-01-01T00:00:00Z",
) -> None:
    item = {
        "first_day": "2024-01-01T00:00:00Z",
        "last_day": "2026-01-01T00:00:00Z",
        "good_until": good_until,
        "symbols": [
            {
                "symbol": symbol,
                "returns": [f"{value:.10f}" for value in values],
                "correlations": (correlations or {}).get(symbol, {}),
            }
            for symbol, values in returns.items()
        ],
    }
    call(conn, "risk.record_scenarios", item)


def measured(conn: Connection[Any], kind: str, scope: str, of: str, value: str) -> None:
    conn.execute(
        "insert into risk.measurements (scope, scope_id, kind, value, sample, good_until)"
        " values (%s, %s, %s, %s, 50, clock_timestamp() + interval '1 minute')"
        " on conflict (scope, scope_id, kind) do update set value = excluded.value,"
        " good_until = excluded.good_until",
        (scope, of, kind, value),
    )


def judged(conn: Connection[Any], limits: dict[str, Any], **intent: Any) -> str | None:
    use(conn, a_pack(limits, trim=False))
    return authorize_one(conn, **intent)["code"]
