"""Times out of a table's columns, and into them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pyarrow as pa

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

#: The tables keep milliseconds.
_TICK: Final = timedelta(milliseconds=1)


def utc_times(column: Any) -> list[datetime | None]:
    """A column of times as Python's, null as None.

    By its numbers: to make Python's times out of Arrow's, pyarrow imports pandas where it is
    installed, which takes longer than any query.
    """
    return [
        None if milliseconds is None else _EPOCH + timedelta(milliseconds=milliseconds)
        for milliseconds in column.cast(pa.int64()).to_pylist()
    ]


def later_time(now: datetime, last: datetime | None) -> datetime:
    """The time of what is put on record: later than the last, even if the clock was set back.

    Whoever asks for what is later than the last that they had misses nothing then.
    """
    now -= timedelta(microseconds=now.microsecond % 1000)
    return now if last is None else max(now, last + _TICK)
