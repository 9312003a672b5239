"""Times as bar files write them. A file keeps one layout, so it is found once and reused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from backend.domain.market.zones import FileZone

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LAYOUTS = (
    "%Y.%m.%d %H:%M:%S",
    "%Y.%m.%d %H:%M",
    "%Y.%m.%d",
    "%Y%m%d %H%M%S",
    "%Y%m%d %H:%M:%S",
    "%d.%m.%Y %H:%M:%S.%f",
    "%d.%m.%Y %H:%M:%S",
    "%d.%m.%Y %H:%M",
    "%d.%m.%Y %H:%M:%S.%f GMT%z",
    "%m/%d/%Y %H:%M:%S",
)


@dataclass(frozen=True, slots=True)
class TimeReader:
    """Reads one layout."""

    parse: Callable[[str], datetime]

    def read(self, text: str, zone: FileZone, relabel: bool) -> datetime | None:
        """Return the UTC instant, or None if the text is not of this layout.

        A time with an offset keeps it unless `relabel` says that the label is wrong.
        """
        try:
            written = self.parse(text)
        except (ValueError, OverflowError):
            return None
        if written.tzinfo is None:
            return zone.to_utc(written)
        if relabel:
            return zone.to_utc(written.replace(tzinfo=None))
        return written.astimezone(UTC)


def reader_for(sample: str) -> TimeReader | None:
    """Find the layout of a sample, or None. Slashes are read month first, as Americans do."""
    for parse in (_iso, _epoch, *(_by_layout(layout) for layout in _LAYOUTS)):
        try:
            parse(sample)
        except (ValueError, OverflowError):
            continue
        return TimeReader(parse)
    return None


def _iso(text: str) -> datetime:
    if len(text) < 10 or text[4] != "-":
        raise ValueError("not ISO 8601")
    return datetime.fromisoformat(text)


def _epoch(text: str) -> datetime:
    if not text.isdigit() or not 9 <= len(text) <= 13:
        raise ValueError("not seconds or milliseconds since 1970")
    unit = timedelta(milliseconds=1) if len(text) >= 12 else timedelta(seconds=1)
    return _EPOCH + int(text) * unit


def _by_layout(layout: str) -> Callable[[str], datetime]:
    # Naive on purpose: the file's zone is applied by the reader.
    return lambda text: datetime.strptime(text, layout)  # noqa: DTZ007
