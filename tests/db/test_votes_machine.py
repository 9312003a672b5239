"""However many propose, vote, change their minds, expire and execute at once: decided once.

Each step lets several voters, each under a login of their own, do something at the same moment
and commit. Then every proposal is judged again from its votes alone.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import ExitStack
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from tests.kit.at_once import Ready, at_once
from tests.kit.governance import a_proposal, a_vote, age_proposals, people
from tests.kit.money import call, money_database
from tests.kit.postgres import Database

PEOPLE = ("alice", "bob", "dora")
PERSONAS = ("strategy_analyst", "execution_overseer", "risk_sentinel", "compliance")
KINDS = ("mint", "buyback", "halt", "lift_halt")
PAYLOADS = {
    "mint": {"currency": "USD", "amount": "10"},
    "buyback": {"currency": "USD", "amount": "40000"},
    "halt": {"scope": "strategy", "scope_id": "tv-two"},
}

Act = tuple[str, str, str, int]
_ACT = st.tuples(
    st.sampled_from(["propose"] * 2 + ["vote"] * 7 + ["age", "expire", "execute"]),
    st.sampled_from([*PEOPLE, *PERSONAS]),
    st.sampled_from(KINDS),
    st.integers(0, 99),
)

_DECIDED = """
select p.proposal_id, p.kind, p.state, p.proposed_by,
       array_agg(e.event order by e.event_id) filter (
         where e.event in ('approved', 'refused', 'expired')) as decided,
       count(*) filter (where e.event = 'executed') as executed
  from public.proposals p
  join public.proposal_events e on e.proposal_id = p.proposal_id
 group by p.proposal_id
"""

# The last vote before the decision, of each voter who is not the proposer.
_VOTES = """
select distinct on (v.voter) w.kind, w.persona, v.decision
  from public.votes v
  join governance.voters w on w.voter = v.voter
 where v.proposal_id = %s and v.voter <> %s
   and v.cast_at <= (select e.recorded_at from public.proposal_events e
                      where e.proposal_id = v.proposal_id and e.event = 'approved')
 order by v.voter, v.revision desc
"""


class Ballots(RuleBasedStateMachine):
    """Voters at once, then a look at what was decided."""

    desk: Database
    urls: dict[str, str]

    def __init__(self) -> None:
        super().__init__()
        self.stack = ExitStack()
        self.behind = self.stack.enter_context(
            psycopg.connect(self.desk.superuser_url, autocommit=True)
        )
        self.behind.execute("set session_replication_role = replica")
        for table in (
            "public.votes",
            "public.proposal_events",
            "treasury.instructions",
            "governance.halts",
            "public.proposals",
        ):
            self.behind.execute(f"delete from {table}".encode())
        self.behind.execute("set session_replication_role = origin")
        self.behind.execute("update treasury.balances set cash = 100000, buffer_min = 10000")

    def teardown(self) -> None:
        """Close the sessions."""
        self.stack.close()

    @rule(acts=st.lists(_ACT, min_size=1, max_size=5))
    def together(self, acts: list[Act]) -> None:
        """Do all of it at the same moment, each in a session of its own."""
        at_once(acts, self._act)

    def _act(self, act: Act, ready: Ready) -> None:
        ready()
        name, voter, kind, number = act
        roles = {"expire": "housekeeping_agent", "execute": "desk_operator"}
        who = {"propose": PEOPLE[number % len(PEOPLE)], "vote": voter}.get(name)
        with psycopg.connect(self.urls[who or roles.get(name, "superuser")]) as conn:
            try:
                self._do(conn, name, kind, number)
                conn.commit()
            except psycopg.Error as error:
                if not (error.sqlstate or "").startswith("TR"):
                    raise

    def _do(self, conn: Any, name: str, kind: str, number: int) -> None:
        if name == "propose":
            subject = self._pick("select halt_id from governance.halts", number)
            if kind != "lift_halt" or subject is not None:
                subject = str(subject) if kind == "lift_halt" else uuid4().hex
                item = a_proposal(kind, subject, payload=PAYLOADS.get(kind, {}))
                call(conn, "governance.open_proposals", item)
        elif name == "age":
            if number < 20:
                age_proposals(conn)
        elif name == "expire":
            call(conn, "governance.expire_proposals", {})
        else:
            proposal = self._pick("select proposal_id from public.proposals", number)
            if proposal is None:
                return
            if name == "execute":
                call(conn, "governance.execute_proposals", {"proposal_id": str(proposal)})
            else:
                decision = "refuse" if number % 8 == 0 else "approve"
                call(conn, "governance.cast_votes", a_vote(str(proposal), decision))

    def _pick(self, query: str, number: int) -> Any:
        with psycopg.connect(self.desk.superuser_url) as conn:
            found = conn.execute(f"{query} order by 1".encode()).fetchall()
        return found[number % len(found)][0] if found else None

    @invariant()
    def nothing_is_decided_or_executed_twice(self) -> None:
        """A proposal has one decision at most, and only what passed is executed."""
        for _, _, state, _, decided, executed in self.behind.execute(_DECIDED.encode()):
            assert len(decided or []) <= 1
            assert executed <= 1
            assert not executed or decided == ["approved"]
            assert (state == "open") == (decided is None)

    @invariant()
    def what_passed_has_the_votes_that_its_rule_demands(self) -> None:
        """Count the votes of each passed proposal again."""
        rules = {
            kind: (humans, personas, electorate)
            for kind, humans, personas, electorate in self.behind.execute(
                "select kind, humans, personas, electorate from governance.quorum_rules"
            )
        }
        for proposal, kind, _, proposer, decided, _ in self.behind.execute(_DECIDED.encode()):
            if decided != ["approved"]:
                continue
            votes = self.behind.execute(_VOTES.encode(), (proposal, proposer)).fetchall()
            humans, personas, electorate = rules[kind]
            yes = [vote for vote in votes if vote[2] == "approve"]
            assert sum(1 for vote in yes if vote[0] == "human") >= humans
            assert sum(1 for vote in yes if vote[1] in electorate) >= personas

    @invariant()
    def no_more_is_spoken_for_than_may_be_spent(self) -> None:
        """Two buy-backs of 40,000 fit into 90,000, three do not."""
        query = "select coalesce(sum(amount), 0) from treasury.instructions where kind = 'buyback'"
        (spent,) = self.behind.execute(query).fetchone() or (0,)
        assert spent <= 90_000

    @invariant()
    def what_was_lifted_was_lifted_by_a_passed_proposal(self) -> None:
        """No halt ends by itself."""
        query = (
            "select count(*) from governance.halts h left join public.proposals p"
            " on p.proposal_id = h.lift_proposal_id and p.state = 'executed'"
            " where h.lifted_at is not null and p.proposal_id is null"
        )
        assert self.behind.execute(query).fetchone() == (0,)


@pytest.fixture(scope="module")
def desk() -> Generator[Database]:
    with money_database() as database, people(database, *PEOPLE):
        yield database


def test_no_interleaving_of_votes_decides_twice_or_against_its_rule(desk: Database) -> None:
    class Here(Ballots):
        pass

    Here.desk = desk
    Here.urls = {
        **{name: desk.role_url(f"{name}_{desk.name}") for name in PEOPLE},
        **{name: desk.role_url(f"{name}_agent") for name in PERSONAS},
        **{role: desk.role_url(role) for role in ("housekeeping_agent", "desk_operator")},
        "superuser": desk.superuser_url,
    }
    run_state_machine_as_test(
        Here,
        settings=settings(
            max_examples=10,
            stateful_step_count=16,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
