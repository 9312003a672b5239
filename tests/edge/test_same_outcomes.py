"""Python and Deno normalise every signal to the same bytes."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from backend.contracts.denials import Code
from backend.contracts.envelope import canonical
from backend.contracts.normalization import FOLDER, RULES
from backend.domain.instruments import InstrumentRegistry, Lifecycle
from backend.domain.intake import ParsedAlert, parse_alert
from backend.domain.intake.wire import encode_alert
from backend.domain.normalization_wire import (
    decode_facts,
    decode_instrument,
    decode_policy,
    encode_outcome,
)
from backend.domain.normalize import NormalizeCode, normalize
from backend.domain.sessions import Session
from backend.values import format_instant
from tests.kit.edge import FUNCTIONS, deno
from tests.kit.payloads import PAYLOADS
from tests.kit.public_payloads import PUBLIC_PAYLOADS

DOCUMENT: dict[str, Any] = json.loads((FOLDER / "cases.json").read_text())
RANDOM_SIGNALS = 2_000


_ASKED = (
    *("symbol_raw", "side", "order_type", "exchange", "price", "stop_loss", "take_profit"),
    *("stop_distance", "take_distance", "timeframe", "source_time"),
)

REGISTRY = InstrumentRegistry.of(map(decode_instrument, DOCUMENT["instruments"]))


def outcome(signal: dict[str, Any], policy: dict[str, Any]) -> bytes:
    found = normalize(decode_facts(signal), REGISTRY, decode_policy(policy))
    return canonical(encode_outcome(found))


def outcomes_of_deno(signals: list[dict[str, Any]]) -> list[bytes]:
    known = {"instruments": DOCUMENT["instruments"], "policy": DOCUMENT["policy"]}
    lines = "\n".join(map(json.dumps, [known, *signals]))
    done = deno("run", "--no-prompt", "--frozen", "testing/outcomes.ts", stdin=lines)
    assert done.returncode == 0, done.stderr
    return done.stdout.encode().splitlines()


@pytest.mark.parametrize("case", DOCUMENT["cases"], ids=lambda case: case["name"])
def test_the_normalizer_gives_what_the_case_says(case: dict[str, Any]):
    found = outcome(case["signal"], case.get("policy", DOCUMENT["policy"]))
    assert found == canonical(case["expected"])


def test_every_reason_has_a_case_and_a_place_to_go():
    said = {case["expected"].get("code") for case in DOCUMENT["cases"]} - {None}
    assert said == {code.value for code in NormalizeCode} == RULES.refusals.keys()


def test_the_rules_name_the_states_and_sessions_that_the_desk_has():
    assert RULES.lifecycle.keys() == {state.value for state in Lifecycle}
    assert {*RULES.sessions.leading, RULES.sessions.closed} == {s.value for s in Session}


def test_signals_at_random_come_out_the_same():
    signals = [a_signal(random.Random(seed)) for seed in range(RANDOM_SIGNALS)]
    theirs = outcomes_of_deno(signals)
    ours = [outcome(signal, DOCUMENT["policy"]) for signal in signals]
    different = [(s, a, b) for s, a, b in zip(signals, ours, theirs, strict=True) if a != b]
    assert different == []
    # Worth nothing if all of them failed in the same way.
    assert sum(b'"outcome":"normalized"' in found for found in ours) > RANDOM_SIGNALS // 20


def test_what_public_alerts_ask_for_comes_out_the_same():
    alerts = [parse_alert(one.body, one.content_type) for one in (*PAYLOADS, *PUBLIC_PAYLOADS)]
    understood = [encode_alert(alert) for alert in alerts if isinstance(alert, ParsedAlert)]
    received_at = format_instant(datetime(2026, 11, 20, 14, 3, 5, tzinfo=UTC))
    signals = [
        {name: alert[name] for name in _ASKED if alert[name] is not None}
        | {"received_at": received_at}
        for alert in understood
    ]
    ours = [outcome(signal, DOCUMENT["policy"]) for signal in signals]
    assert len(ours) > 60
    assert ours == outcomes_of_deno(signals)


def test_daylight_saving_comes_out_the_same_around_every_change_of_clocks():
    weeks = [(3, 5), (3, 22), (10, 22)]  # New York, London; in autumn a week lies between them
    signals = [
        {
            "symbol_raw": "BTCUSD",
            "side": "BUY",
            "order_type": "market",
            "received_at": format_instant(datetime(year, *day, tzinfo=UTC) + minutes),
        }
        for year in range(2026, 2028)
        for day in weeks
        for minutes in (timedelta(minutes=30 * n) for n in range(14 * 48))
    ]
    ours = [outcome(signal, DOCUMENT["policy"]) for signal in signals]
    assert ours == outcomes_of_deno(signals)
    assert {json.loads(found)["session"] for found in ours} == {s.value for s in Session}


def a_signal(dice: random.Random) -> dict[str, Any]:
    """Make a signal around what the cases know, often with something wrong."""
    known = dice.choice(DOCUMENT["instruments"])
    price = Decimal(dice.randrange(1, 10**7)).scaleb(-dice.randrange(0, 7))
    signal: dict[str, Any] = {
        "symbol_raw": a_spelling(dice, known),
        "side": dice.choice(["BUY", "SELL"]),
        "order_type": dice.choice(["market", "market", "limit", "stop"]),
        "received_at": an_instant(dice),
    }
    maybe: dict[str, Any] = {
        "exchange": dice.choice(["NYSE", "oanda", "COMEX_DL", "nasdaq_dly", "X"]),
        "price": f"{price:f}",
        "stop_loss": f"{near(dice, price):f}",
        "take_profit": f"{near(dice, price):f}",
        "stop_distance": a_distance(dice),
        "take_distance": a_distance(dice),
        "timeframe": a_timeframe(dice),
        "quote": {"bid": f"{price:f}", "ask": f"{near(dice, price):f}",
                  "as_of": signal["received_at"]},
    }  # fmt: skip
    signal |= {name: value for name, value in maybe.items() if dice.random() < 0.4}
    if dice.random() < 0.3:
        signal["source_time"] = signal["received_at"][:17] + f"{dice.randrange(60):02}.5Z"
    return signal


def a_spelling(dice: random.Random, known: dict[str, Any]) -> str:
    name = dice.choice([known["symbol"], *known["aliases"]])
    before = dice.choice(["", "", "", "#", "^", "OANDA:", "NYSE:", "x:"])
    after = dice.choice(
        [
            *("", "", "", "m", ".m", ".PRO", "_i", "-ecn", "+", "#", "micro", ".zzzzzzzzz"),
            *("+GBPUSD", "-AUDNZD", ".INV", "_opt", "-27DEC26", "_241227", ".x7"),
        ]
    )
    cut = dice.choice([0, 0, 3])
    middle = f"{name[:cut]}{dice.choice('/-_ ')}{name[cut:]}" if cut else name
    return dice.choice([str.lower, str.upper, str])(f"{before}{middle}{after}")


def an_instant(dice: random.Random) -> str:
    day = f"2026-{dice.randrange(1, 13):02}-{dice.randrange(1, 29):02}"
    hour, minute = dice.randrange(24), dice.choice([0, 0, 59, dice.randrange(60)])
    return f"{day}T{hour:02}:{minute:02}:{dice.randrange(60):02}.{dice.randrange(10**6):06}Z"


def a_distance(dice: random.Random) -> dict[str, str]:
    value = Decimal(dice.randrange(1, 10**5)).scaleb(-dice.randrange(0, 4))
    return {"value": f"{value:f}", "unit": dice.choice(["pips", "percent", "price"])}


def a_timeframe(dice: random.Random) -> str:
    unit = dice.choice(["", "m", "M", "h", "H", "D", "w", " min", "hours", "s"])
    number = str(dice.choice([1, 3, 4, 5, 15, 30, 60, 240, 1440, 7]))
    return dice.choice([number + unit, unit.strip() + number, f"PERIOD_{unit.strip()}{number}"])


def near(dice: random.Random, price: Decimal) -> Decimal:
    return price * Decimal(dice.randrange(900, 1101)) / 1000


def test_refusals_are_worded_like_the_desks():
    script = (
        'import { REFUSALS } from "./_shared/problem.ts"; console.log(JSON.stringify(REFUSALS));'
    )
    done = deno("eval", "--frozen", script)
    assert done.returncode == 0, done.stderr
    for number, refusal in json.loads(done.stdout).items():
        code = Code.of_number(number)
        assert code is not None
        assert (refusal["name"], refusal["meaning"]) == (code.name, code.meaning)


def test_no_function_knows_a_login_but_its_own():
    for path in FUNCTIONS.rglob("*.ts"):
        if not path.name.endswith(".test.ts"):
            text = path.read_text().lower()
            assert "service_role" not in text, path
            assert "supabase_service" not in text, path
