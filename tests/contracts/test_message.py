"""Reading a row of the bus: typed, or refused by name."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from backend.contracts.denials import Code
from backend.contracts.examples import PAYLOADS
from backend.contracts.families import FAMILIES
from backend.contracts.message import MessageRefused, decode
from tests.kit.messages import (
    A_KEY,
    AN_INSTANT,
    BUILDERS,
    a_fill,
    a_payload,
    a_signed_row,
    an_unsigned,
)


def refused(row: dict[str, Any]) -> MessageRefused:
    with pytest.raises(MessageRefused) as caught:
        decode(row)
    return caught.value


@pytest.mark.parametrize("type_", sorted(BUILDERS))
def test_a_message_of_every_family_comes_back_as_it_was_sent(type_: str):
    payload = a_payload(type_)
    message = decode(a_signed_row(payload))
    assert message.payload == payload
    assert type(message.payload) is FAMILIES[type_]


def test_the_envelope_comes_back_typed():
    row = a_signed_row(a_fill(), intent="reconcile")
    message = decode({**row, "delivery_id": 9, "published_at": AN_INSTANT})
    for name in ("msg_id", "correlation_id", "causation_id", "created_at", "sender", "sig"):
        assert getattr(message, name) == row[name]
    assert message.intent == "reconcile"
    assert message.payload.price == Decimal("1.08504")


def test_the_wire_form_reads_like_the_row():
    assert decode(A_KEY.sign_wire(an_unsigned())) == decode(a_signed_row())


def test_an_unknown_type_is_refused():
    assert refused({**a_signed_row(), "type": "signals.raw.v9"}).code is Code.TYPE_UNKNOWN
    assert refused({**a_signed_row(), "type": None}).code is Code.TYPE_UNKNOWN


def test_an_unknown_version_is_refused():
    assert refused({**a_signed_row(), "version": "v2"}).code is Code.VERSION_UNKNOWN


@pytest.mark.parametrize("field", sorted(a_signed_row()))
def test_a_row_without_a_field_is_refused_by_its_name(field: str):
    row = a_signed_row()
    del row[field]
    refusal = refused(row)
    assert refusal.code is Code.SCHEMA_INVALID
    assert field in refusal.detail


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("msg_id", "not-a-uuid"),
        ("ttl_ms", 0),
        ("ttl_ms", 600_001),
        ("sender", "risk"),
        ("sender", "agent.Risk"),
        ("idempotency_key", "short"),
        ("org_id", "Demo Desk"),
        ("ordering_key", ""),
        ("created_at", "yesterday"),
        ("created_at", None),
        ("sig", "ed25519:AAAA"),
        ("payload", None),
        ("payload", []),
    ],
)
def test_a_malformed_envelope_is_refused_by_field(field: str, value: object):
    refusal = refused({**a_signed_row(), field: value})
    assert refusal.code is Code.SCHEMA_INVALID
    assert field in refusal.detail


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("price", "0"),
        ("price", "-1.08"),
        ("price", "1e5"),
        ("price", None),
        ("side", "LONG"),
        ("mode", "real"),
        ("symbol", "eurusd"),
        ("latency_ms", "61"),
        ("latency_ms", True),
        ("filled_at", 1_700_000_000),
        ("filled_at", "2026-11-20T13:45:01.312004"),
        ("order_id", "42"),
    ],
)
def test_a_malformed_payload_is_refused_by_field(field: str, value: object):
    row = a_signed_row(a_fill())
    refusal = refused({**row, "payload": {**row["payload"], field: value}})
    assert refusal.code is Code.SCHEMA_INVALID
    assert field in refusal.detail


@pytest.mark.parametrize("type_", sorted(PAYLOADS))
def test_a_payload_with_an_unknown_or_a_missing_field_is_refused(type_: str):
    row = a_signed_row(a_payload(type_))
    field, *_ = row["payload"]
    extra = {**row["payload"], "surprise": "1"}
    missing = {name: value for name, value in row["payload"].items() if name != field}
    assert "surprise" in refused({**row, "payload": extra}).detail
    assert field in refused({**row, "payload": missing}).detail


def test_a_float_in_a_payload_is_refused_before_it_is_read():
    row = a_signed_row(a_fill())
    refusal = refused({**row, "payload": {**row["payload"], "price": 1.085}})
    assert refusal.code is Code.NOT_CANONICAL


def test_routing_weights_that_do_not_sum_to_one_are_refused():
    row = a_signed_row(a_payload("order.intent.route.v1"))
    share = {**row["payload"]["routing_plan"][0], "weight": "0.9"}
    refusal = refused({**row, "payload": {**row["payload"], "routing_plan": [share]}})
    assert "routing weights must sum to 1" in refusal.detail


def test_a_refusal_does_not_repeat_what_the_payload_held():
    row = a_signed_row(a_fill())
    refusal = refused({**row, "payload": {**row["payload"], "side": "secret-token"}})
    assert "secret-token" not in str(refusal)
