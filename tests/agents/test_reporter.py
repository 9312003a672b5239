"""Reports say what the tables say, at once when it matters."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from backend.contracts.oversight import ReportSnapshot
from tests.kit.messages import a_compliance_alert
from tests.kit.signals import NOW, a_context, a_message
from workers.agents import reporter


def an_account(**changes: Any) -> dict[str, Any]:
    return {
        "account_id": "paper-1",
        "org_id": "demo",
        "currency": "USD",
        "realized_pnl": "193.5",
        "commission": "7",
        "open_exposure": {"EURUSD": "110000"},
        "unvalued": [],
        "fills": 2,
        "slippage_bps_mean": None,
        "alerts_active": 1,
        **changes,
    }


def test_tick_reports_every_account_that_is_due():
    facts = {"accounts": [an_account(), an_account(account_id="paper-2", fills=0)]}
    decision = reporter.handle_tick(facts, a_context("reporter"))
    snapshots = [emission.payload for emission in decision.emissions]
    assert [s.account_id for s in snapshots if isinstance(s, ReportSnapshot)] == [
        "paper-1",
        "paper-2",
    ]
    assert snapshots[0].metrics.realized_pnl == Decimal("193.5")
    assert snapshots[0].snapshot_id != snapshots[1].snapshot_id
    assert decision.effects[0].item["metrics"]["open_exposure"] == {"EURUSD": "110000"}


def test_quiet_books_are_left_alone():
    decision = reporter.handle_tick({"accounts": []}, a_context("reporter"))
    assert (decision.outcome, decision.effects) == ("idle", ())
    assert reporter.ask_tick(NOW) == {"account_id": None, "rest_ms": 60_000}


def test_critical_finding_is_reported_at_once_and_others_wait():
    critical = a_compliance_alert(severity="CRITICAL", account_id="paper-1")
    warning = a_compliance_alert(severity="WARN", account_id="paper-1")
    assert reporter.ask(a_message(critical))["account_id"] == "paper-1"
    assert reporter.ask(a_message(warning))["account_id"] == "-"
    told = reporter.handle(a_message(critical), {"accounts": [an_account()]}, a_context("reporter"))
    noted = reporter.handle(a_message(warning), {"accounts": []}, a_context("reporter"))
    assert (told.outcome, noted.outcome) == ("reported", "noted")
