"""What the scorer is told: finished bars once, the last quote, earlier outcomes."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from psycopg import Connection

from backend.domain.rationale import PRIOR, load_weights
from tests.kit.signal_rows import (
    VECTOR,
    As,
    a_rationale,
    a_review,
    decide,
    normalized,
)
from tests.kit.signals import NOW
from tests.kit.trading_desk import add_bars, add_quote, ask


def scoring(as_role: As, *items: dict[str, Any]) -> list[dict[str, Any]]:
    return ask(as_role("rationale_scorer_agent"), "intake.scoring_facts", *items)


def test_bars_travel_once_per_batch(as_role: As, inside: Connection[Any]):
    last = add_bars(inside, count=250)
    signals = [{"signal_id": normalized(as_role)["signal_id"]} for _ in range(3)]
    answers = scoring(as_role, *signals)
    ref = f"M15@{last:%Y-%m-%dT%H:%M:%SZ}"
    assert [answer["bars_ref"] for answer in answers] == [ref] * 3
    assert [len(answer["bars"] or ()) for answer in answers] == [200, 0, 0]
    opened = [row[0] for row in answers[0]["bars"]]
    assert opened == sorted(opened)
    assert opened[-1] == last.timestamp() * 1e6


def test_bars_that_the_worker_holds_stay_at_home(as_role: As, inside: Connection[Any]):
    add_bars(inside)
    item = {"signal_id": normalized(as_role)["signal_id"]}
    (first,) = scoring(as_role, item)
    (again,) = scoring(as_role, item | {"have": first["bars_ref"]})
    assert again["bars"] is None
    assert again["bars_ref"] == first["bars_ref"]
    (older,) = scoring(as_role, item | {"have": "M15@2020-01-01T00:00:00Z"})
    assert older["bars"] == first["bars"]


def test_unfinished_bar_is_not_seen(as_role: As, inside: Connection[Any]):
    last = add_bars(inside)
    inside.execute(
        "insert into market_bars select symbol, timeframe, opened_at + interval '15 minutes',"
        " open, high, low, close, volume, spread, source from market_bars where opened_at = %s",
        (last,),
    )
    (facts,) = scoring(as_role, {"signal_id": normalized(as_role)["signal_id"]})
    assert facts["bars"][-1][0] == last.timestamp() * 1e6


def test_without_bars_of_its_length_the_next_longer_ones_serve(
    as_role: As, inside: Connection[Any]
):
    add_bars(inside, timeframe="M1", length=timedelta(minutes=1))
    add_bars(inside, timeframe="H1", length=timedelta(hours=1))
    (facts,) = scoring(as_role, {"signal_id": normalized(as_role)["signal_id"]})
    assert facts["bars_ref"].startswith("H1@")
    assert len(facts["bars"]) == 120


def test_without_longer_bars_shorter_ones_serve(as_role: As, inside: Connection[Any]):
    add_bars(inside, timeframe="M1", length=timedelta(minutes=1))
    add_bars(inside, timeframe="M5", length=timedelta(minutes=5))
    (facts,) = scoring(as_role, {"signal_id": normalized(as_role)["signal_id"]})
    assert facts["bars_ref"].startswith("M5@")


def test_without_any_bars_nothing_is_named(as_role: As, inside: Connection[Any]):
    add_bars(inside, symbol="GBPUSD")
    (facts,) = scoring(as_role, {"signal_id": normalized(as_role)["signal_id"]})
    assert facts["bars_ref"] is None
    assert facts["bars"] is None
    assert facts["quote"] is None


def test_quote_and_policy_come_exact(as_role: As, inside: Connection[Any]):
    add_quote(inside)
    (facts,) = scoring(as_role, {"signal_id": normalized(as_role)["signal_id"]})
    assert (facts["quote"]["bid"], facts["quote"]["ask"]) == ("1.1000", "1.1001")
    assert facts["policy"] == {
        "threshold": "0.55",
        "bars_min": 30,
        "bars_age_max": 3,
        "quote_age_ms_max": 5_000,
    }


def test_weights_in_force_come_as_decisions_record_them(as_role: As):
    (facts,) = scoring(as_role, {"signal_id": normalized(as_role)["signal_id"]})
    assert load_weights(facts["weights"]) == PRIOR


def test_flow_comes_where_the_feed_has_it(as_role: As, inside: Connection[Any]):
    add_quote(inside)
    item = {"signal_id": normalized(as_role)["signal_id"]}
    assert scoring(as_role, item)[0]["quote"]["volume_delta"] is None
    inside.execute("delete from latest_quotes")
    ask(
        as_role("market_data_agent"),
        "ops.record_quotes",
        {
            "venue_id": "mt5-paper",
            "symbol": "EURUSD",
            "bid": "1.1",
            "ask": "1.1001",
            "quoted_at": NOW,
            "received_at": NOW,
            "volume_delta": "0.25",
            "depth_imbalance": "-0.5",
        },
    )
    quote = scoring(as_role, item)[0]["quote"]
    assert (quote["volume_delta"], quote["depth_imbalance"]) == ("0.25", "-0.5")


def add_conviction(inside: Connection[Any], opened_at: datetime, up: str, **where: str) -> None:
    inside.execute(
        "insert into market_conviction (symbol, timeframe, opened_at, up, down, high_up, high_down,"
        " outlier_up, outlier_down, structures, policy_hash)"
        " values (%s, %s, %s, %s, 0.1, true, false, true, null, 3, 'p')",
        (where.get("symbol", "EURUSD"), where.get("timeframe", "M15"), opened_at, up),
    )


def test_conviction_is_that_of_the_scored_bar_or_the_newest_before_it(
    as_role: As, inside: Connection[Any]
):
    last = add_bars(inside)
    item = {"signal_id": normalized(as_role)["signal_id"]}
    assert scoring(as_role, item)[0]["conviction"] is None
    quarter = timedelta(minutes=15)
    add_conviction(inside, last - 2 * quarter, "0.2")
    add_conviction(inside, last - quarter, "0.3")
    # Of a bar that was not finished, of another symbol, of another length: none of them is meant.
    add_conviction(inside, last + quarter, "0.9")
    add_conviction(inside, last, "0.8", symbol="GBPUSD")
    add_conviction(inside, last, "0.7", timeframe="H1")
    found = scoring(as_role, item)[0]["conviction"]
    assert datetime.fromisoformat(found.pop("opened_at")) == last - quarter
    assert found == {
        "up": "0.3",
        "down": "0.1",
        "high_up": True,
        "high_down": False,
        "outlier_up": True,
        "outlier_down": None,
    }
    add_conviction(inside, last, "0.4")
    both = scoring(as_role, item, item | {"have": f"M15@{last:%Y-%m-%dT%H:%M:%SZ}"})
    assert [facts["conviction"]["up"] for facts in both] == ["0.4", "0.4"]


def test_conviction_follows_the_bars_that_serve_for_others(as_role: As, inside: Connection[Any]):
    last = add_bars(inside, timeframe="H1", length=timedelta(hours=1))
    add_conviction(inside, last, "0.7", timeframe="H1")
    (facts,) = scoring(as_role, {"signal_id": normalized(as_role)["signal_id"]})
    assert facts["conviction"]["up"] == "0.7"


def test_a_vector_of_older_bars_is_asked_again(as_role: As, inside: Connection[Any]):
    add_bars(inside)
    item = {"signal_id": normalized(as_role)["signal_id"], "vector": VECTOR}
    (stale,) = scoring(as_role, item | {"have": "M15@2020-01-01T00:00:00Z"})
    assert stale["precedents"] is None
    (fresh,) = scoring(as_role, item | {"have": stale["bars_ref"]})
    assert fresh["precedents"] == []


def test_scored_signal_comes_with_its_rationale(as_role: As):
    signal = normalized(as_role)
    rationale = a_rationale(signal)
    ask(as_role("rationale_scorer_agent"), "intake.record_rationales", rationale)
    (facts,) = scoring(as_role, {"signal_id": signal["signal_id"]})
    assert facts["prior"]["rationale_id"] == str(rationale["rationale_id"])
    assert facts["prior"]["score"] == "0.6"


def test_approved_review_leads_to_its_signal(as_role: As):
    signal = normalized(as_role)
    review = a_review("signal", str(signal["signal_id"]))
    ask(as_role("rationale_scorer_agent"), "intake.open_reviews", review)
    item = {"review_id": review["review_id"]}
    assert scoring(as_role, item)[0]["signal"] is None
    decide(as_role, review)
    (facts,) = scoring(as_role, item)
    assert facts["signal"]["signal_id"] == str(signal["signal_id"])
    assert facts["signal"]["price"] == "1.10000"
    assert facts["approved"] == "TR235"
