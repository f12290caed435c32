"""Arguments as users write them: times, flags, attributes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from pyorg_pipeline.errors import InvalidArgumentError
from pyorg_pipeline.model.arguments import (
    parse_attributes,
    parse_flag,
    parse_since,
    parse_verification,
)

NOW = datetime(2026, 11, 23, 3, 10, 22, 345_000, tzinfo=UTC)
EASTERN = timezone(timedelta(hours=-5))
INVALID_TIMES = [
    *("", "yesterday", "7 d", "7D", "-7d", "1.5h", "100000w", "2026-13-01", "12:00", "\u0667d")
]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("2026-11-01", datetime(2026, 11, 1, tzinfo=UTC)),
        ("2026-11-01T12:00Z", datetime(2026, 11, 1, 12, tzinfo=UTC)),
        ("2026-11-01 12:00", datetime(2026, 11, 1, 12, tzinfo=UTC)),
        ("2026-11-01T12:00:05.250+02:00", datetime(2026, 11, 1, 10, 0, 5, 250_000, tzinfo=UTC)),
        (" 90m ", NOW - timedelta(minutes=90)),
        ("12h", NOW - timedelta(hours=12)),
        ("7d", NOW - timedelta(days=7)),
        ("2w", NOW - timedelta(days=14)),
        ("0d", NOW),
        ("99999w", NOW - timedelta(weeks=99_999)),
        (NOW, NOW),
        (datetime(2026, 11, 1, 20, tzinfo=EASTERN), datetime(2026, 11, 2, 1, tzinfo=UTC)),
    ],
)
def test_a_time_is_a_datetime_iso_8601_or_an_age(given: datetime | str, expected: datetime) -> None:
    found = parse_since(given, NOW)
    assert (found, found.tzinfo) == (expected, UTC)


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        *((text, "since .* is not a valid time; give a date such as") for text in INVALID_TIMES),
        # It could mean UTC or local time.
        (NOW.replace(tzinfo=None), "since '2026-11-23T03:10:22.345000' has no time zone: give it"),
        ("0001-01-01T00:00+14:00", r"since '0001-01-01T00:00\+14:00' is out of range"),
    ],
)
def test_an_invalid_time_is_an_error_that_shows_valid_ones(given: Any, problem: str) -> None:
    with pytest.raises(InvalidArgumentError, match=problem):
        parse_since(given, NOW)


def test_text_and_dict_mean_the_same() -> None:
    text = "format=archive_deflate, arch=amd64,embed=yes"
    wanted = {"format": "archive_deflate", "arch": "amd64", "embed": True}
    assert parse_attributes(text) == parse_attributes(wanted) == wanted
    assert parse_attributes("") == {}


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ("tarball_lzma", "is not of the form"),
        ("color=red", "unknown attribute 'color'; the attributes are 'format', 'arch'"),
        ("embed=maybe", "embed 'maybe' is neither true nor false"),
        (7, "is neither a dict of attributes nor their text"),
    ],
)
def test_attributes_that_cannot_be_read_are_an_error(given: object, problem: str) -> None:
    with pytest.raises(InvalidArgumentError, match=problem):
        parse_attributes(given)


@pytest.mark.parametrize("value", [True, 1, "1", "true", "Yes", " on "])
def test_a_flag_is_a_bool_or_its_text(value: object) -> None:
    assert parse_flag("flag", value) is True
    assert parse_verification(value) is True


@pytest.mark.parametrize("value", ["", "maybe", 2, None])
def test_another_flag_is_an_error(value: object) -> None:
    with pytest.raises(InvalidArgumentError, match=r"flag .* is neither true nor false"):
        parse_flag("flag", value)
    with pytest.raises(InvalidArgumentError, match="is not one of true, false, digest, signature"):
        parse_verification(value)
