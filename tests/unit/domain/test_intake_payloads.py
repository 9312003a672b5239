"""What the world sends is taken for what it means, and for nothing when it is not clear."""

from __future__ import annotations

from dataclasses import replace

import pytest

from backend.domain.intake import ParsedAlert, dedupe_key, parse_alert
from backend.domain.intake.secrets import hash_secret
from backend.domain.intake.wire import decode_alert, encode_alert
from tests.kit.payloads import PAYLOADS, REVIEW, Payload
from tests.kit.public_payloads import PUBLIC_PAYLOADS


@pytest.mark.parametrize("payload", [*PAYLOADS, *PUBLIC_PAYLOADS], ids=lambda payload: payload.name)
def test_payload_is_taken_for_what_it_means(payload: Payload):
    alert = parse_alert(payload.body, payload.content_type)
    if payload.meaning == REVIEW:
        assert not isinstance(alert, ParsedAlert), alert
        assert alert.reason_code.value == payload.detail
    else:
        assert isinstance(alert, ParsedAlert), alert
        assert (alert.side.value, alert.symbol_raw) == (payload.meaning, payload.detail)
        assert decode_alert(encode_alert(alert)) == replace(alert, secrets=())


@pytest.mark.parametrize(
    "body",
    [
        '{"secret": "s3", "symbol": "EURUSD", "side": "buy"}',
        '{"passphrase": " s3 ", "ticker": "EURUSD", "action": "buy"}',
        '{"auth": {"token": "s3"}, "ticker": "EURUSD", "action": "buy"}',
        '{"key": "s3", "message": "buy EURUSD"}',
        "s3\nbuy EURUSD",
        "s3,buy,EURUSD,sl=20",
        "1,buy,EURUSD,sl=20,secret=s3",
        "symbol=EURUSD;side=buy;token=s3",
        "buy EURUSD secret=s3",
    ],
)
def test_secret_is_found_wherever_it_stands_and_kept_as_its_hash_alone(body: str):
    alert = parse_alert(body.encode())
    assert isinstance(alert, ParsedAlert), alert
    assert hash_secret("s3") in alert.secrets
    assert "s3" not in str(encode_alert(alert))


def key_of(body: str) -> tuple[str, str]:
    key = dedupe_key(parse_alert(body.encode()), body.encode())
    return key.kind, key.value


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ('{"symbol":"EURUSD","side":"buy","alert_id":"anything"}', "id"),
        ('{"symbol":"EURUSD","side":"buy","id":"7f3c9a"}', "id"),
        ('{"symbol":"EURUSD","side":"buy","id":"Long-1763560980"}', "id"),
        ('{"symbol":"EURUSD","side":"buy","id":"Long Entry #2"}', "bytes"),
        ('{"symbol":"EURUSD","side":"buy","id":"RSI_LE","time":1763560980}', "time"),
        ('{"symbol":"EURUSD","side":"buy","id":"MACD Cross","time":1763560980}', "time"),
        ('{"symbol":"EURUSD","side":"buy","id":"MACD Cross"}', "bytes"),
        ('{"symbol":"EURUSD","side":"buy","time":"yesterday"}', "bytes"),
        ("buy EURUSD", "bytes"),
        ("who knows", "bytes"),
    ],
)
def test_key_is_the_strongest_that_the_alert_gives(body: str, kind: str):
    assert key_of(body)[0] == kind


def test_numbered_alerts_of_one_second_are_several():
    bodies = [
        f'{{"symbol":"EURUSD","side":"buy","timenow":1763560980,"sequence":{number}}}'
        for number in (1, 2)
    ]
    assert key_of(bodies[0]) != key_of(bodies[1])


def test_firing_time_goes_before_the_bars_time():
    alert = parse_alert(
        b'{"symbol":"EURUSD","side":"buy","time":"2026-11-19T14:00:00Z",'
        b'"timenow":"2026-11-19T14:03:00Z"}'
    )
    assert isinstance(alert, ParsedAlert)
    assert (alert.source_time is not None and alert.source_time.minute, alert.bar_time) == (
        3,
        False,
    )
