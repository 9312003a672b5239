"""The environment is parsed once, and whatever is wrong is named."""

from pathlib import Path

import pytest

from backend.errors import DeskError
from backend.settings import ENVIRONMENT_KEYS, PostgresVersion, load_settings


def test_an_empty_environment_gives_a_paper_desk_with_embedded_servers():
    settings = load_settings({})
    assert settings.mode == "paper"
    assert settings.postgres_version is PostgresVersion.V16
    assert settings.external_database is None
    assert settings.keys == settings.home / "keys"


def test_an_unknown_desk_key_is_refused_by_name():
    with pytest.raises(DeskError) as caught:
        load_settings({"DESK_POSTGRES_VERSON": "18"})
    assert caught.value.code == "settings.unknown"
    assert "DESK_POSTGRES_VERSON" in caught.value.message
    assert "DESK_POSTGRES_VERSION" in caught.value.hint


def test_an_invalid_value_names_the_key_and_not_the_value():
    with pytest.raises(DeskError) as caught:
        load_settings({"DESK_API_PORT": "hunter2"})
    assert caught.value.code == "settings.invalid"
    assert "DESK_API_PORT" in caught.value.message
    assert "hunter2" not in caught.value.message


def test_live_must_be_said_twice():
    for half in ({"DESK_MODE": "live"}, {"DESK_LIVE": "1"}):
        with pytest.raises(DeskError) as caught:
            load_settings(half)
        assert "DESK_LIVE" in caught.value.message
    assert load_settings({"DESK_MODE": "live", "DESK_LIVE": "1"}).live


def test_secrets_do_not_show_when_settings_are_printed():
    settings = load_settings(
        {
            "DATABASE_URL": "postgresql://owner:hunter2@db.example/desk",
            "BROKER_URL": "redis://:hunter2@broker.example/0",
            "DESK_SUPABASE_JWT_SECRET": "hunter2",
        }
    )
    assert "hunter2" not in repr(settings) + str(settings)
    assert settings.external_database == "postgresql://owner:hunter2@db.example/desk"


def test_settings_cannot_be_changed_after_the_start():
    with pytest.raises(ValueError, match="frozen"):
        load_settings({}).home = Path("/elsewhere")  # type: ignore[misc]


def test_an_empty_variable_counts_as_unset():
    assert load_settings({"DATABASE_URL": "", "DESK_HOME": ""}) == load_settings({})


def test_a_relative_home_is_made_absolute():
    assert load_settings({"DESK_HOME": "somewhere"}).home == Path.cwd() / "somewhere"


def test_every_setting_has_exactly_one_key():
    assert len(set(ENVIRONMENT_KEYS.values())) == len(ENVIRONMENT_KEYS)
