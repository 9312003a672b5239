"""Tightening is immediate, loosening waits for a quorum, and every change is kept."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import psycopg
import pytest
from psycopg import Connection

from backend.policies import PolicyPack, apply_pack, request_pack
from tests.kit.governance import open_proposal, take_live
from tests.kit.money import a_pack, money_database, scalar, use
from tests.kit.postgres import Database


@pytest.fixture(scope="module")
def desk() -> Generator[Database]:
    with money_database() as database:
        yield database


@pytest.fixture
def conn(desk: Database) -> Generator[Connection[Any]]:
    with psycopg.connect(desk.superuser_url) as connection:
        use(connection, a_pack({"spread_bps": "10"}))
        yield connection
        connection.rollback()


def as_operator(conn: Connection[Any], pack: PolicyPack) -> Any:
    conn.execute("set local session authorization desk_operator")
    try:
        return request_pack(conn, pack, applied_by="test")
    finally:
        conn.execute("reset session authorization")


def go_live(conn: Connection[Any]) -> None:
    take_live(conn, "paper-2")


def approve(conn: Connection[Any], proposal_id: str) -> None:
    """Let the votes be in, without what follows from them."""
    conn.execute("select governance.record_event(%s, 'approved', '{}')", (proposal_id,))


def effects(conn: Connection[Any], before: PolicyPack, after: PolicyPack) -> dict[str, str]:
    rows = conn.execute(
        "select path, effect from risk.compare_policies(%s::jsonb, %s::jsonb)",
        (before.canonical, after.canonical),
    ).fetchall()
    return dict(rows)


def in_force(conn: Connection[Any]) -> str:
    return scalar(conn, "select policy_hash from risk.policies where active")


def test_a_tighter_pack_is_in_force_at_once_and_leaves_its_record(conn: Any) -> None:
    before, pack = in_force(conn), a_pack({"spread_bps": "9"})
    answer = as_operator(conn, pack)
    assert (answer.changed, answer.proposal_id) == (True, None)
    row = conn.execute(
        "select before_hash, after_hash, effect, differences, changed_by from risk.policy_changes"
        " order by changed_at desc limit 1"
    ).fetchone()
    assert row[:3] == (before, pack.policy_hash, "tightened")
    assert [(d["path"], d["before"], d["after"]) for d in row[3]] == [
        ("limits.platform.spread_bps", "10", "9")
    ]
    assert row[4] == "desk_operator"


def test_a_looser_pack_waits_for_votes_also_beside_paper_accounts(conn: Any) -> None:
    before, pack = in_force(conn), a_pack({"spread_bps": "11"})
    answer = as_operator(conn, pack)
    assert answer.changed is False
    assert in_force(conn) == before
    again = as_operator(conn, pack)
    assert again.proposal_id == answer.proposal_id
    kind = "select kind || ' ' || state from public.proposals where proposal_id = %s"
    assert scalar(conn, kind, answer.proposal_id) == "policy open"


def test_a_looser_pack_is_in_force_once_its_proposal_has_passed(conn: Any) -> None:
    pack = a_pack({"spread_bps": "11"})
    proposal_id = as_operator(conn, pack).proposal_id
    approve(conn, proposal_id)
    assert as_operator(conn, pack).changed is True
    assert in_force(conn) == pack.policy_hash
    state = "select state from public.proposals where proposal_id = %s"
    assert scalar(conn, state, proposal_id) == "executed"
    change = "select effect || ' ' || proposal_id from risk.policy_changes where after_hash = %s"
    assert scalar(conn, change, pack.policy_hash) == f"loosened {proposal_id}"


def test_a_passed_proposal_is_followed_once_and_only_if_it_passed(conn: Any) -> None:
    pack = a_pack({"spread_bps": "11"})
    proposal_id = as_operator(conn, pack).proposal_id
    follow = "select risk.follow_policy(%s)"
    assert scalar(conn, follow, proposal_id) is False
    approve(conn, proposal_id)
    assert scalar(conn, follow, proposal_id) is True
    assert in_force(conn) == pack.policy_hash
    assert scalar(conn, follow, proposal_id) is False


def test_voters_are_told_what_a_pack_changes_whoever_proposes_it_however(conn: Any) -> None:
    pack = a_pack({"spread_bps": "11"})
    forged: dict[str, Any] = {
        "payload": {"canonical": pack.canonical, "limits": pack.rows()},
        "evidence": {"differences": [], "note": "nothing of importance"},
        "ttl_s": 999_999_999,
    }
    with pytest.raises(psycopg.Error) as caught, conn.transaction():
        open_proposal(conn, "policy", a_pack().policy_hash, **forged)
    assert caught.value.sqlstate == "TR338"
    proposal_id = open_proposal(conn, "policy", pack.policy_hash, **forged)
    row = conn.execute(
        "select payload ->> 'before', evidence, expires_at < now() + interval '8 days'"
        " from public.proposals where proposal_id = %s",
        (proposal_id,),
    ).fetchone()
    told = row[1].pop("differences")
    assert row == (in_force(conn), {}, True)
    assert [(d["path"], d["effect"]) for d in told] == [("limits.platform.spread_bps", "loosens")]


def test_votes_for_a_change_to_another_pack_than_the_one_in_force_do_not_count(conn: Any) -> None:
    pack = a_pack({"spread_bps": "11"})
    proposal_id = as_operator(conn, pack).proposal_id
    approve(conn, proposal_id)
    tighter = a_pack({"spread_bps": "3"})
    as_operator(conn, tighter)
    assert scalar(conn, "select risk.follow_policy(%s)", proposal_id) is False
    assert as_operator(conn, pack).changed is False
    assert in_force(conn) == tighter.policy_hash


def test_tightening_is_immediate_also_beside_a_live_account(conn: Any) -> None:
    live = a_pack({"spread_bps": "10"}, modes=("paper", "live"))
    use(conn, live)
    go_live(conn)
    assert as_operator(conn, a_pack({"spread_bps": "9"}, modes=("paper", "live"))).changed
    looser = a_pack({"spread_bps": "12"}, modes=("paper", "live"))
    assert as_operator(conn, looser).changed is False
    with pytest.raises(psycopg.Error) as caught, conn.transaction():
        apply_pack(conn, looser, applied_by="the owner")
    assert caught.value.sqlstate == "TR512"


def test_the_first_pack_is_installed_unvoted_only_while_no_account_is_live(conn: Any) -> None:
    conn.execute("update risk.policies set active = false")
    go_live(conn)
    pack = a_pack({"spread_bps": "2"}, modes=("paper", "live"))
    assert as_operator(conn, pack).changed is False
    conn.execute("update public.accounts set mode = 'paper'")
    assert as_operator(conn, pack).changed is True


@pytest.mark.parametrize(
    ("before", "after", "path", "effect"),
    [
        ({"spread_bps": "10"}, {"spread_bps": "10.1"}, "platform.spread_bps", "loosens"),
        ({"spread_bps": "10"}, {"spread_bps": "9.9"}, "platform.spread_bps", "tightens"),
        ({"spread_bps": "10"}, {"spread_bps": "10.0"}, "platform.spread_bps", "none"),
        ({"reward_to_risk_min": "2"}, {"reward_to_risk_min": "1"}, "platform.reward_to_risk_min",
         "loosens"),
        ({"stop_loss_required": "0"}, {"stop_loss_required": "1"}, "platform.stop_loss_required",
         "tightens"),
        ({}, {"account": {"*": {"order_quantity": "1"}}}, "account.*.order_quantity", "tightens"),
        ({"account": {"*": {"order_quantity": "1"}}}, {}, "account.*.order_quantity", "loosens"),
        ({}, {"account": {"paper-1": {"open_positions": "3"}}}, "account.paper-1.open_positions",
         "tightens"),
    ],
)  # fmt: skip
def test_every_number_knows_which_way_is_tighter(
    conn: Any, before: Any, after: Any, path: str, effect: str
) -> None:
    assert effects(conn, a_pack(before), a_pack(after)) == {f"limits.{path}": effect}


def test_a_first_limit_of_a_mandatory_kind_lets_through_what_was_denied(conn: Any) -> None:
    bare = a_pack(without=("position_quantity",))
    some = a_pack(
        {"instrument": {"EURUSD": {"position_quantity": "1"}}}, without=("position_quantity",)
    )
    path = "limits.instrument.EURUSD.position_quantity"
    assert effects(conn, bare, some) == {path: "loosens"}


def test_modes_margins_and_numbers_without_a_known_way(conn: Any) -> None:
    narrow, wide = a_pack(modes=("paper",)), a_pack(modes=("paper", "live"))
    assert effects(conn, narrow, wide) == {"modes": "loosens"}
    assert effects(conn, wide, narrow) == {"modes": "tightens"}
    assert effects(conn, a_pack(), a_pack(margin_rate="0.02")) == {
        "authority.margin_rate": "tightens"
    }
    assert effects(conn, a_pack(), a_pack(trim=False)) == {"authority.trim": "tightens"}
    one = a_pack()
    other = one.model_copy(update={"scoring": one.scoring.model_copy(update={"bars_min": 99})})
    assert effects(conn, one, other) == {"scoring.bars_min": "loosens"}


def test_changes_of_packs_cannot_be_rewritten(conn: Any) -> None:
    for statement in ("update risk.policy_changes set effect = 'tightened'",
                      "delete from risk.policy_changes"):  # fmt: skip
        with pytest.raises(psycopg.Error) as caught, conn.transaction():
            conn.execute(statement.encode())
        assert caught.value.sqlstate == "TR514"


def test_nobody_but_the_owner_installs_past_the_votes(desk: Database) -> None:
    for role in ("desk_operator", "risk_agent", "treasury_operator", "desk_api"):
        with psycopg.connect(desk.superuser_url) as other:
            other.execute(f"set local role {role}".encode())
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                apply_pack(other, a_pack({"spread_bps": "500"}), applied_by="test")


def test_two_who_apply_a_passed_pack_at_once_change_it_once(desk: Database) -> None:
    with psycopg.connect(desk.superuser_url) as owner:
        use(owner, a_pack({"spread_bps": "10"}))
        proposal_id = as_operator(owner, a_pack({"spread_bps": "77"})).proposal_id
        approve(owner, proposal_id)
    with (
        psycopg.connect(desk.superuser_url) as one,
        psycopg.connect(desk.superuser_url) as two,
    ):
        two.execute("set lock_timeout = '100ms'")
        assert scalar(one, "select risk.follow_policy(%s)", proposal_id) is True
        with pytest.raises(psycopg.errors.LockNotAvailable):
            two.execute("select risk.follow_policy(%s)", (proposal_id,))
        two.rollback()
        one.commit()
        assert scalar(two, "select risk.follow_policy(%s)", proposal_id) is False
        count = "select count(*) from risk.policy_changes where proposal_id = %s"
        assert scalar(two, count, proposal_id) == 1
