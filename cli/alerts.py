"""desk alerts: messages to paste into TradingView, and what the desk makes of one."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from backend.domain.intake import ParsedAlert, dedupe_key, parse_alert
from backend.domain.intake.templates import AlertForm, AlertKind, Template, template
from backend.domain.intake.wire import encode_alert
from cli.console import out, print_json
from cli.options import AsJson

app = typer.Typer(add_completion=False, no_args_is_help=True)


_WHERE = {
    AlertKind.STRATEGY: "Pine strategy: Create alert, condition the strategy, Message:",
    AlertKind.INDICATOR: "Pine indicator: one alert per direction, condition its signal, Message:",
    AlertKind.MANUAL: "Alert set by hand: one per direction, Message:",
}


@app.callback()
def alerts() -> None:
    """Write alert messages, and try them."""


@app.command("template")
def templates(
    kind: Annotated[
        AlertKind | None, typer.Option(help="What fires the alert; without it, all.")
    ] = None,
    form: Annotated[AlertForm, typer.Option("--format", help="How it is written.")] = (
        AlertForm.DESK
    ),
    all_formats: Annotated[bool, typer.Option("--all", help="Every format.")] = False,
    secret: Annotated[
        str | None, typer.Option(help="The source's secret, if it demands one.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Print ready-to-paste alert messages.

    Examples: `desk alerts template --kind strategy`, `desk alerts template --format traderspost`,
    `desk alerts template --all --json`.
    """
    kinds = list(AlertKind) if kind is None else [kind]
    forms = list(AlertForm) if all_formats else [form]
    found = [
        written
        for each in kinds
        for written_as in forms
        for side in (("buy",) if each is AlertKind.STRATEGY else ("buy", "sell"))
        if (written := template(each, written_as, side, secret)) is not None
    ]
    if as_json:
        print_json([_plain(each) for each in found])
        return
    if not found:
        out().print(f"{form.value} cannot say where a position stands; take --format desk")
    for each in found:
        _show(each)


@app.command()
def check(
    file: Annotated[
        Path | None, typer.Argument(help="A file with one message; without it, standard input.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Say what the desk makes of a message; status 1 if a person would have to look.

    Examples: `echo 'buy EURUSD' | desk alerts check`, `desk alerts check message.json --json`.
    """
    body = sys.stdin.buffer.read() if file is None else file.read_bytes()
    read = parse_alert(body)
    key = dedupe_key(read, body)
    if isinstance(read, ParsedAlert):
        found = {"understood": True, "identity": key.kind, **encode_alert(read)}
    else:
        found = {"understood": False, "reason": read.reason_code.value, "detail": read.detail}
    if as_json:
        print_json(found)
    else:
        for name, value in found.items():
            if value not in (None, [], ""):
                out().print(f"{name}: {value}", markup=False)
    raise typer.Exit(0 if found["understood"] else 1)


def _plain(each: Template) -> dict[str, str | None]:
    return {
        "kind": each.kind.value,
        "format": each.form.value,
        "side": each.side,
        "identity": each.identity,
        "message": each.message,
    }


def _show(each: Template) -> None:
    side = "" if each.side is None else f", {each.side}"
    out().print(f"[bold]{_WHERE[each.kind]}[/] [dim]({each.form.value}{side})[/]")
    out().print(each.message, markup=False, soft_wrap=True)
    if each.identity == "bytes":
        out().print("[dim]without an id or a time: such a source cannot trade live[/]")
    out().print("")
