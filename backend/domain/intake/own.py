"""The desk's own format, version 1: documented in ops/alerts.md, read to the letter.

Other senders' fields are read with good will; here a misspelt field or an unreadable number
means that the message was set up wrongly, and a person has to look.
"""

from __future__ import annotations

from backend.domain.intake.alert import IntakeCode, NotUnderstood, ParsedAlert
from backend.domain.intake.fields import alert_from_fields
from backend.domain.intake.flatten import Fields
from backend.domain.intake.words import read_number

OWN_MARK = "desk"
OWN_VERSION = 1

_NAMES = {
    "symbol": "symbol",
    "side": "action",
    "type": "ordertype",
    "price": "price",
    "stoploss": "stoploss",
    "takeprofit": "takeprofit",
    "quantity": "quantity",
    "timeframe": "timeframe",
    "id": "alertid",
    "time": "timenow",
    "bartime": "bartime",
    "sequence": "sequence",
    "strategy": "strategy",
    "order": "orderid",
    "comment": "comment",
    "position": "marketposition",
    "positionsize": "marketpositionsize",
    "previousposition": "prevmarketposition",
    "previouspositionsize": "prevmarketpositionsize",
    "secret": "secret",
    "maxlag": "maxlag",
}
"""Our names, bare, to those that fields are read by."""


def alert_from_own(fields: Fields) -> ParsedAlert | NotUnderstood:
    """Read an alert in the desk's own format; nothing in it may be unknown or unreadable."""
    if read_number(fields[OWN_MARK]) != OWN_VERSION:
        return NotUnderstood(IntakeCode.FIELD_UNREADABLE, "desk: the format's version is 1")
    unknown = sorted(name for name in fields if name not in _NAMES and name != OWN_MARK)
    if unknown:
        return NotUnderstood(IntakeCode.FIELD_UNKNOWN, unknown[0][:64])
    named = Fields({_NAMES[name]: value for name, value in fields.items() if name != OWN_MARK})
    alert = alert_from_fields(named, "desk")
    if isinstance(alert, ParsedAlert) and alert.warnings:
        return NotUnderstood(IntakeCode.FIELD_UNREADABLE, alert.warnings[0])
    return alert
