"""Bar charts of the catalog as SVG, for Dagster's UI; they need no fonts or other files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from math import ceil, floor, log10
from typing import Any, Final
from xml.etree.ElementTree import Element, SubElement, tostring

from pyorg_pipeline.catalog.store import VERSION_COLUMNS
from pyorg_pipeline.model.artifacts import UNRECOGNISED, is_release_type
from pyorg_pipeline.reports.lines import printable

#: The columns of artifact_catalog that the pictures need.
PICTURED_COLUMNS: Final = (*VERSION_COLUMNS, "artifact_type", "size", "last_modified")

#: Pixels. Dagster's UI does not scale pictures.
WIDTH, HEIGHT = 760, 320
_LEFT, _RIGHT, _TOP, _BASE = 58, WIDTH - 16, 70, HEIGHT - 46
#: The most that a character of a label is wide.
_CHARACTER: Final = 6.5
_INK, _QUIET, _GRID, _CARD = "#1f2430", "#5b6270", "#dfe2e8", "#ffffff"
#: The layers of a bar from the bottom up. Their contrast with the card is at least 3:1 (WCAG 2.2,
#: 1.4.11), and neighbours differ for the colour-blind as well.
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
_MIDDLE: Final = {"text-anchor": "middle"}


def releases_a_year(rows: Iterable[Mapping[str, Any]]) -> str:
    """The number of releases in each year, by level.

    A release counts in the year of its earliest file, because some files were uploaded again.
    """
    dates: dict[tuple[Any, ...], datetime] = {}
    for row in rows:
        date = row["last_modified"]
        if date is not None and is_release_type(row["artifact_type"]):
            key = tuple(row[name] for name in VERSION_COLUMNS)
            dates[key] = min(date, dates.get(key, date))
    counts = Counter((str(date.year), key[3]) for key, date in dates.items())
    years = [date.year for date in dates.values()]
    # A year without releases has a place of its own.
    bars = [str(year) for year in range(min(years), max(years) + 1)] if years else []
    return bar_chart(
        "Releases a year", "year of the earliest file", "releases", bars, counts, _LEVELS
    )


def artifacts_by_series(rows: Iterable[Mapping[str, Any]]) -> str:
    """The number of artifacts of each series, by family."""
    return _by_series("Artifacts by series", "artifacts", rows, lambda _: 1)


def bytes_by_series(rows: Iterable[Mapping[str, Any]]) -> str:
    """The size of each series' artifacts in gigabytes (1 GB = 1,000,000,000 bytes), by family."""
    return _by_series("Bytes by series", "GB", rows, lambda row: (row["size"] or 0) / 1e9)


def _by_series(
    title: str,
    unit: str,
    rows: Iterable[Mapping[str, Any]],
    amount: Callable[[Mapping[str, Any]], float],
) -> str:
    values: dict[tuple[str, str], float] = {}
    series = set()
    for row in rows:
        if row["artifact_type"] != UNRECOGNISED:
            series.add((row["major"], row["minor"]))
            key = f"{row['major']}.{row['minor']}", row["artifact_type"].partition("-")[0]
            values[key] = values.get(key, 0) + amount(row)
    bars = [f"{major}.{minor}" for major, minor in sorted(series)]
    return bar_chart(title, "series", unit, bars, values, _FAMILIES)


def bar_chart(
    title: str,
    x_label: str,
    y_label: str,
    bars: Sequence[str],
    values: Mapping[tuple[str, str], float],
    colours: Mapping[str, str],
) -> str:
    """Stacked bars as SVG; every part of a bar has its name and value as a tooltip.

    Args:
        title: Of the chart.
        x_label: What the bars are.
        y_label: The unit of the values.
        bars: From left to right.
        values: By bar and layer.
        colours: By layer, from the bottom up; other layers are on top, in grey.
    """
    present = {layer for _, layer in values}
    layers = [*(name for name in colours if name in present), *sorted(present - colours.keys())]
    heights = [sum(values.get((bar, layer), 0) for layer in layers) for bar in bars]
    step = _step(max(heights, default=0))
    lines = max(1, ceil(max(heights, default=0) / step))
    scale = (_BASE - _TOP) / (lines * step)
    pitch = (_RIGHT - _LEFT) / max(1, len(bars))

    svg = Element(
        "svg",
        {
            "xmlns": "http://www.w3.org/2000/svg",
            "viewBox": f"0 0 {WIDTH} {HEIGHT}",
            "width": str(WIDTH),
            "height": str(HEIGHT),
            "role": "img",
            "aria-label": printable(title),
            "font-family": "system-ui,sans-serif",
            "font-size": "11",
            "fill": _QUIET,
        },
    )
    card = {"x": ".5", "y": ".5", "width": str(WIDTH - 1), "height": str(HEIGHT - 1), "rx": "6"}
    SubElement(svg, "rect", card, fill=_CARD, stroke=_GRID)
    _text(svg, title, _LEFT, 26, fill=_INK, **{"font-size": "15", "font-weight": "600"})
    _draw_legend(svg, {layer: colours.get(layer, _OTHERS) for layer in layers})
    for number in range(lines + 1):
        y = _BASE - scale * number * step
        SubElement(svg, "path", d=f"M{_LEFT} {y:.1f}H{_RIGHT}", stroke=_GRID)
        _text(svg, f"{number * step:,g}", _LEFT - 6, y + 4, **{"text-anchor": "end"})
    tops = [float(_BASE)] * len(bars)
    for layer in layers:
        # Lines in the card's colour separate the layers without colours, too.
        style = {"fill": colours.get(layer, _OTHERS), "stroke": _CARD, "stroke-width": ".5"}
        group = SubElement(svg, "g", style)
        for index, bar in enumerate(bars):
            value = values.get((bar, layer), 0)
            if value > 0:
                tops[index] -= scale * value
                x = _LEFT + pitch * (index + 0.11)
                place = {"x": f"{x:.1f}", "y": f"{tops[index]:.1f}", "width": f"{pitch * 0.78:.1f}"}
                part = SubElement(group, "rect", place, height=f"{scale * value:.1f}")
                SubElement(part, "title").text = printable(f"{bar} {layer}: {value:g}")
    _draw_labels(svg, bars, pitch)
    middle = (_LEFT + _RIGHT) / 2
    if not bars:
        _text(svg, "nothing yet", middle, HEIGHT / 2, **_MIDDLE)
    _text(svg, x_label, middle, HEIGHT - 10, **_MIDDLE)
    turned = f"translate(16 {(_TOP + _BASE) / 2:g}) rotate(-90)"
    _text(svg, y_label, 0, 0, transform=turned, **_MIDDLE)
    return tostring(svg, encoding="unicode")


def _text(parent: Element, text: str, x: float, y: float, **style: str) -> None:
    # XML has no control characters, not even escaped.
    SubElement(parent, "text", {"x": f"{x:.1f}", "y": f"{y:.1f}", **style}).text = printable(text)


def _draw_legend(svg: Element, colours: Mapping[str, str]) -> None:
    x = float(_LEFT)
    for layer, colour in colours.items() if len(colours) > 1 else ():
        SubElement(svg, "rect", x=f"{x:g}", y="40", width="10", height="10", fill=colour)
        _text(svg, layer, x + 14, 49)
        x += 28 + _CHARACTER * len(layer)


def _draw_labels(svg: Element, bars: Sequence[str], pitch: float) -> None:
    """The names of the last bar and of as many others as there is room for."""
    longest = max(map(len, bars), default=1)
    every = ceil(_CHARACTER * (longest + 1) / pitch)
    for index in range((len(bars) - 1) % every, len(bars), every):
        _text(svg, bars[index], _LEFT + pitch * (index + 0.5), _BASE + 15, **_MIDDLE)


def _step(top: float) -> float:
    """The distance of two grid lines: 1, 2 or 5 times a power of 10, for about five lines."""
    if top <= 0:
        return 1
    power = 10.0 ** floor(log10(top / 5))
    return next(power * factor for factor in (1, 2, 5, 10) if power * factor * 5 >= top * 0.999)
