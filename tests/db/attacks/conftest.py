"""One database for every attack that must change nothing: two organisations, three people."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest
from psycopg import Connection

from tests.kit import postgres as kit
from tests.kit.attacks import Catalogue, fill_theirs, fingerprint, read_catalogue
from tests.kit.governance import people
from tests.kit.postgres import Database
from tests.kit.trading_desk import add_bars, add_quote, furnish


@dataclass(frozen=True)
class Fortress:
    """A furnished desk and what it looked like before anyone attacked it."""

    database: Database
    catalogue: Catalogue
    people: dict[str, str]
    before: dict[str, tuple[int, int | None]]
    watching: Connection[Any]

    def login(self, role: str) -> str:
        """Name the login of a role, or of a person who is one."""
        return self.people.get(role, role)

    def changes(self) -> list[str]:
        """Name every table that is not as it was."""
        after = fingerprint(self.watching, self.catalogue)
        return sorted(n for n in self.before.keys() | after if self.before.get(n) != after.get(n))


@pytest.fixture(scope="session")
def fortress() -> Generator[Fortress]:
    with kit.fresh_database() as database:
        furnish(database)
        with (
            people(database, "person_operator") as operators,
            people(database, "person_auditor", role="auditor") as auditors,
            people(database, "person_clerk", role="desk_operator") as clerks,
            psycopg.connect(database.superuser_url, autocommit=True) as conn,
        ):
            add_quote(conn)
            add_bars(conn, count=3)
            catalogue = read_catalogue(conn)
            fill_theirs(conn, catalogue)
            before = fingerprint(conn, catalogue)
            with psycopg.connect(database.superuser_url, autocommit=True) as watching:
                persons = {**operators, **auditors, **clerks}
                yield Fortress(database, catalogue, persons, before, watching)
