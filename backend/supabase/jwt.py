"""Verify Supabase's access tokens: HS256 with the project's secret, or its JWKS."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import jwt

from backend.settings import Settings

ALGORITHMS = ("RS256", "ES256")
AUDIENCE = "authenticated"
LEEWAY_S = 30


class TokenRefused(ValueError):
    """The token is not one of this project's, or not good now."""


def verify_token(token: str, settings: Settings) -> dict[str, Any]:
    """Return a token's claims. Raises TokenRefused; never tells which check failed."""
    try:
        header = jwt.get_unverified_header(token)
        options: Any = {"require": ["exp", "sub", "aud"]}
        if header.get("alg") == "HS256" and settings.supabase_jwt_secret is not None:
            key: Any = settings.supabase_jwt_secret.get_secret_value()
            algorithms = ["HS256"]
        elif header.get("alg") in ALGORITHMS and settings.supabase_jwks_url is not None:
            key = _jwks(settings.supabase_jwks_url).get_signing_key_from_jwt(token).key
            algorithms = list(ALGORITHMS)
        else:
            raise TokenRefused("no key for this token")
        return jwt.decode(
            token, key, algorithms=algorithms, audience=AUDIENCE, leeway=LEEWAY_S, options=options
        )
    except jwt.PyJWTError as error:
        raise TokenRefused("the token does not hold") from error


@lru_cache(maxsize=4)
def _jwks(url: str) -> jwt.PyJWKClient:
    return jwt.PyJWKClient(url, cache_keys=True, lifespan=600)
