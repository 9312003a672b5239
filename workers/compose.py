"""Where a worker process is put together: settings in, a host of agents out."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from psycopg import Connection

from backend.db.gateway import connect_as
from backend.errors import DeskError
from backend.keys import load_key
from backend.ports import SystemClock
from backend.settings import Settings
from backend.values import Mode
from workers.agent import AGENTS, load
from workers.host import Host
from workers.outside import Outside
from workers.standing_back import let_stand_back, stand_back

PERSONAS = frozenset({"strategy_analyst", "execution_overseer", "risk_sentinel"})


def build_host(settings: Settings, names: Sequence[str], accounts: Sequence[str] = ()) -> Host:
    """Return a host for these agents, whose bridge serves these accounts, or a share of all.

    Raises DeskError if an agent is unknown or has no key, or is given accounts and serves none.
    """
    unknown = sorted(set(names) - set(AGENTS))
    if unknown:
        raise DeskError(
            "agents.unknown",
            f"no such agent: {', '.join(unknown)}",
            f"known are {', '.join(AGENTS)}",
        )
    if settings.mode is Mode.LIVE and len(PERSONAS & set(names)) > 1:
        raise DeskError(
            "agents.personas_together",
            "one process would hold the keys of several personas",
            "live desks run strategy_analyst, execution_overseer and risk_sentinel apart: "
            "start one process for each with `desk work --agents …`",
        )
    if accounts and not set(names) <= {"execution", "market_data"}:
        raise DeskError(
            "agents.accounts",
            "only a bridge, and who reads its market, serve accounts of their own",
            "name no others: `desk work --agents execution --account …`",
        )
    stand_back()

    def connect(role: str) -> Connection[Any]:
        conn = connect_as(settings, role)
        let_stand_back(conn)
        return conn

    clock = SystemClock()
    return Host(
        agents=[load(name) for name in names],
        keys={name: load_key(settings.keys, name) for name in names},
        connect=connect,
        clock=clock,
        outside=Outside(settings, clock, connect, tuple(accounts)),
        version=code_version(),
        accounts=tuple(accounts),
    )


@lru_cache(maxsize=1)
def code_version() -> str:
    """Return the version that decisions are recorded under."""
    try:
        return version("dynamic-capital-desk")
    except PackageNotFoundError:
        return "unpackaged"
