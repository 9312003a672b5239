"""What MetaTrader's answers mean for the sender."""

from __future__ import annotations

from backend.venues.model import RetcodeClass

PLACED = 10008
DONE = 10009
DONE_PARTIAL = 10010
NO_CHANGES = 10025

_CLASSES: dict[RetcodeClass, tuple[int, ...]] = {
    RetcodeClass.SUCCESS: (PLACED, DONE, DONE_PARTIAL),
    RetcodeClass.NO_CHANGE: (NO_CHANGES,),
    RetcodeClass.REFRESH_PRICE: (10004, 10020, 10021),
    RetcodeClass.UNKNOWN: (10011, 10012, 10031),
    RetcodeClass.BACK_OFF: (10024, 10028, 10029),
    RetcodeClass.FIX_REQUEST: (10013, 10014, 10015, 10016, 10022, 10030, 10035, 10038),
    RetcodeClass.REFUSED: (
        *(10006, 10007, 10017, 10018, 10019, 10032, 10033, 10034),
        *(10040, 10042, 10043, 10044, 10045, 10046),
    ),
    RetcodeClass.OPERATOR: (10026, 10027),
    RetcodeClass.STATE_MOVED_ON: (10023, 10036, 10039, 10041),
}
_BY_CODE = {code: kind for kind, codes in _CLASSES.items() for code in codes}

PASSING = frozenset({RetcodeClass.REFRESH_PRICE, RetcodeClass.BACK_OFF, RetcodeClass.OPERATOR})
"""Refusals for a reason that passes: the price moved, the venue is busy, trading is off."""

NOT_FOUND = -4
"""last_error of a symbol that the venue does not have."""

# last_error codes with which the package refuses before anything is sent. All others, the loss
# of the pipe included, leave open whether the server got the request.
_NEVER_SENT = {
    -2: RetcodeClass.FIX_REQUEST,
    -7: RetcodeClass.FIX_REQUEST,
    -8: RetcodeClass.OPERATOR,
}

_PIPE_LOST = frozenset(range(-10_005, -9_999))


def classify(retcode: int) -> RetcodeClass:
    """Give the class of a retcode; a code that nobody listed is unknown, never harmless."""
    return _BY_CODE.get(retcode, RetcodeClass.UNKNOWN)


def never_sent(error_code: int) -> RetcodeClass | None:
    """Give the class of a last_error that proves nothing was sent, else None."""
    return _NEVER_SENT.get(error_code)


def pipe_lost(error_code: int) -> bool:
    """Tell whether the program has lost its terminal, to whoever: it must be initialised anew."""
    return error_code in _PIPE_LOST
