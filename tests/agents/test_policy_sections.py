"""An agent reads exactly what the pack says, or nothing."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import orjson
import pytest

from backend.domain.health import HealthPolicy
from backend.domain.hypothesis import HypothesisPolicy
from backend.domain.normalize import NormalizePolicy
from backend.domain.routing import ConflictRule, RoutingPolicy
from backend.policies import PACKS, load_pack
from tests.kit.signals import INTAKE_POLICY, ROUTING_POLICY
from workers.sections import read_section


@pytest.mark.parametrize("pack", sorted(PACKS.glob("*.toml")), ids=lambda path: path.stem)
def test_every_pack_says_what_the_signal_agents_need(pack: Path):
    body = orjson.loads(load_pack(pack).canonical)
    assert read_section(NormalizePolicy, body["intake"]) is not None
    assert read_section(HypothesisPolicy, body["hypothesis"]) is not None
    assert read_section(HealthPolicy, body["health"]) is not None
    assert read_section(RoutingPolicy, body["routing"]) is not None
    assert {"threshold", "bars_min", "bars_age_max"} <= body["scoring"].keys()
    # What the overseer records every five seconds must not be stale before the next time.
    assert body["routing"]["health_age_ms_max"] >= 10_000


def test_values_keep_every_digit_and_their_type():
    policy = read_section(RoutingPolicy, ROUTING_POLICY)
    assert policy is not None
    assert policy.spread_share_max == Decimal("0.2")
    assert policy.conflict_rule is ConflictRule.STRONGER
    assert policy.health_age_ms_max == 60_000


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("source_age_s_max", True),
        ("source_age_s_max", 1.5),
        ("source_age_s_max", "soon"),
        ("source_age_s_max", None),
        ("refuse_when_closed", "yes"),
        ("refuse_when_closed", 1),
    ],
)
def test_unreadable_value_makes_the_whole_section_unreadable(name: str, value: object):
    assert read_section(NormalizePolicy, INTAKE_POLICY | {name: value}) is None


@pytest.mark.parametrize("value", [0.2, True, "NaN", "Infinity", "a lot", None])
def test_number_that_is_not_exact_is_no_number(value: object):
    assert read_section(RoutingPolicy, ROUTING_POLICY | {"spread_share_max": value}) is None


def test_unknown_word_is_not_taken_for_a_rule():
    assert read_section(RoutingPolicy, ROUTING_POLICY | {"conflict_rule": "maybe"}) is None


def test_missing_section_or_number_is_not_a_default():
    assert read_section(RoutingPolicy, None) is None
    for name in ROUTING_POLICY:
        partial = {key: value for key, value in ROUTING_POLICY.items() if key != name}
        assert read_section(RoutingPolicy, partial) is None
