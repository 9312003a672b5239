"""Puts a terminal together from its settings and what its folder remembers."""

import fcntl
import json
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import IO, Any

from backend.paper_terminal.admission import Admission
from backend.paper_terminal.bars import (
    BarSource,
    GeneratedBars,
    RecordedBars,
    Recording,
    read_recording,
)
from backend.paper_terminal.book import Book
from backend.paper_terminal.clock import MachineClock, WallClock
from backend.paper_terminal.conditions import Conditions, ConditionSettings
from backend.paper_terminal.constants import Execution, MarginMode
from backend.paper_terminal.depth import DepthReplay, depth_spec, read_depth
from backend.paper_terminal.descriptions import Descriptions
from backend.paper_terminal.faults import Faults
from backend.paper_terminal.fills import Commission, Fills
from backend.paper_terminal.floor import Floor, Limits
from backend.paper_terminal.infos import AccountSettings
from backend.paper_terminal.market import Market
from backend.paper_terminal.money import Money
from backend.paper_terminal.orders import balance_deal
from backend.paper_terminal.queries import Queries
from backend.paper_terminal.rules import apply_rules
from backend.paper_terminal.sessions import Sessions
from backend.paper_terminal.store import Store
from backend.paper_terminal.symbols import DEFAULT_SYMBOLS, SymbolSpec, infer_spec
from backend.paper_terminal.terminal import Parts, Terminal
from backend.paper_terminal.trading import Trading
from backend.paper_terminal.triggers import MarginLevels, Triggers
from backend.paper_terminal.veil import Veil

_HISTORY_S = 600 * 3600


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that the command line says. bars None: generated prices."""

    home: Path
    login: int
    password: str
    balance: Decimal
    currency: str
    leverage: int
    hedging: bool
    trade_mode: int
    execution: Execution
    freeze_level: int
    commission: Commission
    limits: Limits
    levels: MarginLevels
    rules: Path | None
    machine_offset_hours: float | None
    conditions: ConditionSettings
    seed: int
    bars: Path | None
    depth: tuple[Path, ...]
    speed: float
    start_bar: int | None
    sessions: Sessions
    offset_hours: float
    full_durability: bool


def assemble(
    settings: Settings, clock: WallClock | None = None
) -> tuple[Terminal, Faults, Callable[[], None]]:
    """Build the terminal, its faults and the function that closes its store.

    Raises ValueError for settings that contradict the folder, OSError if it is in use.
    """
    if settings.speed <= 0 or settings.leverage <= 0:
        raise ValueError("speed and leverage must be positive")
    if settings.freeze_level < 0:
        raise ValueError("the freeze level must not be negative")
    settings.home.mkdir(parents=True, exist_ok=True)
    with ExitStack() as opened:
        opened.enter_context(_only_one(settings.home))
        store = Store(settings.home / "terminal.sqlite3", settings.full_durability)
        opened.callback(store.close)
        terminal, faults = _put_together(settings, store, clock or MachineClock())
        return terminal, faults, opened.pop_all().close


def _put_together(settings: Settings, store: Store, clock: WallClock) -> tuple[Terminal, Faults]:
    specs, sources, depths = _market_data(settings)
    widest_ms = max(source.bar_seconds for source in sources.values()) * 1000
    remembered = _remember(store, settings, clock.now_ms() // widest_ms * widest_ms)
    market = Market(
        specs,
        sources,
        clock,
        int(remembered["origin_ms"]),
        settings.speed,
        settings.seed,
        settings.offset_hours,
        settings.sessions,
    )
    faults = _faults(store, clock, settings.seed)
    market.disturb(lambda: faults.active, faults.in_force)
    book = Book(store)
    if not book.deals:
        book.add_deal(balance_deal(book.ticket(), settings.balance, market.server_ms()))
        book.commit()
    mode = MarginMode.HEDGING if settings.hedging else MarginMode.NETTING
    money = Money(market, settings.currency, settings.leverage)
    fills = Fills(book, money, mode, settings.commission)
    conditions = Conditions(settings.conditions, settings.seed)
    floor = Floor(book, market, money, fills, conditions, faults, mode, settings.limits, depths)
    trading, veil = Trading(floor), Veil()
    queries = Queries(book, market, money, veil, _zone(settings.machine_offset_hours))
    account = _account(settings, mode)
    told = Descriptions(book, market, money, floor, trading, account, settings.home)
    triggers = Triggers(floor, settings.levels)
    door = Admission(settings.login, account.server, settings.password)
    parts = Parts(book, market, trading, triggers, conditions, faults, queries, told, veil, door)
    return Terminal(parts), faults


def _account(settings: Settings, mode: MarginMode) -> AccountSettings:
    return AccountSettings(
        settings.login,
        settings.currency,
        settings.leverage,
        mode,
        settings.trade_mode,
        settings.limits,
        settings.levels,
    )


def _faults(store: Store, clock: WallClock, seed: int) -> Faults:
    """Give the rules that were to be kept; all others end with the process."""
    kept = json.loads(store.meta().get("faults", "[]"))

    def remember(rules: list[dict[str, Any]]) -> None:
        store.write([], [], {"faults": json.dumps(rules)})

    return Faults(seed, clock.now_ms, remember, kept)


def _zone(hours: float | None) -> timezone | None:
    return None if hours is None else timezone(timedelta(hours=hours))


def _only_one(home: Path) -> IO[str]:
    """Hold the folder's lock as long as the process lives."""
    lock = (home / "lock").open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        lock.close()
        raise OSError(f"{home} is in use by another terminal") from error
    return lock


def _remember(store: Store, settings: Settings, origin_ms: int) -> dict[str, str]:
    """Fix what must not change over restarts: account, seed, speed and where the replay began."""
    meta = store.meta()
    fixed = {
        "login": str(settings.login),
        "currency": settings.currency,
        "margin_mode": "hedging" if settings.hedging else "netting",
        "seed": str(settings.seed),
        "speed": str(settings.speed),
        "bars": str(settings.bars or "generated"),
        "depth": " ".join(map(str, settings.depth)),
    }
    for key, value in fixed.items():
        if meta.get(key, value) != value:
            raise ValueError(f"{settings.home} was made with {key} {meta[key]}, not {value}")
    remembered = {"origin_ms": str(origin_ms)} | fixed | meta
    store.write([], [], remembered)
    return remembered


def _market_data(
    settings: Settings,
) -> tuple[dict[str, SymbolSpec], dict[str, BarSource], dict[str, DepthReplay]]:
    """Give all symbols: recorded where a file is given, generated otherwise."""
    recordings = [read_recording(path) for path in _recordings(settings.bars)]
    specs = dict(DEFAULT_SYMBOLS)
    for recording in recordings:
        name = recording.symbol
        if name not in specs:
            specs[name] = infer_spec(name, recording.bars.close.tolist(), recording.decimals)
    for name, spec in specs.items():
        frozen = settings.freeze_level
        specs[name] = replace(spec, execution=settings.execution, freeze_level=frozen)
    books = [read_depth(path) for path in settings.depth]
    specs |= {book.symbol: depth_spec(book) for book in books}
    if settings.rules is not None:
        specs = apply_rules(settings.rules, specs)
    depths = {book.symbol: DepthReplay(book) for book in books}
    sources: dict[str, BarSource] = dict(depths)
    for recording in recordings:
        sources[recording.symbol] = _replay(settings, recording, specs[recording.symbol].digits)
    for name, spec in specs.items():
        sources.setdefault(name, GeneratedBars(spec, settings.seed))
    return specs, sources, depths


def _replay(settings: Settings, recording: Recording, digits: int) -> RecordedBars:
    count = len(recording.bars)
    start = settings.start_bar
    if start is None:
        # As much history as is asked for, but never more than two thirds of the recording.
        start = min(-(-_HISTORY_S // recording.bar_seconds), count * 2 // 3)
    return RecordedBars(recording.bars, recording.bar_seconds, digits, start % count)


def _recordings(given: Path | None) -> list[Path]:
    if given is None:
        return []
    if not given.exists():
        raise ValueError(f"no such file or folder: {given}")
    if given.is_file():
        return [given]
    found = sorted(given.glob("*.csv"))
    if not found:
        raise ValueError(f"{given}: no .csv files")
    return found
