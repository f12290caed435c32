"""Bar charts of the catalog as SVG, for Dagster's UI."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from math import ceil, floor, log10
from typing import Any, Final

from pyorg_pipeline.catalog.store import VERSION_COLUMNS
from pyorg_pipeline.model.artifacts import UNRECOGNISED, is_release_type
from pyorg_pipeline.reports.lines import printable

#: The columns of artifact_catalog that the pictures need.
PICTURED_COLUMNS: Final = (*VERSION_COLUMNS, "artifact_type", "size", "last_modified")

#: Pixels. Dagster's UI does not scale pictures.
_WIDTH, _HEIGHT = 760, 320
_LEFT, _RIGHT, _TOP, _BASE = 58, _WIDTH - 16, 70, _HEIGHT - 30
#: The greatest width of a character in a label.
_CHARACTER: Final = 6.5
#: The layers of a bar from the bottom up, and their colours; other layers share the last one. The
#: contrast of each with white is at least 3:1 (WCAG 2.2, 1.4.11).
_LEVELS: Final = ("final", "candidate", "beta", "alpha")
_FAMILIES: Final = ("source", "windows", "macos", "linux", "android", "ios", "documentation")
_COLOURS: Final = ("navy", "chocolate", "teal", "indigo", "deeppink", "black", "olive", "gray")


def releases_a_year(rows: Iterable[Mapping[str, Any]]) -> str:
    """The number of releases in each year, by level.

    A release counts in the year of its earliest file, because some files were uploaded again.
    """
    years: dict[tuple[Any, ...], int] = {}
    for row in rows:
        if row["last_modified"] is not None and is_release_type(row["artifact_type"]):
            release = tuple(row[name] for name in VERSION_COLUMNS)
            year = row["last_modified"].year
            years[release] = min(year, years.get(release, year))
    counts = Counter((str(year), release[3]) for release, year in years.items())
    span = range(min(years.values()), max(years.values()) + 1) if years else ()
    title = "Releases a year, by the date of their earliest file"
    return bar_chart(title, list(map(str, span)), counts, _LEVELS)


def artifacts_by_series(rows: Iterable[Mapping[str, Any]]) -> str:
    """The number of artifacts of each series, by family."""
    return _by_series("Artifacts by series", [(row, 1) for row in rows])


def bytes_by_series(rows: Iterable[Mapping[str, Any]]) -> str:
    """The size of each series' artifacts in gigabytes (1 GB = 1,000,000,000 bytes), by family."""
    return _by_series("Bytes by series, in GB", [(row, (row["size"] or 0) / 1e9) for row in rows])


def _by_series(title: str, amounts: Iterable[tuple[Mapping[str, Any], float]]) -> str:
    values: dict[tuple[str, str], float] = {}
    for row, amount in amounts:
        if row["artifact_type"] != UNRECOGNISED:
            key = f"{row['major']}.{row['minor']}", row["artifact_type"].partition("-")[0]
            values[key] = values.get(key, 0) + amount
    bars = sorted({bar for bar, _ in values}, key=lambda bar: [*map(int, bar.split("."))])
    return bar_chart(title, bars, values, _FAMILIES)


def bar_chart(
    title: str, bars: Sequence[str], values: Mapping[tuple[str, str], float], known: Sequence[str]
) -> str:
    """Return stacked bars as SVG, from values by bar and layer; unknown layers are on top."""
    present = {layer for _, layer in values}
    layers = [*(layer for layer in known if layer in present), *sorted(present - set(known))]
    colours = dict.fromkeys(layers, _COLOURS[-1]) | dict(zip(known, _COLOURS, strict=False))
    top = max((sum(values.get((bar, layer), 0) for layer in layers) for bar in bars), default=0)
    step = 10.0 ** floor(log10(top)) if top else 1
    lines = max(1, ceil(top / step))
    scale = (_BASE - _TOP) / (lines * step)
    pitch = (_RIGHT - _LEFT) / max(1, len(bars))
    drawn = [_rectangle(0, 0, _WIDTH, _HEIGHT, "#fff"), _text(title, _LEFT, 26, 'font-size="15"')]
    x = float(_LEFT)
    for layer in layers:
        drawn += [_rectangle(x, 40, 10, 10, colours[layer]), _text(layer, x + 14, 49)]
        x += 28 + _CHARACTER * len(layer)
    for number in range(lines + 1):
        y = _BASE - scale * number * step
        drawn.append(_rectangle(_LEFT, y, _RIGHT - _LEFT, 1, "#dfe2e8"))
        drawn.append(_text(f"{number * step:,g}", _LEFT - 6, y + 4, 'text-anchor="end"'))
    # If there is no room for every label, the last bar keeps its own.
    every = ceil(_CHARACTER * (max(map(len, bars), default=1) + 1) / pitch)
    for index, bar in enumerate(bars):
        left, y = _LEFT + pitch * index, float(_BASE)
        for layer in layers:
            if value := values.get((bar, layer), 0):
                y -= scale * value
                tip = f"{bar} {layer}: {value:g}"
                part = (left + pitch * 0.11, y, pitch * 0.78, scale * value, colours[layer])
                drawn.append(_rectangle(*part, tip))
        if (len(bars) - 1 - index) % every == 0:
            drawn.append(_text(bar, left + pitch / 2, _BASE + 15, 'text-anchor="middle"'))
    if not bars:
        drawn.append(_text("nothing yet", _WIDTH / 2, _HEIGHT / 2))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{_HEIGHT}" role="img" '
        f'aria-label="{_escaped(title)}" font-family="system-ui,sans-serif" font-size="11" '
        f'fill="#3f4756">{"".join(drawn)}</svg>'
    )


def _rectangle(x: float, y: float, width: float, height: float, fill: str, tip: str = "") -> str:
    place = f'x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}"'
    return f'<rect {place} fill="{fill}"><title>{_escaped(tip)}</title></rect>'


def _text(text: str, x: float, y: float, style: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" {style}>{_escaped(text)}</text>'


def _escaped(text: str) -> str:
    # XML allows no control characters, not even escaped.
    return escape(printable(text))
