"""When the origin made an answer, which may have come out of a cache."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Final

# RFC 9111, 1.2.2: what is more than 2**31 seconds counts as 2**31.
_LONGEST_AGE: Final = 2**31


def generated_at(headers: Mapping[str, str], received_at: datetime) -> datetime:
    """Return when the origin made an answer; when it was received if nothing tells.

    Caches keep the origin's Date and add an Age (RFC 9111, 4.2.3 and 5.1). Of the two the older is
    taken, since either can be lost or wrong: an answer is rather called old than fresh.
    """
    generated_at = received_at
    # A list is against the rules; its first member is the one to use (RFC 9111, 5.1).
    age = headers.get("Age", "").partition(",")[0].strip()
    if re.fullmatch(r"[0-9]{1,20}", age):
        generated_at -= timedelta(seconds=min(int(age), _LONGEST_AGE))
    date = _http_date(headers.get("Date", ""))
    return generated_at if date is None else min(generated_at, date)


# Answers of the same second have the same date, and email's parser is slow.
@lru_cache(maxsize=256)
def _http_date(text: str) -> datetime | None:
    """Return the date of a header (RFC 9110, 5.6.7), None if it is none."""
    try:
        date = parsedate_to_datetime(text)
        return date.replace(tzinfo=UTC) if date.tzinfo is None else date.astimezone(UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
