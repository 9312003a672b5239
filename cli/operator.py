"""desk operator: people of the desk, each with a login of their own."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from backend.errors import DeskError
from backend.settings import load_settings
from cli.console import err, out, print_json, print_table
from cli.options import AsJson
from cli.sessions import owner_session, owner_url_of

if TYPE_CHECKING:
    from psycopg import Connection

app = typer.Typer(add_completion=False, no_args_is_help=True)

Login = Annotated[str, typer.Argument(help="The login, as `desk operator list` shows it.")]


@app.command()
def add(
    login: Annotated[str, typer.Argument(help="Lower case letters, digits and _.")],
    org: Annotated[
        str | None, typer.Option(help="Whose rows they read; an auditor without one reads all.")
    ] = None,
    name: Annotated[str | None, typer.Option(help="As people know them; else the login.")] = None,
    role: Annotated[
        str, typer.Option(help="treasury_operator votes, auditor reads the record.")
    ] = "treasury_operator",
    password_file: Annotated[
        Path | None, typer.Option(help="Write the password there, for its owner's eyes only.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Create a person's login and register them; the password is shown once, only its hash kept.

    Examples: `desk operator add alice --org demo --name "Alice Meyer"`,
    `desk operator add carol --org demo --role auditor --password-file carol.txt`.
    """
    from backend.db.people import add_person

    password = secrets.token_urlsafe(18)
    # Written first: a login whose password nobody has would be of no use.
    if password_file is not None:
        _write(password_file, password)
    with _migrator() as conn:
        created = add_person(conn, login, name or login, role, org, password)
    url = _url(login)
    if as_json:
        shown = password if created and password_file is None else None
        print_json({"login": login, "role": role, "created": created, "password": shown,
                    "url": url})  # fmt: skip
        return
    whose = org or "every organisation"
    if not created:
        if password_file is not None:
            password_file.unlink()
        err().print(f"{login} had a login and keeps its password; registered as {role}")
    elif password_file is not None:
        err().print(f"{login} is {role} of {whose}; the password is in {password_file}")
    else:
        err().print(f"{login} is {role} of {whose}; the password is not shown again:")
        print(password)
    err().print(f"reach the desk with: psql '{url}'", soft_wrap=True)


@app.command("list")
def list_people(as_json: AsJson = False) -> None:
    """List people with a login, what they are, and when they voted last.

    Examples: `desk operator list`, `desk operator list --json`.
    """
    from backend.db.people import last_vote, people

    with owner_session(load_settings()) as conn:
        rows = people(conn)
    if as_json:
        print_json(rows)
        return
    print_table(
        "",
        ("login", "name", "role", "organisation", "state", "voted last (UTC)"),
        [
            (r["login"], r["name"], r["role"], r["org_id"] or "", r["state"], last_vote(r))
            for r in rows
        ],
    )


@app.command()
def disable(login: Login) -> None:
    """Take a person's vote and reading away, at once; open ballots of theirs no longer count.

    Example: `desk operator disable alice`.
    """
    _change(login, "suspended")
    out().print(f"{login} may neither log in, read nor vote")


@app.command()
def enable(login: Login) -> None:
    """Give a disabled person their vote and reading back.

    Example: `desk operator enable alice`.
    """
    _change(login, "active")
    out().print(f"{login} may log in again")


@app.command()
def remove(login: Login) -> None:
    """Drop a person's login for good; their votes stay on record.

    Example: `desk operator remove alice`.
    """
    from backend.db.people import remove_person

    with _migrator() as conn:
        remove_person(conn, login)
    out().print(f"{login} has no login any more; what they voted stays on record")


def _change(login: str, state: str) -> None:
    from backend.db.people import set_state

    with _migrator() as conn:
        set_state(conn, login, state)


@contextmanager
def _migrator() -> Iterator[Connection[Any]]:
    """Lend a transaction of the login that migrates: only it may create logins."""
    import psycopg

    from backend.db.gateway import connect

    url = owner_url_of(load_settings())
    try:
        with connect(url, application_name="desk cli", autocommit=False) as conn:
            yield conn
    except psycopg.errors.InsufficientPrivilege as error:
        raise DeskError(
            "person.privilege",
            f"this login may not manage logins: {error.diag.message_primary}",
            "set DATABASE_URL to the login that migrates, which has CREATEROLE",
        ) from error


def _url(login: str) -> str:
    """Write how a person reaches the database, without a password."""
    from psycopg.conninfo import conninfo_to_dict

    from backend.db.gateway import dsn_for

    parts = conninfo_to_dict(dsn_for(owner_url_of(load_settings()), login, None))
    host = str(parts.get("host") or "localhost")
    # The embedded server's socket is in a private folder; people come by its loopback address.
    host = "127.0.0.1" if host.startswith("/") else host
    return f"postgresql://{parts['user']}@{host}:{parts.get('port', 5432)}/{parts.get('dbname')}"


def _write(path: Path, password: str) -> None:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise DeskError(
            "person.password_file", f"{path}: {error.strerror}", "name a file that is not there"
        ) from error
    with os.fdopen(descriptor, "w") as file:
        file.write(f"{password}\n")
