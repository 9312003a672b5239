"""What holds after any disaster, asked of the desk's books and of the venue's."""

from __future__ import annotations

from tests.kit.desk_run import DeskRun


def everything_is_true(desk: DeskRun, answered: dict[int, str]) -> None:
    """Hold the desk to its promises, after it has settled."""
    desk.settles()
    stored = {str(row[0]) for row in desk.ask("select alert_id from public.signals_raw")}
    assert set(answered.values()) <= stored
    assert not desk.ask("select error from bus.dead_letters")
    outcomes = desk.ask(
        "select count(*), count(distinct r.alert_id), count(o.outcome)"
        "  from public.signals_raw r"
        "  left join public.alert_outcomes o on o.correlation_id = r.correlation_id"
    )
    assert outcomes == [(len(stored), len(stored), len(stored))]
    intents = desk.ask(
        "select o.intent_id from public.orders o group by o.intent_id, o.child_index"
        " having count(*) > 1"
    )
    assert not intents
    # One to one, by the id that went out with the order: not one more on either side.
    sent = desk.sent_to_terminal()
    assert {name: trades for name, trades in sent.items() if trades} == desk.booked()
    twice = desk.ask(
        "select a.order_id from execution.attempts a where a.client_order_id = any (%s)"
        " group by a.order_id having count(*) > 1",
        (list(sent),),
    )
    assert not twice
    # Whoever compares both sides finds nothing that needs a person.
    assert not desk.ask("select reason from governance.halts where cause = 'reconciliation'")
    unexplained = "select summary from execution.reconciliations where state = 'unexplained'"
    assert not desk.ask(unexplained)
    # A book that many fills made is still one that a person can read.
    assert not desk.ask("select symbol from public.positions where scale(average_price) > 20")
