"""Series of releases, such as 3.13, and how long each is supported."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final

from pyorg_pipeline.model.series_dates import SERIES_DATES
from pyorg_pipeline.model.values import Value
from pyorg_pipeline.model.versions import NormalizedPythonVersion

#: The last bugfix release may come later than planned; the first security release comes months
#: after it.
_LONGEST_DELAY: Final = timedelta(days=30)


class SeriesStatus(StrEnum):
    """The phase that a series is in."""

    PRERELEASE = "prerelease"
    #: It gets bugfix releases, with installers.
    BUGFIX = "bugfix"
    #: It gets security fixes, released as source tarballs alone.
    SECURITY = "security"
    END_OF_LIFE = "end-of-life"
    #: The table of dates does not have it: it is newer than the table, or older than 1.6.
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, repr=False)
class PythonSeries(Value):
    """A series: its status, its newest release, and its dates from the release PEPs."""

    #: Major and minor, such as `3.13`.
    series: str
    #: At the time of the query.
    status: SeriesStatus
    #: Its newest final release, else its newest pre-release, in PEP 440's spelling.
    latest_version: str
    #: The day of its first final release. Days in the future are planned; all are None if the
    #: table of dates does not have the series.
    first_release: date | None
    #: The last days of bugfix releases, and of all releases.
    end_of_bugfix: date | None
    end_of_life: date | None

    @property
    def is_supported(self) -> bool:
        """Whether it gets bugfix or security releases."""
        return self.status in {SeriesStatus.BUGFIX, SeriesStatus.SECURITY}

    def __str__(self) -> str:
        return f"{self.series} {self.status}, latest {self.latest_version}"


def python_series(latest: NormalizedPythonVersion, today: date) -> PythonSeries:
    """The series of its newest release, with its status on a day."""
    status = series_status(latest.series, today)
    # The first release may come earlier or later than planned.
    if status in {SeriesStatus.PRERELEASE, SeriesStatus.BUGFIX}:
        status = SeriesStatus.BUGFIX if latest.is_final else SeriesStatus.PRERELEASE
    dates = _dates(latest.series) or (None, None, None)
    return PythonSeries(latest.series, status, latest.text, *dates)


def series_status(series: str, today: date) -> SeriesStatus:
    """The phase that a series is in on a day, as planned.

    The last day of a phase belongs to it: the last bugfix release is made on that day.
    """
    if (dates := _dates(series)) is None:
        return SeriesStatus.UNKNOWN
    first_release, end_of_bugfix, end_of_life = dates
    if today < first_release:
        return SeriesStatus.PRERELEASE
    if today <= end_of_bugfix:
        return SeriesStatus.BUGFIX
    return SeriesStatus.SECURITY if today <= end_of_life else SeriesStatus.END_OF_LIFE


def is_security_release(version: NormalizedPythonVersion, released: datetime) -> bool:
    """Whether a release made at this time is one of security fixes alone."""
    planned = released.date() - _LONGEST_DELAY
    return series_status(version.series, planned) is SeriesStatus.SECURITY


def _dates(series: str) -> tuple[date, date, date] | None:
    if (found := SERIES_DATES.get(series)) is None:
        return None
    first_release, end_of_bugfix, end_of_life = map(date.fromisoformat, found)
    return first_release, end_of_bugfix, end_of_life
