"""Scheduled jobs: Celery tasks that beat names, one per file. Hints, never trades.

Each runs under the login of the agent whose work it does and leaves its run in ops.job_runs;
when the broker is gone they stop, and the supervisor sees their pulse stop.
"""

from workers.jobs.daily_report import daily_report
from workers.jobs.latencies import latencies
from workers.jobs.measurements import measurements
from workers.jobs.outcomes import outcomes
from workers.jobs.partitions import partitions
from workers.jobs.pulse import pulse
from workers.jobs.retention import retention
from workers.jobs.retrospective import retrospective
from workers.jobs.scenarios import scenarios
from workers.jobs.seal import seal
from workers.jobs.shadows import shadows
from workers.jobs.slippage_model import slippage_model
from workers.jobs.structure_model import structure_model
from workers.jobs.structures import structures
from workers.jobs.venue_model import venue_model
from workers.jobs.verify_record import verify_record
from workers.jobs.volume_curves import volume_curves

__all__ = [
    "daily_report",
    "latencies",
    "measurements",
    "outcomes",
    "partitions",
    "pulse",
    "retention",
    "retrospective",
    "scenarios",
    "seal",
    "shadows",
    "slippage_model",
    "structure_model",
    "structures",
    "venue_model",
    "verify_record",
    "volume_curves",
]
