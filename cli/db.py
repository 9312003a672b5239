"""desk db: migrate the database, and check that it is as it should be."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from backend.errors import DeskError
from backend.settings import Settings, load_settings
from cli.console import out, print_json
from cli.options import AsJson

app = typer.Typer(add_completion=False, no_args_is_help=True)

EXIT_NOT_AS_IT_SHOULD_BE = 1

Url = Annotated[
    str | None,
    typer.Option("--url", help="The migrator's URL; else DATABASE_URL, else the embedded server."),
]


@app.command()
def upgrade(
    url: Url = None,
    reapply: Annotated[
        bool, typer.Option("--reapply", help="Replace everything in sql/, changed or not.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Bring tables, routines, policies and grants to this version, all or nothing.

    Examples: `desk db upgrade`, `DATABASE_URL=postgresql://… desk db upgrade --json`.
    """
    from backend.db.upgrade import upgrade as bring_up

    with _database(url) as target:
        report = bring_up(target, reapply=reapply)
    if as_json:
        print_json(report)
        return
    if not report.changed:
        out().print(f"nothing to do, the database is at revision {report.to_revision}")
        return
    before = report.from_revision or "nothing"
    out().print(f"tables: {before} -> {report.to_revision}")
    if report.created_roles:
        out().print(f"roles created: {len(report.created_roles)}")
    out().print(f"sql files that changed: {len(report.changed_files)}")
    for path in report.removed_files:
        out().print(f"gone from sql/, its objects are still there: {path}")


@app.command()
def status(url: Url = None, as_json: AsJson = False) -> None:
    """Compare the database with this version; ends with 1 if an upgrade would change it.

    Example: `desk db status --json`.
    """
    from backend.db.upgrade import status as compare

    with _database(url) as target:
        found = compare(target)
    if as_json:
        print_json(
            {
                "revision": found.revision,
                "head": found.head,
                "current": found.current,
                "changed_files": found.changed_files,
                "removed_files": found.removed_files,
            }
        )
    else:
        out().print(f"revision {found.revision or 'none'}, head {found.head}")
        for path in found.changed_files:
            out().print(f"  changed: sql/{path}")
        for path in found.removed_files:
            out().print(f"  gone:    sql/{path}")
        out().print("up to date" if found.current else "run `desk db upgrade`")
    if not found.current:
        raise typer.Exit(EXIT_NOT_AS_IT_SHOULD_BE)


@app.command()
def verify(url: Url = None, as_json: AsJson = False) -> None:
    """Sweep the catalogue: ownership, grants, row security, sql/ and agents' files against it.

    Names every violation and ends with 1 if there is any. Example: `desk db verify`.
    """
    import psycopg

    from backend.db.catalogue import verify as sweep
    from backend.db.gateway import libpq_url
    from backend.db.upgrade import status as compare
    from workers.agent import AGENTS, load

    declared = {name: load(name).may_call for name in AGENTS}
    with _database(url) as target:
        at = compare(target)
        if at.revision != at.head:
            raise DeskError(
                "db.behind",
                f"this database is at revision {at.revision or 'none'}, this version at {at.head}",
                "`desk db upgrade` brings it here; --url or DESK_DATABASE names another one",
            )
        with psycopg.connect(libpq_url(target), autocommit=True) as conn:
            found = sweep(conn, declared=declared)
    if as_json:
        print_json({"ok": not found, "violations": found})
    else:
        for violation in found:
            out().print(str(violation), markup=False)
        out().print(f"{len(found)} violations" if found else "everything is as it should be")
    if found:
        raise typer.Exit(EXIT_NOT_AS_IT_SHOULD_BE)


@contextmanager
def _database(url: str | None) -> Iterator[str]:
    """Lend the migrator's URL; starts the embedded server for as long as it is needed."""
    settings: Settings = load_settings()
    given = url or settings.external_database
    if given is not None:
        yield given
        return
    from backend.runtime.postgres import ensure_database, running

    with running(settings) as handle:
        yield ensure_database(handle, settings.database)
