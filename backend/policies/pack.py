"""One pack, read and installed.

A pack is TOML with decimals as strings. Unknown keys fail, limits have no defaults, and the
pack's hash is SHA-256 over its canonical JSON: every decision names the hash it used.
"""

# Sections are models made from the domain's policies at import: no checker sees their types.
# pyright: reportInvalidTypeForm=false

from __future__ import annotations

import hashlib
import tomllib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any

import orjson
from psycopg import Connection
from psycopg.types.json import Jsonb
from pydantic import Field, ValidationError

from backend.contracts.base import Contract
from backend.errors import DeskError
from backend.policies.limits import LIMIT_KINDS, Limits, Window
from backend.policies.sections import (
    Authority,
    ComplianceSection,
    ConvictionSection,
    Execution,
    HealthSection,
    Hedging,
    HypothesisSection,
    NormalizeSection,
    OptimizationSection,
    Routing,
    Scoring,
    SizingSection,
    Slicing,
    SupervisionSection,
    TreasurySection,
    Venues,
)
from backend.values import Mode, Slug

PACKS = Path(__file__).resolve().parents[2] / "policies"


class PolicyPack(Contract):
    """One reviewed set of numbers. Missing sections and unknown keys are refused."""

    name: Slug
    version: Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}\.\d+$")]
    modes: Annotated[tuple[Mode, ...], Field(min_length=1)]
    """Modes that may trade under it; a pack without `live` is refused beside a live account."""
    authority: Authority
    limits: Limits
    windows: tuple[Window, ...] = ()
    """Of each scope that has windows for an order, one must be open; none leaves it open."""
    intake: NormalizeSection
    scoring: Scoring
    conviction: ConvictionSection
    hypothesis: HypothesisSection
    health: HealthSection
    routing: Routing
    venues: Venues | None = None
    """Without it every strategy trades at its own account only."""
    sizing: SizingSection
    slicing: Slicing
    execution: Execution
    hedging: Hedging
    compliance: ComplianceSection
    treasury: TreasurySection
    supervision: SupervisionSection
    optimization: OptimizationSection

    @cached_property
    def canonical(self) -> str:
        """Return the canonical JSON: sorted keys, no white space, decimals as plain strings."""
        return orjson.dumps(self.model_dump(mode="json"), option=orjson.OPT_SORT_KEYS).decode()

    @cached_property
    def policy_hash(self) -> str:
        """Return the SHA-256 of the canonical JSON, in hex."""
        return hashlib.sha256(self.canonical.encode()).hexdigest()

    def rows(self) -> list[dict[str, str]]:
        """Return every limit as a row of `risk.limits`, without the hash."""
        return [
            {
                "scope": scope,
                "scope_id": scope_id,
                "kind": kind,
                "value": format(value, "f"),
                "unit": LIMIT_KINDS[kind].unit,
            }
            for scope, scope_id, kind, value in self.limits.entries()
        ]


def load_pack(path: Path) -> PolicyPack:
    """Read and validate a pack. Raises DeskError policy.missing, .malformed or .invalid."""
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        known = ", ".join(sorted(p.name for p in PACKS.glob("*.toml")))
        raise DeskError(
            "policy.missing", f"no policy pack at {path}", f"packs of this desk: {known}"
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise DeskError("policy.malformed", f"{path}: {error}", "correct the TOML") from error
    return parse_pack(table, str(path))


def apply_pack(conn: Connection[Any], pack: PolicyPack, *, applied_by: str) -> bool:
    """Install the pack as the owner; False if it was active. applied_by: a note beside the login.

    Raises psycopg.Error with TR338 (malformed), TR339 (not beside a live account) or TR512
    (looser, beside a live account, without a passed proposal).
    """
    return _send(conn, "risk.install_policy", pack, applied_by)["changed"]


@dataclass(frozen=True, slots=True)
class PackAnswer:
    """What came of asking for a pack: in force, or waiting for the vote of a proposal."""

    changed: bool
    proposal_id: str | None
    differences: list[dict[str, Any]]
    """`path`, `before`, `after` and `effect` (tightens, loosens, none) of each."""


def request_pack(conn: Connection[Any], pack: PolicyPack, *, applied_by: str) -> PackAnswer:
    """Ask for the pack as an operator: tighter ones are in force at once, others wait for votes.

    Raises psycopg.Error with TR338 (malformed) or TR339 (not beside a live account).
    """
    answer = _send(conn, "risk.apply_policy", pack, applied_by)
    return PackAnswer(answer["changed"], answer.get("proposal_id"), answer.get("differences") or [])


def _send(
    conn: Connection[Any], procedure: str, pack: PolicyPack, applied_by: str
) -> dict[str, Any]:
    item = {"i": 0, "canonical": pack.canonical, "limits": pack.rows(), "applied_by": applied_by}
    row = conn.execute(f"select {procedure}(%s)".encode(), (Jsonb([item]),)).fetchone()
    assert row is not None
    return row[0][0]


def parse_pack(table: dict[str, Any], source: str) -> PolicyPack:
    """Validate a pack's table. Raises DeskError policy.invalid, naming each faulty key."""
    try:
        return PolicyPack.model_validate(table)
    except ValidationError as error:
        faults = [
            f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}"
            for fault in error.errors(include_input=False, include_url=False)
        ]
        raise DeskError(
            "policy.invalid",
            f"{source}: {'; '.join(faults)}",
            "decimals are strings, every section is needed, unknown keys are refused",
        ) from None
