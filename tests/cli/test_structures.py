"""Votes on structures, and a person's word on the odd ones, from the command line."""

from __future__ import annotations

from typing import Any

from tests.cli.conftest import Run
from tests.kit.structures import add_structure


def test_odd_structures_wait_until_a_person_has_judged_them(run: Run, inside: Any):
    inside.execute("truncate public.structures")
    add_structure(inside)
    odd = str(add_structure(inside, "GBPUSD", outlier=True))
    assert len(run("structures", "list", "--json").json) == 2
    (waiting,) = run("structures", "list", "--odd", "--json").json
    assert (waiting["structure_id"], waiting["votes"][0]["reader"]) == (odd, "statistical")
    assert "3 of 4" in run("structures", "list", "--symbol", "gbpusd").out
    assert run("structures", "judge", odd, "sound", "--reason", "news, not an error").status == 0
    assert run("structures", "list", "--odd", "--json").json == []
    assert "sound (desk_operator)" in run("structures", "list").out


def test_a_judgement_that_names_nothing_is_refused(run: Run):
    unknown = "00000000-0000-0000-0000-000000000000"
    for arguments in (("x", "odd"), (unknown, "odd"), (unknown, "perhaps")):
        assert run("structures", "judge", *arguments, "--reason", "why").status == 2
