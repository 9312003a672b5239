"""What a table looks like follows where it is printed, not where the first one was."""

from __future__ import annotations

import pytest

from cli.console import print_table


def test_each_table_has_the_width_of_its_own_moment(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    for width, lines in (("40", 3), ("240", 2)):
        monkeypatch.setenv("COLUMNS", width)
        print_table("", ["id", "said"], [["a" * 30, "b" * 12]])
        assert len(capsys.readouterr().out.splitlines()) == lines
