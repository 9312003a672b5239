"""What README and the pages in ops tell is there: files, verbs and their own verbs, settings."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from backend.settings import CHECKOUT, ENVIRONMENT_KEYS
from cli.main import VERBS, load

PAGES = [CHECKOUT / "README.md", *sorted((CHECKOUT / "ops").glob("*.md"))]
_LINK = re.compile(r"\]\((?!https?:)([^)#]+)[^)]*\)")
_SETTING = re.compile(r"\bDESK_[A-Z_]+\b")
_CALL = re.compile(r"(?:^|`|\./)desk ([a-z]+)(?: ([a-z_|]+(?![\w=.@])))?", re.M)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_file_and_setting_that_a_page_names_is_there(page: Path) -> None:
    text = page.read_text()
    assert [link for link in _LINK.findall(text) if not (page.parent / link).exists()] == []
    assert set(_SETTING.findall(text)) <= set(ENVIRONMENT_KEYS)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_verb_that_a_page_names_can_be_called(page: Path) -> None:
    verbs = {verb.name: verb for verb in VERBS}
    for name, below in _CALL.findall(page.read_text()):
        assert name in verbs, name
        commands = getattr(load(verbs[name]), "commands", {})
        if commands and below:
            assert set(below.split("|")) <= set(commands), f"{name} {below}"


def test_the_life_of_a_signal_names_every_agent_that_carries_it() -> None:
    life = (CHECKOUT / "README.md").read_text().partition("## The life of a signal")[2]
    told = life.partition("\nBetween two steps")[0]
    for agent in (
        *("intake", "normalizer", "rationale_scorer", "strategy_analyst", "strategy_router"),
        *("portfolio", "risk", "policy_guard", "order", "execution"),
    ):
        assert f"workers/agents/{agent}.py" in told
