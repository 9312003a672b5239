"""Keys are listed, replaced and withdrawn; the registry and the folder agree."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from psycopg import Connection

from backend.db.roles import AGENTS
from backend.keys import load_key
from tests.cli.conftest import Run
from tests.kit.trading_desk import rows


def test_every_agent_has_a_good_key(run: Run):
    keys = run("keys", "list", "--json").json
    assert {key["agent"] for key in keys if key["revoked_at"] is None} == set(AGENTS)
    assert "good" in run("keys", "list").out


def test_rotated_key_is_registered_and_the_old_one_still_verifies(
    run: Run, home: Path, inside: Connection[Any]
):
    old = load_key(home / "keys", "risk")
    assert run("keys", "rotate", "risk").status == 0
    new = load_key(home / "keys", "risk")
    assert new.key_id != old.key_id
    good = rows(
        inside,
        "select key_id from bus.agent_keys where agent = 'risk' and revoked_at is null",
    )
    assert {key_id for (key_id,) in good} == {old.key_id, new.key_id}


def test_revoked_key_is_good_no_longer(run: Run, home: Path):
    key_id = load_key(home / "keys", "hedger").key_id
    assert run("keys", "revoke", key_id, "--reason", "laptop lost").status == 0
    (key,) = [key for key in run("keys", "list", "--json").json if key["key_id"] == key_id]
    assert key["revoked_reason"] == "laptop lost"
    again = run("keys", "revoke", key_id, "--reason", "again")
    assert (again.status, "[keys.unknown]" in again.err) == (2, True)


def test_unknown_agent_has_no_key_to_rotate(run: Run):
    said = run("keys", "rotate", "nobody")
    assert (said.status, "[keys.agent]" in said.err) == (2, True)
