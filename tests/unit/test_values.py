"""The trade's words: exact decimals, UTC instants, sides."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from backend.values import (
    Exact,
    Fraction,
    Instant,
    NonNegative,
    Positive,
    Side,
    Slug,
    Symbol,
    format_decimal,
    format_instant,
    to_utc,
)

EXACT: TypeAdapter[Decimal] = TypeAdapter(Exact)
INSTANT: TypeAdapter[datetime] = TypeAdapter(Instant)

finite = st.decimals(
    allow_nan=False, allow_infinity=False, min_value=-(10**30), max_value=10**30, places=12
)
aware = st.datetimes(
    timezones=st.sampled_from([UTC, timezone(timedelta(hours=5, minutes=30))]),
    min_value=datetime(1, 1, 3),  # noqa: DTZ001 - hypothesis wants naive bounds
    max_value=datetime(9999, 12, 29),  # noqa: DTZ001
)


@given(finite)
def test_a_decimal_comes_back_from_json_with_every_digit(value: Decimal):
    text = EXACT.dump_json(value)
    assert EXACT.validate_json(text) == value
    assert EXACT.validate_json(text, strict=True) == value


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-1, max_value=1))
def test_a_decimal_is_written_without_exponent(value: Decimal):
    assert "E" not in format_decimal(value).upper()


@pytest.mark.parametrize("zero", ["-0", "-0.00", "0E-9", "0"])
def test_zero_has_no_sign_on_the_wire(zero: str):
    assert not format_decimal(Decimal(zero)).startswith("-")
    assert "E" not in format_decimal(Decimal(zero))


@pytest.mark.parametrize("value", [1.5, 1, True, None, [], float("nan")])
def test_a_bare_number_is_no_exact_decimal(value: object):
    with pytest.raises(ValidationError, match="decimals travel as strings"):
        EXACT.validate_python(value)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " 1",
        "1 ",
        "1\n",
        "1e5",
        "1_000",
        "+1",
        ".5",
        "5.",
        "-0",
        "-0.0",
        "NaN",
        "Infinity",
        "٣",
        "0x10",
        "1" * 129,
    ],
)
def test_text_that_is_no_plain_decimal_is_refused(text: str):
    with pytest.raises(ValidationError, match="not a plain decimal"):
        EXACT.validate_python(text)


@pytest.mark.parametrize("value", [Decimal("NaN"), Decimal("sNaN"), Decimal("Infinity")])
def test_a_decimal_that_is_not_finite_is_refused(value: Decimal):
    with pytest.raises(ValidationError):
        EXACT.validate_python(value)


@pytest.mark.parametrize(
    ("kind", "inside", "outside"),
    [
        (Positive, ["0.00001", "5"], ["0", "-1"]),
        (NonNegative, ["0", "5"], ["-0.01"]),
        (Fraction, ["0", "0.5", "1", "1.00"], ["-0.01", "1.01"]),
    ],
)
def test_bounds_hold_for_text_and_for_decimals(kind: object, inside: list[str], outside: list[str]):
    adapter: TypeAdapter[Decimal] = TypeAdapter(kind)
    for text in inside:
        assert adapter.validate_python(text) == adapter.validate_python(Decimal(text))
    for text in outside:
        with pytest.raises(ValidationError):
            adapter.validate_python(text)
        with pytest.raises(ValidationError):
            adapter.validate_python(Decimal(text))


@given(aware)
def test_an_instant_comes_back_from_json_to_the_microsecond(instant: datetime):
    text = INSTANT.dump_json(instant)
    assert INSTANT.validate_json(text, strict=True) == instant
    assert text.endswith(b'Z"')
    assert len(text) == len('"2026-11-21T03:42:59.123456Z"')


def test_an_instant_always_shows_its_microseconds():
    assert format_instant(datetime(2026, 11, 21, tzinfo=UTC)) == "2026-11-21T00:00:00.000000Z"


def test_an_instant_without_a_time_zone_is_refused():
    naive = datetime(2026, 11, 21)  # noqa: DTZ001 - the point of the test
    with pytest.raises(ValueError, match="time zone"):
        to_utc(naive)
    with pytest.raises(ValidationError):
        INSTANT.validate_python(naive)


def test_a_side_knows_its_sign_and_its_opposite():
    assert [side.sign * side.opposite.sign for side in Side] == [-1, -1]
    assert Side.BUY.opposite is Side.SELL


@pytest.mark.parametrize("symbol", ["", "eurusd", "EUR/USD", "A" * 21, "EURUSD\n"])
def test_a_symbol_that_is_not_canonical_is_refused(symbol: str):
    with pytest.raises(ValidationError):
        TypeAdapter(Symbol).validate_python(symbol)


@pytest.mark.parametrize("slug", ["", "-a", "A", "a b", "a" * 64, "a\n"])
def test_a_slug_that_is_none_is_refused(slug: str):
    with pytest.raises(ValidationError):
        TypeAdapter(Slug).validate_python(slug)
