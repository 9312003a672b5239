"""Verify Supabase's access tokens: HS256 with the project's secret, or its JWKS."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import jwt

from backend.settings import Settings

ALGORITHMS = ("RS256", "ES256")
AUDIENCE = "authenticated"
LEEWAY_S = 30
JWKS_TIMEOUT_S = 3
# A key that was withdrawn is trusted no longer than this.
JWKS_LIFESPAN_S = 600


class TokenRefused(ValueError):
    """The token is not one of this project's, or not good now."""


class KeysUnreachable(RuntimeError):
    """The project's keys cannot be fetched: nobody can say whether the token holds."""


def verify_token(token: str, settings: Settings) -> dict[str, Any]:
    """Return a token's claims. Never tells which check failed.

    The issuer is checked where the project's URL is set. Raises TokenRefused, KeysUnreachable.
    """
    try:
        algorithm = jwt.get_unverified_header(token).get("alg")
        key, algorithms = _key_for(token, algorithm, settings)
        issuer = _issuer(settings)
        return jwt.decode(
            token,
            key,
            algorithms=algorithms,
            audience=AUDIENCE,
            issuer=issuer,
            leeway=LEEWAY_S,
            options={"require": ["exp", "sub", "aud", *(["iss"] if issuer else [])]},
        )
    except jwt.PyJWKClientConnectionError as error:
        raise KeysUnreachable("the project's keys cannot be fetched now") from error
    except jwt.PyJWTError as error:
        raise TokenRefused("the token does not hold") from error


def _key_for(token: str, algorithm: object, settings: Settings) -> tuple[Any, list[str]]:
    """Choose the key by algorithm: a public key must never serve as an HMAC secret."""
    if algorithm == "HS256" and settings.supabase_jwt_secret is not None:
        return settings.supabase_jwt_secret.get_secret_value(), ["HS256"]
    url = settings.supabase_jwks_url or _project_url(settings, "/.well-known/jwks.json")
    if algorithm in ALGORITHMS and url is not None:
        return _jwks(url).get_signing_key_from_jwt(token).key, list(ALGORITHMS)
    raise TokenRefused("no key for this token")


def _issuer(settings: Settings) -> str | None:
    return _project_url(settings, "")


def _project_url(settings: Settings, path: str) -> str | None:
    base = settings.supabase_url
    return None if base is None else f"{base.rstrip('/')}/auth/v1{path}"


@lru_cache(maxsize=4)
def _jwks(url: str) -> jwt.PyJWKClient:
    return jwt.PyJWKClient(url, lifespan=JWKS_LIFESPAN_S, timeout=JWKS_TIMEOUT_S)
