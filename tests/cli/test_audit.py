"""Seal, verify, prove and export as a person does; and check a proof without the desk."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from psycopg import Connection

from backend.contracts.signing import SigningKey
from backend.db.roles import SEALER
from backend.keys import load_key
from backend.settings import CHECKOUT
from tests.cli.conftest import Run
from tests.kit.record import let_others_end
from tests.kit.trading_desk import rows

CHECKER = CHECKOUT / "ops" / "check_proof.py"
FLAG = "insert into ops.feature_flags (flag, enabled) values (%s, true)"


@pytest.fixture(autouse=True)
def _sealed(run: Run, inside: Connection[Any]) -> None:
    for flag in ("e", "f", "g"):
        inside.execute(
            FLAG + " on conflict (flag) do update set enabled = not feature_flags.enabled", (flag,)
        )
    let_others_end(inside)
    assert run("audit", "seal", "--json").status == 0


def a_change(conn: Connection[Any]) -> str:
    ((change_id,),) = rows(
        conn,
        "select change_id::text from audit.changes where row_key = 'f'"
        " order by changed_at desc limit 1",
    )
    return change_id


def check(proof: dict[str, Any], public_key: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run the stand-alone checker as a stranger would."""
    file = folder / "proof.json"
    file.write_text(json.dumps(proof))
    return subprocess.run(
        [sys.executable, "-I", str(CHECKER), str(file), "--public-key", public_key],
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_whole_record_verifies_and_the_status_says_so(run: Run):
    said = run("audit", "verify", "--json")
    assert (said.status, said.json["ok"], said.json["first"]) == (0, True, None)
    assert said.json["records"] > 0
    assert "everything is as it was sealed" in run("audit", "verify").out


def test_an_altered_record_is_named_and_the_status_is_1(run: Run, inside: Connection[Any]):
    change_id = a_change(inside)
    before = rows(inside, "select changed_by from audit.changes where change_id = %s", (change_id,))
    _rewrite(inside, change_id, "nobody")
    try:
        said = run("audit", "verify", "--json")
        assert said.status == 1
        first = said.json["first"]
        assert (first["table"], first["key"], first["difference"]) == (
            "audit.changes",
            change_id,
            "altered",
        )
        assert change_id in run("audit", "verify").out
    finally:
        _rewrite(inside, change_id, before[0][0])
    assert run("audit", "verify").status == 0


def test_a_broken_record_halts_the_platform_where_asked(run: Run, inside: Connection[Any]):
    change_id = a_change(inside)
    before = rows(inside, "select changed_by from audit.changes where change_id = %s", (change_id,))
    _rewrite(inside, change_id, "nobody")
    try:
        said = run("audit", "verify", "--halt", "--json")
    finally:
        _rewrite(inside, change_id, before[0][0])
    assert (said.status, said.json["halted"]) == (1, True)
    ((scope, cause, reason),) = rows(inside, "select scope, cause, reason from governance.halts")
    assert (scope, cause) == ("platform", "audit_failure")
    assert change_id in reason


def _rewrite(conn: Connection[Any], change_id: str, changed_by: str) -> None:
    conn.execute("set session_replication_role = replica")
    conn.execute(
        "update audit.changes set changed_by = %s where change_id = %s", (changed_by, change_id)
    )
    conn.execute("set session_replication_role = origin")


def test_a_proof_holds_for_a_stranger_with_the_public_key(
    run: Run, home: Path, inside: Connection[Any], tmp_path: Path
):
    proof = run("audit", "prove", a_change(inside), "--json").json
    public_key = load_key(home / "keys", SEALER).public_bytes.hex()

    checked = check(proof, public_key, tmp_path)

    assert checked.returncode == 0, checked.stderr
    assert "table_name: ops.feature_flags" in checked.stdout


@pytest.mark.parametrize(
    ("part", "value"),
    [
        ("record", "another"),
        ("record_sha256", "00" * 32),
        ("table", "public.fills"),
        ("form", "2"),
        ("columns", ["a", "b"]),
        ("transaction", "1"),
        ("key", "another"),
        ("leaf_index", "1000000"),
        ("tree_size", "1000000"),
        ("path", []),
        ("seal", {"body": "{}", "sig": "ed25519:" + "A" * 86 + "=="}),
    ],
)
def test_a_proof_with_any_part_exchanged_is_refused(
    run: Run, home: Path, inside: Connection[Any], tmp_path: Path, part: str, value: object
):
    proof = run("audit", "prove", a_change(inside), "--json").json
    public_key = load_key(home / "keys", SEALER).public_bytes.hex()

    checked = check({**proof, part: value}, public_key, tmp_path)

    assert checked.returncode == 1
    assert checked.stdout.startswith("NOT proven")


def test_a_proof_is_refused_under_another_key(run: Run, inside: Connection[Any], tmp_path: Path):
    proof = run("audit", "prove", a_change(inside), "--json").json
    another = SigningKey(b"\x09" * 32).public_bytes.hex()

    assert check(proof, another, tmp_path).returncode == 1


def test_a_record_without_a_seal_has_no_proof(run: Run):
    said = run("audit", "prove", "0199aaaa-0000-7000-8000-000000000000")
    assert (said.status, "[audit.unknown]" in said.err) == (2, True)


def test_an_id_is_said_in_full(run: Run, inside: Connection[Any]):
    said = run("audit", "prove", a_change(inside)[:4])
    assert (said.status, "[audit.unknown]" in said.err) == (2, True)


def test_exported_seals_anchor_the_chain(run: Run, inside: Connection[Any], tmp_path: Path):
    file = tmp_path / "seals.json"
    assert run("audit", "export", "--out", str(file)).status == 0
    assert run("audit", "verify", "--anchor", str(file)).status == 0

    exported = json.loads(file.read_text())
    ((last,),) = rows(inside, "select max(number) from audit.seals")
    body = json.loads(exported["seals"][-1]["body"])
    assert body["number"] == str(last)
    exported["seals"][-1]["body"] = json.dumps(
        {**body, "number": str(last + 1)}, separators=(",", ":"), sort_keys=True
    )
    file.write_text(json.dumps(exported))
    said = run("audit", "verify", "--anchor", str(file), "--json")
    assert said.status == 1
    assert said.json["first"]["detail"] == "exported, and gone"


def test_seals_are_chosen_by_number_or_time(run: Run):
    assert run("audit", "verify", "--from", "1", "--to", "1", "--json").json["seals"] == 1
    assert run("audit", "verify", "--from", "2020-01-01", "--json").json["ok"]
    said = run("audit", "verify", "--from", "yesterday")
    assert (said.status, "[audit.when]" in said.err) == (2, True)


def test_a_rotated_key_goes_on(run: Run, home: Path, inside: Connection[Any]):
    old = load_key(home / "keys", SEALER)
    assert run("audit", "rotate").status == 0
    new = load_key(home / "keys", SEALER)
    inside.execute(FLAG, ("after",))
    let_others_end(inside)
    assert run("audit", "seal", "--json").json["seals"] == 1
    said = run("audit", "verify", "--public-key", old.public_bytes.hex(), "--json")
    assert (said.status, said.json["keys"][-1]) == (0, new.key_id)
