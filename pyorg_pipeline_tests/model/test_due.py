"""Which directories a refresh reads again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from pyorg_pipeline.model.due import (
    HIDDEN_BACKOFF,
    Crawl,
    Due,
    Failure,
    backoff_after,
    due,
    is_racy,
)

DATE = datetime(2025, 10, 7, 9, 30, tzinfo=UTC)
LATER = DATE + timedelta(days=1)


def crawl(date: datetime | None = DATE, generated_at: datetime = LATER) -> Crawl:
    return Crawl(date, generated_at, max(generated_at, LATER))


def failure(*, hidden: bool, failed_at: datetime = LATER) -> Failure:
    return Failure("503", failed_at, 1, hidden, DATE)


def test_a_directory_without_a_table_is_new() -> None:
    assert due({"3.14.0": DATE}, {}, {}, now=LATER) == {"3.14.0": Due.NEW}


def test_a_directory_whose_date_stands_still_is_left_alone() -> None:
    assert due({"3.14.0": DATE}, {"3.14.0": crawl()}, {}, now=LATER) == {}


@pytest.mark.parametrize("moved", [DATE + timedelta(minutes=1), DATE - timedelta(days=400), None])
def test_a_directory_whose_date_moved_is_changed_whichever_way_it_moved(
    moved: datetime | None,
) -> None:
    assert due({"3.14.0": moved}, {"3.14.0": crawl()}, {}, now=LATER) == {"3.14.0": Due.CHANGED}


def test_a_directory_without_a_date_is_always_read_again() -> None:
    assert due({"x": None}, {"x": crawl(None)}, {}, now=LATER) == {"x": Due.CHANGED}


@pytest.mark.parametrize(
    ("seconds_after_the_date", "racy"), [(0, True), (59, True), (119, True), (120, False)]
)
def test_a_page_made_within_two_minutes_of_the_date_is_racy(
    seconds_after_the_date: int, racy: bool
) -> None:
    made = DATE + timedelta(seconds=seconds_after_the_date)
    assert is_racy(DATE, Crawl(DATE, made, made)) is racy


def test_a_page_out_of_a_cache_older_than_the_date_is_racy() -> None:
    old = Crawl(DATE, generated_at=DATE - timedelta(days=3), crawled_at=LATER)
    assert due({"3.14.0": DATE}, {"3.14.0": old}, {}, now=LATER) == {"3.14.0": Due.RACY}


def test_a_date_in_the_future_is_not_racy() -> None:
    assert not is_racy(LATER, Crawl(LATER, DATE, DATE))


@pytest.mark.parametrize("hidden", [True, False])
def test_a_failure_recorded_by_a_clock_that_was_ahead_has_no_backoff(hidden: bool) -> None:
    failed = failure(hidden=hidden, failed_at=LATER + timedelta(days=30))._replace(attempts=5)
    assert due({"3.14.0": DATE}, {}, {"3.14.0": failed}, now=LATER, with_backoff=True).keys() == {
        "3.14.0"
    }


def test_a_failed_directory_is_due_at_once_without_backoff() -> None:
    failed = {"3.14.0": failure(hidden=False)}
    assert due({"3.14.0": DATE}, {"3.14.0": crawl()}, failed, now=LATER) == {"3.14.0": Due.FAILED}


@pytest.mark.parametrize(
    ("attempts", "hours"), [(1, 0), (2, 1.5), (3, 3), (4, 6), (5, 12), (6, 23.5), (5000, 23.5)]
)
def test_the_backoff_doubles_with_each_failure_up_to_a_day(attempts: int, hours: float) -> None:
    failed = {"3.14.0": failure(hidden=False)._replace(attempts=attempts)}
    pause = backoff_after(failed["3.14.0"])
    assert pause == timedelta(hours=hours)

    def found(now: datetime, **how: bool) -> dict[str, Due]:
        return due({"3.14.0": DATE}, {"3.14.0": crawl()}, failed, now=now, **how)

    assert found(LATER + pause, with_backoff=True) == {"3.14.0": Due.FAILED}
    too_early = LATER + pause - timedelta(seconds=1)
    assert found(too_early) == {"3.14.0": Due.FAILED}
    if attempts > 1:
        assert found(too_early, with_backoff=True) == {}


def test_a_new_date_ends_the_backoff() -> None:
    failed = {"3.14.0": failure(hidden=False)._replace(attempts=4)}
    assert due({"3.14.0": LATER}, {}, failed, now=LATER, with_backoff=True) == {
        "3.14.0": Due.FAILED
    }


def test_a_hidden_listing_is_tried_once_a_day() -> None:
    hidden = {"2.2.3": failure(hidden=True)}
    before, after = LATER + HIDDEN_BACKOFF - timedelta(seconds=1), LATER + HIDDEN_BACKOFF
    assert due({"2.2.3": DATE}, {}, hidden, now=before) == {}
    assert due({"2.2.3": DATE}, {}, hidden, now=after) == {"2.2.3": Due.HIDDEN}


def test_a_hidden_listing_is_tried_at_once_when_its_date_moves() -> None:
    hidden = {"2.2.3": failure(hidden=True)}
    assert due({"2.2.3": LATER}, {}, hidden, now=LATER) == {"2.2.3": Due.HIDDEN}


def test_a_full_refresh_takes_everything_in_the_listing_s_order() -> None:
    listed: dict[str, datetime | None] = {"src": DATE, "3.9.0": DATE, "2.0": DATE}
    found = due(listed, {"src": crawl()}, {"2.0": failure(hidden=True)}, now=LATER, full=True)
    assert list(found.items()) == [("src", Due.FULL), ("3.9.0", Due.FULL), ("2.0", Due.FULL)]
