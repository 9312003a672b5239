"""Sources get tokens that are shown once, rotate, and end when revoked."""

from __future__ import annotations

import hashlib
from typing import Any
from uuid import uuid4

import pytest
from psycopg import Connection

from tests.cli.conftest import Run
from tests.kit.trading_desk import clear, rows


@pytest.fixture(autouse=True)
def _clean(inside: Connection[Any]) -> None:
    clear(inside)


def good_tokens(inside: Connection[Any], source: str) -> list[bytes]:
    found = rows(
        inside,
        "select token_sha256 from intake.source_tokens where source_id = %s and revoked_at is null"
        " and coalesce(valid_until, 'infinity') > clock_timestamp() order by created_at",
        (source,),
    )
    return [bytes(digest) for (digest,) in found]


def digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def test_token_and_secret_are_printed_once_and_kept_as_hashes(run: Run, inside: Connection[Any]):
    made = run("source", "add", "tv-2", "--secret", "--tradingview", "--rate", "60", "--json").json
    assert made["url"].endswith("/webhooks/tradingview/" + made["token"])
    assert len(made["token"]) >= 43
    assert good_tokens(inside, "tv-2") == [digest(made["token"])]
    ((secret, addresses, rate),) = rows(
        inside,
        "select secret_sha256, cardinality(allowed_addresses), rate_per_minute"
        " from intake.sources where source_id = 'tv-2'",
    )
    assert (bytes(secret), addresses, rate) == (digest(made["secret"]), 4, 60)
    said = run("source", "list", "--json")
    assert made["token"] not in said.out
    assert [row["source_id"] for row in said.json] == ["tv", "tv-2"]


def test_rotated_token_stays_good_for_the_overlap_only(run: Run, inside: Connection[Any]):
    first = run("source", "add", "tv-2", "--json").json["token"]
    second = run("source", "rotate", "tv-2", "--json").json["token"]
    assert good_tokens(inside, "tv-2") == [digest(first), digest(second)]
    third = run("source", "rotate", "tv-2", "--overlap-minutes", "0", "--json").json["token"]
    assert good_tokens(inside, "tv-2") == [digest(third)]


def test_one_token_is_revoked_or_all(run: Run, inside: Connection[Any]):
    run("source", "add", "tv-2")
    kept = run("source", "rotate", "tv-2", "--json").json["token"]
    tokens = run("source", "list", "--json").json[1]["tokens"]
    assert run("source", "revoke", "tv-2", "--token", tokens[0]["token_id"]).status == 0
    assert good_tokens(inside, "tv-2") == [digest(kept)]
    assert run("source", "revoke", "tv-2").status == 0
    again = run("source", "revoke", "tv-2")
    assert (again.status, "[source.unknown]" in again.err) == (2, True)


def test_what_a_source_may_is_changed(run: Run, inside: Connection[Any]):
    run("source", "add", "tv-2")
    changed = "select rate_per_minute, max_age_ms, allowed_addresses::text from intake.sources"
    changed += " where source_id = 'tv-2'"
    run("source", "set", "tv-2", "--rate", "5", "--max-age", "9", "--allow", "10.1.2.3/8")
    assert rows(inside, changed) == [(5, 9000, "{10.0.0.0/8}")]
    assert "secret: " in run("source", "set", "tv-2", "--new-secret", "--allow-all").out
    assert rows(inside, changed) == [(5, 9000, None)]


def test_gap_is_shown_and_closed_by_a_person(run: Run, inside: Connection[Any]):
    inside.execute(
        "insert into intake.gaps (gap_id, org_id, source_id, first_missing, last_missing,"
        " after_alert_id) values (gen_random_uuid(), 'demo', 'tv', 3, 4, %s)",
        (uuid4(),),
    )
    (gap,) = run("source", "gaps", "--json").json
    assert (gap["first_missing"], gap["closed_at"]) == (3, None)
    assert run("source", "gaps", "--close", gap["gap_id"]).status == 0
    assert "[source.gap]" in run("source", "gaps", "--close", gap["gap_id"]).err


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("add", "tv"), "source.taken"),
        (("add", "x", "--strategy", "nobody"), "source.strategy"),
        (("add", "x", "--allow", "home"), "source.address"),
        (("rotate", "nobody"), "source.unknown"),
        (("set", "nobody", "--rate", "1"), "source.unknown"),
        (("set", "tv"), "source.unchanged"),
        (("set", "tv", "--strategy", "nobody"), "source.strategy"),
    ],
)
def test_what_cannot_be_is_said_in_one_line(run: Run, words: tuple[str, ...], code: str):
    said = run("source", *words)
    assert (said.status, f"[{code}]" in said.err) == (2, True)


def test_templates_and_what_the_desk_makes_of_a_message(run: Run, tmp_path: Any):
    found = run("alerts", "template", "--kind", "strategy", "--json").json
    assert [row["format"] for row in found] == ["desk"]
    assert "{{strategy.order.action}}" in found[0]["message"]
    assert len(run("alerts", "template", "--all", "--json").json) > 40
    message = tmp_path / "message"
    message.write_text("buy EURUSD")
    assert run("alerts", "check", str(message), "--json").json["symbol_raw"] == "EURUSD"
    message.write_text("hold EURUSD")
    said = run("alerts", "check", str(message))
    assert (said.status, "ACTION_NOT_SUPPORTED" in said.out) == (1, True)
