"""Notices reach an address through Apprise; one that fails is left alone for a while."""

from __future__ import annotations

import json
import threading
from collections.abc import Generator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from backend.errors import DeskError
from backend.notices import FAILURES_MAX, NoticeNotTaken, names_of, read_destinations
from backend.ports import Notice
from backend.values import Severity
from tests.kit.clock import FixedClock
from tests.kit.signals import NOW

NOTICE = Notice("key", Severity.WARN, "BUY EURUSD waits", "0.41 is < the threshold", NOW)


class Mailbox(ThreadingHTTPServer):
    """What a chat's web hook is: takes posts, or refuses them."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.taken: list[dict[str, Any]] = []
        self.asked = 0
        self.status = 200

    @property
    def url(self) -> str:
        """Its address in Apprise's words."""
        return f"json://127.0.0.1:{self.server_port}/hook"


class _Handler(BaseHTTPRequestHandler):
    server: Mailbox

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.asked += 1
        if self.server.status == 200:
            self.server.taken.append(json.loads(body))
        self.send_response(self.server.status)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def mailbox() -> Generator[Mailbox]:
    with Mailbox() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_notice_arrives_as_it_was_written(mailbox: Mailbox, clock: FixedClock):
    (destination,) = read_destinations(mailbox.url, clock)
    destination.notify(NOTICE)
    (taken,) = mailbox.taken
    assert (taken["title"], taken["message"]) == (NOTICE.title, NOTICE.body)


def test_address_that_keeps_failing_rests_and_is_tried_again(mailbox: Mailbox, clock: FixedClock):
    mailbox.status = 500
    (destination,) = read_destinations(mailbox.url, clock)
    for _ in range(FAILURES_MAX + 2):
        with pytest.raises(NoticeNotTaken):
            destination.notify(NOTICE)
    assert mailbox.asked == FAILURES_MAX
    mailbox.status = 200
    clock.advance(timedelta(minutes=6))
    destination.notify(NOTICE)
    assert len(mailbox.taken) == 1


def test_address_that_nobody_answers_fails_within_seconds(clock: FixedClock):
    (destination,) = read_destinations("json://127.0.0.1:1/", clock)
    with pytest.raises(NoticeNotTaken):
        destination.notify(NOTICE)


def test_name_gives_no_secret_away_and_stays_the_same(clock: FixedClock):
    text = "tgram://123:secret/42 demo=mailto://me:secret@mail.test"
    destinations = read_destinations(text, clock)
    assert names_of(destinations) == names_of(read_destinations(text, clock))
    assert "secret" not in repr(destinations)
    assert [d.name.partition("-")[0] for d in destinations] == ["tgram", "mailto"]
    assert [d.wants("demo") for d in destinations] == [True, True]
    assert [d.wants("other") for d in destinations] == [True, False]


def test_query_with_an_equals_sign_is_no_organisation(clock: FixedClock):
    (destination,) = read_destinations("json://127.0.0.1/?format=text", clock)
    assert destination.org_id is None


def test_entry_that_is_no_url_is_refused_without_showing_it(clock: FixedClock):
    with pytest.raises(DeskError) as refused:
        read_destinations("json://127.0.0.1/ my-secret-token", clock)
    assert "entry 2" in str(refused.value)
    assert "my-secret-token" not in str(refused.value)
