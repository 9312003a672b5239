"""Packs, rests and announcements from the command line."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
from psycopg import Connection

from backend.policies import PACKS
from tests.cli.conftest import Run
from tests.kit.trading_desk import rows


@pytest.fixture
def active(inside: Connection[Any], run: Run) -> None:
    """Let the desk's demo pack be the one in force."""
    inside.execute("update risk.policies set active = false")
    assert run("policy", "apply", str(PACKS / "demo.toml")).status == 0


def variant(folder: Path, spread_bps: str) -> Path:
    """Write the demo pack with another limit on the spread."""
    text = (PACKS / "demo.toml").read_text()
    before = tomllib.loads(text)["limits"]["platform"]["spread_bps"]
    changed = text.replace(f'spread_bps = "{before}"', f'spread_bps = "{spread_bps}"', 1)
    file = folder / f"spread-{spread_bps}.toml"
    file.write_text(changed)
    return file


@pytest.mark.usefixtures("active")
def test_a_tighter_pack_is_applied_and_its_change_is_told(run: Run, tmp_path: Path):
    file = variant(tmp_path, "50")
    (difference,) = run("policy", "diff", str(file), "--json").json
    assert (difference["path"], difference["effect"]) == ("limits.platform.spread_bps", "tightens")
    answer = run("policy", "apply", str(file), "--json").json
    assert (answer["changed"], answer["proposal_id"]) == (True, None)
    last = run("policy", "history", "--json").json[-1]
    assert (last["effect"], last["after_hash"]) == ("tightened", answer["policy_hash"])
    assert run("policy", "show", "--json").json["policy_hash"] == answer["policy_hash"]


@pytest.mark.usefixtures("active")
def test_a_looser_pack_waits_for_votes(run: Run, inside: Connection[Any], tmp_path: Path):
    answer = run("policy", "apply", str(variant(tmp_path, "70")), "--json").json
    assert answer["changed"] is False
    state = "select kind, state from public.proposals where proposal_id = %s"
    assert rows(inside, state, (answer["proposal_id"],)) == [("policy", "open")]
    assert "waits for votes" in run("policy", "apply", str(variant(tmp_path, "70"))).out


def test_who_is_sent_to_rest_shows_and_ends_by_votes_only(run: Run, inside: Connection[Any]):
    started = run("cooldown", "start", "strategy", "tv-smc", "--reason", "five losses")
    assert started.status == 0
    (resting,) = run("cooldown", "list", "--json").json
    assert (resting["scope_id"], resting["reason"]) == ("tv-smc", "five losses")
    ended = run("cooldown", "end", resting["cooldown_id"], "--reason", "mended")
    assert "waits for votes" in ended.out
    (proposal,) = rows(
        inside, "select proposal_id, payload from proposals where kind = 'end_cooldown'"
    )
    assert proposal[1] == {"reason": "mended"}
    inside.execute("select governance.record_event(%s, 'approved', '{}')", (proposal[0],))
    assert "ended" in run("cooldown", "end", resting["cooldown_id"], "--reason", "mended").out
    assert run("cooldown", "list", "--json").json == []


def test_announcements_are_kept_with_their_instant(run: Run, inside: Connection[Any]):
    at = rows(inside, "select to_char(now() at time zone 'utc', 'YYYY-MM-DD\"T\"HH24:MI')")[0][0]
    assert run("news", "add", at, "usd", "Non-farm payrolls").status == 0
    (event,) = run("news", "list", "--json").json
    assert (event["currency"], event["title"]) == ("USD", "Non-farm payrolls")
    assert run("news", "add", "soon", "USD", "x").status == 2


def test_pack_and_history_read_as_json(run: Run):
    assert json.loads(run("policy", "check", str(PACKS / "default.toml"), "--json").out)
