"""The status of series, and the dates that it comes from."""

from __future__ import annotations

from datetime import date, datetime

import pytest

from pyorg_pipeline.model.series import (
    SeriesStatus,
    is_security_release,
    python_series,
    series_status,
)
from pyorg_pipeline.model.series_dates import SERIES_DATES
from pyorg_pipeline.model.versions import NormalizedPythonVersion
from tools.series_dates import TARGET, series_dates_module


@pytest.mark.parametrize(
    ("series", "day", "status"),
    [
        ("3.13", "2024-10-06", "prerelease"),
        ("3.13", "2024-10-07", "bugfix"),
        ("3.12", "2025-04-08", "bugfix"),
        ("3.12", "2025-04-09", "security"),
        ("3.9", "2025-10-31", "security"),
        ("3.9", "2025-11-01", "end-of-life"),
        ("2.7", "2020-01-02", "end-of-life"),
        ("3.99", "2026-01-01", "unknown"),
        ("1.5", "2026-01-01", "unknown"),
    ],
)
def test_a_series_has_the_status_of_the_release_peps(series: str, day: str, status: str) -> None:
    assert series_status(series, date.fromisoformat(day)) == status


def test_the_dates_of_every_series_are_in_order() -> None:
    for dates in SERIES_DATES.values():
        assert sorted(map(date.fromisoformat, dates)) == list(map(date.fromisoformat, dates))


def test_releases_after_the_bugfix_phase_and_a_delay_are_security_releases() -> None:
    def is_security(*version: int, day: str) -> bool:
        found = NormalizedPythonVersion(version)
        return is_security_release(found, datetime.fromisoformat(f"{day}T23:59+00:00"))

    assert not is_security(3, 12, 10, day="2025-05-08")
    assert is_security(3, 12, 11, day="2025-05-09")
    assert is_security(3, 12, 99, day="2028-10-31")
    # The last release of 2.7 came after its end, with installers.
    assert not is_security(2, 7, 18, day="2020-04-20")
    assert not is_security(3, 99, 0, day="2025-05-09")


def test_a_series_shows_its_status_newest_release_and_dates() -> None:
    found = python_series(NormalizedPythonVersion(3, 12, 12, "final"), date(2026, 1, 1))
    assert found.is_supported
    assert str(found) == "3.12 security, latest 3.12.12"
    assert found.to_dict() == {
        "series": "3.12",
        "status": "security",
        "latest_version": "3.12.12",
        "first_release": "2023-10-02",
        "end_of_bugfix": "2025-04-08",
        "end_of_life": "2028-10-01",
    }
    unknown = python_series(NormalizedPythonVersion(3, 99, 0, "final"), date(2026, 1, 1))
    assert (unknown.status, unknown.is_supported) == (SeriesStatus.UNKNOWN, False)
    assert unknown.to_dict()["end_of_life"] is None


@pytest.mark.parametrize(
    ("level", "day", "status"),
    [
        (("candidate", 3), "2024-10-06", "prerelease"),
        (("candidate", 3), "2024-10-20", "prerelease"),
        (("final", 0), "2024-10-06", "bugfix"),
        (("final", 0), "2029-10-02", "end-of-life"),
    ],
)
def test_a_series_is_a_prerelease_until_it_has_a_final(
    level: tuple[str, int], day: str, status: str
) -> None:
    # 3.13.0 came on 2024-10-07.
    latest = NormalizedPythonVersion(3, 13, 0, *level)
    assert python_series(latest, date.fromisoformat(day)).status == status


def test_the_table_of_dates_is_what_its_tool_writes() -> None:
    names = ("first-release", "end-of-bugfix", "end-of-life")
    metadata = {
        series: dict(zip(names, map(date.fromisoformat, dates), strict=True))
        for series, dates in SERIES_DATES.items()
    }
    text = TARGET.read_text(encoding="utf-8")
    taken = date.fromisoformat(text.partition("as of ")[2][:10])
    assert series_dates_module({"metadata": metadata}, taken) == text
