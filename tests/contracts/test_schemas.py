"""The exported schemas: what the models accept, said so that any other language obeys."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator, FormatChecker
from pydantic import TypeAdapter, ValidationError

from backend.contracts.base import Contract, ExposureDelta
from backend.contracts.envelope import Envelope
from backend.contracts.examples import ENVELOPE, PAYLOADS
from backend.contracts.families import FAMILIES
from backend.contracts.orders import FillEvent
from backend.contracts.schemas import DIALECT, envelope_schema, export, payload_schema
from backend.contracts.signals import HealthSignal, Opportunity, RationaleSignal, RawSignal
from backend.values import Exact, Fraction, Instant, NonNegative, Positive
from cli.contracts import FOLDER

NAMES = sorted(FAMILIES)


def validator(schema: dict[str, Any]) -> Draft202012Validator:
    return Draft202012Validator(schema, format_checker=FormatChecker())


@pytest.mark.parametrize("name", NAMES)
def test_every_family_has_a_valid_schema_that_its_example_obeys(name: str):
    schema = payload_schema(name)
    Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == DIALECT
    assert schema["$id"].endswith(name)
    assert schema["title"]
    assert schema["description"]
    assert schema["examples"]
    for example in schema["examples"]:
        validator(schema).validate(example)


def test_the_envelope_has_a_valid_schema_that_its_example_obeys():
    schema = envelope_schema()
    Draft202012Validator.check_schema(schema)
    validator(schema).validate(ENVELOPE)
    assert Envelope.model_validate_json(orjson.dumps(ENVELOPE), strict=True)


@pytest.mark.parametrize("name", NAMES)
def test_every_example_comes_back_from_its_model_unchanged(name: str):
    payload = FAMILIES[name].model_validate_json(orjson.dumps(PAYLOADS[name]), strict=True)
    assert payload.model_dump(mode="json") == PAYLOADS[name]


@pytest.mark.parametrize("name", NAMES)
def test_every_object_in_a_schema_names_its_fields_and_needs_them_all(name: str):
    schema = payload_schema(name)
    for node in [schema, *schema.get("$defs", {}).values()]:
        if node.get("type") == "object":
            assert node["additionalProperties"] is False
            assert sorted(node["required"]) == sorted(node["properties"])


@pytest.mark.parametrize("name", NAMES)
def test_no_schema_lets_a_fractional_number_in(name: str):
    assert b'"number"' not in export()[f"{name}.schema.json"]


def test_the_committed_files_are_what_the_models_say():
    committed = {path.name: path.read_bytes() for path in FOLDER.glob("*.json")}
    assert committed == export(), "run `desk contracts export`"


def test_the_index_lists_every_family():
    index = orjson.loads(export()["index.json"])
    assert [entry["type"] for entry in index["families"]] == NAMES
    assert all(entry["ttl_ms"] > 0 for entry in index["families"])


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        (Exact, ["0", "-1.5", "007", "1.10"], ["-0", "1e5", "", "1.", ".1", "NaN", " 1", 1.5, 1]),
        (Positive, ["0.01", "10", "100.5"], ["0", "0.00", "-1", "00"]),
        (NonNegative, ["0", "0.00", "3"], ["-1", "-0", "-0.1"]),
        (Fraction, ["0", "1", "1.0", "0.999", "00.5"], ["1.01", "2", "-0.1", "10"]),
        (
            Instant,
            ["2026-11-21T03:42:59.123456Z"],
            ["2026-11-21T03:42:59", "yesterday", 1_700_000_000],
        ),
    ],
)
def test_schema_and_model_agree_on_the_words_of_the_trade(
    kind: object, good: list[object], bad: list[object]
):
    adapter: TypeAdapter[Any] = TypeAdapter(kind)
    says = validator(adapter.json_schema())
    for value in good:
        assert says.is_valid(value), value
        adapter.validate_json(orjson.dumps(value), strict=True)
    for value in bad:
        assert not says.is_valid(value), value
        with pytest.raises(ValidationError):
            adapter.validate_json(orjson.dumps(value), strict=True)


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-3, max_value=3, places=3))
def test_schema_and_model_draw_the_bounds_of_a_decimal_at_the_same_place(value: Decimal):
    text = format(value if value else abs(value), "f")
    for kind in (Exact, Positive, NonNegative, Fraction):
        adapter: TypeAdapter[Decimal] = TypeAdapter(kind)
        try:
            adapter.validate_python(text)
            accepted = True
        except ValidationError:
            accepted = False
        assert validator(adapter.json_schema()).is_valid(text) is accepted


exact = st.decimals(-(10**12), 10**12, places=8)
positive = st.decimals(Decimal("0.00000001"), 10**12, places=8)
fraction = st.decimals(0, 1, places=6)
earliest = datetime(2000, 1, 1)  # noqa: DTZ001 - hypothesis wants naive bounds
instants = st.datetimes(min_value=earliest, timezones=st.just(UTC))
slugs = st.from_regex(r"[a-z0-9][a-z0-9_\-]{0,20}", fullmatch=True)
texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)


def changed(name: str, model: type[Contract], **fields: st.SearchStrategy[Any]):
    """Draw the example of a family with these fields replaced by anything they may hold."""
    return st.fixed_dictionaries(fields).map(lambda drawn: model(**{**PAYLOADS[name], **drawn}))


drawn_payloads = st.one_of(
    changed(
        RawSignal.TYPE,
        RawSignal,
        symbol_raw=texts,
        price=st.none() | positive,
        stop_loss=st.none() | positive,
        exchange=st.none() | texts,
        received_at=instants,
        strategy_id=slugs,
    ),
    changed(
        RationaleSignal.TYPE,
        RationaleSignal,
        score=fraction,
        confidence=fraction,
        conflicts=st.lists(texts, max_size=3).map(tuple),
        precedents=st.lists(st.uuids(), max_size=3).map(tuple),
        atr=positive,
        sentence=texts,
    ),
    changed(
        HealthSignal.TYPE,
        HealthSignal,
        throttle_per_minute=st.integers(0, 10_000),
        debt_to_risk=st.decimals(0, 10**9, places=2),
        as_of=instants,
    ),
    changed(
        Opportunity.TYPE,
        Opportunity,
        score=st.decimals(-10, 10, places=4),
        features=st.dictionaries(texts, exact, max_size=3),
        horizon_ms=st.integers(1_000, 86_400_000),
    ),
    changed(FillEvent.TYPE, FillEvent, slippage_bps=exact, price=positive, filled_at=instants),
)
VALIDATORS = {name: validator(payload_schema(name)) for name in NAMES}


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(drawn_payloads)
def test_what_a_model_writes_obeys_its_schema_and_reads_back_equal(payload: Any):
    text = payload.model_dump_json()
    VALIDATORS[payload.TYPE].validate(orjson.loads(text))
    assert type(payload).model_validate_json(text, strict=True) == payload


def test_no_contract_can_be_changed_after_it_was_made():
    delta = ExposureDelta(scope="account", key="paper-1", delta=Decimal(1))
    with pytest.raises(ValidationError):
        delta.key = "live-1"  # type: ignore[misc]


def test_every_family_lives_long_enough_to_be_acted_on_and_no_longer_than_the_bus_allows():
    longest = timedelta(minutes=10)
    for family in FAMILIES.values():
        assert timedelta(seconds=1) <= timedelta(milliseconds=family.TTL_MS) <= longest
