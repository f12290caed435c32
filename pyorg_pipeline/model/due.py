"""Which release directories a refresh has to crawl, and why.

The dates in the root listing decide. They are truncated to the minute, and the listing may come
from a cache, so an equal date does not always mean an unchanged directory.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, NamedTuple

#: How far the site's clock and a crawl's clock may be apart.
_CLOCK_SKEW: Final = timedelta(minutes=1)
#: The listing's dates have minutes: a change may be hidden until the minute is over.
_LISTED_PRECISION: Final = timedelta(minutes=1)
#: The back-off of a directory that answers with another page instead of a listing.
HIDDEN_BACKOFF: Final = timedelta(days=1)
#: The back-off after the second failure, which doubles with each further one. Half an hour less
#: than whole hours: an hourly refresh may start a few seconds earlier than the one that failed.
_FIRST_BACKOFF: Final = timedelta(minutes=90)
_LONGEST_BACKOFF: Final = timedelta(hours=23, minutes=30)


class Due(StrEnum):
    """Why a directory has to be crawled."""

    NEW = "new"
    CHANGED = "changed"
    RACY = "racy"
    #: Its table has the format of an earlier version of this package.
    OUTDATED = "outdated"
    FAILED = "failed"
    HIDDEN = "hidden"
    #: Its table was written by a run that was killed before it reported it to Dagster.
    UNREPORTED = "unreported"
    FULL = "full"


class Crawl(NamedTuple):
    """The last good crawl of a directory."""

    #: The directory's date in the root listing at that time.
    directory_last_modified: datetime | None
    #: When the site made the page: earlier than `crawled_at` if it came from a cache.
    generated_at: datetime
    crawled_at: datetime
    #: Its table has the format of an earlier version of this package.
    is_outdated: bool = False


class Failure(NamedTuple):
    """The crawls of a directory that failed since its last good one."""

    error: str
    failed_at: datetime
    attempts: int
    #: The site has never returned a listing, only other pages.
    hidden: bool
    directory_last_modified: datetime | None
    #: Paths of artifacts that its listing lacked, if any.
    lost: Sequence[str] | None = None
    #: When the site made that listing.
    listed_at: datetime | None = None


def due(
    listed: Mapping[str, datetime | None],
    crawls: Mapping[str, Crawl],
    failures: Mapping[str, Failure],
    *,
    now: datetime,
    full: bool = False,
    with_backoff: bool = False,
) -> dict[str, Due]:
    """Return the directories that have to be crawled, with the reason, in the listing's order.

    `full` takes all of them. `with_backoff` leaves out those that failed several times, during
    their back-off; a refresh by hand tries them at once.
    """
    if full:
        return dict.fromkeys(listed, Due.FULL)
    reasons = {
        name: _reason(date, crawls.get(name), failures.get(name), now, with_backoff)
        for name, date in listed.items()
    }
    return {name: reason for name, reason in reasons.items() if reason is not None}


def _reason(
    date: datetime | None,
    crawl: Crawl | None,
    failure: Failure | None,
    now: datetime,
    with_backoff: bool,
) -> Due | None:
    if failure is not None:
        # With another date the directory has changed since, and the failure may be over.
        waits = date == failure.directory_last_modified and (failure.hidden or with_backoff)
        # A failure in the future was recorded while the clock was ahead.
        if waits and timedelta(0) <= now - failure.failed_at < backoff_after(failure):
            return None
        return Due.HIDDEN if failure.hidden else Due.FAILED
    if crawl is None:
        return Due.NEW
    if date is None or date != crawl.directory_last_modified:
        return Due.CHANGED
    if _is_racy(date, crawl):
        return Due.RACY
    return Due.OUTDATED if crawl.is_outdated else None


def backoff_after(failure: Failure) -> timedelta:
    """Return how long a failed directory is not tried again while its date stays the same."""
    if failure.hidden:
        return HIDDEN_BACKOFF
    if failure.attempts < 2:
        return timedelta(0)
    # Limited before the multiplication, which would overflow.
    doublings = min(failure.attempts - 2, 10)
    return min(_FIRST_BACKOFF * (1 << doublings), _LONGEST_BACKOFF)


def _is_racy(date: datetime, crawl: Crawl) -> bool:
    """Whether the directory may have changed although its date is the same.

    It may if the page was made before the minute of the date was over, or came from an older
    cache. A date after the crawl was set by hand, and the next change moves it.
    """
    if date > crawl.crawled_at + _CLOCK_SKEW:
        return False
    return crawl.generated_at < date + _LISTED_PRECISION + _CLOCK_SKEW
