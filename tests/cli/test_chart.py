"""desk chart: a file with a picture, and its path."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from psycopg import Connection

from tests.cli.conftest import Run
from tests.kit.trading_desk import add_bars


@pytest.fixture
def bars(inside: Connection[Any]) -> None:
    inside.execute("truncate public.market_bars")
    add_bars(inside)


@pytest.mark.usefixtures("bars")
def test_chart_is_written_and_its_path_printed(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    assert run("chart", "eurusd").out.strip() == str(tmp_path / "EURUSD-M15.png")
    assert (tmp_path / "EURUSD-M15.png").read_bytes().startswith(b"\x89PNG")
    told = run("chart", "EURUSD", "--bars", "40", "--out", "a.svg", "--json").json
    assert told["path"] == str(tmp_path / "a.svg")
    assert (tmp_path / "a.svg").read_text().startswith("<?xml")


@pytest.mark.usefixtures("bars")
def test_what_cannot_be_drawn_says_why(run: Run, tmp_path: Path):
    assert run("chart", "EURUSD", "--timeframe", "D1").status == 2
    assert run("chart", "EURUSD", "--timeframe", "fortnight").status == 2
    assert run("chart", "EURUSD", "--format", "gif").status == 2
    assert run("chart", "EURUSD", "--out", str(tmp_path / "nowhere" / "a.png")).status == 2
