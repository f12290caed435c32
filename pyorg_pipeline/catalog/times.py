"""Times out of a table's columns."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pyarrow as pa

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def utc_times(column: Any) -> list[datetime | None]:
    """A column of times as Python's, null as None.

    By its numbers: to make Python's times out of Arrow's, pyarrow imports pandas where it is
    installed, which takes longer than any query.
    """
    return [
        None if milliseconds is None else _EPOCH + timedelta(milliseconds=milliseconds)
        for milliseconds in column.cast(pa.int64()).to_pylist()
    ]
