"""Which release directories a refresh has to read again, and why.

The listing's dates decide. They are truncated to the minute, and the page that shows them may
come from a cache, so that an equal date does not always mean an unchanged directory.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, NamedTuple

#: How far the site's clock and a crawl's clock may be apart.
CLOCK_SKEW: Final = timedelta(minutes=1)

#: The listing shows minutes: a change may hide until the minute is over.
LISTED_PRECISION: Final = timedelta(minutes=1)

#: A directory that hides its listing behind a page of its own is asked again this often, and
#: at once when its date moves.
HIDDEN_PAUSE: Final = timedelta(days=1)

#: A directory that failed once is taken by the next scheduled round; from its second failure on it
#: rests, each time twice as long. Half an hour less than whole ones, so that an hourly round that
#: starts a few seconds earlier than the one that failed is not too early.
FAILED_PAUSE: Final = timedelta(minutes=90)
LONGEST_PAUSE: Final = timedelta(hours=23, minutes=30)


class Due(StrEnum):
    """Why a directory has to be read again."""

    NEW = "new"
    CHANGED = "changed"
    RACY = "racy"
    FAILED = "failed"
    HIDDEN = "hidden"
    #: Its table is there, but whoever wrote it was killed before Dagster heard of it.
    UNREPORTED = "unreported"
    FULL = "full"


class Crawl(NamedTuple):
    """The last good crawl of a directory."""

    #: The directory's date in the root listing at that time.
    directory_last_modified: datetime | None
    #: When the site made the page that was read: older than `crawled_at` if from a cache.
    generated_at: datetime
    crawled_at: datetime


class Failure(NamedTuple):
    """The crawls of a directory that failed since its last good one."""

    error: str
    failed_at: datetime
    attempts: int
    #: It never gave a listing, and answered with a whole page of its own instead.
    hidden: bool
    directory_last_modified: datetime | None
    #: Paths of artifacts that its listing had no longer, where that is what was wrong.
    lost: Sequence[str] | None = None
    #: When the site had made that listing.
    listed_at: datetime | None = None


def due(
    listed: Mapping[str, datetime | None],
    crawls: Mapping[str, Crawl],
    failures: Mapping[str, Failure],
    *,
    now: datetime,
    full: bool = False,
    patient: bool = False,
) -> dict[str, Due]:
    """The directories that have to be read again, each with the reason, in the listing's order.

    Args:
        listed: the directories of the root listing and their dates.
        crawls: the last good crawl of each directory that has a table.
        failures: the directories whose last crawl failed.
        now: the time of the refresh.
        full: take all of them, whatever is on record.
        patient: leave out those that failed several times and rest; nobody waits for them.
    """
    if full:
        return dict.fromkeys(listed, Due.FULL)
    reasons = {
        name: _reason(date, crawls.get(name), failures.get(name), now, patient)
        for name, date in listed.items()
    }
    return {name: reason for name, reason in reasons.items() if reason is not None}


def _reason(
    date: datetime | None,
    crawl: Crawl | None,
    failure: Failure | None,
    now: datetime,
    patient: bool,
) -> Due | None:
    if failure is not None:
        reason = Due.HIDDEN if failure.hidden else Due.FAILED
        # Something happened there since: it may be over.
        if date != failure.directory_last_modified or not (failure.hidden or patient):
            return reason
        # In the future, it failed by a clock that was ahead.
        rests = timedelta(0) <= now - failure.failed_at < pause_after(failure)
        return None if rests else reason
    if crawl is None:
        return Due.NEW
    if date is None or date != crawl.directory_last_modified:
        return Due.CHANGED
    return Due.RACY if is_racy(date, crawl) else None


def pause_after(failure: Failure) -> timedelta:
    """How long a directory rests after its last failure, while its date stands still."""
    if failure.hidden:
        return HIDDEN_PAUSE
    if failure.attempts < 2:
        return timedelta(0)
    # The doublings are bounded, not only the pause: a timedelta overflows.
    doublings = min(failure.attempts - 2, 10)
    return min(FAILED_PAUSE * (1 << doublings), LONGEST_PAUSE)


def is_racy(date: datetime, crawl: Crawl) -> bool:
    """Whether a change could hide behind a date that did not move.

    That is so when the page was made before the minute of the date was over, which covers a page
    out of a cache that is older than the directory's date. A date in the future of the crawl was
    set by hand: the next change moves it, so nothing hides behind it.
    """
    if date > crawl.crawled_at + CLOCK_SKEW:
        return False
    return crawl.generated_at < date + LISTED_PRECISION + CLOCK_SKEW
