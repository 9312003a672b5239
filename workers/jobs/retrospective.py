"""Every night: let the optimizer look back over every closed order of the pack in force."""

from __future__ import annotations

from types import ModuleType
from uuid import UUID

import uuid_utils
from celery import shared_task

from backend.keys import load_key
from workers.agent import Agent
from workers.agents import optimizer
from workers.compose import code_version
from workers.deciding import Decider
from workers.jobs.running import DAY_S, JobContext, run_job


@shared_task(name="desk.jobs.retrospective")
def retrospective() -> str:
    """Decide as the agent does, on more evidence; what it proposes leaves the same trace."""
    return run_job("retrospective", DAY_S, _look_back, role="optimizer_agent")


def _look_back(job: JobContext) -> str:
    agent = Agent("optimizer", _looking_back())
    key = load_key(job.settings.keys, agent.name)
    worker_id = UUID(bytes=uuid_utils.uuid7().bytes)
    decider = Decider(agent, job.conn, key, worker_id, code_version())
    decider.tick(job.clock.now(), None)
    return "looked back over the closed orders"


def _looking_back() -> ModuleType:
    """Return the optimizer with the question of the retrospective instead of the minute's."""
    longer = ModuleType(optimizer.__name__, optimizer.__doc__)
    vars(longer).update(vars(optimizer), ask_tick=optimizer.ask_retrospective)
    return longer
