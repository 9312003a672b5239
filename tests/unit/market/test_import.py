"""`desk import bars` reads, checks and reports; errors say what to do."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from backend.errors import DeskError
from cli.import_bars import app

GOOD = "2014.05.01\t00:{:02d}:00\t1.1\t1.2\t1.0\t1.15\t5\t0\t10\n"
HEADER = "<DATE>\t<TIME>\t<OPEN>\t<HIGH>\t<LOW>\t<CLOSE>\t<TICKVOL>\t<VOL>\t<SPREAD>\n"


def run(*arguments: object) -> dict[str, object]:
    result = CliRunner().invoke(app, ["bars", *map(str, arguments), "--dry-run", "--json"])
    if result.exception:
        raise result.exception
    return json.loads(result.stdout)


def an_export(folder: Path, name: str = "EURUSD.csv", encoding: str = "utf-8") -> Path:
    rows = [GOOD.format(minute) for minute in range(0, 60, 5)]
    rows[3] = rows[3].replace("1.15", "1.3")
    rows.append(rows[-1])
    path = folder / name
    body = (HEADER + "".join(rows)).encode(encoding)
    path.write_bytes(gzip.compress(body) if name.endswith(".gz") else body)
    return path


@pytest.mark.parametrize(
    ("name", "encoding"),
    [("EURUSD.csv", "utf-8"), ("eurusd_m5.csv.gz", "utf-8"), ("EURUSD_M5_2014.csv", "utf-16")],
)
def test_an_export_is_checked_row_by_row(tmp_path: Path, name: str, encoding: str):
    report = run(an_export(tmp_path, name, encoding), "--timezone", "ny-close")
    assert (report["symbol"], report["timeframe"], report["format"]) == ("EURUSD", "M5", "mt5")
    assert report["read"] == 13
    assert report["refused"] == {"CLOSE_OUTSIDE_RANGE": 1, "DUPLICATE": 1}
    examples = report["examples"]
    assert isinstance(examples, list)
    assert [(e["line"], e["column"]) for e in examples] == [(5, "close"), (14, "time")]
    assert report["first"] == "2014-04-30T21:00:00Z"
    assert report["gaps"] == 1


@pytest.mark.parametrize(
    ("name", "text", "code"),
    [
        ("EURUSD.csv", "hello", "import.format_unknown"),
        ("EURUSD.csv", "", "import.format_unknown"),
        ("prices.csv", HEADER, "import.symbol_unknown"),
        ("EURUSD.csv", HEADER, "import.timeframe_unknown"),
    ],
)
def test_a_file_that_cannot_be_imported_says_why(tmp_path: Path, name: str, text: str, code: str):
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(DeskError) as raised:
        run(path)
    assert raised.value.code == code
    assert raised.value.hint


def test_a_damaged_archive_is_an_error_of_the_file(tmp_path: Path):
    path = an_export(tmp_path, "EURUSD.csv.gz")
    path.write_bytes(path.read_bytes()[:60])
    with pytest.raises(DeskError) as raised:
        run(path)
    assert raised.value.code == "import.file_unreadable"


def test_a_missing_file_is_an_error_of_the_file(tmp_path: Path):
    with pytest.raises(DeskError) as raised:
        run(tmp_path / "EURUSD.csv")
    assert raised.value.code == "import.file_unreadable"
