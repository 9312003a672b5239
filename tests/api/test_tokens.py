"""Who gets in: desk tokens and Supabase's, while they hold, under the role that they name."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Generator
from datetime import timedelta
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from fastapi import FastAPI
from jwt.algorithms import ECAlgorithm, RSAAlgorithm
from psycopg import Connection
from starlette.testclient import TestClient

from backend.api.app import create_app
from backend.ports import SystemClock
from backend.settings import Settings
from tests.api.conftest import Bearer
from tests.kit.desk_folder import settings_of
from tests.kit.postgres import Database

SECRET = "a project's secret of thirty-two bytes or more"
OTHER_SECRET = "another project's secret, as long as the other one"
KEPT = ("/signals", "/rationales", "/orders", "/reviews", f"/decisions/{'0' * 32}")


def claims(**changes: Any) -> dict[str, Any]:
    """Give the claims of an auditor's access token."""
    return {
        "sub": "7d3c7c1e-0000-4000-8000-000000000001",
        "aud": "authenticated",
        "role": "authenticated",
        "exp": SystemClock().now() + timedelta(hours=1),
        "app_metadata": {"desk_role": "auditor", "org_id": "demo"},
        **changes,
    }


def header(token: str) -> dict[str, str]:
    """Give the header that carries a token."""
    return {"Authorization": f"Bearer {token}"}


def signed(secret: str = SECRET, **changes: Any) -> dict[str, str]:
    """Give the header of an HS256 token."""
    return header(jwt.encode(claims(**changes), secret, algorithm="HS256"))


@pytest.mark.parametrize("path", KEPT)
def test_every_route_but_webhook_and_health_needs_a_bearer(client: TestClient, path: str):
    answer = client.get(path)
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.json()["code"] == "token.missing"


def test_every_documented_route_but_webhook_and_health_refuses_strangers(client: TestClient):
    open_paths = {"/health", "/ready", "/webhooks/tradingview/{token}"}
    app = client.app
    assert isinstance(app, FastAPI)
    for path, operations in app.openapi()["paths"].items():
        if path in open_paths:
            continue
        for method in operations:
            url = path.replace("{correlation_id}", "0" * 32).replace("{review_id}", "0" * 32)
            answer = client.request(method, url, json={})
            assert answer.status_code == 401, (method, path)


def test_desk_token_lets_in_under_its_role(client: TestClient, bearer: Bearer):
    assert client.get("/signals", headers=bearer()).status_code == 200


@pytest.mark.parametrize("token", ["desk_nobody-has-this-one", "", "not.a.jwt", "desk_"])
def test_unknown_token_is_401(client: TestClient, token: str):
    assert client.get("/signals", headers=header(token)).status_code == 401


def test_expired_desk_token_is_401(client: TestClient, bearer: Bearer):
    answer = client.get("/signals", headers=bearer(good_for="-1 second"))
    assert (answer.status_code, answer.json()["code"]) == (401, "token.invalid")


def test_revoked_desk_token_is_401(client: TestClient, bearer: Bearer, inside: Connection[Any]):
    maria = bearer()
    assert client.get("/signals", headers=maria).status_code == 200
    inside.execute("update ops.api_tokens set revoked_at = now()")
    assert client.get("/signals", headers=maria).status_code == 401


def test_token_of_a_role_that_people_do_not_have_is_403(client: TestClient, bearer: Bearer):
    for role in ("desk_owner", "risk_agent", "desk_reader"):
        answer = client.get("/signals", headers=bearer(role=role))
        assert (answer.status_code, answer.json()["code"]) == (403, "role.unknown")


@pytest.fixture(scope="module")
def supabase(desk: Database, tmp_path_factory: pytest.TempPathFactory) -> Generator[TestClient]:
    """Serve the API of a desk whose project signs with a shared secret."""
    home = tmp_path_factory.mktemp("supabase")
    settings = settings_of(desk, home, DESK_SUPABASE_JWT_SECRET=SECRET)
    with TestClient(create_app(settings)) as served:
        yield served


def test_supabase_token_lets_in(supabase: TestClient):
    assert supabase.get("/signals", headers=signed()).status_code == 200


@pytest.mark.parametrize(
    "changes",
    [
        {"secret": OTHER_SECRET},
        {"aud": "anon"},
        {"aud": None},
        {"exp": SystemClock().now() - timedelta(minutes=5)},
        {"sub": None},
    ],
    ids=["forged", "wrong audience", "no audience", "expired", "nobody"],
)
def test_supabase_token_that_does_not_hold_is_401(supabase: TestClient, changes: dict[str, Any]):
    secret = changes.get("secret", SECRET)
    kept = {name: value for name, value in claims(**changes).items() if value is not None}
    answer = supabase.get("/signals", headers=header(jwt.encode(kept, secret, algorithm="HS256")))
    assert (answer.status_code, answer.json()["code"]) == (401, "token.invalid")


def test_unsigned_token_is_401(supabase: TestClient):
    unsigned = jwt.encode(claims(), None, algorithm="none")
    assert supabase.get("/signals", headers=header(unsigned)).status_code == 401


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"app_metadata": {}}, "token.no_desk_role"),
        ({"app_metadata": None}, "token.no_desk_role"),
        ({"app_metadata": {"desk_role": "auditor"}}, "token.no_desk_role"),
        (
            {"app_metadata": {}, "user_metadata": {"desk_role": "auditor", "org_id": "demo"}},
            "token.no_desk_role",
        ),
        ({"app_metadata": {"desk_role": "desk_owner", "org_id": "demo"}}, "role.unknown"),
    ],
    ids=["none", "null", "no organisation", "chosen by themselves", "the owner's"],
)
def test_supabase_user_without_a_desk_role_is_403(
    supabase: TestClient, changes: dict[str, Any], code: str
):
    answer = supabase.get("/signals", headers=signed(**changes))
    assert (answer.status_code, answer.json()["code"]) == (403, code)


def test_without_a_project_no_supabase_token_holds(client: TestClient):
    assert client.get("/signals", headers=signed()).status_code == 401


RSA_KEY = rsa.generate_private_key(public_exponent=65_537, key_size=2048)
EC_KEY = ec.generate_private_key(ec.SECP256R1())


def _jwks() -> bytes:
    keys = [
        {**RSAAlgorithm.to_jwk(RSA_KEY.public_key(), as_dict=True), "kid": "r", "use": "sig"},
        {**ECAlgorithm.to_jwk(EC_KEY.public_key(), as_dict=True), "kid": "e", "use": "sig"},
    ]
    return json.dumps({"keys": keys}).encode()


class _Project(http.server.BaseHTTPRequestHandler):
    """A Supabase project's key endpoint."""

    def do_GET(self) -> None:
        """Serve the project's public keys."""
        self.send_response(200 if self.path == "/auth/v1/.well-known/jwks.json" else 404)
        self.end_headers()
        self.wfile.write(_jwks())

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def project_url() -> Generator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Project) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def project(
    desk: Database, project_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Generator[TestClient]:
    """Serve the API of a desk whose project signs with keys of its own."""
    settings: Settings = settings_of(
        desk, tmp_path_factory.mktemp("project"), DESK_SUPABASE_URL=project_url
    )
    with TestClient(create_app(settings)) as served:
        yield served


@pytest.mark.parametrize(
    ("key", "algorithm", "kid"), [(RSA_KEY, "RS256", "r"), (EC_KEY, "ES256", "e")]
)
def test_token_signed_with_a_key_of_the_project_lets_in(
    project: TestClient, project_url: str, key: Any, algorithm: str, kid: str
):
    issued = claims(iss=f"{project_url}/auth/v1")
    token = jwt.encode(issued, key, algorithm=algorithm, headers={"kid": kid})
    assert project.get("/signals", headers=header(token)).status_code == 200


def test_token_of_another_project_is_401(project: TestClient, project_url: str):
    stranger = rsa.generate_private_key(public_exponent=65_537, key_size=2048)
    ours = claims(iss=f"{project_url}/auth/v1")
    tokens = {
        "other key": jwt.encode(ours, stranger, algorithm="RS256", headers={"kid": "r"}),
        "unknown key": jwt.encode(ours, stranger, algorithm="RS256", headers={"kid": "x"}),
        "other issuer": jwt.encode(
            claims(iss="https://elsewhere"), RSA_KEY, algorithm="RS256", headers={"kid": "r"}
        ),
        "no issuer": jwt.encode(claims(), RSA_KEY, algorithm="RS256", headers={"kid": "r"}),
        "shared secret": jwt.encode(ours, SECRET, algorithm="HS256"),
    }
    for why, token in tokens.items():
        assert project.get("/signals", headers=header(token)).status_code == 401, why


def test_while_the_projects_keys_cannot_be_fetched_the_answer_is_503(
    desk: Database, tmp_path_factory: pytest.TempPathFactory
):
    settings = settings_of(
        desk,
        tmp_path_factory.mktemp("gone"),
        DESK_SUPABASE_JWKS_URL="http://127.0.0.1:9/keys.json",
    )
    token = jwt.encode(claims(), RSA_KEY, algorithm="RS256", headers={"kid": "r"})
    with TestClient(create_app(settings)) as served:
        answer = served.get("/signals", headers=header(token))
    assert (answer.status_code, answer.json()["code"]) == (503, "token.unverifiable")
