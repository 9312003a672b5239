"""The `desk` command in this process, against a database and a home of one's own."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import Connection

from cli.main import main
from tests.kit.desk_folder import agent_logins, declare_all, environment_of
from tests.kit.postgres import Database
from tests.kit.trading_desk import furnished_database


@dataclass(frozen=True)
class Spoken:
    """What a run of the command said."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Read what it printed for scripts."""
        return json.loads(self.out)


Run = Callable[..., Spoken]
"""Runs `desk` with these words."""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def desk(home: Path) -> Generator[Database]:
    """Lend a desk whose agents are declared and whose keys lie in the home."""
    with furnished_database() as database:
        declare_all(database, home)
        yield database


@pytest.fixture(scope="module")
def environment(desk: Database, home: Path) -> dict[str, str]:
    """Give the environment of a person at the desk: the migrator's URL and the keys."""
    told = environment_of(desk, home, agent_logins(("intake", "normalizer")))
    return {**told, "DATABASE_URL": desk.owner_url}


@pytest.fixture
def run(
    environment: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Run:
    """Run the command as a person would, without the second that a new process takes."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    # Tables are folded to the terminal's width, which tests do not have.
    monkeypatch.setenv("COLUMNS", "240")

    def run_desk(*words: str) -> Spoken:
        monkeypatch.setattr(sys, "argv", ["desk", *words])
        capsys.readouterr()
        try:
            main()
            status = 0
        except SystemExit as left:
            status = left.code if isinstance(left.code, int) else 1
        said = capsys.readouterr()
        return Spoken(status, said.out, said.err)

    return run_desk


@pytest.fixture
def inside(desk: Database) -> Generator[Connection[Any]]:
    with psycopg.connect(desk.superuser_url, autocommit=True) as conn:
        yield conn
