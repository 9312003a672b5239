"""desk news: announcements around which the desk opens nothing."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer
import uuid_utils

from backend.errors import DeskError
from backend.settings import load_settings
from cli.console import out, print_json, print_table
from cli.options import AsJson
from cli.sessions import session_as

app = typer.Typer(add_completion=False, no_args_is_help=True)


@app.command()
def add(
    at: Annotated[str, typer.Argument(help="When, as 2026-11-21T13:30Z; UTC without an offset.")],
    currency: Annotated[str, typer.Argument(help="USD, EUR, …; * concerns every instrument.")],
    title: Annotated[str, typer.Argument(help="What is announced.")],
) -> None:
    """Record an announcement; the pack's news_distance_s_min says how far it reaches.

    Example: `desk news add 2026-12-04T13:30Z USD "Non-farm payrolls"`.
    """
    from backend.db.gateway import call

    try:
        happens_at = datetime.fromisoformat(at)
    except ValueError as error:
        raise DeskError("news.time", f"{at} is no time", "write 2026-12-04T13:30Z") from error
    if happens_at.tzinfo is None:
        happens_at = happens_at.replace(tzinfo=UTC)
    item = {
        "i": 0,
        "event_id": str(uuid_utils.uuid7()),
        "happens_at": happens_at.isoformat(),
        "currency": currency,
        "title": title,
    }
    with session_as(load_settings(), "desk_operator") as conn:
        call(conn, "risk.record_news", [item])
    out().print(f"{currency.upper()} {happens_at.isoformat()} {title}: {item['event_id']}")


@app.command(name="list")
def list_(
    as_json: AsJson = False,
) -> None:
    """Show the announcements from yesterday on.

    Example: `desk news list --json`.
    """
    from psycopg.rows import dict_row

    with session_as(load_settings(), "desk_operator") as conn:
        events = (
            conn.cursor(row_factory=dict_row)
            .execute(
                "select event_id::text, happens_at::text, currency, title, recorded_by"
                "  from risk.news_events"
                " where happens_at > clock_timestamp() - interval '1 day' order by happens_at"
            )
            .fetchall()
        )
    if as_json:
        print_json(events)
        return
    columns = ("happens_at", "currency", "title", "recorded_by")
    print_table("", columns, [tuple(str(row[name]) for name in columns) for row in events])
