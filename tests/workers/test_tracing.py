"""What was reported is walked through in one order, at once and after Postgres kept it."""

from __future__ import annotations

from collections.abc import Generator
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg.types.json import Jsonb

from backend.notices import read_destinations
from backend.ports import Notice
from tests.kit.clock import FixedClock
from tests.kit.oversight import Overseen, overseen_desk
from workers.replaying import replay
from workers.tracing import as_kept

TEXTS = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=6)
REPORTS = st.dictionaries(
    TEXTS,
    st.recursive(
        st.integers(-9, 9) | TEXTS | st.none() | st.booleans(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=4),
        max_leaves=12,
    ),
    max_size=6,
)


def in_order(value: Any) -> Any:
    """Turn mappings into lists of pairs, which know their order."""
    if isinstance(value, dict):
        return [(key, in_order(item)) for key, item in value.items()]
    return [in_order(item) for item in value] if isinstance(value, list) else value


@pytest.fixture(scope="module")
def desk() -> Generator[Overseen]:
    with overseen_desk() as desk:
        yield desk


@given(report=REPORTS)
def test_a_report_has_the_order_in_which_postgres_gives_it_back(
    desk: Overseen, report: dict[str, Any]
):
    with psycopg.connect(desk.database.superuser_url) as conn:
        kept = conn.execute("select %s::jsonb", (Jsonb(report),)).fetchone()
    assert kept is not None
    assert in_order(as_kept(report)) == in_order(kept[0])


def test_notices_told_in_another_order_than_their_ids_replay_bit_for_bit(desk: Overseen):
    told: list[str] = []

    def send(_url: str, notice: Notice) -> bool:
        told.append(notice.title)
        return True

    outside = SimpleNamespace(
        destinations=read_destinations("json://a.test", FixedClock(), send), console_url=None
    )
    with desk.behind() as conn:
        conn.execute(
            "insert into ops.notices (notice_id, org_id, audience, title, body, created_at)"
            " select ('019b0000-0000-7000-8000-00000000000' || nr)::uuid, 'demo',"
            " 'strategy_analyst', 'review', 'waits', now() - nr * interval '1 minute'"
            " from generate_series(1, 5) nr"
        )
    desk.tick("notifier", outside=outside)
    (trace,) = desk.traces("notifier")
    assert (len(told), trace["outcome"]) == (1, "told")
    assert replay(trace, None).same
