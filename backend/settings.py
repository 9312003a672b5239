"""Where we run: the environment, parsed once at start into a frozen, validated object."""

import os
from collections.abc import Mapping
from enum import IntEnum
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from backend.errors import DeskError
from backend.values import Mode

CHECKOUT = Path(__file__).resolve().parent.parent

# Read by the launcher before any of our Python runs: legal in the environment, of no use here.
LAUNCHER_KEYS = frozenset({"DESK_PYTHON"})

Port = Annotated[int, Field(ge=0, le=65_535)]


class PostgresVersion(IntEnum):
    """The major versions that the embedded server comes in."""

    V16 = 16
    V18 = 18


def default_home() -> Path:
    """Give the folder of a desk's data: inside the checkout, or in the user's home without one."""
    if (CHECKOUT / "pyproject.toml").is_file():
        return CHECKOUT / ".desk"
    return Path.home() / ".dynamic-capital-desk"


class Settings(BaseSettings):
    """Everything that the environment decides; policies, not settings, decide what is allowed."""

    model_config = SettingsConfigDict(env_prefix="DESK_", frozen=True, extra="forbid")

    home: Path = Field(default_factory=default_home)
    # Servers of one's own instead of the embedded ones; both carry passwords.
    database_url: SecretStr | None = Field(default=None, validation_alias="DATABASE_URL")
    broker_url: SecretStr | None = Field(default=None, validation_alias="BROKER_URL")
    postgres_version: PostgresVersion = PostgresVersion.V16
    # Name of the desk's database on the embedded server.
    database: str = Field(default="desk", pattern=r"^[a-z][a-z0-9_]{0,62}$")

    api_host: str = "127.0.0.1"
    # 0 lets `desk up` pick a free port.
    api_port: Port = 8420
    # Whose X-Forwarded-For is believed: addresses and networks, separated by commas.
    trusted_proxies: tuple[str, ...] = ()
    terminal_host: str = "127.0.0.1"
    # The paper terminal's port, or that of a real terminal behind mt5linux; 0 picks a free one.
    terminal_port: Port = 0
    log_level: Literal["debug", "info", "warning", "error"] = "info"

    mode: Mode = Mode.PAPER
    # Said a second time on purpose: mode "live" alone does not trade.
    live: bool = False

    # Policy pack that a fresh desk loads; None takes the one that comes with the verb.
    policy: Path | None = None
    market_data: Path | None = None
    keys_folder: Path | None = Field(default=None, validation_alias="DESK_KEYS")

    # Whom to tell what waits for a person: Apprise URLs, which carry passwords, `org=URL` each
    # for one organisation, separated by white space.
    notify_urls: SecretStr | None = None
    # Where people reach the console, for the links in what they are told.
    console_url: str | None = Field(default=None, pattern=r"^https?://[^\s]+$")
    # Language models that read structures too: an OpenAI-compatible base URL, as
    # http://127.0.0.1:8080/v1, and their names, separated by commas. Off without both.
    llm_url: str | None = Field(default=None, pattern=r"^https?://\S+$")
    llm_models: str | None = None
    llm_key: SecretStr | None = None

    supabase_url: str | None = None
    supabase_jwks_url: str | None = None
    supabase_jwt_secret: SecretStr | None = None
    supabase_service_key: SecretStr | None = None

    @field_validator("home", "market_data", "keys_folder", "policy")
    @classmethod
    def _absolute(cls, path: Path | None) -> Path | None:
        # Children run in other folders, so a relative path would mean something else to each.
        return None if path is None else path.expanduser().absolute()

    @field_validator("trusted_proxies", mode="before")
    @classmethod
    def _list(cls, written: object) -> object:
        return tuple(written.replace(",", " ").split()) if isinstance(written, str) else written

    @field_validator("trusted_proxies")
    @classmethod
    def _networks(cls, written: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(str(ip_network(text, strict=False)) for text in written)

    @field_validator("postgres_version", mode="before")
    @classmethod
    def _number(cls, version: object) -> object:
        return int(version) if isinstance(version, str) and version.isdigit() else version

    @model_validator(mode="after")
    def _live_is_said_twice(self) -> Self:
        if self.mode is Mode.LIVE and not self.live:
            raise ValueError("DESK_MODE=live trades real money and needs DESK_LIVE=1 beside it")
        if self.live and self.mode is not Mode.LIVE:
            raise ValueError("DESK_LIVE=1 needs DESK_MODE=live beside it")
        return self

    @property
    def keys(self) -> Path:
        """Give the folder of the agents' signing keys."""
        return self.keys_folder or self.home / "keys"

    @property
    def external_database(self) -> str | None:
        """Give the owner's URL of a server that is not ours to start, with its password."""
        return self.database_url.get_secret_value() if self.database_url else None

    @property
    def external_broker(self) -> str | None:
        """Give the URL of a broker that is not ours to start, with its password."""
        return self.broker_url.get_secret_value() if self.broker_url else None

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take nothing but what load_settings hands over: no hidden files, no second reading."""
        return (init_settings,)


def _environment_keys() -> dict[str, str]:
    keys: dict[str, str] = {}
    for name, field in Settings.model_fields.items():
        alias = field.validation_alias
        keys[alias if isinstance(alias, str) else f"DESK_{name.upper()}"] = name
    return keys


ENVIRONMENT_KEYS: Mapping[str, str] = _environment_keys()


def load_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """Parse the environment; an empty value means unset.

    Raises DeskError settings.unknown or settings.invalid, which names the key, never its value.
    """
    environment = os.environ if environ is None else environ
    unknown = sorted(
        key
        for key in environment
        if key.startswith("DESK_") and key not in ENVIRONMENT_KEYS and key not in LAUNCHER_KEYS
    )
    if unknown:
        known = ", ".join(sorted(ENVIRONMENT_KEYS))
        raise DeskError(
            "settings.unknown",
            f"unknown setting in the environment: {', '.join(unknown)}",
            f"unset it or correct its spelling; known are {known}",
        )
    given = {
        Settings.model_fields[name].validation_alias or name: environment[key]
        for key, name in ENVIRONMENT_KEYS.items()
        if environment.get(key)
    }
    try:
        return Settings.model_validate(given)
    except ValidationError as error:
        raise DeskError(
            "settings.invalid", _explain(error), "correct the environment and start again"
        ) from None


def _explain(error: ValidationError) -> str:
    """Name keys and faults; the values stay out, they may be secrets."""
    names = {name: key for key, name in ENVIRONMENT_KEYS.items()}
    parts: list[str] = []
    for fault in error.errors(include_input=False, include_url=False):
        key = str(fault["loc"][0]) if fault["loc"] else ""
        message = fault["msg"].removeprefix("Value error, ")
        parts.append(f"{names.get(key, key)}: {message}" if key else message)
    return "; ".join(parts)
