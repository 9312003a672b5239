"""Supabase's pooler tells projects apart by a suffix of the user: every login must carry it."""

from __future__ import annotations

import pytest
from psycopg.conninfo import conninfo_to_dict

from backend.bootstrap import without_login
from backend.db.gateway import dsn_for
from backend.runtime.addresses import role_url

POOLER = "postgresql://postgres.abcd:secret@aws-0-eu.pooler.supabase.com:5432/postgres"
DIRECT = "postgresql://john.doe:secret@db.example.com:5432/postgres"


@pytest.mark.parametrize(
    ("owner_url", "login"), [(POOLER, "risk_agent.abcd"), (DIRECT, "risk_agent")]
)
def test_a_role_is_named_as_its_host_wants_it(owner_url: str, login: str) -> None:
    nameless = without_login(owner_url)
    assert "secret" not in nameless
    for dsn in (
        dsn_for(owner_url, "risk_agent", "pw"),
        dsn_for(nameless, "risk_agent", "pw"),
        dsn_for(role_url(owner_url, "risk_agent", "other"), "risk_agent", "pw"),
    ):
        parts = conninfo_to_dict(dsn)
        assert (parts["user"], parts["password"]) == (login, "pw")
