"""Agent canvases, written from the agents' own declarations so that they cannot drift."""

from __future__ import annotations

import inspect
from pathlib import Path

from backend.settings import CHECKOUT
from workers.agent import AGENTS, Agent, load
from workers.declare import declaration

FOLDER = CHECKOUT / "ops" / "agents"


def canvas(agent: Agent) -> str:
    """Return one agent's canvas as Markdown."""
    facts = declaration(agent)
    parts = [
        f"# {agent.name}",
        inspect.cleandoc(agent.module.__doc__ or ""),
        "_Generated from `workers/agents/" + agent.name + ".py` by `desk agents canvases`._",
        _section("Mission", agent.canvas.mission),
        _section("Observations", agent.canvas.observations),
        _section("Actions", agent.canvas.actions),
        _section("Beliefs", agent.canvas.beliefs),
        _section("Policy", agent.canvas.policy),
        _section("Contract", _contract(agent)),
        _section(
            "SLO",
            f"decides within {agent.canvas.slo_p50_ms} ms at the median and"
            f" {agent.canvas.slo_p95_ms} ms at the 95th percentile",
        ),
        _section(
            "Failover",
            f"{agent.canvas.failover}\n\nA failing message is tried {facts['max_attempts']} times"
            f" (backoff {facts['backoff_base_ms']}–{facts['backoff_cap_ms']} ms), then kept as a"
            f" dead letter; a killed worker's messages are taken over after {facts['lease_ms']}"
            f" ms; upstream slows down past {facts['depth_max']} waiting messages.",
        ),
    ]
    return "\n\n".join(parts) + "\n"


def _section(title: str, text: str) -> str:
    return f"## {title}\n\n{text}"


def _contract(agent: Agent) -> str:
    form = "acts: prepare, call, record" if agent.acts else "decides"
    rows = [
        ("form", form),
        ("role", f"`{agent.name}_agent`"),
        ("hears", _names((*agent.hears, *(f"row:{kind}" for kind in agent.hears_rows)))),
        ("emits", _names(agent.emits)),
        ("may call", _names(agent.may_call)),
        ("gathers", f"for {agent.linger_ms} ms" if agent.linger_ms else "nothing: decides at once"),
        *([("reads ahead", "the next batch while it decides one")] if agent.reads_ahead else []),
        ("of its own accord", f"every {agent.every_ms} ms" if agent.every_ms else "never"),
    ]
    return "\n".join(["| | |", "| --- | --- |", *(f"| {key} | {value} |" for key, value in rows)])


def _names(names: tuple[str, ...]) -> str:
    return ", ".join(f"`{name}`" for name in names) or "nothing"


def pages() -> dict[Path, str]:
    """Return every page that belongs in `ops/agents/`, by its path."""
    written = {FOLDER / f"{name}.md": canvas(load(name)) for name in AGENTS}
    index = ["# The agents", "", "| agent | hears | emits | p95 |", "| --- | --- | --- | --- |"]
    for name in AGENTS:
        agent = load(name)
        heard = _names((*agent.hears, *(f"row:{kind}" for kind in agent.hears_rows)))
        p95 = f"{agent.canvas.slo_p95_ms} ms"
        index.append(f"| [{name}]({name}.md) | {heard} | {_names(agent.emits)} | {p95} |")
    written[FOLDER / "README.md"] = "\n".join(index) + "\n"
    return written


def drifted() -> list[Path]:
    """Return the pages that differ from the declarations, including those left over."""
    wanted = pages()
    stale = [path for path, text in wanted.items() if not path.exists() or path.read_text() != text]
    return stale + [path for path in FOLDER.glob("*.md") if path not in wanted]
