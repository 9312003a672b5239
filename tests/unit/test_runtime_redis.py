"""The embedded Redis: a password, reuse, an end."""

import os
import signal
import stat
from collections.abc import Generator
from pathlib import Path

import pytest
import redis as client

from backend.runtime import redis
from tests.kit.homes import settings_for, temporary_home


@pytest.fixture(scope="module")
def home() -> Generator[Path]:
    with temporary_home() as lent:
        yield lent


def test_redis_answers_only_with_its_password_and_stops(home: Path):
    settings = settings_for(home)
    with redis.running(settings) as handle:
        assert client.Redis.from_url(handle.url()).ping()
        with pytest.raises(client.AuthenticationError):
            client.Redis(port=handle.port).ping()
        assert stat.S_IMODE((home / "redis" / "redis.conf").stat().st_mode) == 0o600
        again = redis.ensure_running(settings)
        assert again == handle
        assert again.child is None
    assert redis.find_running(settings) is None


def test_redis_keeps_what_it_was_told_through_kill_9(home: Path):
    settings = settings_for(home)
    handle = redis.ensure_running(settings)
    with client.Redis.from_url(handle.url()) as connection:
        connection.set("hint", "row 7")
        connection.execute_command("CONFIG", "SET", "appendfsync", "always")
        connection.set("hint", "row 8")
    os.kill(handle.pid, signal.SIGKILL)
    assert handle.child is not None
    handle.child.wait()
    with redis.running(settings) as after, client.Redis.from_url(after.url()) as connection:
        assert connection.get("hint") == b"row 8"
