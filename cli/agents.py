"""desk agents: who they are, and their canvases."""

from __future__ import annotations

from typing import Annotated

import typer

from backend.errors import DeskError
from cli.console import err, print_json, print_table
from cli.options import AsJson

app = typer.Typer(add_completion=False, no_args_is_help=True)


@app.command("list")
def list_agents(
    as_json: AsJson = False,
) -> None:
    """List the agents: what each hears and may publish."""
    from workers.declare import declarations

    declared = declarations()
    if as_json:
        print_json(declared)
        return
    rows = [(d["agent"], "\n".join(d["hears"]), "\n".join(d["emits"])) for d in declared]
    print_table("", ("agent", "hears", "may publish"), rows)


@app.command()
def canvases(
    check: Annotated[bool, typer.Option("--check", help="Fail if a page is out of date.")] = False,
) -> None:
    """Write ops/agents/ from the agents' own declarations.

    Examples: `desk agents canvases`, `desk agents canvases --check`.
    """
    from workers.canvases import FOLDER, drifted, pages

    stale = drifted()
    if check:
        if stale:
            names = ", ".join(path.name for path in stale)
            raise DeskError(
                "agents.canvases", f"out of date: {names}", "run `desk agents canvases`"
            )
        err().print("every canvas is as its agent declares")
        return
    FOLDER.mkdir(parents=True, exist_ok=True)
    wanted = pages()
    for path in stale:
        if path in wanted:
            path.write_text(wanted[path])
        else:
            path.unlink()
    err().print(f"{len(stale)} pages written" if stale else "nothing to do")
