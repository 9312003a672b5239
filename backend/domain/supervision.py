"""Watch the desk itself: heartbeats, stalls, jobs, invariants; open and close incidents."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from backend.values import Severity


class IncidentKind(StrEnum):
    """What can be wrong with the desk."""

    AGENT_ABSENT = "AGENT_ABSENT"
    AGENT_SILENT = "AGENT_SILENT"
    QUEUE_STALLED = "QUEUE_STALLED"
    QUEUE_DEEP = "QUEUE_DEEP"
    DEAD_LETTERS = "DEAD_LETTERS"
    INVARIANT_BROKEN = "INVARIANT_BROKEN"
    OBSERVATION_MISSING = "OBSERVATION_MISSING"
    JOB_SILENT = "JOB_SILENT"
    JOB_FAILED = "JOB_FAILED"
    HALT_UNACKNOWLEDGED = "HALT_UNACKNOWLEDGED"


@dataclass(frozen=True, slots=True)
class AgentObservation:
    """One agent now. None where it was never seen or has nothing waiting."""

    agent: str
    heartbeat_at: datetime | None
    oldest_waiting_at: datetime | None
    depth: int
    dead_letters_open: int


@dataclass(frozen=True, slots=True)
class InvariantObservation:
    """One truth about the data that was counted. `violations` None: the check did not run."""

    name: str
    violations: int | None
    samples: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class JobObservation:
    """One scheduled job. `seen_at`: its last run, or later, when anyone began to watch."""

    job: str
    every_s: int
    seen_at: datetime
    failure: str | None


@dataclass(frozen=True, slots=True)
class HaltObservation:
    """A standing halt that agents have not come round under within their five seconds."""

    halt_id: str
    scope: str
    agents: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SupervisionPolicy:
    """Numbers of the pack."""

    heartbeat_age_s_max: int
    waiting_s_max: int
    depth_max: int


@dataclass(frozen=True, slots=True)
class Incident:
    """Something that is wrong now. `key` is stable: the same trouble is one incident."""

    key: str
    kind: IncidentKind
    severity: Severity
    subject: str
    detail: str


@dataclass(frozen=True, slots=True)
class SupervisionResult:
    """Incidents to open, keys of open ones that are over, and those that go on."""

    opened: tuple[Incident, ...]
    resolved: tuple[str, ...]
    continuing: tuple[str, ...]


def supervise(
    expected_agents: Collection[str],
    agents: Sequence[AgentObservation],
    invariants: Sequence[InvariantObservation],
    open_keys: Collection[str],
    policy: SupervisionPolicy,
    now: datetime,
    jobs: Sequence[JobObservation] = (),
    halts: Sequence[HaltObservation] = (),
) -> SupervisionResult:
    """Compare what is seen with what should be, and with the incidents already open."""
    seen = {observation.agent for observation in agents}
    current = [
        _incident(IncidentKind.AGENT_ABSENT, Severity.CRITICAL, agent, "never seen")
        for agent in sorted(set(expected_agents) - seen)
    ]
    for observation in agents:
        current.extend(_agent_incidents(observation, policy, now))
    for invariant in invariants:
        current.extend(_invariant_incidents(invariant))
    for job in jobs:
        current.extend(_job_incidents(job, policy, now))
    current.extend(
        _incident(
            IncidentKind.HALT_UNACKNOWLEDGED,
            Severity.CRITICAL,
            halt.halt_id,
            f"the halt of {halt.scope} is not acknowledged by {', '.join(halt.agents)}",
        )
        for halt in halts
    )
    keys = {incident.key for incident in current}
    return SupervisionResult(
        opened=tuple(incident for incident in current if incident.key not in open_keys),
        resolved=tuple(sorted(set(open_keys) - keys)),
        continuing=tuple(sorted(set(open_keys) & keys)),
    )


def _agent_incidents(
    seen: AgentObservation, policy: SupervisionPolicy, now: datetime
) -> list[Incident]:
    found: list[Incident] = []
    heartbeat_max = timedelta(seconds=policy.heartbeat_age_s_max)
    if seen.heartbeat_at is None:
        found.append(
            _incident(IncidentKind.AGENT_ABSENT, Severity.CRITICAL, seen.agent, "no heartbeat")
        )
    elif now - seen.heartbeat_at > heartbeat_max:
        age_s = int((now - seen.heartbeat_at).total_seconds())
        detail = f"silent for {age_s} s"
        found.append(_incident(IncidentKind.AGENT_SILENT, Severity.CRITICAL, seen.agent, detail))
    if seen.oldest_waiting_at is not None:
        waiting_s = int((now - seen.oldest_waiting_at).total_seconds())
        if waiting_s > policy.waiting_s_max:
            detail = f"a message waits {waiting_s} s"
            found.append(_incident(IncidentKind.QUEUE_STALLED, Severity.WARN, seen.agent, detail))
    if seen.depth > policy.depth_max:
        detail = f"{seen.depth} messages wait"
        found.append(_incident(IncidentKind.QUEUE_DEEP, Severity.WARN, seen.agent, detail))
    if seen.dead_letters_open > 0:
        detail = f"{seen.dead_letters_open} dead letters"
        found.append(_incident(IncidentKind.DEAD_LETTERS, Severity.WARN, seen.agent, detail))
    return found


def _invariant_incidents(seen: InvariantObservation) -> list[Incident]:
    if seen.violations is None:
        return [
            _incident(IncidentKind.OBSERVATION_MISSING, Severity.WARN, seen.name, "did not run")
        ]
    if seen.violations == 0:
        return []
    samples = ", ".join(seen.samples[:5])
    detail = f"{seen.violations} rows, for example {samples}" if samples else f"{seen.violations}"
    return [_incident(IncidentKind.INVARIANT_BROKEN, Severity.CRITICAL, seen.name, detail)]


def _job_incidents(
    seen: JobObservation, policy: SupervisionPolicy, now: datetime
) -> list[Incident]:
    found: list[Incident] = []
    # Two turns may be missed: a job is a hint, and nothing that trades waits for one.
    allowed = timedelta(seconds=3 * seen.every_s + policy.heartbeat_age_s_max)
    if now - seen.seen_at > allowed:
        detail = f"has not run for {int((now - seen.seen_at).total_seconds())} s"
        found.append(_incident(IncidentKind.JOB_SILENT, Severity.WARN, seen.job, detail))
    if seen.failure is not None:
        found.append(_incident(IncidentKind.JOB_FAILED, Severity.WARN, seen.job, seen.failure))
    return found


def _incident(kind: IncidentKind, severity: Severity, subject: str, detail: str) -> Incident:
    return Incident(f"{kind.value}:{subject}", kind, severity, subject, detail)
