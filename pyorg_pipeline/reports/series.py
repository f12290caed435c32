"""The table of series, as `pyorg series` shows it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from operator import attrgetter
from typing import Final

from pyorg_pipeline.model.series import PythonSeries, SeriesStatus
from pyorg_pipeline.reports.tables import Column, Table

_STATUSES: Final = {
    SeriesStatus.PRERELEASE: "yellow",
    SeriesStatus.BUGFIX: "bold green",
    SeriesStatus.SECURITY: "green",
    SeriesStatus.END_OF_LIFE: "dim",
    SeriesStatus.UNKNOWN: "dim",
}


def _note(series: Sequence[PythonSeries]) -> str:
    counts = Counter(str(one.status) for one in series)
    listed = ", ".join(f"{counts[status]} {status}" for status in SeriesStatus if counts[status])
    return f"{len(series)} series: {listed}\nDates in the future are planned."


SERIES: Final = Table(
    "series",
    {
        "series": Column(attrgetter("series")),
        "status": Column(attrgetter("status"), style=lambda one: _STATUSES[one.status]),
        "latest": Column(attrgetter("latest_version")),
        "first_release": Column(attrgetter("first_release"), "First release"),
        "end_of_bugfix": Column(attrgetter("end_of_bugfix"), "End of bugfix"),
        "end_of_life": Column(attrgetter("end_of_life"), "End of life"),
    },
    pipe="series status latest first_release end_of_bugfix end_of_life",
    narrow="series status latest end_of_life",
    wide="end_of_bugfix first_release",
    note=_note,
)
