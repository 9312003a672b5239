"""Who must decide is told once, together, again where it failed, and never twice."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from backend.notices import Destination, read_destinations
from backend.ports import Notice
from tests.kit.clock import FixedClock
from tests.kit.signals import a_context
from workers.agents import notifier

CONTEXT = a_context("notifier")


class Chat:
    """Addresses that remember what they were sent, and refuse when told to."""

    def __init__(self, *urls: str) -> None:
        self.sent: list[tuple[str, Notice]] = []
        self.broken: set[str] = set()
        self.outside: Any = SimpleNamespace(
            destinations=read_destinations(" ".join(urls), FixedClock(), self._send),
            console_url="https://desk.test",
        )

    def _send(self, url: str, notice: Notice) -> bool:
        if url in self.broken:
            return False
        self.sent.append((url, notice))
        return True

    def name(self, index: int = 0) -> str:
        destination: Destination = self.outside.destinations[index]
        return destination.name


def a_notice(nr: int = 1, org_id: str = "demo", told: tuple[str, ...] = ()) -> dict[str, Any]:
    return {
        "notice_id": f"019b0000-0000-7000-8000-0000000000{nr:02d}",
        "org_id": org_id,
        "audience": "strategy_analyst",
        "title": f"BUY EURUSD of tv-{nr} waits for you",
        "body": f"0.41 is below the threshold 0.55. Review {nr}",
        "created_at": "2026-03-04T10:00:00Z",
        "told": list(told),
    }


def tick(chat: Chat, *notices: dict[str, Any]) -> Any:
    facts = {"notices": list(notices)}
    report = notifier.call_tick(facts, CONTEXT, chat.outside)
    return notifier.handle_tick({**facts, "report": report}, CONTEXT)


def recorded(decision: Any) -> dict[str, tuple[list[str], str | None]]:
    return {e.item["notice_id"][-2:]: (e.item["told"], e.item["error"]) for e in decision.effects}


def test_one_review_is_told_whole_with_the_way_to_it():
    chat = Chat("json://a/")
    decision = tick(chat, a_notice())
    ((_, notice),) = chat.sent
    assert notice.title == "BUY EURUSD of tv-1 waits for you"
    assert "below the threshold" in notice.body
    assert notice.body.endswith(
        "https://desk.test/console/reviews/019b0000-0000-7000-8000-000000000001"
    )
    assert recorded(decision) == {"01": ([chat.name()], None)}


def test_what_waits_together_is_told_together():
    chat = Chat("json://a/")
    tick(chat, *(a_notice(nr) for nr in range(1, 13)))
    ((_, notice),) = chat.sent
    assert notice.title == "12 reviews wait for you"
    assert "… and 4 more" in notice.body


def test_organisations_are_told_apart():
    chat = Chat("json://a/", "other=json://b/")
    tick(chat, a_notice(1), a_notice(2, org_id="other"))
    assert sorted((url, notice.key[-2:]) for url, notice in chat.sent) == [
        ("json://a/", "01"),
        ("json://a/", "02"),
        ("json://b/", "02"),
    ]


def test_only_who_failed_is_told_again():
    chat = Chat("json://a/", "json://b/")
    chat.broken = {"json://b/"}
    ((told, error),) = recorded(tick(chat, a_notice())).values()
    assert told == [chat.name(0)]
    assert error is not None
    assert chat.name(1) in error
    chat.broken.clear()
    again = tick(chat, a_notice(told=tuple(told)))
    assert recorded(again) == {"01": ([chat.name(1)], None)}
    assert [url for url, _ in chat.sent] == ["json://a/", "json://b/"]


def test_without_any_address_a_notice_is_done():
    assert recorded(tick(Chat(), a_notice())) == {"01": ([], None)}


def test_nothing_due_leaves_no_trace():
    decision = tick(Chat("json://a/"))
    assert decision.quiet
    assert decision.effects == ()
