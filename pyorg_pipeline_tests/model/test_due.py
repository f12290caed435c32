"""Which directories a refresh reads again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from pyorg_pipeline.model.due import HIDDEN_BACKOFF, Crawl, Due, Failure, backoff_after, due

DATE = datetime(2025, 10, 7, 9, 30, tzinfo=UTC)
LATER = DATE + timedelta(days=1)
SECOND = timedelta(seconds=1)
CRAWLED = Crawl(DATE, LATER, LATER)
FAILED = Failure("503", LATER, 1, hidden=False, directory_last_modified=DATE)
HIDDEN = FAILED._replace(hidden=True)


def reason(
    date: datetime | None,
    crawl: Crawl | None = None,
    failure: Failure | None = None,
    now: datetime = LATER,
    **options: bool,
) -> Due | None:
    """Why a directory with that date in the root listing is due; None if it is not."""
    crawls = {} if crawl is None else {"3.14.0": crawl}
    failures = {} if failure is None else {"3.14.0": failure}
    return due({"3.14.0": date}, crawls, failures, now=now, **options).get("3.14.0")


@pytest.mark.parametrize(
    ("date", "crawl", "expected"),
    [
        (DATE, None, Due.NEW),
        (DATE, CRAWLED, None),
        # A date that moved, either way; a directory without a date is always read again.
        (DATE + timedelta(minutes=1), CRAWLED, Due.CHANGED),
        (DATE - timedelta(days=400), CRAWLED, Due.CHANGED),
        (None, CRAWLED, Due.CHANGED),
        (None, Crawl(None, LATER, LATER), Due.CHANGED),
    ],
)
def test_a_new_or_changed_directory_is_due(
    date: datetime | None, crawl: Crawl | None, expected: Due | None
) -> None:
    assert reason(date, crawl) == expected


@pytest.mark.parametrize(
    ("made", "racy"),
    [
        *((DATE + seconds * SECOND, True) for seconds in (0, 59, 119)),
        (DATE + 120 * SECOND, False),
        # Out of an old cache.
        (DATE - timedelta(days=3), True),
    ],
)
def test_a_page_made_within_two_minutes_of_the_date_is_racy(made: datetime, racy: bool) -> None:
    crawl = Crawl(DATE, generated_at=made, crawled_at=LATER)
    assert reason(DATE, crawl) == (Due.RACY if racy else None)


def test_a_date_in_the_future_is_not_racy() -> None:
    assert reason(LATER, Crawl(LATER, DATE, DATE)) is None


@pytest.mark.parametrize(
    ("attempts", "hours"), [(1, 0), (2, 1.5), (3, 3), (4, 6), (5, 12), (6, 23.5), (5000, 23.5)]
)
def test_the_backoff_doubles_with_each_failure_up_to_a_day(attempts: int, hours: float) -> None:
    failed = FAILED._replace(attempts=attempts)
    pause = backoff_after(failed)
    assert pause == timedelta(hours=hours)
    assert reason(DATE, CRAWLED, failed, LATER + pause, with_backoff=True) == Due.FAILED
    # An interactive refresh tries at once.
    assert reason(DATE, CRAWLED, failed, LATER + pause - SECOND) == Due.FAILED
    if attempts > 1:
        assert reason(DATE, CRAWLED, failed, LATER + pause - SECOND, with_backoff=True) is None
    # A new date ends the back-off; a clock that was ahead starts none.
    assert reason(LATER, CRAWLED, failed, with_backoff=True) == Due.FAILED
    ahead = failed._replace(failed_at=LATER + timedelta(days=30))
    assert reason(DATE, None, ahead, with_backoff=True) == Due.FAILED


def test_a_hidden_listing_is_tried_once_a_day_or_when_its_date_moves() -> None:
    assert reason(DATE, None, HIDDEN, LATER + HIDDEN_BACKOFF - SECOND) is None
    assert reason(DATE, None, HIDDEN, LATER + HIDDEN_BACKOFF) == Due.HIDDEN
    assert reason(LATER, None, HIDDEN) == Due.HIDDEN
    ahead = HIDDEN._replace(failed_at=LATER + timedelta(days=30))
    assert reason(DATE, None, ahead) == Due.HIDDEN


def test_a_full_refresh_takes_everything_in_the_listings_order() -> None:
    listed: dict[str, datetime | None] = {"src": DATE, "3.9.0": DATE, "2.0": DATE}
    found = due(listed, {"src": CRAWLED}, {"2.0": HIDDEN}, now=LATER, full=True)
    assert list(found.items()) == [("src", Due.FULL), ("3.9.0", Due.FULL), ("2.0", Due.FULL)]
