"""Terminals for the tests: a shared one where state does not matter, fresh ones elsewhere."""

from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import pytest

from tests.venues.inside import Inside, Open, open_inside
from tests.venues.process import PaperProcess, close_clients

Starter = Callable[..., PaperProcess]


@pytest.fixture(scope="session")
def shared_terminal(tmp_path_factory: pytest.TempPathFactory) -> Generator[PaperProcess]:
    """A hedging account at a fast market; tests must not depend on what others left."""
    options = ("--speed", "20", "--seed", "7", "--balance", "10000000")
    terminal = PaperProcess(tmp_path_factory.mktemp("paper"), options).start()
    yield terminal
    assert terminal.stop() == 0


@pytest.fixture
def start_terminal(tmp_path: Path) -> Generator[Starter]:
    """Start terminals with options of their own; the folder stays for a restart."""
    started: list[PaperProcess] = []

    def start(*options: str, name: str = "home") -> PaperProcess:
        terminal = PaperProcess(tmp_path / name, options).start()
        started.append(terminal)
        return terminal

    yield start
    for terminal in started:
        terminal.kill()


@pytest.fixture
def paper(tmp_path: Path) -> Generator[Open]:
    """Open terminals inside this process: options, rules as TOML, scripted prices."""
    opened: list[Inside] = []

    def make(*options: str, **words: Any) -> Inside:
        rules = words.pop("rules", None)
        home = tmp_path / str(len(opened))
        if rules:
            (tmp_path / "rules.toml").write_text(rules)
            options = (*options, "--rules", str(tmp_path / "rules.toml"))
        opened.append(open_inside(home, *options, **words))
        return opened[-1]

    yield make
    for inside in opened:
        inside.close()


@pytest.fixture(autouse=True)
def _no_open_clients() -> Generator[None]:
    yield
    close_clients()
