"""Reporter: says how the books stand, to whom, and at once when a finding is critical.

Mission: one snapshot per account that tells the same as the tables. Ticks every ten seconds,
hears compliance alerts. SLO 20/100 ms. Failover: rank 0 ticks; snapshots are kept by id.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from backend.contracts.message import Message
from backend.contracts.oversight import (
    Audience,
    ComplianceAlert,
    ReportSnapshot,
    SnapshotMetrics,
)
from backend.values import Severity, format_instant
from workers.agent import Canvas, Context, Decision, Effect, Emission, Facts

CANVAS = Canvas(
    mission="Report each account's money, exposure, costs and open findings, and nothing else.",
    observations="Positions, fills, compliance alerts.",
    actions="Records report_snapshots; publishes reporter.event.snapshot.v1.",
    beliefs="None: every figure is read back from the tables.",
    policy="A critical finding is reported at once; an account at rest once a minute.",
    slo_p50_ms=20,
    slo_p95_ms=100,
    failover="The next worker ticks; a snapshot missed is contained in the next one.",
)
HEARS = (ComplianceAlert.TYPE,)
EMITS = (ReportSnapshot.TYPE,)
LINGER_MS = 250
FACTS = "execution.report_facts"
EFFECTS = ("execution.record_snapshots",)
MAY_CALL = ("execution.report_facts", "execution.record_snapshots")
EVERY_MS = 10_000

REST_MS = 60_000
AUDIENCES = (
    Audience(role="treasury_operator", channel="console", pii_scope="NONE"),
    Audience(role="auditor", channel="console", pii_scope="NONE"),
)
_NOBODY = "-"
"""No account has this name: facts for it are empty, and cost nothing."""


def ask(message: Message[ComplianceAlert]) -> dict[str, Any]:
    """Ask for the account's figures if the finding cannot wait."""
    alert = message.payload
    at_once = alert.severity is Severity.CRITICAL and alert.account_id is not None
    return {"account_id": alert.account_id if at_once else _NOBODY, "rest_ms": REST_MS}


def handle(message: Message[ComplianceAlert], facts: Facts, context: Context) -> Decision:
    """Report a critical finding at once; the others come with the next snapshot."""
    alert = message.payload
    if not facts["accounts"]:
        return Decision(
            "noted",
            f"{alert.rule_id} ({alert.severity.value}) will stand in the next snapshot.",
        )
    return _report(facts, context, f"{alert.rule_id} is critical: {alert.description}")


def ask_tick(now: datetime) -> dict[str, Any]:
    """Ask for every account that changed, or was last reported a minute ago."""
    return {"account_id": None, "rest_ms": REST_MS}


def handle_tick(facts: Facts, context: Context) -> Decision:
    """Report the accounts that are due."""
    return _report(facts, context, "the books moved, or were last reported a minute ago")


def _report(facts: Facts, context: Context, reason: str) -> Decision:
    effects: list[Effect] = []
    emissions: list[Emission] = []
    lines: list[str] = []
    for index, account in enumerate(facts["accounts"]):
        snapshot = _snapshot(account, context, index)
        metrics = snapshot.metrics
        row = {
            "snapshot_id": str(snapshot.snapshot_id),
            "org_id": account["org_id"],
            "account_id": account["account_id"],
            "metrics": metrics.model_dump(mode="json") | {"unvalued": account["unvalued"]},
            "generated_at": format_instant(context.now),
        }
        effects.append(Effect("execution.record_snapshots", row))
        emissions.append(Emission(snapshot, account["account_id"]))
        lines.append(
            f"{account['account_id']}: {metrics.realized_pnl} {account['currency']} realised, "
            f"{metrics.commission} commission, {metrics.fills} fills, "
            f"{metrics.alerts_active} findings open"
        )
    return Decision(
        outcome="reported" if lines else "idle",
        explanation=f"{'; '.join(lines) or 'nothing to report'} ({reason}).",
        effects=tuple(effects),
        emissions=tuple(emissions),
    )


def _snapshot(account: Mapping[str, Any], context: Context, index: int) -> ReportSnapshot:
    slippage = account["slippage_bps_mean"]
    return ReportSnapshot(
        snapshot_id=context.new_id("snapshot", index),
        generated_at=context.now,
        account_id=account["account_id"],
        metrics=SnapshotMetrics(
            realized_pnl=Decimal(account["realized_pnl"]),
            commission=Decimal(account["commission"]),
            fills=account["fills"],
            open_exposure={s: Decimal(v) for s, v in account["open_exposure"].items()},
            slippage_bps_mean=None if slippage is None else Decimal(slippage),
            alerts_active=account["alerts_active"],
        ),
        audience=AUDIENCES,
    )
