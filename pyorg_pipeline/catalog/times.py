"""Times in tables."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pyarrow as pa

_INT64: Final = pa.int64()
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

#: Times in tables have milliseconds.
_TICK: Final = timedelta(milliseconds=1)


def utc_times(column: Any) -> list[datetime | None]:
    """A column of times as Python's, null as None.

    They are made from integers: to make them itself, pyarrow imports pandas where it is installed,
    and a cast imports pyarrow.compute. Both take longer than a query.
    """
    return [
        None if milliseconds is None else _EPOCH + timedelta(milliseconds=milliseconds)
        for chunk in column.chunks
        for milliseconds in chunk.view(_INT64).to_pylist()
    ]


def later_time(now: datetime, last: datetime | None) -> datetime:
    """The time to record now: later than the last one, even if the clock was set back.

    So a program that asks for everything later than the last time that it has misses nothing.
    """
    now -= timedelta(microseconds=now.microsecond % 1000)
    return now if last is None else max(now, last + _TICK)
