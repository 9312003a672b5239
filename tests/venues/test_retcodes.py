"""What MetaTrader's answers mean, as a table."""

from decimal import Decimal

import pytest

from backend.venues.model import Outcome, RetcodeClass
from backend.venues.mt5 import protocol
from backend.venues.mt5.reports import outcome_of
from backend.venues.mt5.retcodes import classify, never_sent

TABLE = {
    RetcodeClass.SUCCESS: [10008, 10009, 10010],
    RetcodeClass.NO_CHANGE: [10025],
    RetcodeClass.REFRESH_PRICE: [10004, 10020, 10021],
    RetcodeClass.UNKNOWN: [10011, 10012, 10031, 0, 10099],
    RetcodeClass.BACK_OFF: [10024, 10028, 10029],
    RetcodeClass.FIX_REQUEST: [10013, 10014, 10015, 10016, 10022, 10030, 10035, 10038],
    RetcodeClass.REFUSED: [
        *(10006, 10007, 10017, 10018, 10019, 10032, 10033, 10034),
        *(10040, 10042, 10043, 10044, 10045),
    ],
    RetcodeClass.OPERATOR: [10026, 10027],
    RetcodeClass.STATE_MOVED_ON: [10023, 10036, 10039, 10041],
}


@pytest.mark.parametrize(("kind", "codes"), TABLE.items(), ids=[k.value for k in TABLE])
def test_retcode_has_its_class(kind: RetcodeClass, codes: list[int]):
    assert {classify(code) for code in codes} == {kind}


@pytest.mark.parametrize("code", [-1, -6, -10000, -10001, -10002, -10004, -10005, 1, 0])
def test_lost_connection_never_counts_as_not_sent(code: int):
    assert never_sent(code) is None


@pytest.mark.parametrize("code", [-2, -7, -8])
def test_refusal_of_the_package_itself_counts_as_not_sent(code: int):
    assert never_sent(code) is not None


@pytest.mark.parametrize(
    ("retcode", "action", "executed", "outcome"),
    [
        (10009, protocol.ACTION_DEAL, "1", Outcome.FILLED),
        (10009, protocol.ACTION_DEAL, "0.4", Outcome.PARTIALLY_FILLED),
        (10010, protocol.ACTION_DEAL, "0.4", Outcome.PARTIALLY_FILLED),
        (10009, protocol.ACTION_DEAL, "0", Outcome.PLACED),
        (10008, protocol.ACTION_DEAL, "1", Outcome.PLACED),
        (10009, protocol.ACTION_PENDING, "0", Outcome.PLACED),
        (10009, protocol.ACTION_REMOVE, "0", Outcome.CANCELLED),
        (10025, protocol.ACTION_SLTP, "0", Outcome.PLACED),
        (10019, protocol.ACTION_DEAL, "0", Outcome.REJECTED),
        (10036, protocol.ACTION_DEAL, "0", Outcome.REJECTED),
        (10012, protocol.ACTION_DEAL, "0", Outcome.UNKNOWN),
        (77777, protocol.ACTION_DEAL, "0", Outcome.UNKNOWN),
    ],
)
def test_outcome_follows_retcode_action_and_volume(
    retcode: int, action: int, executed: str, outcome: Outcome
):
    assert outcome_of(retcode, action, Decimal(1), Decimal(executed)) is outcome
