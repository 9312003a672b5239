"""desk contracts: the export and the check as a person or CI calls them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from backend.contracts.schemas import export
from backend.errors import DeskError
from cli.contracts import FOLDER, app

RUNNER = CliRunner()
FILL = "execution.event.fill.v1.schema.json"


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """Write what running readers obey: a copy of the present export."""
    for name, content in export().items():
        (tmp_path / name).write_bytes(content)
    return tmp_path


def edit(folder: Path, name: str, field: str, **changes: object) -> None:
    schema = json.loads((folder / name).read_text())
    schema["properties"][field] |= changes
    (folder / name).write_text(json.dumps(schema))


def check(*arguments: str):
    return RUNNER.invoke(app, ["check", *arguments])


def test_export_writes_every_schema_and_removes_what_is_no_family(tmp_path: Path):
    (tmp_path / "signals.gone.v1.schema.json").write_text("{}")
    (tmp_path / "notes.txt").write_text("kept")
    result = RUNNER.invoke(app, ["export", "--folder", str(tmp_path)])
    assert result.exit_code == 0
    written = {path.name: path.read_bytes() for path in tmp_path.glob("*.json")}
    assert written == export()
    assert (tmp_path / "notes.txt").exists()


def test_check_passes_against_the_same_contracts(base: Path):
    result = check("--base", str(base), "--folder", str(base))
    assert result.exit_code == 0, result.output


def test_check_fails_on_a_change_that_breaks_readers(base: Path):
    edit(base, FILL, "latency_ms", minimum=1)
    result = check("--base", str(base), "--folder", str(FOLDER))
    assert result.exit_code == 1
    assert "execution.event.fill.v1 $.latency_ms" in result.output
    assert "execution.event.fill.v2" in result.output


def test_check_names_a_removed_type_and_lets_a_new_one_be(base: Path):
    gone = json.loads((base / FILL).read_text())
    (base / "signals.gone.v1.schema.json").write_text(json.dumps(gone))
    (base / FILL).unlink()
    result = check("--base", str(base), "--json")
    assert result.exit_code == 1
    assert [(b["type"], b["change"]) for b in json.loads(result.output)["breaks"]] == [
        ("signals.gone.v1", "the type was removed")
    ]


def test_check_fails_when_the_export_was_forgotten(base: Path):
    edit(base, FILL, "latency_ms", description="other words")
    result = check("--base", str(base), "--folder", str(base), "--json")
    assert result.exit_code == 1
    assert json.loads(result.output) == {"ok": False, "breaks": [], "stale": [FILL]}


def test_check_compares_with_the_committed_contracts_by_default():
    result = check("--json")
    assert json.loads(result.output)["breaks"] == []


def test_an_empty_base_is_an_error_and_no_pass(tmp_path: Path):
    result = check("--base", str(tmp_path))
    assert isinstance(result.exception, DeskError)


def test_an_unknown_revision_is_an_error_and_no_pass():
    result = check("--revision", "no-such-revision")
    assert isinstance(result.exception, DeskError)
