"""Signatures: what is signed holds, and nothing else does."""

from __future__ import annotations

from base64 import b64encode
from datetime import timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from backend.contracts.denials import Code
from backend.contracts.envelope import Envelope, NotCanonical
from backend.contracts.examples import ENVELOPE
from backend.contracts.signing import SignatureRefused, SigningKey, VerifyKey, verify
from tests.kit.messages import (
    A_KEY,
    ANOTHER_KEY,
    BUILDERS,
    a_fill,
    a_payload,
    a_signed_row,
    an_unsigned,
)

OTHER_ID = UUID(int=7)


def refusal(row: dict[str, Any], key: VerifyKey | None = None) -> Code | None:
    refused = verify(row, A_KEY.verify_key() if key is None else key)
    return None if refused is None else refused.code


@pytest.mark.parametrize("type_", sorted(BUILDERS))
def test_a_signed_message_of_every_family_verifies(type_: str):
    assert refusal(a_signed_row(a_payload(type_))) is None


def test_the_wire_form_verifies_like_the_row():
    assert refusal(A_KEY.sign_wire(an_unsigned())) is None


def test_a_row_verifies_whatever_zone_the_session_shows_instants_in():
    row = a_signed_row()
    shown = row["created_at"].astimezone().isoformat()
    assert refusal({**row, "created_at": shown}) is None


def test_columns_beside_the_envelope_are_not_looked_at():
    assert refusal({**a_signed_row(), "delivery_id": 4, "shard": 1.5}) is None


def test_the_exported_example_is_really_signed():
    assert refusal(ENVELOPE, SigningKey(bytes(32)).verify_key()) is None


def test_a_signed_envelope_is_one_that_validation_accepts():
    envelope = A_KEY.sign(an_unsigned(causation_id=OTHER_ID, intent="cover"))
    wire = envelope.model_dump(mode="json")
    assert Envelope.model_validate_json(envelope.model_dump_json(), strict=True) == envelope
    assert wire == A_KEY.sign_wire(an_unsigned(causation_id=OTHER_ID, intent="cover"))
    assert refusal(wire) is None


@pytest.mark.parametrize(
    ("field", "forged"),
    [
        ("msg_id", OTHER_ID),
        ("type", "signals.normalized.v1"),
        ("version", "v2"),
        ("correlation_id", OTHER_ID),
        ("causation_id", OTHER_ID),
        ("ttl_ms", 1),
        ("sender", "agent.risk"),
        ("intent", "cover"),
        ("idempotency_key", "test:another"),
        ("org_id", "other"),
        ("ordering_key", "GBPUSD"),
        ("created_at", a_signed_row()["created_at"] + timedelta(microseconds=1)),
        ("payload", a_fill(price="1.09").model_dump(mode="json")),
        ("key_id", ANOTHER_KEY.key_id),
    ],
)
def test_changing_any_field_breaks_the_signature(field: str, forged: object):
    row = a_signed_row(a_fill())
    assert row[field] != forged
    assert refusal({**row, field: forged}) is Code.SIGNATURE_FORGED


def test_another_key_does_not_verify():
    assert refusal(a_signed_row(), ANOTHER_KEY.verify_key()) is Code.SIGNATURE_FORGED


def test_signing_for_another_key_is_a_bug_that_raises():
    with pytest.raises(ValueError, match="names key"):
        A_KEY.sign(an_unsigned(key_id=ANOTHER_KEY.key_id))


def test_a_payload_with_a_float_is_never_signed():
    with pytest.raises(NotCanonical):
        A_KEY.sign(an_unsigned(payload={"price": 1.09}))


def test_a_float_that_crept_into_a_stored_payload_is_refused():
    row = a_signed_row()
    assert refusal({**row, "payload": {"price": 1.09}}) is Code.NOT_CANONICAL


@pytest.mark.parametrize("field", sorted(an_unsigned().wire()))
def test_a_missing_field_is_refused(field: str):
    row = a_signed_row()
    del row[field]
    assert refusal(row) is Code.SCHEMA_INVALID


@pytest.mark.parametrize("instant", [None, 5, "yesterday", "2026-11-20T13:45:01"])
def test_an_instant_that_is_none_is_refused(instant: object):
    assert refusal({**a_signed_row(), "created_at": instant}) is Code.SCHEMA_INVALID


def test_a_malformed_signature_is_refused():
    row = a_signed_row()
    sig = row["sig"]
    last = sig[-3]
    sibling = chr(ord(last) + 1)  # differs in bits that base64 leaves unused
    bad = [None, 7, "", "ed25519:", sig[8:], "rsa:" + sig[8:], sig + "\n", sig[:-2]]
    bad += [sig[:-3] + sibling + "==", "ed25519:" + b64encode(bytes(63)).decode(), sig + "é"]
    for text in bad:
        assert refusal({**row, "sig": text}) is Code.SIGNATURE_MALFORMED, text


def test_a_signature_of_zeros_is_refused():
    zeros = "ed25519:" + b64encode(bytes(64)).decode()
    assert refusal({**a_signed_row(), "sig": zeros}) is Code.SIGNATURE_FORGED


def test_a_key_id_is_the_start_of_the_hash_of_the_public_key():
    public = Ed25519PrivateKey.from_private_bytes(bytes(range(32))).public_key().public_bytes_raw()
    assert A_KEY.public_bytes == public
    assert A_KEY.key_id == A_KEY.verify_key().key_id == sha256(public).hexdigest()[:16]


def test_a_key_shows_nothing_secret_when_printed():
    assert repr(A_KEY) == f"SigningKey({A_KEY.key_id})"
    assert bytes(range(32)).hex() not in repr(A_KEY)


def test_bytes_signed_for_one_purpose_prove_nothing_for_another():
    key = A_KEY.verify_key()
    sig = A_KEY.sign_bytes("vote.v1", b"approve")
    forged = SignatureRefused(Code.SIGNATURE_FORGED)
    assert key.verify_bytes("vote.v1", b"approve", sig) is None
    assert key.verify_bytes("vote.v1", b"refuse", sig) == forged
    assert key.verify_bytes("seal.v1", b"approve", sig) == forged


@pytest.mark.parametrize("purpose", ["", "envelope.v1", "vote\n.v1"])
def test_no_purpose_can_make_bytes_look_like_an_envelope(purpose: str):
    with pytest.raises(ValueError, match="no purpose"):
        A_KEY.sign_bytes(purpose, b"data")
