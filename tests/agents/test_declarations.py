"""What agents declare is what the database grants, and what they say has someone to say it."""

from __future__ import annotations

from collections.abc import Generator

import psycopg
import pytest

from backend.contracts.families import FAMILIES
from backend.db import roles
from backend.db.catalogue import grants_of
from tests.kit import postgres as kit
from tests.kit.postgres import Database
from workers.agent import AGENTS, load
from workers.canvases import drifted, pages
from workers.declare import DECIDING, declarations


@pytest.fixture(scope="module")
def shared() -> Generator[Database]:
    """Lend one migrated database to every comparison."""
    with kit.fresh_database() as fresh:
        yield fresh


def test_the_roles_are_those_of_the_agents():
    assert roles.AGENTS == AGENTS


@pytest.mark.parametrize("name", AGENTS)
def test_an_agent_may_call_exactly_what_it_declares(shared: Database, name: str):
    with psycopg.connect(shared.superuser_url) as conn:
        granted = grants_of(conn, roles.agent_role(name))
    assert set(load(name).may_call) == granted


@pytest.mark.parametrize("name", AGENTS)
def test_an_agent_can_run_what_it_declares(shared: Database, name: str):
    with psycopg.connect(shared.superuser_url) as conn:
        refused = conn.execute(
            "select p.oid::regprocedure::text from pg_proc p"
            " join pg_namespace n on n.oid = p.pronamespace"
            " where n.nspname || '.' || p.proname = any (%s)"
            " and not (has_function_privilege(%s, p.oid, 'execute')"
            " and has_schema_privilege(%s, n.oid, 'usage'))",
            (list(load(name).may_call), roles.agent_role(name), roles.agent_role(name)),
        ).fetchall()
    assert refused == []


@pytest.mark.parametrize("name", AGENTS)
def test_an_agent_is_whole(name: str):
    agent = load(name)
    more = getattr(agent.module, "MORE_FACTS", None)
    called = {*agent.effects, *filter(None, (agent.facts, agent.tick_facts, more))}
    assert called <= set(agent.may_call)
    assert len(set(agent.may_call)) == len(agent.may_call)
    assert {*agent.hears, *agent.emits} <= set(FAMILIES)
    assert 0 < agent.canvas.slo_p50_ms <= agent.canvas.slo_p95_ms
    needed = {
        "handle": bool(agent.hears or agent.hears_rows) and not agent.has("call"),
        "handle_tick": agent.every_ms is not None,
        "prepare": agent.has("call"),
        "record": agent.has("call"),
    }
    missing = [function for function, wanted in needed.items() if wanted != agent.has(function)]
    assert missing == []


def test_whatever_is_heard_is_said_by_someone():
    declared = declarations()
    said = {kind for declaration in declared for kind in declaration["emits"]}
    heard = {kind for declaration in declared for kind in declaration["hears"]}
    assert heard <= said


def test_agents_whose_dead_letter_ends_an_alert_are_agents():
    assert set(AGENTS) > DECIDING


def test_the_generated_pages_are_as_the_agents_declare():
    assert set(AGENTS) < {path.stem for path in pages()}
    assert drifted() == []
