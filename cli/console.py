"""How verbs speak: rich text for people, JSON for scripts, one line for an error."""

import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, is_dataclass
from datetime import datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from backend.errors import DeskError

if TYPE_CHECKING:
    from rich.console import Console

WIDTH_OF_FILES = 160


def out() -> "Console":
    """Give the console for results."""
    from rich.console import Console

    # A file or a pipe has no width of its own: room for ids, unless COLUMNS says otherwise.
    wide = not sys.stdout.isatty() and "COLUMNS" not in os.environ
    return Console(highlight=False, width=WIDTH_OF_FILES if wide else None)


@cache
def err() -> "Console":
    """Give the console for progress and errors, so that results can be piped."""
    from rich.console import Console

    return Console(stderr=True, highlight=False)


def print_json(value: object) -> None:
    """Print one JSON document: Decimals as strings, instants in UTC with a Z."""
    print(json.dumps(_plain(value), indent=2, ensure_ascii=False))


def print_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print rows of text under column names."""
    from rich.table import Table

    table = Table(title=title or None, title_justify="left", box=None, pad_edge=False)
    for number, column in enumerate(columns):
        # What names a row is copied from the screen: it stays in one piece at any width.
        table.add_column(column, overflow="fold", no_wrap=number == 0)
    for row in rows:
        table.add_row(*row)
    out().print(table)


def print_error(error: DeskError, *, as_json: bool) -> None:
    """Print what is wrong, its code, and what to do."""
    if as_json:
        print_json({"error": error.as_dict()})
        return
    if not sys.stderr.isatty():
        print(f"desk: {error.message} [{error.code}]", file=sys.stderr)
        if error.hint:
            print(f"  {error.hint}", file=sys.stderr)
        return
    from rich.text import Text

    line = Text.assemble(("desk: ", "bold red"), error.message, (f" [{error.code}]", "dim"))
    err().print(line, soft_wrap=True)
    if error.hint:
        err().print(Text(f"  {error.hint}", "yellow"), soft_wrap=True)


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return _plain(asdict(value))
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item) for item in value]
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, Decimal | Path):
        return str(value)
    return str(value)
