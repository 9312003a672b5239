"""Options that many verbs share."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")]
FiguresFile = Annotated[Path | None, typer.Option("--json", help="Write the figures to this file.")]


def keep_figures(file: Path | None, figures: dict[str, Any]) -> None:
    """Write figures to the file that was asked for, if one was."""
    if file is not None:
        file.write_text(json.dumps(figures, indent=2) + "\n")
