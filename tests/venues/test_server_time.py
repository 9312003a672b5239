"""The server's offset, learned from ticks."""

from datetime import UTC, datetime, timedelta

from backend.venues.mt5.server_time import ServerTime

NOW = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)


def msc(instant: datetime, offset_hours: float) -> int:
    """Write an instant as a server with this offset would."""
    return int((instant + timedelta(hours=offset_hours)).timestamp() * 1000)


def test_a_tick_that_changed_proves_the_offset():
    for hours in (0.0, 2.0, 3.0, -5.0, 5.5):
        server = ServerTime()
        assert not server.observe("EURUSD", msc(NOW, hours), NOW)
        later = NOW + timedelta(seconds=1)
        assert server.observe("EURUSD", msc(later, hours), later)
        assert server.offset == timedelta(hours=hours)
        assert server.to_utc(msc(NOW, hours)) == NOW
        assert server.to_server_s(NOW) == msc(NOW, hours) // 1000


def test_a_weekend_s_tick_proves_nothing():
    server = ServerTime()
    friday = msc(NOW - timedelta(hours=30), 2)
    for seconds in range(5):
        assert not server.observe("EURUSD", friday, NOW + timedelta(seconds=seconds))
    assert server.offset is None
    assert server.to_utc(friday) is None


def test_two_looks_far_apart_prove_nothing():
    server = ServerTime()
    server.observe("EURUSD", msc(NOW, 2), NOW)
    # The tick is fifteen minutes old: it would pass for another time zone.
    hour_later = NOW + timedelta(hours=1)
    assert not server.observe("EURUSD", msc(hour_later - timedelta(minutes=15), 2), hour_later)


def test_daylight_saving_is_followed():
    server = ServerTime(offset_hours=2)
    server.observe("EURUSD", msc(NOW, 3), NOW)
    later = NOW + timedelta(seconds=2)
    assert server.observe("EURUSD", msc(later, 3), later)
    assert server.offset == timedelta(hours=3)
