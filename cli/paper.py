"""desk paper: look at the running paper terminal, and make it misbehave on purpose."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from backend.errors import DeskError
from backend.settings import load_settings
from cli.console import out, print_json, print_table
from cli.options import AsJson

if TYPE_CHECKING:
    from backend.runtime.paper_control import PaperControl

app = typer.Typer(add_completion=False, no_args_is_help=True)

HomeFolder = Annotated[
    Path | None, typer.Option("--home", help="The terminal's folder; default: this desk's.")
]


@app.command()
def inject(
    fault: Annotated[str, typer.Argument(help="As `desk paper faults` names them.")],
    parameters: Annotated[
        list[str] | None, typer.Argument(help="Its parameters: ms=200, retcode=10004, …")
    ] = None,
    next_calls: Annotated[
        int | None, typer.Option("--next", min=1, help="Strike so many calls, then end.")
    ] = None,
    skip: Annotated[int, typer.Option(min=0, help="Let so many matching calls pass first.")] = 0,
    probability: Annotated[float, typer.Option(min=0, max=1, help="Of each matching call.")] = 1.0,
    duration_s: Annotated[
        float | None, typer.Option("--for", min=0, help="End after so many seconds.")
    ] = None,
    function: Annotated[
        list[str] | None, typer.Option(help="Whom it strikes; repeatable; `any` is every call.")
    ] = None,
    action: Annotated[
        str, typer.Option(help="Of order_send: deal, pending, sltp, modify, remove, close_by.")
    ] = "",
    symbol: Annotated[str, typer.Option(help="Calls about this symbol only.")] = "",
    keep: Annotated[bool, typer.Option("--keep", help="Survive the terminal's restart.")] = False,
    home: HomeFolder = None,
    as_json: AsJson = False,
) -> None:
    """Put a fault in force; with no bound said it strikes the next call and ends.

    Examples:

    `desk paper inject lost_answer`,

    `desk paper inject reject retcode=10024 --probability 0.2 --for 60`,

    `desk paper inject crash_after --skip 5 --action deal`.
    """
    rule = _control(home).inject(
        fault,
        functions=tuple(function or ()),
        action=action,
        symbol=symbol,
        skip=skip,
        next_calls=next_calls,
        probability=probability,
        duration_s=duration_s,
        keep=keep,
        **_parameters(parameters or []),
    )
    if as_json:
        print_json(rule)
        return
    out().print(f"rule {rule['id']}: {_told(rule)}", soft_wrap=True)


@app.command()
def faults(home: HomeFolder = None, as_json: AsJson = False) -> None:
    """List the rules in force, and every fault that there is.

    Examples: `desk paper faults`, `desk paper faults --json`.
    """
    control = _control(home)
    rules, kinds = control.rules(), control.kinds()
    if as_json:
        print_json({"rules": rules, "kinds": kinds})
        return
    print_table(
        "in force",
        ("rule", "fault", "strikes", "struck"),
        [(str(r["id"]), r["fault"], _told(r), str(r["struck"])) for r in rules],
    )
    print_table(
        "\nfaults",
        ("name", "what it does", "strikes", "parameters"),
        [
            (k["name"], k["about"], _whom(k), " ".join(f"{n}={v}" for n, v in _pairs(k)))
            for k in kinds
        ],
    )


@app.command()
def clear(
    rule: Annotated[int | None, typer.Argument(help="Its number; none ends all.")] = None,
    home: HomeFolder = None,
    as_json: AsJson = False,
) -> None:
    """End one rule, or all of them.

    Examples: `desk paper clear`, `desk paper clear 3`.
    """
    cleared = _control(home).clear(rule)
    if as_json:
        print_json({"cleared": cleared})
        return
    out().print(f"cleared {cleared}")


@app.command()
def status(home: HomeFolder = None, as_json: AsJson = False) -> None:
    """Show account, margin, sessions and counts of the running terminal.

    Example: `desk paper status --json`.
    """
    told = _control(home).status()
    if as_json:
        print_json(told)
        return
    print_table("", ("", ""), [(name, str(value)) for name, value in told.items()])


@app.command()
def trade(
    request: Annotated[str, typer.Argument(help="A trade request as JSON, prices with a point.")],
    home: HomeFolder = None,
    as_json: AsJson = False,
) -> None:
    """Trade by hand at the terminal itself, behind the desk's back: reconciliation must find it.

    Example: `desk paper trade '{"action": 1, "symbol": "EURUSD", "volume": 0.1, "type": 0}'`.
    """
    try:
        words = json.loads(request)
    except ValueError as error:
        raise DeskError(
            "paper.request", f"no JSON: {error}", "See the example of --help."
        ) from error
    result = _control(home).trade(words)
    if as_json:
        print_json(result)
        return
    out().print(" ".join(f"{name}={value}" for name, value in result.items()), soft_wrap=True)


@app.command()
def deposit(
    amount: Annotated[str, typer.Argument(help="In the account's currency; negative pays out.")],
    home: HomeFolder = None,
    as_json: AsJson = False,
) -> None:
    """Pay money in or out at the terminal, behind the desk's back.

    Examples: `desk paper deposit 500`, `desk paper deposit -- -250.50`.
    """
    deal = _control(home).deposit(amount)
    if as_json:
        print_json({"deal": deal})
        return
    out().print(f"deal {deal}")


def _control(home: Path | None) -> PaperControl:
    from backend.runtime.paper_control import PaperControl

    if home is None:
        settings = load_settings()
        home = settings.home / "terminal" / settings.database
    return PaperControl(home)


def _parameters(words: list[str]) -> dict[str, Any]:
    return dict(_parameter(word) for word in words)


def _parameter(word: str) -> tuple[str, Any]:
    name, equals, text = word.partition("=")
    if not equals or not name.isidentifier():
        raise DeskError(
            "paper.parameter",
            f"{word!r} is no parameter",
            "Write name=value, as in `desk paper inject latency ms=200`.",
        )
    for kind in (int, float):
        try:
            return name, kind(text)
        except ValueError:
            continue
    return name, text


def _told(rule: dict[str, Any]) -> str:
    bounds = [rule["fault"], *(f"{name}={value}" for name, value in _pairs(rule))]
    bounds.append(f"next {rule['left']}" if rule["left"] else "until cleared or over")
    if rule["skip"]:
        bounds.append(f"after {rule['skip']}")
    if rule["probability"] < 1:
        bounds.append(f"p {rule['probability']}")
    bounds += [word for word in (rule["action"], rule["symbol"]) if word]
    return " ".join(bounds)


def _whom(kind: dict[str, Any]) -> str:
    return "a state" if kind["lasting"] else " ".join(kind["functions"])


def _pairs(row: dict[str, Any]) -> list[tuple[str, Any]]:
    return list(row["parameters"].items())
