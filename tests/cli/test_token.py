"""Tokens are shown once, kept as a hash, and end when revoked."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from psycopg import Connection

from tests.cli.conftest import Run
from tests.kit.trading_desk import rows


@pytest.fixture(autouse=True)
def _clean(inside: Connection[Any]) -> None:
    inside.execute("delete from ops.api_tokens")


def test_token_is_printed_once_and_kept_as_its_hash(run: Run, inside: Connection[Any]):
    said = run("token", "create", "maria", "--role", "treasury_operator", "--days", "7")
    token = said.out.strip()
    assert (said.status, token[:5], "\n" in token) == (0, "desk_", False)
    assert "not shown again" in said.err
    digest = hashlib.sha256(token.encode()).digest()
    with inside.cursor() as cursor:
        found = cursor.execute(
            "select person, role_name, org_id from ops.authenticate(%s)", (digest,)
        ).fetchall()
    assert found == [("maria", "treasury_operator", "demo")]
    assert rows(
        inside,
        "select round(extract(epoch from expires_at - created_at) / 86400) from ops.api_tokens",
    ) == [(7,)]


def test_token_for_scripts_comes_with_its_id(run: Run):
    made = run("token", "create", "grafana", "--json").json
    (listed,) = run("token", "list", "--json").json
    assert listed["token_id"] == made["token_id"]
    assert listed["person"] == "grafana"
    assert made["token"] not in str(listed)


def test_revoked_token_is_good_no_longer(run: Run, inside: Connection[Any]):
    made = run("token", "create", "maria", "--json").json
    assert run("token", "revoke", made["token_id"]).status == 0
    digest = hashlib.sha256(made["token"].encode()).digest()
    assert inside.execute("select 1 from ops.authenticate(%s)", (digest,)).fetchall() == []
    assert "revoked" in run("token", "list").out
    again = run("token", "revoke", made["token_id"])
    assert (again.status, "[token.unknown]" in again.err) == (2, True)


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("--role", "desk_owner"), "token.role"),
        (("--org", "nobody"), "token.org"),
    ],
)
def test_token_that_could_not_be_used_is_not_made(
    run: Run, inside: Connection[Any], words: tuple[str, ...], code: str
):
    said = run("token", "create", "maria", *words)
    assert (said.status, f"[{code}]" in said.err) == (2, True)
    assert rows(inside, "select count(*) from ops.api_tokens") == [(0,)]
