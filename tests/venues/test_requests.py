"""From attempts to trade requests: the grid, the fillings, the limits of the wheel."""

from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.ports import Quote
from backend.values import OrderType, Side, TimeInForce
from backend.venues.model import magic_of
from backend.venues.mt5.requests import Unsendable, build_request, round_price, round_volume
from tests.venues.builders import a_spec, an_attempt

NOW = datetime(2026, 3, 4, tzinfo=UTC)


def built(attempt: object = None, hedging: bool = True, **spec: object) -> object:
    """Build the request of an attempt under changed rules."""
    return build_request(attempt or an_attempt(), a_spec(**spec), hedging, None)  # type: ignore[arg-type]


def test_all_prices_and_volumes_are_floats():
    attempt = an_attempt(stop_loss=Decimal(1), take_profit=Decimal(2), price=Decimal(1))
    request = built(attempt)
    assert isinstance(request, dict)
    assert {type(request[k]) for k in ("volume", "price", "sl", "tp")} == {float}


def test_fok_is_sent_although_it_is_zero():
    request = built(filling_mask=1)
    assert isinstance(request, dict)
    assert request["type_filling"] == 0


@pytest.mark.parametrize(
    ("mask", "mode", "time_in_force", "filling"),
    [
        (1, 2, TimeInForce.GTC, 0),
        (2, 2, TimeInForce.GTC, 1),
        (3, 2, TimeInForce.IOC, 1),
        (3, 2, TimeInForce.FOK, 0),
        # FOK fills nothing that IOC would not have filled.
        (1, 2, TimeInForce.IOC, 0),
        (0, 2, TimeInForce.IOC, None),
        (2, 2, TimeInForce.FOK, None),
        (0, 2, TimeInForce.GTC, None),
        (0, 3, TimeInForce.GTC, 2),
        (3, 1, TimeInForce.GTC, 0),
        (3, 1, TimeInForce.IOC, None),
    ],
)
def test_filling_comes_from_the_bitmask(
    mask: int, mode: int, time_in_force: TimeInForce, filling: int | None
):
    attempt = an_attempt(time_in_force=time_in_force, price=Decimal("1.1"))
    request = built(attempt, filling_mask=mask, execution_mode=mode)
    if filling is None:
        assert isinstance(request, Unsendable)
    else:
        assert isinstance(request, dict)
        assert request["type_filling"] == filling


def test_pending_order_rests_with_return_and_never_at_a_worse_price():
    attempt = an_attempt(order_type=OrderType.LIMIT, price=Decimal("1.100009"), side=Side.BUY)
    request = built(attempt)
    assert isinstance(request, dict)
    assert (request["action"], request["type"], request["type_filling"]) == (5, 2, 2)
    assert request["price"] == 1.1
    request = built(
        an_attempt(order_type=OrderType.LIMIT, price=Decimal("1.1000011"), side=Side.SELL)
    )
    assert isinstance(request, dict)
    assert request["price"] == 1.10001


def test_pending_order_rests_with_return_under_instant_execution_too():
    attempt = an_attempt(order_type=OrderType.LIMIT, price=Decimal("1.1"))
    assert built(attempt, execution_mode=1)["type_filling"] == 2  # type: ignore[index]


@pytest.mark.parametrize(
    ("side", "stop", "target", "sent"),
    [
        (Side.BUY, "1.09990", "1.10010", True),
        (Side.BUY, "1.09991", None, False),
        (Side.BUY, None, "1.10009", False),
        (Side.BUY, "1.2", None, False),
        (Side.SELL, "1.10012", "1.09992", True),
        (Side.SELL, "1.10011", None, False),
        (Side.SELL, None, "1.2", False),
    ],
)
def test_stops_within_the_stops_level_are_known_before_anything_is_sent(
    side: Side, stop: str | None, target: str | None, sent: bool
):
    stops = {"stop_loss": stop and Decimal(stop), "take_profit": target and Decimal(target)}
    quote = Quote("EURUSD", Decimal("1.1"), Decimal("1.10002"), NOW, NOW)
    request = build_request(an_attempt(side=side, **stops), a_spec(execution_mode=1), True, quote)
    assert isinstance(request, dict) is sent


def test_stops_of_a_pending_order_are_measured_from_its_own_price():
    limit = {"order_type": OrderType.LIMIT, "price": Decimal("1.1")}
    assert isinstance(built(an_attempt(**limit, stop_loss=Decimal("1.0999"))), dict)
    assert isinstance(built(an_attempt(**limit, stop_loss=Decimal("1.09991"))), Unsendable)


def test_position_is_named_on_hedging_accounts_only():
    attempt = an_attempt(position_ticket=7)
    assert built(attempt)["position"] == 7  # type: ignore[index]
    assert "position" not in built(attempt, hedging=False)  # type: ignore[operator]


def test_instant_execution_without_any_price_is_not_sent():
    assert isinstance(built(execution_mode=1), Unsendable)


def test_symbol_longer_than_the_wheel_takes_is_not_sent():
    assert isinstance(built(venue_symbol="S" * 30), Unsendable)


@pytest.mark.parametrize("volume", ["0.009", "501"])
def test_volume_outside_the_limits_is_not_sent(volume: str):
    assert isinstance(built(an_attempt(volume=Decimal(volume))), Unsendable)


@given(st.decimals(min_value="0.01", max_value="500", places=6))
def test_rounded_volume_is_on_the_step_and_never_more(volume: Decimal):
    rounded = round_volume(volume, a_spec())
    assert isinstance(rounded, Decimal)
    assert rounded <= volume
    assert volume - rounded < Decimal("0.01")
    assert rounded % Decimal("0.01") == 0


@given(st.decimals(min_value="0.5", max_value="2", places=8))
def test_rounded_price_survives_the_journey_through_a_float(price: Decimal):
    rounded = round_price(price, a_spec())
    assert Decimal(repr(float(rounded))) == rounded


@given(st.uuids())
def test_magic_fits_63_bits_and_is_never_zero(attempt_id: UUID):
    assert 0 < magic_of(attempt_id) < 1 << 63


@pytest.mark.parametrize("identity", ["", "x" * 21, "ä", "tab\t"])
def test_identity_that_cannot_travel_is_refused(identity: str):
    with pytest.raises(ValueError, match="client_order_id"):
        an_attempt(client_order_id=identity)
