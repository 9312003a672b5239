"""Routing policies, shadows and flags from the command line."""

from __future__ import annotations

from typing import Any

import pytest
from psycopg import Connection

from backend.bootstrap import was_followed
from backend.policies import PACKS, load_pack
from tests.cli.conftest import Run
from tests.kit.differences import SHADOW, add_differences
from tests.kit.trading_desk import rows


@pytest.fixture
def active(inside: Connection[Any], run: Run) -> None:
    """Let the desk's demo pack be the one in force, and its shadow have differed."""
    inside.execute("update risk.policies set active = false")
    assert run("policy", "apply", str(PACKS / "demo.toml")).status == 0
    inside.execute("truncate public.routing_differences")
    add_differences(inside, 40)


@pytest.mark.usefixtures("active")
def test_policies_and_what_shadows_did_otherwise_are_shown(run: Run):
    assert run("routing", "show", "--json").json["shadows"][0]["name"] == SHADOW
    assert "stricter (shadow)" in run("routing", "show").out
    found = run("routing", "differences", "--shadow", SHADOW, "--limit", "3", "--json").json
    assert [row["kind"] for row in found] == ["leaves"] * 3
    (told,) = run("routing", "report", "--json").json
    assert (told["leaves"], told["resolved"], told["enough"]) == (40, 40, True)
    assert "40" in run("routing", "report").out


@pytest.mark.usefixtures("active")
def test_a_promotion_is_asked_for_with_the_evidence_on_record(run: Run, inside: Any):
    asked = run("routing", "promote", SHADOW, "--reason", "it spared us losses", "--json").json
    assert asked["evidence"]["resolved"] == 40
    ((kind, subject),) = rows(
        inside,
        "select kind, subject from public.proposals where proposal_id = %s",
        (asked["proposal_id"],),
    )
    assert (kind, subject) == ("promote_shadow", SHADOW)
    assert run("routing", "promote", "nobody", "--reason", "why not").status == 2


def test_flags_are_set_by_name(run: Run, inside: Any):
    assert run("routing", "flag", "symbol.XAUUSD", "off", "--note", "jumps").status == 0
    assert rows(inside, "select flag, enabled, note from ops.feature_flags") == [
        ("symbol.XAUUSD", False, "jumps")
    ]
    assert run("routing", "flag", "symbol.XAUUSD", "on").status == 0
    assert run("routing", "flag", "anything", "off").status == 2
    assert run("routing", "flag", "symbol.XAUUSD", "maybe").status == 2


@pytest.mark.usefixtures("active")
def test_a_restart_does_not_undo_what_was_voted(inside: Any):
    pack = load_pack(PACKS / "demo.toml")
    assert not was_followed(inside, pack)
    inside.execute("update risk.policies set active = false")
    inside.execute(
        "insert into risk.policies (policy_hash, name, version, body, applied_by, active)"
        " select repeat('c', 64), name, version, body, 'desk_owner (proposal x)', true"
        "   from risk.policies where policy_hash = %s",
        (pack.policy_hash,),
    )
    assert was_followed(inside, pack)
