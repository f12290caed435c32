"""Times out of Arrow's columns.

Not by `to_pylist`: where pandas is installed, pyarrow imports it for that, which takes longer than
any query.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pyarrow as pa

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def times(column: Any) -> list[datetime | None]:
    """The values of a column of schemas.TIME, in UTC."""
    return [
        None if value is None else _EPOCH + timedelta(milliseconds=value)
        for value in column.cast(pa.int64()).to_pylist()
    ]
