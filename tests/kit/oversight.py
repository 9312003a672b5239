"""A furnished desk whose agents are declared, and a way to let one of them tick once."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Generator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
from psycopg import Connection
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from backend.bootstrap import declare
from backend.keys import load_key
from backend.policies import PACKS, load_pack
from backend.ports import SystemClock
from tests.kit.bus import new_id, session
from tests.kit.postgres import Database
from tests.kit.trading_desk import furnished_database
from workers.agent import load
from workers.deciding import Decider
from workers.declare import declarations

PACK = load_pack(PACKS / "default.toml")


@dataclass(frozen=True)
class Overseen:
    """A database with every agent declared, and the folder of their keys."""

    database: Database
    keys: Path

    def tick(self, agent: str, now: datetime | None = None, outside: Any = None) -> list[str]:
        """Let an agent do once what it does of its own accord. Returns whom it woke.

        outside: what the agent reaches beyond the database, where it reaches anything.
        """
        with session(self.database, f"{agent}_agent") as conn:
            decider = Decider(load(agent), conn, load_key(self.keys, agent), new_id(), "tests")
            return decider.tick(now or SystemClock().now(), outside)[0].wake

    def rows(self, query: str, *parameters: Any) -> list[dict[str, Any]]:
        """Read as the superuser."""
        with (
            psycopg.connect(self.database.superuser_url) as conn,
            conn.cursor(row_factory=dict_row) as cursor,
        ):
            return cursor.execute(query.encode(), parameters).fetchall()

    def traces(self, agent: str) -> list[dict[str, Any]]:
        """Read what an agent decided, oldest first."""
        return self.rows(
            "select * from decision_traces where agent = %s order by decided_at", agent
        )

    @contextlib.contextmanager
    def behind(self) -> Generator[Connection[Any]]:
        """Lend a superuser's session that no trigger and no foreign key hinders."""
        with psycopg.connect(self.database.superuser_url, autocommit=True) as conn:
            conn.execute("set session_replication_role = replica")
            conn.execute("set timezone = 'UTC'")
            yield conn


@contextlib.contextmanager
def overseen_desk(version: int = 16) -> Generator[Overseen]:
    """Lend a furnished desk under the default pack, its agents declared."""
    with furnished_database(version) as database, tempfile.TemporaryDirectory() as folder:
        keys = Path(folder) / "keys"
        with psycopg.connect(database.owner_url, autocommit=True) as conn:
            declare(conn, keys, declarations(), SystemClock().now() - timedelta(minutes=5))
        with psycopg.connect(database.superuser_url) as conn:
            conn.execute("set local session_replication_role = replica")
            conn.execute(
                "update risk.policies set body = %s, applied_at = '2020-01-01' where active",
                (Jsonb(PACK.model_dump(mode="json")),),
            )
        yield Overseen(database, keys)


def ago(**step: float) -> datetime:
    """Give an instant of the past, in UTC."""
    return SystemClock().now().astimezone(UTC) - timedelta(**step)
