"""A database of a bench's own on the embedded server: migrated, and gone afterwards."""

from __future__ import annotations

import uuid
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg
from pydantic import SecretStr

from backend.db.roles import ensure_passwords, set_passwords
from backend.db.upgrade import upgrade
from backend.runtime import postgres
from backend.settings import Settings


@dataclass(frozen=True, slots=True)
class Scratch:
    """A fresh desk database, and settings whose sessions lead to it."""

    settings: Settings
    url: str
    superuser_url: str


@contextmanager
def scratch_database(settings: Settings, bench: str) -> Generator[Scratch]:
    """Lend a migrated database with the agents' passwords set; it is dropped at the end."""
    settings = settings.model_copy(
        update={
            "home": settings.home / f"bench-{bench}",
            "keys_folder": None,
            "database_url": None,
            "broker_url": None,
        }
    )
    name = f"bench_{uuid.uuid4().hex[:8]}"
    with postgres.running(settings) as server:
        url = postgres.create_database(server, name)
        try:
            upgrade(url)
            with psycopg.connect(url, autocommit=True) as owner:
                set_passwords(owner, ensure_passwords(settings.keys))
            inside = settings.model_copy(update={"database_url": SecretStr(url)})
            yield Scratch(inside, url, server.superuser_url(name))
        finally:
            postgres.drop_database(server, name)
