"""Verbs that need a desk say so in one line when there is none, and explain themselves."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Run
from tests.kit.homes import run_desk

NEED_A_DESK = (
    ("token", "list", "--json"),
    ("dlq", "list"),
    ("keys", "list"),
    ("replay", "0" * 32),
    ("work", "--agents", "intake"),
    ("api", "serve"),
)


@pytest.mark.parametrize("words", NEED_A_DESK, ids=lambda words: words[0])
def test_verb_without_a_desk_says_what_to_do(tmp_path: Path, words: tuple[str, ...]):
    ended = run_desk(tmp_path, *words)
    assert ended.returncode == 2
    assert "Traceback" not in ended.stderr
    said = json.loads(ended.stdout)["error"] if "--json" in words else None
    if said is not None:
        assert said["code"] == "desk.not_running"
        assert "desk up" in said["hint"]
    else:
        assert "[desk.not_running]" in ended.stderr
        assert "desk up" in ended.stderr
    assert not (tmp_path / "keys").exists()


def test_database_that_does_not_answer_is_named(run: Run, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("DATABASE_URL", "postgresql://someone:secret-word@127.0.0.1:9/desk")
    for words in (("token", "list"), ("dlq", "list"), ("keys", "list")):
        said = run(*words)
        assert said.status == 2
        assert "[database.unreachable]" in said.err
        assert "secret-word" not in said.err + said.out


def test_keys_of_another_desk_are_no_traceback(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    monkeypatch.setenv("DESK_KEYS", str(tmp_path))
    said = run("dlq", "list")
    assert said.status == 2
    assert "[database.unreachable]" in said.err
    assert "DESK_KEYS" in said.err


@pytest.mark.parametrize(
    "words",
    [
        ("token", "create"),
        ("token", "list"),
        ("token", "revoke"),
        ("dlq", "list"),
        ("dlq", "show"),
        ("dlq", "replay"),
        ("keys", "list"),
        ("keys", "rotate"),
        ("keys", "revoke"),
        ("replay",),
        ("work",),
        ("api", "serve"),
    ],
    ids=" ".join,
)
def test_help_shows_an_example(run: Run, words: tuple[str, ...]):
    said = run(*words, "--help")
    assert said.status == 0
    assert "Example" in said.out
    assert f"desk {' '.join(words)}" in " ".join(said.out.replace("│", " ").split())
