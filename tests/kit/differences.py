"""What shadow routing policies would have done otherwise, as the router records it."""

from __future__ import annotations

from typing import Any

from psycopg import Connection

SHADOW = "stricter"
"""The shadow policy of the demo's pack."""


def add_differences(
    conn: Connection[Any], count: int, gain_r: str = "0.5", org_id: str = "demo"
) -> None:
    """Write differences whose outcome is known: their gains swing a little around gain_r."""
    conn.execute(
        "insert into public.routing_differences (opportunity_id, shadow, correlation_id, org_id,"
        " symbol, side, active, kind, code, detail, reference_price, stop_loss, take_profit,"
        " outcome, gain_r, resolved_at)"
        " select gen_random_uuid(), %s, gen_random_uuid(), %s, 'EURUSD', 'BUY', 'demo', 'leaves',"
        " 'TR610', '0.05 R', 1.1, 1.09, 1.12, 'stop', %s::numeric + 0.1 * (n %% 3 - 1),"
        " clock_timestamp() from generate_series(1, %s) as g(n)",
        (SHADOW, org_id, gain_r, count),
    )
