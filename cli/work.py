"""desk work: run agents in this process, without Celery or Redis."""

from __future__ import annotations

import signal
import threading
from typing import Annotated

import typer

from backend.settings import load_settings
from cli.console import err

app = typer.Typer(add_completion=False)


@app.command()
def work(
    agents: Annotated[
        str, typer.Option("--agents", help="Agents to host, separated by commas, or 'all'.")
    ] = "all",
    account: Annotated[
        list[str] | None,
        typer.Option("--account", help="Serve this account and no other; again for more."),
    ] = None,
) -> None:
    """Run agents until SIGTERM or Ctrl-C, then finish what is in hand.

    Needs the database (DATABASE_URL, or the desk that runs in this home), the agents'
    passwords and signing keys (DESK_KEYS); neither Celery nor Redis.

    With --account this is the bridge beside a terminal: on Windows the MetaTrader 5 that runs
    there. Examples: `desk work --agents risk,policy_guard`,
    `desk work --agents execution --account live-1`.
    """
    from backend.log import configure_logging
    from cli.reach import require_tls, with_database
    from workers.app_options import agent_names
    from workers.compose import build_host

    settings = with_database(load_settings())
    configure_logging(settings)
    names = agent_names(agents)
    if account:
        require_tls(settings)
    host = build_host(settings, names, account or ())
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    host.start()
    err().print(f"hosting {len(names)} agents; Ctrl-C stops them")
    host.wait(stop)
