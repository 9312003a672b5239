"""Whatever is posted, the webhook answers and stores it, and nothing of it becomes an order.

A few hundred bodies here; `desk bench fuzz --http 5000` posts more, to a whole desk.
"""

from __future__ import annotations

from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given
from hypothesis import settings as at_most
from hypothesis import strategies as st
from psycopg import Connection
from schemathesis.checks import not_a_server_error
from starlette.testclient import TestClient

from backend.api.app import create_app
from backend.settings import Settings
from research.bench.fuzz import run_fuzz
from research.load.mutations import mutated_bodies
from tests.kit.payloads import PAYLOADS
from tests.kit.public_payloads import PUBLIC_PAYLOADS
from tests.kit.trading_desk import TOKEN, rows

URL = f"/webhooks/tradingview/{TOKEN}"


@pytest.mark.usefixtures("inside")
def test_no_request_that_the_schema_allows_breaks_the_webhook(settings: Settings):
    # An application of its own: it is started and ended with every few requests.
    app = create_app(settings)
    found = schemathesis.openapi.from_asgi("/openapi.json", app)
    operation = found["/webhooks/tradingview/{token}"]["POST"]

    @at_most(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
    @given(case=operation.as_strategy(), ours=st.booleans())
    def post(case: Any, ours: bool) -> None:
        if ours:
            case.path_parameters = {"token": TOKEN}
        case.call_and_validate(checks=[not_a_server_error])

    post()


def test_real_bodies_and_broken_ones_are_all_kept(client: TestClient, inside: Connection[Any]):
    bodies = [
        *(payload.body for payload in (*PAYLOADS, *PUBLIC_PAYLOADS)),
        *mutated_bodies(11, 300),
    ]
    kept = [body for body in bodies if len(body) <= 65_536]
    answers = [client.post(URL, content=body) for body in bodies]
    assert {answer.status_code for answer in answers} <= {200, 413}
    stored = {bytes(body) for (body,) in rows(inside, "select body from signals_raw")}
    stored |= {bytes(body) for (body,) in rows(inside, "select body from intake.duplicates")}
    assert stored == set(kept)
    assert rows(
        inside, "select count(*) from signals_raw where understood <> (reason_code is null)"
    ) == [(0,)]


def test_nothing_is_announced_that_was_not_understood():
    report = run_fuzz(5, 2_000, lambda _: None)
    assert 0 < report["understood"] < 2_000
