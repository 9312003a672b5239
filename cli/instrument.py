"""desk instrument: what the desk can trade, how people spell it, and where it is in its life."""

from __future__ import annotations

from typing import Annotated, Any, LiteralString

import typer

from backend.errors import DeskError
from backend.settings import load_settings
from cli.console import out, print_json, print_table
from cli.options import AsJson
from cli.sessions import session_as

app = typer.Typer(add_completion=False, no_args_is_help=True, help=__doc__)
alias_app = typer.Typer(add_completion=False, no_args_is_help=True)
app.add_typer(alias_app, name="alias", help="Say which instrument a spelling means.")

STATES = ("new", "watchlist_only", "tradable", "deprecated")

Reason = Annotated[str, typer.Option(help="Why; it goes on record beside your login.")]
Override = Annotated[bool, typer.Option("--override", help="Do it against the usual order.")]

_INSTRUMENTS: LiteralString = """
select s.symbol, s.symbol_class, s.base_currency, s.quote_currency, s.digits,
       s.tick_size::text, s.pip_size::text, s.contract_size::text, s.volume_min::text,
       s.volume_max::text, s.volume_step::text, s.calendar, s.state, s.state_override,
       s.state_reason, s.state_by, s.state_at,
       (select coalesce(array_agg(a.alias order by a.alias), '{}')
          from public.instrument_aliases a where a.symbol = s.symbol) as aliases
  from public.instruments s
"""


@app.command(name="list")
def list_(
    state: Annotated[str | None, typer.Option(help=f"One of {', '.join(STATES)}.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show the instruments and where each is in its life.

    Example: `desk instrument list --state tradable`.
    """
    if state is not None:
        _known_state(state)
    found = _read(_INSTRUMENTS + " where %(state)s::text in (s.state) or %(state)s::text is null"
                  " order by s.symbol", {"state": state})  # fmt: skip
    if as_json:
        print_json(found)
        return
    rows = [
        (
            item["symbol"],
            item["symbol_class"],
            item["state"] + (" (override)" if item["state_override"] else ""),
            item["calendar"],
            item["tick_size"],
            " ".join(item["aliases"]),
        )
        for item in found
    ]
    print_table("", ("symbol", "class", "state", "trades", "tick", "also called"), rows)


@app.command()
def show(
    spelling: Annotated[str, typer.Argument(help="A symbol, an alias, or EXCH:SYM.")],
    as_json: AsJson = False,
) -> None:
    """Show the instrument that a spelling means, and what was done to it by whom.

    Example: `desk instrument show OANDA:EURUSD.m`.
    """
    symbol = _resolve(spelling)
    (found,) = _read(_INSTRUMENTS + " where s.symbol = %(symbol)s", {"symbol": symbol})
    found["spellings"] = _read(
        "select alias, reason, recorded_by, recorded_at from public.instrument_aliases"
        " where symbol = %(symbol)s order by alias",
        {"symbol": symbol},
    )
    if as_json:
        print_json(found)
        return
    spellings = found.pop("spellings")
    found.pop("aliases")
    rows = [(name, "" if value is None else str(value)) for name, value in found.items()]
    print_table("", ("", symbol), rows)
    if spellings:
        rows = [
            (s["alias"], s["reason"] or "", s["recorded_by"], f"{s['recorded_at']:%Y-%m-%d %H:%M}")
            for s in spellings
        ]
        print_table("", ("also called", "because", "says", "since (UTC)"), rows)


@app.command()
def state(
    symbol: Annotated[str, typer.Argument(help="The symbol, as `desk instrument list` has it.")],
    new_state: Annotated[str, typer.Argument(help=f"One of {', '.join(STATES)}.")],
    reason: Reason,
    override: Override = False,
    as_json: AsJson = False,
) -> None:
    """Move an instrument in its life; only what is tradable trades.

    New, then watchlist_only or tradable and back, then deprecated; every other step is a manual
    override. Example: `desk instrument state EURUSD watchlist_only --reason "spreads"`.
    """
    _known_state(new_state)
    item = {"symbol": symbol, "state": new_state, "reason": reason, "override": override}
    answer = _change("ops.set_instrument_states", item)
    _tell(answer, as_json, f"{answer['symbol']} is {answer['state']}, was {answer['before']}"
          + (" (manual override)" if answer["override"] else ""))  # fmt: skip


@app.command()
def add(
    symbol: Annotated[str, typer.Argument(help="Canonical: letters and digits.")],
    symbol_class: Annotated[str, typer.Option("--class", help="fx, metal, crypto, index, …")],
    base: Annotated[str, typer.Option(help="Base currency.")],
    quote: Annotated[str, typer.Option(help="Quote currency.")],
    digits: Annotated[int, typer.Option(help="Digits behind the point of a price.")],
    contract_size: Annotated[str, typer.Option(help="Units of the base in one lot.")],
    reason: Reason,
    tick: Annotated[str | None, typer.Option(help="Else one unit of the last digit.")] = None,
    pip: Annotated[str | None, typer.Option(help="None where nobody speaks of pips.")] = None,
    volume: Annotated[
        tuple[str, str, str], typer.Option(help="Smallest, largest, step, in lots.")
    ] = ("0.01", "100", "0.01"),
    calendar: Annotated[str, typer.Option(help="weekdays or always.")] = "weekdays",
    as_json: AsJson = False,
) -> None:
    """Register an instrument; it is new, and trades once `desk instrument state` says so.

    Example: `desk instrument add AUDUSD --class fx --base AUD --quote USD --digits 5
    --contract-size 100000 --pip 0.0001 --reason "the desk's new pair"`.
    """
    from decimal import Decimal

    item = {
        "symbol": symbol,
        "symbol_class": symbol_class,
        "base_currency": base,
        "quote_currency": quote,
        "digits": digits,
        "tick_size": tick or str(Decimal(1).scaleb(-digits)),
        "pip_size": pip,
        "contract_size": contract_size,
        "volume_min": volume[0],
        "volume_max": volume[1],
        "volume_step": volume[2],
        "calendar": calendar,
        "reason": reason,
    }
    answer = _change("ops.add_instruments", item)
    word = "was known already" if answer["repeated"] else "is new: it does not trade yet"
    _tell(answer, as_json, f"{answer['symbol']} {word}")


@alias_app.command(name="set")
def set_alias(
    spelling: Annotated[str, typer.Argument(help="BTCUSDT, or BINANCE:BTCUSDT for there only.")],
    symbol: Annotated[str, typer.Argument(help="The instrument that it means.")],
    reason: Reason,
    override: Override = False,
    as_json: AsJson = False,
) -> None:
    """Let a spelling mean an instrument; --override takes it from another one.

    Example: `desk instrument alias set NYSE:GOLD GOLD.NYSE --reason "the miner, not the metal"`.
    """
    item = {"alias": spelling, "symbol": symbol, "reason": reason, "override": override}
    answer = _change("ops.set_instrument_aliases", item)
    before = f", no longer {answer['before']}" if answer["before"] not in (None, symbol) else ""
    _tell(answer, as_json, f"{answer['alias']} means {answer['symbol']}{before}")


@alias_app.command(name="remove")
def remove_alias(
    spelling: Annotated[str, typer.Argument(help="As `desk instrument show` has it.")],
    reason: Reason,
    as_json: AsJson = False,
) -> None:
    """Let a spelling mean nothing any more: alerts that use it go to review.

    Example: `desk instrument alias remove CABLE --reason "nobody writes that"`.
    """
    item = {"alias": spelling, "symbol": None, "reason": reason}
    answer = _change("ops.set_instrument_aliases", item)
    _tell(answer, as_json, f"{answer['alias']} means nothing any more")


def _resolve(spelling: str) -> str:
    """Name the instrument as the Normalizer would find it. Raises DeskError."""
    from backend.domain.instruments import InstrumentRegistry
    from backend.domain.normalization_wire import decode_instrument

    registry = InstrumentRegistry.of(map(decode_instrument, _read(_INSTRUMENTS, {})))
    found = registry.resolve(spelling)
    if found is None:
        raise DeskError(
            "instrument.unknown",
            f"{spelling} leads to no instrument",
            "`desk instrument list`; `desk instrument alias set SPELLING SYMBOL --reason …`",
        )
    return found.symbol


def _read(query: LiteralString, arguments: dict[str, Any]) -> list[dict[str, Any]]:
    from psycopg.rows import dict_row

    with (
        session_as(load_settings(), "desk_operator") as conn,
        conn.cursor(row_factory=dict_row) as cursor,
    ):
        return cursor.execute(query, arguments).fetchall()


def _change(procedure: str, item: dict[str, Any]) -> dict[str, Any]:
    import psycopg

    from backend.db.gateway import call

    with session_as(load_settings(), "desk_operator") as conn:
        try:
            (answer,) = call(conn, procedure, [{"i": 0, **item}])
        except (psycopg.errors.DataError, psycopg.errors.IntegrityError) as error:
            what = error.diag.constraint_name or str(error).splitlines()[0]
            raise DeskError("instrument.value", f"a value cannot be: {what}", "--help") from None
    return {name: value for name, value in answer.items() if name != "i"}


def _known_state(state: str) -> None:
    if state not in STATES:
        raise DeskError("instrument.state", f"no state {state}", f"one of {', '.join(STATES)}")


def _tell(answer: dict[str, Any], as_json: bool, sentence: str) -> None:
    if as_json:
        print_json(answer)
    else:
        out().print(sentence, soft_wrap=True, markup=False)
