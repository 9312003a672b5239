"""The codes: stable numbers, one meaning each, and no others anywhere in the SQL."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from backend.contracts.denials import Code, Kind

ROOT = Path(__file__).parents[2]
SOURCES = ("backend", "workers", "cli", "research")
_QUOTED = re.compile(r"'(TR[0-9A-Z]{3})'")
# `IntakeCode.BODY_EMPTY` counts for `BODY_EMPTY`: agents turn the domain's words into codes.
_NAMED = re.compile(r"Code\.([A-Z_0-9]+)\b|\bTR([0-9]{3})\b")


def codes_in_sql() -> dict[str, set[str]]:
    """Find each code with the files that say it between quotes."""
    found: dict[str, set[str]] = {}
    for path in sorted((ROOT / "sql").rglob("*.sql")):
        for code in _QUOTED.findall(path.read_text()):
            found.setdefault(code, set()).add(str(path.relative_to(ROOT)))
    return found


def names_in_python() -> set[str]:
    """Find the names of codes that Python uses, outside their list."""
    names: set[str] = set()
    for folder in SOURCES:
        for path in (ROOT / folder).rglob("*.py"):
            if path.name == "denials.py":
                continue
            for name, number in _NAMED.findall(path.read_text()):
                names.add(name or _name_of(f"TR{number}"))
    return names


def _name_of(value: str) -> str:
    return Code(value).name if value in set(Code) else value


def test_every_code_is_a_valid_sqlstate_in_the_order_of_its_number():
    values = [code.value for code in Code]
    assert all(re.fullmatch(r"TR[1-6][0-9]{2}", value) for value in values)
    assert values == sorted(set(values))
    assert len(Code.__members__) == len(values)  # no second name for one number


def test_every_code_says_what_it_means_and_who_is_concerned():
    assert all(code.meaning and isinstance(code.kind, Kind) for code in Code)
    assert len({code.meaning for code in Code}) == len(Code)


def test_a_code_is_found_by_the_sqlstate_that_a_procedure_raised():
    assert Code("TR308") is Code.NOTIONAL_EXCEEDED
    assert Code.NOTIONAL_EXCEEDED == "TR308"


@pytest.mark.parametrize(
    ("code", "number"),
    [
        (Code.MESSAGE_EXPIRED, 101),
        (Code.LEASE_LOST, 108),
        (Code.TOKEN_UNKNOWN, 201),
        (Code.LIMIT_MISSING, 301),
        (Code.ORDER_NOT_AUTHORIZED, 401),
        (Code.NOT_A_VOTER, 501),
        (Code.CONFLICTING_SIGNAL, 601),
    ],
)
def test_numbers_do_not_move(code: Code, number: int):
    assert code == f"TR{number}"


def test_every_code_in_the_sql_is_listed():
    unknown = {code: files for code, files in codes_in_sql().items() if code not in set(Code)}
    assert not unknown


def test_no_listed_code_is_unused():
    used = {_name_of(code) for code in codes_in_sql()} | names_in_python()
    assert not [code.name for code in Code if code.name not in used]
