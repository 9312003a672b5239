"""`desk import bars FILE`: read a file of bars, check every row, store what is sound."""

from __future__ import annotations

import gzip
import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO

import typer

from backend.domain.instruments import Instrument
from backend.domain.market.bars import Bar
from backend.domain.market.formats import (
    HEAD_LINES,
    Layout,
    LayoutUnknown,
    detect_layout,
    read_bars,
)
from backend.domain.market.quality import BarGate, BarRefused
from backend.domain.market.universe import default_registry
from backend.domain.market.zones import FileZone, parse_zone
from backend.domain.sessions import Calendar
from backend.domain.timeframe import canonical_timeframe, infer_timeframe
from backend.errors import DeskError
from cli.console import err, out, print_json

if TYPE_CHECKING:
    from psycopg import Connection

_BATCH = 2_000
_PEEK = 500
"""Bars looked at to find the timeframe."""
_SHOWN = 10

app = typer.Typer(add_completion=False, no_args_is_help=True, help="Read market data files.")


@app.callback()
def _verbs() -> None:
    """Keep `bars` a word of its own, so that ticks and calendars can stand beside it."""


@dataclass
class Report:
    """What one import did; the same figures for people and for scripts."""

    file: str
    symbol: str
    timeframe: str
    format: str
    timezone: str
    read: int = 0
    inserted: int = 0
    already_there: int = 0
    refused: dict[str, int] = field(default_factory=dict[str, int])
    examples: list[BarRefused] = field(default_factory=list[BarRefused])
    gaps: int = 0
    bars_missing: int = 0
    first: datetime | None = None
    last: datetime | None = None
    stored: bool = True

    def count(self, code: str) -> None:
        """Count a refusal."""
        self.refused[code] = self.refused.get(code, 0) + 1

    def refuse(self, refusal: BarRefused) -> None:
        """Count a refusal and keep the first ones to show."""
        self.count(refusal.code.value)
        if len(self.examples) < _SHOWN:
            self.examples.append(refusal)


@dataclass(frozen=True, slots=True)
class Source:
    """How a file is to be read."""

    path: Path
    layout: Layout
    zone: FileZone | None
    relabel: bool
    symbol: str
    instrument: Instrument | None

    def rows(self, lines: Iterator[str]) -> Iterator[tuple[int, Bar] | BarRefused]:
        """Read bars and refusals off the lines."""
        point = self.instrument.tick_size if self.instrument else None
        return read_bars(lines, self.layout, self.zone, self.relabel, point)


@app.command("bars")
def bars(
    file: Annotated[Path, typer.Argument(help="CSV as exported, plain or .gz")],
    symbol: Annotated[str, typer.Option(help="Canonical symbol; else from the file's name")] = "",
    timeframe: Annotated[str, typer.Option(help="M1 … W1; else from the bars")] = "",
    timezone: Annotated[
        str, typer.Option(help="The file's clock: UTC, UTC-5, Europe/Athens, ny-close …")
    ] = "",
    format: Annotated[str, typer.Option(help="mt5, histdata, dukascopy, ohlcv, bid-ask")] = "",
    relabel: Annotated[
        bool, typer.Option(help="Times carry a wrong offset: use --timezone instead")
    ] = False,
    database_url: Annotated[str, typer.Option(help="Else the desk of DESK_HOME")] = "",
    dry_run: Annotated[bool, typer.Option(help="Read and check, store nothing")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document")] = False,
) -> None:
    """Store a file of bars. Importing it again changes nothing."""
    if relabel and not timezone:
        raise DeskError(
            "import.zone_missing", "--relabel needs --timezone", "name the file's clock"
        )
    source = _source(file, symbol, timezone, format, relabel)
    with _lines(file, quiet=as_json) as lines:
        report = _begin(source, lines, timeframe)
        if dry_run:
            report[0].stored = False
            _store(report, None)
        else:
            import psycopg

            with psycopg.connect(_url(database_url), autocommit=True) as conn:
                _store(report, conn)
    _show(report[0], as_json)


_Started = tuple[Report, Iterator[tuple[int, Bar] | BarRefused], BarGate]


def _source(file: Path, symbol: str, timezone: str, format_: str, relabel: bool) -> Source:
    with _lines(file, quiet=True) as lines:
        head = list(islice(lines, HEAD_LINES))
    try:
        layout = detect_layout(head)
        zone = parse_zone(timezone) if timezone else None
    except LayoutUnknown as error:
        raise DeskError(
            "import.format_unknown",
            f"{file.name}: {error}",
            "readable are MetaTrader exports, HistData ASCII, Dukascopy and CSV with a header "
            "naming time, open, high, low, close",
        ) from None
    except ValueError as error:
        raise DeskError("import.zone_unknown", str(error), "try UTC-5 or Europe/Athens") from None
    if format_ and layout.format.value != format_:
        raise DeskError(
            "import.format_differs",
            f"{file.name} looks like {layout.format.value}, not {format_}",
            "leave --format out to take what was found",
        )
    instrument = _instrument(symbol or file.name)
    name = instrument.symbol if instrument else symbol.upper()
    if not name:
        raise DeskError(
            "import.symbol_unknown",
            f"no symbol in the file's name {file.name!r}",
            "name it with --symbol",
        )
    return Source(file, layout, zone, relabel, name, instrument)


def _instrument(text: str) -> Instrument | None:
    registry = default_registry()
    if found := registry.resolve(text):
        return found
    words = re.split(r"[^A-Za-z0-9]+", text)
    return next((found for word in words if (found := registry.resolve(word))), None)


def _begin(source: Source, lines: Iterator[str], timeframe: str) -> _Started:
    """Look at the first bars for their length, and put them back in front."""
    from backend.ports import SystemClock

    rows = source.rows(lines)
    head = list(islice(rows, _PEEK))
    opened = [row[1].opened_at for row in head if not isinstance(row, BarRefused)]
    length = canonical_timeframe(timeframe) if timeframe else infer_timeframe(opened)
    if length is None:
        said = f"timeframe {timeframe!r} is unknown" if timeframe else "the bars' length is unclear"
        raise DeskError(
            "import.timeframe_unknown",
            f"{source.path.name}: {said}",
            "name one of M1 M3 M5 M15 M30 H1 H4 D1 W1 with --timeframe",
        )
    calendar = source.instrument.calendar if source.instrument else Calendar.WEEKDAYS
    zone = source.zone or source.layout.zone
    report = Report(source.path.name, source.symbol, length, source.layout.format.value, zone.name)
    return report, chain(head, rows), BarGate(length, calendar, SystemClock().now())


def _store(started: _Started, conn: Connection[Any] | None) -> None:
    report, rows, gate = started
    batch: list[Bar] = []
    for row in rows:
        report.read += 1
        verdict = row if isinstance(row, BarRefused) else gate.judge(*row)
        if isinstance(verdict, BarRefused):
            report.refuse(verdict)
            continue
        batch.append(verdict)
        report.first = report.first or verdict.opened_at
        report.last = verdict.opened_at
        if len(batch) >= _BATCH:
            _flush(report, conn, batch)
            batch = []
    _flush(report, conn, batch)
    report.gaps = len(gate.gaps)
    report.bars_missing = sum(gap.missing for gap in gate.gaps)


def _flush(report: Report, conn: Connection[Any] | None, batch: list[Bar]) -> None:
    if conn is None or not batch:
        return
    from backend.db.market import insert_bars

    counts = insert_bars(conn, report.symbol, report.timeframe, f"file:{report.file}", batch)
    report.inserted += counts.inserted
    report.already_there += counts.existing
    for refused in counts.refused:
        report.count(refused.code)


def _url(database_url: str) -> str:
    if database_url:
        return database_url
    from backend.runtime.desk_processes import find_servers
    from backend.settings import load_settings

    return find_servers(load_settings()).owner_url


@contextmanager
def _lines(file: Path, quiet: bool) -> Iterator[Iterator[str]]:
    """Yield the lines of a plain or compressed file, with a progress bar unless quiet."""
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    try:
        with (
            file.open("rb") as raw,
            Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                DownloadColumn(),
                TimeRemainingColumn(),
                console=err(),
                disable=quiet,
                transient=True,
            ) as progress,
        ):
            read = progress.wrap_file(raw, total=file.stat().st_size, description=file.name)
            with _text(file, raw, read) as text:
                yield iter(text)
    except UnicodeDecodeError as error:
        raise DeskError(
            "import.file_unreadable",
            f"{file.name}: byte {error.start} is no text",
            "export it as CSV in UTF-8 or UTF-16",
        ) from None
    except (OSError, EOFError) as error:
        raise DeskError(
            "import.file_unreadable", f"cannot read {file}: {error}", "check path and rights"
        ) from None


def _text(file: Path, raw: BinaryIO, read: Any) -> io.TextIOWrapper:
    """Open as text; MetaTrader writes UTF-16 with a byte order mark."""
    magic = raw.read(2)
    raw.seek(0)
    stream = gzip.GzipFile(fileobj=read) if magic == b"\x1f\x8b" else read
    encoding = "utf-16" if magic in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    return io.TextIOWrapper(stream, encoding=encoding, newline=None)


def _show(report: Report, as_json: bool) -> None:
    if as_json:
        print_json(report)
        return
    say = partial(out().print, soft_wrap=True)
    say(
        f"{report.symbol} {report.timeframe} from {report.file} ({report.format}, "
        f"{report.timezone}): {report.read} rows"
    )
    if report.first and report.last:
        say(f"  {report.first:%Y-%m-%d %H:%M} to {report.last:%Y-%m-%d %H:%M} UTC")
    if report.stored:
        say(f"  inserted {report.inserted}, already there {report.already_there}")
    else:
        say("  checked only, nothing stored")
    for code, count in sorted(report.refused.items(), key=lambda item: -item[1]):
        say(f"  refused {count}: {code}")
    for example in report.examples:
        detail = f" {example.detail}" if example.detail else ""
        say(f"    line {example.line}, {example.column}: {example.code.value}{detail}")
    if report.gaps:
        say(f"  {report.gaps} gaps, {report.bars_missing} bars missing")
