"""desk dlq: what could not be handled, why, and handling it again."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from backend.errors import DeskError
from backend.settings import load_settings
from cli.console import out, print_json, print_table
from cli.options import AsJson
from cli.sessions import session_as

app = typer.Typer(add_completion=False, no_args_is_help=True)

LetterId = Annotated[str, typer.Argument(help="Its id, or enough of its beginning.")]


@app.command("list")
def list_letters(
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="At most so many.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List the newest dead letters.

    Examples: `desk dlq list`, `desk dlq list --limit 500 --json`.
    """
    letters = _letters(limit)
    if as_json:
        print_json(letters)
        return
    rows = [
        (
            str(letter["dead_letter_id"]),
            letter["agent"],
            letter["type"],
            letter["code"],
            str(letter["attempts"]),
            f"{letter['died_at']:%Y-%m-%d %H:%M:%S}",
            "replayed" if letter["replayed_at"] else "",
        )
        for letter in letters
    ]
    print_table("", ("id", "agent", "message", "code", "tries", "died at (UTC)", ""), rows)


@app.command()
def show(dead_letter_id: LetterId, as_json: AsJson = False) -> None:
    """Show one dead letter with its error and what the code means.

    Example: `desk dlq show 0199…`.
    """
    from backend.contracts.denials import Code

    letter = _find(dead_letter_id)
    code = letter["code"]
    known = Code.of_number(code)
    meaning = known.meaning if known else "raised by the database or the agent"
    if as_json:
        print_json({**letter, "meaning": meaning})
        return
    console = out()
    console.print(f"[bold]{letter['type']}[/] for [bold]{letter['agent']}[/]")
    console.print(f"{code}: {meaning}")
    console.print(f"{letter['attempts']} tries, died at {letter['died_at']:%Y-%m-%d %H:%M:%S} UTC")
    console.print(f"alert {letter['correlation_id']}, ordering key {letter['ordering_key']}")
    console.print(f"\n{letter['error']}\n", markup=False)
    if letter["payload"] is not None:  # what died was a row: its table has it
        console.print_json(data=letter["payload"], default=str)


@app.command()
def replay(
    dead_letter_id: LetterId,
    reason: Annotated[str, typer.Option(help="Why; it goes on record.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would happen.")] = False,
    as_json: AsJson = False,
) -> None:
    """Deliver a dead letter once more.

    Example: `desk dlq replay 0199… --reason "quotes are back"`.
    """
    letter = _find(dead_letter_id)
    if letter["replayed_at"] is not None:
        raise DeskError(
            "dlq.replayed",
            f"{letter['replayed_by']} replayed it at {letter['replayed_at']:%Y-%m-%d %H:%M:%S}",
            "if it failed again, there is a newer dead letter: `desk dlq list`",
        )
    said = {"dead_letter_id": letter["dead_letter_id"], "agent": letter["agent"]}
    if dry_run:
        _say(f"would deliver {letter['type']} to {letter['agent']} again", said, as_json, False)
        return
    with session_as(load_settings(), "desk_operator") as conn:
        agent = conn.execute(
            "select bus.replay_dead_letter(%s, %s)", (letter["dead_letter_id"], reason)
        ).fetchone()
        conn.execute("select bus.wake(%s)", ([agent[0] if agent else None],))
    _say(f"delivered to {letter['agent']}", said, as_json, True)


def _say(text: str, said: dict[str, Any], as_json: bool, delivered: bool) -> None:
    if as_json:
        print_json({**said, "delivered": delivered})
    else:
        out().print(text)


def _letters(limit: int) -> list[dict[str, Any]]:
    from psycopg.rows import dict_row

    with (
        session_as(load_settings(), "desk_operator") as conn,
        conn.cursor(row_factory=dict_row) as cursor,
    ):
        return cursor.execute("select * from bus.dead_letters(%s)", (limit,)).fetchall()


def _find(dead_letter_id: str) -> dict[str, Any]:
    matches = [
        letter
        for letter in _letters(10_000)
        if str(letter["dead_letter_id"]).startswith(dead_letter_id)
    ]
    if len(matches) != 1:
        what = "no" if not matches else f"{len(matches)}"
        raise DeskError(
            "dlq.unknown",
            f"{what} dead letters begin with {dead_letter_id}",
            "`desk dlq list` shows their ids",
        )
    return matches[0]
