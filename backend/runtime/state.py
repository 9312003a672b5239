"""What a supervisor says about itself: read by `desk status` and `desk down`, and after a crash."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

from backend.runtime.identity import end_groups, is_alive


@dataclass(frozen=True, slots=True)
class ProcessState:
    """One supervised process as last seen by its supervisor."""

    name: str
    pid: int
    identity: str
    phase: str
    restarts: int
    stop_signal: int
    log: str

    def runs(self) -> bool:
        """Tell whether that very process runs now."""
        return is_alive(self.pid, self.identity)


@dataclass(frozen=True, slots=True)
class DeskState:
    """A supervisor and its processes; endpoints hold addresses, never passwords."""

    pid: int
    identity: str
    phase: str
    started_at: str
    processes: tuple[ProcessState, ...] = ()
    endpoints: dict[str, str] = field(default_factory=dict[str, str])

    def supervised(self) -> bool:
        """Tell whether the supervisor itself runs now."""
        return is_alive(self.pid, self.identity)


def write_state(file: Path, state: DeskState) -> None:
    """Replace the state file as a whole."""
    fresh = file.with_suffix(".new")
    fresh.touch(mode=0o600)
    fresh.write_text(json.dumps(asdict(state), indent=1))
    fresh.replace(file)


def read_state(file: Path) -> DeskState | None:
    """Read the state file; None if there is none, or none that this version understands."""
    try:
        content = json.loads(file.read_text())
        processes = tuple(ProcessState(**process) for process in content.pop("processes"))
        return DeskState(processes=processes, **content)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def end_leftovers(state: DeskState, grace_s: float = 15.0) -> list[str]:
    """End what a supervisor that is gone has left running; give the names of what still ran."""
    left = [process for process in reversed(state.processes) if process.runs()]
    end_groups([(process.pid, process.identity, process.stop_signal) for process in left], grace_s)
    return [process.name for process in left]
