"""Points in time as people give them: a date, a time, or an age."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Final

from pyorg_pipeline.errors import InvalidArgumentError

_UNITS: Final = {
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
}
#: Five digits of weeks are nineteen centuries, and still a date.
_AGE: Final = re.compile(r"([0-9]{1,5})([mhdw])")


def parse_since(value: datetime | str, now: datetime) -> datetime:
    """The time from which on something is wanted, in UTC.

    Args:
        value: a datetime with its time zone; or as text ISO 8601, such as `2026-11-01` or
            `2026-11-01T12:00Z`, in UTC where it names no zone; or an age, such as `90m`, `12h`,
            `7d` or `2w`.
        now: what an age is counted from.

    Raises:
        InvalidArgumentError: anything else; a datetime without a time zone too, since that may be
            meant in UTC or in local time.
    """
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise InvalidArgumentError(
                f"since {value.isoformat()!r} has no time zone: "
                "give it one, such as datetime.now(UTC) has"
            )
        return _in_utc(value, value)
    text = str(value).strip()
    age = _AGE.fullmatch(text)
    try:
        if age is not None:
            return now - int(age[1]) * _UNITS[age[2]]
        time = datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        raise InvalidArgumentError(
            f"since {value!r} is no time: give a date such as '2026-11-01', a time such as "
            "'2026-11-01T12:00Z', or an age such as '12h' or '7d'"
        ) from None
    return _in_utc(time if time.tzinfo else time.replace(tzinfo=UTC), value)


def _in_utc(time: datetime, value: object) -> datetime:
    try:
        return time.astimezone(UTC)
    except OverflowError:
        # The first and the last hours there are, in a zone that lies behind them in UTC.
        raise InvalidArgumentError(f"since {value!r} is out of range") from None
