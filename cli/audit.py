"""desk audit: seal the record, verify it, prove a row of it, hand seals out."""

from __future__ import annotations

import json
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from backend.errors import DeskError
from backend.settings import load_settings
from cli.console import err, out, print_json, print_table
from cli.options import AsJson
from cli.sessions import session_as

if TYPE_CHECKING:
    from psycopg import Connection

    from backend.db.audit.findings import Verified
    from backend.db.audit.verification import Progress

app = typer.Typer(add_completion=False, no_args_is_help=True)

EXIT_BROKEN = 1
SHOWN_MAX = 20

From = Annotated[
    str | None, typer.Option("--from", help="First seal: its number, or an instant (UTC).")
]
To = Annotated[str | None, typer.Option("--to", help="Last seal: its number, or an instant.")]


@app.command()
def seal(as_json: AsJson = False) -> None:
    """Seal now what was committed since the last seal; a job does it every few seconds.

    Example: `desk audit seal`.
    """
    from backend.db.audit.heads import remember
    from backend.db.audit.sealing import seal as seal_now
    from backend.db.roles import SEALER
    from backend.keys import load_key
    from backend.ports import SystemClock

    settings = load_settings()
    key = load_key(settings.keys, SEALER)
    with session_as(settings, SEALER) as reader, session_as(settings, SEALER) as writer:
        done = seal_now(reader, writer, key, SystemClock())
        remember(reader, settings.keys)
    if as_json:
        print_json(done)
    elif done.busy:
        out().print("another sealer is at work")
    else:
        out().print(f"{done.records} records in {done.seals} seals")


@app.command()
def verify(
    since: From = None,
    until: To = None,
    public_key: Annotated[
        str | None, typer.Option("--public-key", help="The sealing key that you know, in hex.")
    ] = None,
    anchor: Annotated[
        Path | None, typer.Option("--anchor", help="Seals exported before, kept elsewhere.")
    ] = None,
    halt: Annotated[
        bool, typer.Option("--halt", help="Halt the platform if anything is found.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Compute everything anew: keys, seals, trees and every sealed row; 1 if anything differs.

    Names the first record that is altered, missing, inserted or reordered.

    Examples: `desk audit verify`, `desk audit verify --from 2026-11-20 --json`,
    `desk audit verify --anchor seals.json --public-key 4f…`.
    """
    from backend.db.audit.heads import recall
    from backend.db.audit.proofs import anchors_of
    from backend.db.audit.verification import verify as verify_now
    from backend.db.roles import SEALER

    anchors = anchors_of(json.loads(anchor.read_text())) if anchor else {}
    settings = load_settings()
    with session_as(settings, SEALER) as conn, _progress(as_json) as progress:
        done = verify_now(
            conn,
            first=_number(conn, since, "min") or 1,
            last=_number(conn, until, "max"),
            pinned=_key(public_key),
            anchors=recall(conn, settings.keys) | anchors,
            progress=progress,
        )
    halted = halt and _halt(done)
    if as_json:
        print_json({"ok": done.ok, "first": done.first, "halted": halted, **_counts(done)})
    else:
        _tell(done, halted)
    raise typer.Exit(0 if done.ok else EXIT_BROKEN)


@app.command()
def prove(
    record_id: Annotated[str, typer.Argument(help="A row's id, as its table has it.")],
    table: Annotated[
        str | None, typer.Option("--table", help="Where the same id names several.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Prove that a record was sealed; `ops/check_proof.py` checks it without the desk.

    Examples: `desk audit prove 0199… --json > proof.json`.
    """
    from backend.db.audit.proofs import prove as prove_now
    from backend.db.roles import SEALER

    with session_as(load_settings(), SEALER) as conn:
        proof = prove_now(conn, record_id, table)
    if as_json:
        print_json(proof)
        return
    body = json.loads(proof["seal"]["body"])
    out().print(f"[bold]{proof['table']}[/] {proof['key']}")
    out().print(f"leaf {proof['leaf_index']} of {proof['tree_size']} in seal {body['number']}")
    out().print(f"sealed at {body['sealed_at']} with key {body['key_id']}")
    out().print(f"record {proof['record_sha256']}")
    out().print(f"root   {body['root']}")


@app.command()
def export(
    since: From = None,
    until: To = None,
    file: Annotated[Path | None, typer.Option("--out", help="Else to standard output.")] = None,
) -> None:
    """Write signed seals, to be kept where nobody of the desk can change them.

    Against a superuser nothing inside the database is proof; `verify --anchor` compares.

    Example: `desk audit export --out seals.json`.
    """
    from backend.db.audit.proofs import export as export_now
    from backend.db.roles import SEALER

    with session_as(load_settings(), SEALER) as conn:
        first, last = _number(conn, since, "min") or 1, _number(conn, until, "max")
        exported = export_now(conn, first, last)
    if file is None:
        print_json(exported)
        return
    file.write_text(json.dumps(exported, indent=1) + "\n")
    err().print(f"{len(exported['seals'])} seals in {file}")


@app.command()
def rotate() -> None:
    """Replace the sealing key; the old one vouches for the new one.

    Tell whoever checks proofs. Example: `desk audit rotate`.
    """
    from backend.db.audit.sealing import register_key
    from backend.db.roles import SEALER
    from backend.keys import load_key, rotate_key

    settings = load_settings()
    old = load_key(settings.keys, SEALER)
    with session_as(settings, SEALER) as conn:
        register_key(conn, old)
        new = rotate_key(settings.keys, SEALER)
        register_key(conn, new, voucher=old)
    out().print(f"{new.key_id} seals from now on, public key {new.public_bytes.hex()}")


def _number(conn: Connection[Any], given: str | None, which: str) -> int | None:
    """Return the number of the first or last seal that is meant."""
    if given is None or given.isdigit():
        return int(given) if given else None
    from datetime import UTC, datetime

    try:
        at = datetime.fromisoformat(given)
    except ValueError as error:
        raise DeskError(
            "audit.when", f"{given} is neither a seal's number nor an instant", "2026-11-21T12:00"
        ) from error
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    edge = (
        b"select min(s.number) from audit.seal_log s where s.sealed_at::timestamptz >= %s"
        if which == "min"
        else b"select max(s.number) from audit.seal_log s where s.sealed_at::timestamptz <= %s"
    )
    row = conn.execute(edge, (at,)).fetchone()
    if row is None or row[0] is None:
        raise DeskError("audit.when", f"no seal on that side of {given}", "`desk audit export`")
    return row[0]


def _key(public_key: str | None) -> bytes | None:
    if public_key is None:
        return None
    try:
        key = bytes.fromhex(public_key)
    except ValueError:
        key = b""
    if len(key) != 32:
        raise DeskError("audit.key", "a public key is 64 hex digits", "as `rotate` printed it")
    return key


def _halt(done: Verified) -> bool:
    from backend.db.audit.halting import halt_on

    with session_as(load_settings(), "desk_operator") as conn:
        return halt_on(conn, done)


@contextmanager
def _progress(as_json: bool) -> Generator[Progress | None]:
    if as_json or not err().is_terminal:
        yield None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

    with Progress(
        "records", BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), console=err()
    ) as bar:
        task = bar.add_task("records", total=None)
        yield lambda seen, total: bar.update(task, completed=seen, total=total)


def _counts(done: Verified) -> dict[str, Any]:
    return {
        "seals": done.seals,
        "records": done.records,
        "waiting": done.waiting,
        "keys": done.keys,
        "retired": done.retired,
        "findings": done.findings,
    }


def _tell(done: Verified, halted: bool) -> None:
    console = out()
    console.print(f"{done.records} records in {done.seals} seals, keys {', '.join(done.keys)}")
    if done.waiting:
        console.print(f"{done.waiting} records wait for their seal")
    for partition in done.retired:
        console.print(
            f"{partition.partition}: {partition.rows} rows, dropped by retention; their hashes stay"
        )
    if done.first is None:
        console.print("[green]everything is as it was sealed[/]")
        return
    rows = [
        (f.table, f.key, f.difference.value, str(f.seal), f.detail)
        for f in done.findings[:SHOWN_MAX]
    ]
    console.print(f"[red]{len(done.findings)} differ; the first one first[/]")
    print_table("", ("table", "record", "is", "seal", ""), rows)
    if halted:
        console.print("the platform is halted")
