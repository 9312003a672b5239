"""Readers vote on what new bars brought; models are asked last, and a silent one costs nothing."""

from __future__ import annotations

import json
import random
from collections.abc import Generator
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from backend.domain.timeframe import timeframe_seconds
from backend.ports import SystemClock
from tests.kit.model_server import ModelServer, agreeing, model_server, saying
from tests.kit.oversight import Overseen, overseen_desk
from workers import jobs

ROLES = ("housekeeping_agent", "market_data_agent")


@pytest.fixture(scope="module")
def desk() -> Generator[Overseen]:
    with overseen_desk() as desk:
        yield desk


@pytest.fixture(autouse=True)
def _environment(desk: Overseen, monkeypatch: pytest.MonkeyPatch) -> None:
    home = desk.database.handle.home
    for role in ROLES:
        desk.database.role_url(role)
    passwords = {role: home.secret(f"kit-{role}") for role in ROLES}
    (desk.keys / "passwords.json").write_text(json.dumps(passwords))
    monkeypatch.setenv("DATABASE_URL", desk.database.superuser_url)
    monkeypatch.setenv("DESK_HOME", str(desk.keys.parent))
    monkeypatch.setenv("DESK_KEYS", str(desk.keys))
    with desk.behind() as conn:
        conn.execute("set session_replication_role = replica")
        conn.execute("truncate public.structures, public.market_conviction, public.market_bars")
        conn.execute("truncate ops.structure_models, ops.job_runs")
        conn.execute("set session_replication_role = origin")


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Generator[ModelServer]:
    with model_server(agreeing) as server:
        monkeypatch.setenv("DESK_LLM_URL", server.url)
        monkeypatch.setenv("DESK_LLM_MODELS", "small, large")
        monkeypatch.setenv("DESK_LLM_KEY", "a-secret")
        yield server


def walk(desk: Overseen, timeframe: str = "M15", count: int = 400) -> None:
    """Store bars of a price that wanders up to the newest that has finished."""
    rng = random.Random(timeframe)
    seconds = timeframe_seconds(timeframe)
    length = timedelta(seconds=seconds)
    now = SystemClock().now().timestamp()
    last = datetime.fromtimestamp(now // seconds * seconds, UTC) - length
    rows, close = [], 1.1
    for index in range(count):
        opened = close
        close = opened + rng.gauss(0, 0.0004) * (4 if rng.random() < 0.1 else 1)
        high = max(opened, close) + abs(rng.gauss(0, 0.0002))
        low = min(opened, close) - abs(rng.gauss(0, 0.0002))
        at = last - length * (count - 1 - index)
        rows.append((timeframe, at, *(f"{p:.5f}" for p in (opened, high, low, close))))
    with desk.behind() as conn, conn.cursor() as cursor:
        cursor.executemany(
            "insert into public.market_bars (symbol, timeframe, opened_at, open, high, low, close,"
            " volume, source) values ('EURUSD', %s, %s, %s, %s, %s, %s, 100, 'tests')",
            rows,
        )


def report(desk: Overseen, job: str = "structures") -> str:
    (row,) = desk.rows(f"select last_report from ops.job_runs where job = '{job}'")
    return row["last_report"]


def test_new_bars_are_voted_on_once(desk: Overseen):
    walk(desk)
    jobs.structures()
    found = desk.rows("select * from public.structures")
    assert len(found) > 30
    for row in found:
        assert row["readers"] == len(row["votes"]) == 4
        assert row["agree"] == sum(vote["vote"] == "agree" for vote in row["votes"])
        assert (row["outlier"], row["model"]) == (None, None)
        assert row["high"] <= (2 * row["agree"] > row["readers"] and len(row["confirmed"]) >= 2)
    assert {row["high"] for row in found} == {True, False}
    (held,) = desk.rows("select * from public.market_conviction")
    (newest,) = desk.rows("select max(opened_at) as at from public.market_bars")
    assert held["opened_at"] == newest["at"]
    assert max(held["up"], held["down"]) > 0
    jobs.structures()
    assert report(desk) == "0 structures in 0 runs of bars"
    assert desk.rows("select * from public.structures") == found


def test_forest_is_fitted_and_flags_what_waits_for_a_person(desk: Overseen):
    pytest.importorskip("sklearn")
    jobs.structure_model()
    assert "too few" in report(desk, "structure_model")
    for timeframe in ("M5", "M15", "H1", "H4"):
        walk(desk, timeframe)
    jobs.structures()
    jobs.structure_model()
    assert "fitted on" in report(desk, "structure_model")
    jobs.structure_model()
    assert report(desk, "structure_model") == "the forest is fresh"
    with desk.behind() as conn:
        conn.execute("truncate public.structures, public.market_conviction")
    jobs.structures()
    flagged = desk.rows("select outlier, count(*) as n from public.structures group by 1")
    counts = {row["outlier"]: row["n"] for row in flagged}
    assert counts.keys() == {True, False}
    assert counts[True] / counts[False] < 0.1


def test_models_are_asked_last_and_their_votes_are_kept(desk: Overseen, asked: ModelServer):
    walk(desk)
    jobs.structures()
    assert report(desk).endswith("2 of 2 language models voted")
    assert {request["path"] for request in asked.asked} == {"/v1/chat/completions"}
    assert {request["model"] for request in asked.asked} == {"small", "large"}
    assert {headers["Authorization"] for headers in asked.headers} == {"Bearer a-secret"}
    question = json.loads(asked.asked[0]["messages"][1]["content"])
    assert len(question["structures"]) == 12
    known = max(one["known_at"] for one in question["structures"])
    assert max(bar[0] for bar in question["bars"]) == known
    newest = desk.rows("select votes, readers from public.structures order by known_at desc")[0]
    assert newest["readers"] == 6
    assert newest["votes"][-1] == {
        "reader": "llm:large",
        "vote": "agree",
        "reason": "it looks so",
    }


@pytest.mark.parametrize(
    "answer",
    [
        (500, b"no"),
        (200, b"not json"),
        saying("I think they all look fine"),
        saying('{"votes": "all"}'),
        (200, b"x" * 70_000),
    ],
    ids=["fails", "no JSON", "words", "another shape", "too long"],
)
def test_a_model_that_says_nothing_usable_costs_its_vote_only(
    desk: Overseen, monkeypatch: pytest.MonkeyPatch, answer: tuple[int, bytes]
):
    walk(desk)
    with model_server(lambda body: answer) as server:
        monkeypatch.setenv("DESK_LLM_URL", server.url)
        monkeypatch.setenv("DESK_LLM_MODELS", "mute")
        jobs.structures()
        assert len(server.asked) == 1
    assert report(desk).endswith("0 of 1 language models voted")
    assert {row["readers"] for row in desk.rows("select readers from public.structures")} == {4}


def test_votes_in_other_words_are_abstentions(desk: Overseen, monkeypatch: pytest.MonkeyPatch):
    walk(desk)
    odd = saying(
        json.dumps({"votes": [{"id": 11, "vote": "buy everything", "reason": "trust me"}]})
    )
    with model_server(lambda body: odd) as server:
        monkeypatch.setenv("DESK_LLM_URL", server.url)
        monkeypatch.setenv("DESK_LLM_MODELS", "eager")
        jobs.structures()
    votes = {row["votes"][-1]["vote"] for row in desk.rows("select votes from public.structures")}
    assert votes == {"abstain"}


def test_no_model_is_asked_unless_both_url_and_name_are_set(
    desk: Overseen, asked: ModelServer, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.delenv("DESK_LLM_MODELS")
    walk(desk)
    jobs.structures()
    assert asked.asked == []


def test_a_persons_word_stays_and_odd_ones_teach_nothing(desk: Overseen):
    walk(desk)
    jobs.structures()
    (first, *_) = desk.rows("select structure_id from public.structures order by known_at desc")
    item = {"i": 0, "structure_id": str(first["structure_id"]), "verdict": "odd", "reason": "tick"}
    with psycopg.connect(desk.database.role_url("desk_operator"), autocommit=True) as conn:
        conn.execute("select ops.judge_structures(%s::jsonb)", (json.dumps([item]),))
        with pytest.raises(psycopg.Error) as caught:
            conn.execute(
                "select ops.judge_structures(%s::jsonb)", (json.dumps([item | {"reason": " "}]),)
            )
        assert caught.value.sqlstate == "TR507"
    with desk.behind() as conn:
        conn.execute("truncate public.market_conviction")
    jobs.structures()
    where = f"where structure_id = '{first['structure_id']}'"
    (row,) = desk.rows(f"select verdict, judged_by, judged_reason from public.structures {where}")
    assert row == {"verdict": "odd", "judged_by": "desk_operator", "judged_reason": "tick"}
    with psycopg.connect(desk.database.role_url("market_data_agent")) as conn:
        answer: Any = conn.execute(
            'select ops.structure_rows(\'[{"i": 0, "rows_max": 1000}]\')'
        ).fetchone()
    (counted,) = desk.rows("select count(*) as n from public.structures")
    assert len(answer[0][0]["rows"]) == counted["n"] - 1
