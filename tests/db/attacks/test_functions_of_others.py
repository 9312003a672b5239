"""Every function that a person may call, about another organisation: tells and does nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from itertools import islice, product
from typing import Any

import psycopg
import pytest
from psycopg import Connection
from psycopg.types.json import Jsonb

from backend.db.sql_files import ALL_SCHEMAS
from tests.db.attacks.conftest import Fortress
from tests.kit.attacks import THEIRS, logged_in

PEOPLE = ("person_operator", "person_auditor", "person_clerk")

SHARED = (
    # What instruments, packs, keys and the desk's own tables are, everyone may know.
    "audit.exact", "audit.policy_at", "bus.public_keys", "bus.shard_of", "risk.active_policy",
    # Says again what it was given.
    "risk.compare_policies",
)  # fmt: skip

_TEXTS = (THEIRS, "account_id of theirs", "strategy_id of theirs", "subject of theirs")

_IDS = (
    "order_id", "proposal_id", "halt_id", "cooldown_id", "review_id", "intent_id",
    "reconciliation_id", "dead_letter_id", "change_id",
)  # fmt: skip


def _md5(name: str) -> str:
    return hashlib.md5(name.encode(), usedforsecurity=False).hexdigest()


def _items() -> list[dict[str, Any]]:
    """Name everything of theirs in one item, by id and by name, once per scope."""
    return [
        {
            **{name: _md5(name) for name in _IDS},
            "i": 0, "org_id": THEIRS, "account_id": "account_id of theirs",
            "strategy_id": "strategy_id of theirs", "scope": scope, "scope_id": scope_id,
            "cause": cause, "reason": "mine", "state": "done", "reference": "mine",
            "decision": "approve", "kind": kind, "subject": _md5(subject),
            "payload": {"scope": scope, "scope_id": scope_id},
        }
        for scope, scope_id in (
            ("organization", THEIRS), ("account", "account_id of theirs"),
            ("strategy", "strategy_id of theirs"))
        for cause in ("audit_failure",)
        for kind, subject in (("lift_halt", "halt_id"), ("end_cooldown", "cooldown_id"))
    ]  # fmt: skip


def _arguments(names: list[str], kinds: list[str]) -> Iterator[tuple[Any, ...]]:
    """Give arguments that mean something of theirs, whatever a function calls them."""
    choices: list[tuple[Any, ...]] = []
    for name, kind in zip(names, kinds, strict=False):
        if kind == "text":
            choices.append(_TEXTS)
        elif kind == "uuid":
            choices.append((_md5(name.removeprefix("p_")),))
        elif kind == "jsonb":
            choices.append(tuple(Jsonb([item]) for item in _items()))
        else:
            known = {"integer": 100, "date": "2026-01-01", "text[]": [THEIRS]}
            choices.append((known.get(kind),))
    return islice(product(*choices), 16)


def told_of_theirs(conn: Connection[Any], login: str) -> list[str]:
    """Call what the login may call; name what answered with something of theirs."""
    functions = conn.execute(
        "select n.nspname || '.' || p.proname, coalesce(p.proargnames, '{}'),"
        " array(select format_type(t, null) from unnest(p.proargtypes) with ordinality x(t, i)"
        "        order by i)"
        " from pg_proc p join pg_namespace n on n.oid = p.pronamespace"
        " where n.nspname = any (%s) and n.nspname <> 'public'"
        " and has_function_privilege(%s, p.oid, 'execute') order by 1",
        (list(ALL_SCHEMAS), login),
    ).fetchall()
    assert len(functions) > 8
    told: set[str] = set()
    for name, names, kinds in functions:
        if name in SHARED:
            continue
        call = f"select {name}({', '.join(f'%s::{kind}' for kind in kinds)})"
        for arguments in _arguments(names, kinds):
            try:
                with conn.transaction(force_rollback=True):
                    answer = str(conn.execute(call.encode(), arguments).fetchall())
                    conn.execute("set constraints all immediate")
            except psycopg.Error:
                continue
            if " of theirs" in answer:
                told.add(name)
    return sorted(told)


@pytest.mark.parametrize("person", PEOPLE)
def test_no_function_that_a_person_may_call_tells_of_another_organization(
    fortress: Fortress, person: str
) -> None:
    login = fortress.login(person)
    with logged_in(fortress.database.role_url(login)) as conn:
        assert told_of_theirs(conn, login) == []
    assert fortress.changes() == []


@pytest.mark.parametrize("office", ["treasury_operator", "auditor", "desk_operator"])
def test_nor_does_it_behind_the_api(fortress: Fortress, office: str) -> None:
    with logged_in(fortress.database.role_url("desk_api")) as conn:
        conn.execute(
            "select set_config('request.jwt.claims', %s, false)",
            ('{"sub": "somebody", "org_id": "demo"}',),
        )
        conn.execute(f"set role {office}".encode())
        assert told_of_theirs(conn, office) == []
    assert fortress.changes() == []


_ACTS = {
    "governance.record_halts": {"scope": "account", "scope_id": "account_id of theirs"},
    "governance.halt_automatically": {
        "cause": "audit_failure", "scope": "organization", "scope_id": THEIRS,
    },
    "risk.start_cooldowns": {
        "cooldown_id": _md5("new"), "scope": "strategy", "scope_id": "strategy_id of theirs",
        "rests_s": 60,
    },
    "governance.open_proposals": {
        "proposal_id": _md5("new"), "org_id": THEIRS, "kind": "mint", "subject": "mine",
    },
    "governance.execute_proposals": {"proposal_id": _md5("proposal_id")},
    "governance.lift_halts": {"halt_id": _md5("halt_id")},
}  # fmt: skip


@pytest.mark.parametrize("procedure", _ACTS)
def test_no_operator_of_one_organization_acts_on_another(
    fortress: Fortress, procedure: str
) -> None:
    items = Jsonb([{"i": 0, "reason": "mine", **_ACTS[procedure]}])
    with (
        logged_in(fortress.database.role_url(fortress.login("person_clerk"))) as conn,
        pytest.raises(psycopg.Error) as caught,
    ):
        conn.execute(f"select {procedure}(%s)".encode(), (items,))
    assert caught.value.sqlstate in ("TR501", "TR505", "TR513", "TR515", "TR350")
    assert fortress.changes() == []


def test_nobody_lets_their_own_people_lift_anothers_halt(fortress: Fortress) -> None:
    halted, ended = _md5("halt_id"), _md5("cooldown_id")
    with psycopg.connect(fortress.database.superuser_url) as conn:
        conn.execute("set local session_replication_role = replica")
        conn.execute("update governance.halts set lifted_at = null, scope = 'organization'")
        conn.execute("update risk.cooldowns set ended_at = null, scope = 'strategy',"
                     " scope_id = 'strategy_id of theirs'")  # fmt: skip
        conn.execute("set local session_replication_role = origin")
        for kind, subject in (("lift_halt", halted), ("end_cooldown", ended)):
            item = {
                "i": 0, "proposal_id": _md5("new"), "org_id": "demo", "kind": kind,
                "subject": str(_uuid(conn, subject)),
            }  # fmt: skip
            with pytest.raises(psycopg.Error) as caught, conn.transaction():
                conn.execute("select governance.open_proposals(%s)", (Jsonb([item]),))
            assert caught.value.sqlstate == "TR501"
        conn.rollback()


def _uuid(conn: Connection[Any], text: str) -> Any:
    row = conn.execute("select %s::uuid", (text,)).fetchone()
    assert row is not None
    return row[0]
