"""desk test: run the tests of this checkout."""

import importlib.util
import os
import sys
from typing import Annotated

import typer

from backend.errors import DeskError
from backend.settings import CHECKOUT

app = typer.Typer(add_completion=False)

WORKERS_MAX = 4


@app.command(
    context_settings={
        "ignore_unknown_options": True,
        "allow_extra_args": True,
        # pytest has its own --help and -h; `desk test -- --help` is not needed.
        "help_option_names": [],
    }
)
def run_tests(
    arguments: Annotated[list[str] | None, typer.Argument(help="Arguments for pytest.")] = None,
) -> None:
    """Run every test, or those that pytest's own arguments select.

    Examples: `desk test`, `desk test tests/unit -x`, `desk test -k halt -n 0`.
    """
    if importlib.util.find_spec("pytest") is None:
        raise DeskError(
            "test.no_pytest",
            "pytest is not installed",
            "use the launcher of the checkout, `./desk test`, which installs it",
        )
    given = arguments or []
    words = [sys.executable, "-m", "pytest", *_defaults(given), *given]
    os.chdir(CHECKOUT)
    os.execv(sys.executable, words)


def _defaults(given: list[str]) -> list[str]:
    """Spread over the processors unless the caller says how."""
    if any(word.startswith(("-n", "--numprocesses", "--pdb")) for word in given):
        return []
    workers = min(os.cpu_count() or 1, WORKERS_MAX)
    return ["-n", str(workers), "--dist", "loadfile"] if workers > 1 else []
