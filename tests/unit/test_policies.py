"""A pack is complete, exact and known by its hash, or it is refused with the key that is wrong."""

from __future__ import annotations

import json
import tomllib
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from backend.errors import DeskError
from backend.policies import LIMIT_KINDS, PACKS, PolicyPack, load_pack, parse_pack
from backend.values import Mode


def a_table(name: str = "default") -> dict[str, Any]:
    return tomllib.loads((PACKS / f"{name}.toml").read_text())


def complaint(table: dict[str, Any]) -> str:
    with pytest.raises(DeskError) as caught:
        parse_pack(table, "test")
    assert caught.value.code == "policy.invalid"
    return caught.value.message


def limits_of(pack: PolicyPack) -> dict[tuple[str, str, str], Decimal]:
    return {(row["scope"], row["scope_id"], row["kind"]): Decimal(row["value"])
            for row in pack.rows()}  # fmt: skip


@pytest.mark.parametrize("name", ["default", "demo", "bench"])
def test_the_packs_of_the_desk_are_valid(name: str) -> None:
    pack = load_pack(PACKS / f"{name}.toml")
    assert pack.name == name
    kinds = {row["kind"] for row in pack.rows()}
    assert {kind for kind, known in LIMIT_KINDS.items() if known.mandatory} <= kinds


def test_only_the_default_pack_may_trade_live() -> None:
    assert Mode.LIVE in load_pack(PACKS / "default.toml").modes
    for name in ("demo", "bench"):
        assert load_pack(PACKS / f"{name}.toml").modes == (Mode.PAPER,)


def test_the_default_pack_has_the_tightest_numbers_of_the_sources() -> None:
    limits = limits_of(load_pack(PACKS / "default.toml"))
    assert limits["platform", "*", "order_notional"] == 2_000_000
    assert limits["account", "*", "leverage"] == 8
    assert limits["account", "*", "daily_loss_hard_pct"] == 3
    assert limits["account", "*", "drawdown_pct"] == 10
    assert limits["account", "*", "var_pct"] == 3
    assert limits["account", "*", "risk_per_trade_pct"] == Decimal("0.75")
    assert limits["instrument", "XAUUSD", "position_quantity"] == 5
    assert limits["instrument", "EURUSD", "position_quantity"] == 8
    # 25 points of 0.00001 at 1.25.
    assert limits["instrument", "EURUSD", "spread_bps"] == 2
    assert limits["account", "*", "daily_loss_soft_pct"] == 2
    assert limits["account", "*", "open_positions"] == 4
    assert limits["platform", "*", "news_distance_s_min"] == 30 * 60
    assert limits["platform", "*", "reward_to_risk_min"] == Decimal("1.5")
    pack = load_pack(PACKS / "default.toml")
    assert [(w.opens, w.closes) for w in pack.windows] == [("07:00", "10:00"), ("13:30", "16:00")]
    assert pack.scoring.threshold == Decimal("0.7")
    # Other symbols have no position limit, which denies them.
    assert not [key for key in limits if key[2] == "position_quantity" and key[1] == "*"]


def test_the_hash_is_that_of_the_numbers_not_of_the_file() -> None:
    first = parse_pack(a_table(), "one")
    shuffled = dict(reversed(list(a_table().items())))
    assert parse_pack(shuffled, "two").policy_hash == first.policy_hash
    assert parse_pack(json.loads(first.canonical), "three").policy_hash == first.policy_hash
    table = a_table()
    table["sizing"]["risk_fraction"] = "0.0076"
    assert parse_pack(table, "four").policy_hash != first.policy_hash


def test_unknown_keys_are_refused_by_name() -> None:
    table = a_table()
    table["sizing"]["bypass"] = True
    assert "sizing.bypass" in complaint(table)
    assert "shortcut" in complaint({**a_table(), "shortcut": 1})


def test_missing_sections_and_numbers_are_refused_by_name() -> None:
    table = a_table()
    del table["treasury"]
    assert "treasury" in complaint(table)
    table = a_table()
    del table["sizing"]["kelly_fraction"]
    assert "sizing.kelly_fraction" in complaint(table)


def test_decimals_that_are_floats_are_refused() -> None:
    table = a_table()
    table["limits"]["platform"]["order_notional"] = 2e6
    assert "order_notional" in complaint(table)


@pytest.mark.parametrize(
    ("scope", "limits", "word"),
    [
        ("platform", {"speed": "1"}, "speed"),
        ("instrument", {"EURUSD": {"drawdown_pct": "1"}}, "drawdown_pct"),
        ("platform", {"stop_loss_required": "2"}, "stop_loss_required"),
        ("platform", {"leverage": "-1"}, "leverage"),
    ],
)
def test_limits_of_unknown_kind_place_or_value_are_refused(
    scope: str, limits: dict[str, Any], word: str
) -> None:
    table = a_table()
    table["limits"][scope] = limits
    assert word in complaint(table)


def test_shadow_policies_have_names_of_their_own_and_a_rule_for_promotion() -> None:
    table = a_table("demo")
    table["routing"]["shadows"].append(dict(table["routing"]["shadows"][0]))
    assert "different names" in complaint(table)
    table = a_table("demo")
    del table["routing"]["promotion"]
    assert "promotion" in complaint(table)
    table = a_table("demo")
    del table["routing"]["shadows"][0]["edge_min"]
    assert "routing.shadows.0.edge_min" in complaint(table)
    for pair in ("XAUUSD", "XAUUSD/XAUUSD", "A/B/C"):
        table = a_table("demo")
        table["routing"]["shadows"][0]["blocked_pairs"] = [pair]
        assert "two symbols" in complaint(table)


def test_a_file_that_is_missing_or_no_toml_says_so(tmp_path: Path) -> None:
    with pytest.raises(DeskError) as caught:
        load_pack(tmp_path / "none.toml")
    assert caught.value.code == "policy.missing"
    broken = tmp_path / "broken.toml"
    broken.write_text("name = ")
    with pytest.raises(DeskError) as caught:
        load_pack(broken)
    assert caught.value.code == "policy.malformed"
