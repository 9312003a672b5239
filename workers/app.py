"""The Celery application: hosts the agents' loops, runs scheduled and long jobs.

`celery -A workers.app worker` starts the agents named by --agents (default: all) in a
step of the *Worker* blueprint, which outlives the broker: when Redis is gone, jobs stop
and alerts still become fills. Celery's messages are hints with row ids, never trades.
"""

from __future__ import annotations

from typing import Any, ClassVar

from celery import Celery, bootsteps
from celery.schedules import crontab
from click import Option

from backend.settings import load_settings
from workers.app_options import agent_names
from workers.compose import build_host

settings = load_settings()

# Celery fills its attributes in at run time, out of a type checker's sight.
app: Any = Celery("desk", include=["workers.jobs"])
app.conf.update(
    broker_url=settings.external_broker or "redis://127.0.0.1:6379/0",
    broker_connection_retry_on_startup=True,
    broker_transport_options={"visibility_timeout": 3600},
    # Threads, not forks: a process that holds database sessions must not be forked.
    worker_pool="threads",
    worker_concurrency=2,
    worker_hijack_root_logger=False,
    worker_soft_shutdown_timeout=10.0,
    worker_enable_soft_shutdown_on_idle=True,
    task_default_queue="desk.jobs",
    task_ignore_result=True,
    task_serializer="json",
    accept_content=["json"],
    timezone="UTC",
    beat_schedule={
        "partitions": {"task": "desk.jobs.partitions", "schedule": crontab(minute="7")},
        "retention": {"task": "desk.jobs.retention", "schedule": crontab(minute="23", hour="2")},
        "retrospective": {
            "task": "desk.jobs.retrospective",
            "schedule": crontab(minute="41", hour="3"),
        },
        "daily_report": {
            "task": "desk.jobs.daily_report",
            "schedule": crontab(minute="5", hour="0"),
        },
        "scenarios": {"task": "desk.jobs.scenarios", "schedule": crontab(minute="*/5")},
        "measurements": {"task": "desk.jobs.measurements", "schedule": 60.0},
        "shadows": {"task": "desk.jobs.shadows", "schedule": crontab(minute="*/5")},
        "outcomes": {"task": "desk.jobs.outcomes", "schedule": 60.0},
        "structures": {"task": "desk.jobs.structures", "schedule": 15.0},
        "structure_model": {
            "task": "desk.jobs.structure_model",
            "schedule": crontab(minute="*/10"),
        },
        "latencies": {"task": "desk.jobs.latencies", "schedule": crontab(minute="*/5")},
        "slippage_model": {
            "task": "desk.jobs.slippage_model",
            "schedule": crontab(minute="31"),
        },
        "venue_model": {
            "task": "desk.jobs.venue_model",
            "schedule": crontab(minute="47", hour="*/6"),
        },
        "pulse": {"task": "desk.jobs.pulse", "schedule": 10.0},
        "seal": {"task": "desk.jobs.seal", "schedule": 10.0},
        "verify_record": {
            "task": "desk.jobs.verify_record",
            "schedule": crontab(minute="17", hour="4"),
        },
        "volume_curves": {
            "task": "desk.jobs.volume_curves",
            "schedule": crontab(minute="29", hour="*/6"),
        },
    },
)
app.user_options["worker"].add(
    Option(("--agents",), help="Agents to host, separated by commas; 'none' for jobs only.")
)


class AgentsStep(bootsteps.StartStopStep):
    """Start and stop the agents' loops with the worker, not with its broker connection."""

    requires: ClassVar = {"celery.worker.components:Pool"}

    def __init__(self, worker: Any, agents: str | None = None, **options: Any) -> None:
        super().__init__(worker, **options)
        self.names = agent_names(agents)
        self.host: Any = None

    def start(self, parent: Any) -> None:
        """Open sessions and start the loops."""
        if self.names:
            self.host = build_host(settings, self.names)
            self.host.start()

    def stop(self, parent: Any) -> None:
        """Finish what is in hand and hand back the rest."""
        if self.host is not None:
            self.host.stop()
            self.host = None

    terminate = stop


app.steps["worker"].add(AgentsStep)
