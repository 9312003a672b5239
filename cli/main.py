"""The `desk` command: a table of verbs, each loaded only when it is called."""

import sys
from dataclasses import dataclass
from importlib import import_module
from typing import Any, cast

import typer
from typer.core import TyperCommand, TyperGroup

from backend.errors import DeskError

EXIT_DESK_ERROR = 2
EXIT_INTERRUPTED = 130


@dataclass(frozen=True, slots=True)
class Verb:
    """One word of the command: where it lives, and a line about it.

    target: `module:attribute`, either a Typer application or a function.
    """

    name: str
    target: str
    help: str
    panel: str


RUN, LOOK, FEED, PROVE = "Run", "Look", "Feed", "Prove"

VERBS = (
    Verb(
        "demo", "cli.demo:app", "Run the whole chain on a fresh database and tell the story.", RUN
    ),
    Verb("up", "cli.up:up", "Start a desk: servers, API, workers, paper terminal.", RUN),
    Verb("down", "cli.up:down", "Stop the desk of this home, or what a crash left of it.", RUN),
    Verb("work", "cli.work:app", "Run agents in this process, without Celery or Redis.", RUN),
    Verb("api", "cli.api:app", "Serve the HTTP API and the webhook.", RUN),
    Verb("policy", "cli.policy:app", "Check, compare, apply and show policy packs.", RUN),
    Verb("weights", "cli.weights:app", "Show and learn what signals are scored by.", RUN),
    Verb("db", "cli.db:app", "Migrate the database, and check that it is as it should be.", RUN),
    Verb("status", "cli.up:status", "Show what runs, where, and how it does.", LOOK),
    Verb(
        "structures",
        "cli.structures:app",
        "Show readers' votes on structures, judge odd ones.",
        LOOK,
    ),
    Verb("chart", "cli.chart:chart", "Draw candles with the structures found in them.", LOOK),
    Verb("halt", "cli.halt:halt", "Stop a part of the desk at once, or show what stands.", LOOK),
    Verb("resume", "cli.halt:resume", "Ask the voters to lift a halt.", LOOK),
    Verb("reconcile", "cli.reconcile:reconcile", "Compare an account with its venue.", LOOK),
    Verb("slippage", "cli.slippage:app", "Show what orders slip by; fit it anew.", LOOK),
    Verb("venues", "cli.venues:app", "Show, learn and propose where orders go.", LOOK),
    Verb(
        "routing", "cli.routing:app", "Show routing policies and what shadows do otherwise.", LOOK
    ),
    Verb("shadow", "cli.shadow:app", "Run strategies in the shadow; compare them.", LOOK),
    Verb("proposal", "cli.proposal:app", "Ask the voters; carry out what they allowed.", LOOK),
    Verb("instruction", "cli.proposal:instructions", "What voters told the treasury to do.", LOOK),
    Verb("cooldown", "cli.cooldown:app", "Let a strategy or venue rest, or end it by votes.", LOOK),
    Verb("news", "cli.news:app", "Record announcements around which nothing opens.", LOOK),
    Verb("instrument", "cli.instrument:app", "Say what may be traded and how it is spelled.", LOOK),
    Verb("operator", "cli.operator:app", "Manage the people who vote and audit.", LOOK),
    Verb("order", "cli.order:app", "List, show, change and cancel orders.", LOOK),
    Verb("report", "cli.report:app", "Show the books by day, and what is at stake.", LOOK),
    Verb("dlq", "cli.dlq:app", "List, explain and replay dead letters.", LOOK),
    Verb("paper", "cli.paper:app", "Look at the paper terminal; make it misbehave.", LOOK),
    Verb("token", "cli.token:app", "Create, list and revoke API tokens.", LOOK),
    Verb("agents", "cli.agents:app", "Show the agents and write their canvases.", LOOK),
    Verb("keys", "cli.keys:app", "List, rotate and revoke the agents' signing keys.", LOOK),
    Verb("source", "cli.source:app", "Manage who may send alerts: tokens, limits, gaps.", FEED),
    Verb("alerts", "cli.alerts:app", "Print alert messages to paste, and try one.", FEED),
    Verb("import", "cli.import_bars:app", "Read market data files into the tables.", FEED),
    Verb("replay", "cli.replay:app", "Decide again from a recorded trace, and compare.", PROVE),
    Verb("audit", "cli.audit:app", "Seal the record, verify it, prove a row of it.", PROVE),
    Verb("bench", "cli.bench:app", "Measure the chain and authority against yardsticks.", PROVE),
    Verb("chaos", "cli.chaos:app", "Kill parts under load; compare books with the venue's.", PROVE),
    Verb("contracts", "cli.contracts:app", "Export the message schemas, and check them.", PROVE),
    Verb("test", "cli.test:app", "Run the tests; arguments go to pytest.", PROVE),
)

HELP = "A trading desk that runs on Postgres: alerts in, explained and authorised orders out."
EPILOG = """\
Examples:

  desk demo --alerts 200 --json out.json

  desk up --detach && desk status

  desk db upgrade && desk work --agents risk,policy_guard

  desk down
"""


class VerbGroup(TyperGroup):
    """Lists verbs from the table; imports a verb's module when that verb is called."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Name the verbs in the order of the table."""
        return [verb.name for verb in VERBS]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Give a verb's placeholder: enough for a listing."""
        verb = next((verb for verb in VERBS if verb.name == cmd_name), None)
        if verb is None:
            return None
        return TyperCommand(verb.name, help=verb.help, rich_help_panel=verb.panel)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Give the verb itself, for calling it."""
        name, command, rest = super().resolve_command(ctx, args)
        verb = next((verb for verb in VERBS if verb.name == name), None)
        return name, (load(verb) if verb else command), rest


def load(verb: Verb) -> Any:
    """Import a verb and make a command of it."""
    module_name, _, attribute = verb.target.partition(":")
    target = getattr(import_module(module_name), attribute)
    if not isinstance(target, typer.Typer):
        wrapped = typer.Typer(add_completion=False)
        wrapped.command(name=verb.name)(target)
        target = wrapped
    command = typer.main.get_command(target)
    command.name = verb.name
    if not command.help:
        command.help = verb.help
    return command


def build() -> VerbGroup:
    """Make the command."""
    return VerbGroup(
        name="desk",
        help=HELP,
        epilog=EPILOG,
        no_args_is_help=True,
        rich_markup_mode="rich",
        context_settings={"help_option_names": ["-h", "--help"]},
    )


def main() -> None:
    """Run a verb; a DeskError ends as one line and status 2, never as a traceback."""
    try:
        cast(Any, build()).main(prog_name="desk")
    except DeskError as error:
        from cli.console import print_error

        print_error(error, as_json="--json" in sys.argv)
        sys.exit(EXIT_DESK_ERROR)
    except KeyboardInterrupt:
        sys.exit(EXIT_INTERRUPTED)


if __name__ == "__main__":
    main()
