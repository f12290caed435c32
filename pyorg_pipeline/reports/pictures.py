"""What the catalog holds, in pictures: SVG text out of rows of artifact_catalog.

Drawing stands in `bar_chart`; the pictures need neither fonts nor anything else from elsewhere.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final

from pyorg_pipeline.catalog.store import VERSION_COLUMNS
from pyorg_pipeline.model.artifacts import UNRECOGNISED, is_release_type
from pyorg_pipeline.reports.bar_chart import BarChart, Layer

#: What the pictures read of artifact_catalog.
PICTURED_COLUMNS: Final = (*VERSION_COLUMNS, "artifact_type", "size", "last_modified")

#: From the bottom of a bar upwards. All of them have a contrast of 3:1 and more with the card
#: (WCAG 2.2, 1.4.11). Orange stands beside blues, not beside green: so that the colour-blind tell
#: them apart.
_LEVELS: Final = {
    "final": "#1b4f8f",
    "candidate": "#0f8f8a",
    "beta": "#c2571a",
    "alpha": "#6a3d8f",
}
_FAMILIES: Final = {
    "source": "#1b4f8f",
    "windows": "#c2571a",
    "macos": "#0f8f8a",
    "linux": "#6a3d8f",
    "android": "#d6437a",
    "ios": "#3f4756",
    "documentation": "#8a6d1f",
}
_OTHERS: Final = "#6b7280"


def releases_a_year(rows: Iterable[Mapping[str, Any]]) -> str:
    """How many releases came out in each year, by level.

    A release counts in the year of the earliest date of its files: some were uploaded again later.
    Those without a date are left out.
    """
    dates: dict[tuple[Any, ...], datetime] = {}
    for row in rows:
        date = row["last_modified"]
        if date is not None and is_release_type(row["artifact_type"]):
            key = tuple(row[name] for name in VERSION_COLUMNS)
            dates[key] = min(date, dates.get(key, date))
    counts = Counter((str(date.year), key[3]) for key, date in dates.items())
    years = [date.year for date in dates.values()]
    # A year without any release is a gap to be seen.
    bars = [str(year) for year in range(min(years), max(years) + 1)] if years else []
    return BarChart(
        title="Releases a year",
        x_label="year of the earliest file",
        y_label="releases",
        bars=bars,
        layers=_layers(counts, _LEVELS),
    ).svg()


def artifacts_by_series(rows: Iterable[Mapping[str, Any]]) -> str:
    """How many artifacts there are of each series, by what they are for."""
    counts: Counter[tuple[str, str]] = Counter()
    series: set[tuple[int, int]] = set()
    for row in rows:
        if row["artifact_type"] != UNRECOGNISED:
            series.add((row["major"], row["minor"]))
            counts[_series(row), row["artifact_type"].partition("-")[0]] += 1
    return BarChart(
        title="Artifacts by series",
        x_label="series",
        y_label="artifacts",
        bars=_names(series),
        layers=_layers(counts, _FAMILIES),
    ).svg()


def bytes_by_series(rows: Iterable[Mapping[str, Any]]) -> str:
    """How much there is of each series, in gigabytes (1 GB = 1,000,000,000 bytes).

    Artifacts whose exact size the site does not show count as nothing.
    """
    sizes: Counter[tuple[str, str]] = Counter()
    series: set[tuple[int, int]] = set()
    for row in rows:
        if row["artifact_type"] != UNRECOGNISED:
            series.add((row["major"], row["minor"]))
            sizes[_series(row), row["artifact_type"].partition("-")[0]] += row["size"] or 0
    gigabytes = {key: size / 1e9 for key, size in sizes.items()}
    return BarChart(
        title="Bytes by series",
        x_label="series",
        y_label="GB",
        bars=_names(series),
        layers=_layers(gigabytes, _FAMILIES),
    ).svg()


def _layers(values: Mapping[tuple[str, str], float], colours: Mapping[str, str]) -> list[Layer]:
    """A layer for each name that there is a value of; unknown ones last, in grey."""
    present = {name for _, name in values}
    order = [*(name for name in colours if name in present), *sorted(present - colours.keys())]
    return [
        Layer(
            name,
            colours.get(name, _OTHERS),
            {bar: value for (bar, of), value in values.items() if of == name},
        )
        for name in order
    ]


def _series(row: Mapping[str, Any]) -> str:
    return f"{row['major']}.{row['minor']}"


def _names(series: Iterable[tuple[int, int]]) -> list[str]:
    return [f"{major}.{minor}" for major, minor in sorted(series)]
