"""The pictures of the catalog: bars whose heights are the table's numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple
from xml.etree import ElementTree as ET

import pytest

from pyorg_pipeline.reports.pictures import (
    artifacts_by_series,
    bar_chart,
    bytes_by_series,
    releases_a_year,
)

SVG = "{http://www.w3.org/2000/svg}"
Picture = Callable[[Iterable[Mapping[str, Any]]], str]


class Part(NamedTuple):
    value: float
    top: float
    height: float
    left: float


class Drawing:
    """The texts of an SVG picture, and the parts of its bars by bar and layer."""

    def __init__(self, svg: str) -> None:
        self.root = ET.fromstring(svg)
        self.texts = [text.text or "" for text in self.root.iter(f"{SVG}text")]
        self.parts: dict[tuple[str, str], Part] = {}
        for rect in self.root.iter(f"{SVG}rect"):
            if title := rect.findtext(f"{SVG}title"):
                names, _, value = title.rpartition(": ")
                bar, _, layer = names.partition(" ")
                top, height, left = (float(rect.attrib[name]) for name in ("y", "height", "x"))
                self.parts[bar, layer] = Part(float(value), top, height, left)

    @property
    def values(self) -> dict[tuple[str, str], float]:
        return {key: part.value for key, part in self.parts.items()}


def row(year: int | None = 2025, **more: Any) -> dict[str, Any]:
    return {
        "major": 3,
        "minor": 14,
        "micro": 0,
        "releaselevel": "final",
        "serial": 0,
        "artifact_type": "source-release",
        "size": 1_000_000_000,
        "last_modified": None if year is None else datetime(year, 10, 7, tzinfo=UTC),
        **more,
    }


def test_releases_count_once_in_the_year_of_their_earliest_file() -> None:
    rows = [
        row(2025),
        row(2023, artifact_type="windows-release"),
        row(2022, artifact_type="documentation"),
        row(2025, releaselevel="candidate", serial=1),
        row(2025, releaselevel="candidate", serial=2),
        row(None, micro=1),
        row(2024, artifact_type="unrecognised", releaselevel=None),
    ]
    drawing = Drawing(releases_a_year(rows))
    assert drawing.values == {("2023", "final"): 1, ("2025", "candidate"): 2}
    assert [text for text in drawing.texts if text.startswith("20")] == ["2023", "2024", "2025"]


def test_artifacts_and_bytes_count_by_series_and_family() -> None:
    rows = [
        row(),
        row(artifact_type="windows-release", size=500_000_000),
        row(artifact_type="windows-manifest", size=None),
        row(minor=9, size=250_000_000),
        row(minor=15, artifact_type="unrecognised"),
    ]
    source_39, source_314, windows = ("3.9", "source"), ("3.14", "source"), ("3.14", "windows")
    counts = Drawing(artifacts_by_series(rows))
    assert counts.values == {source_39: 1, source_314: 1, windows: 2}
    assert counts.parts[source_39].left < counts.parts[source_314].left
    assert Drawing(bytes_by_series(rows)).values == {source_39: 0.25, source_314: 1, windows: 0.5}


@pytest.mark.parametrize("picture", [releases_a_year, artifacts_by_series, bytes_by_series])
def test_heights_are_in_proportion_and_parts_are_stacked(picture: Picture) -> None:
    kinds = ("source-release", "windows-release", "macos-release")
    levels = ("alpha", "candidate", "final")
    rows = [
        row(2000 + minor // 2, minor=minor, micro=micro, artifact_type=kind, releaselevel=level)
        for minor in range(40)
        for micro in range(minor % 7 + 1)
        for kind, level in zip(kinds, levels, strict=True)
    ]
    svg = picture(rows)
    assert len(svg) < 30_000
    assert picture(list(reversed(rows))) == svg
    drawing = Drawing(svg)
    tallest = max(drawing.parts.values(), key=lambda part: part.height)
    scale = tallest.height / tallest.value
    reached: dict[str, float] = {}
    for (bar, _), part in drawing.parts.items():
        assert part.height == pytest.approx(part.value * scale, abs=0.1)
        # The base of the axes, or the top of the part below.
        assert part.top + part.height == pytest.approx(reached.get(bar, 290), abs=0.15)
        reached[bar] = part.top
    assert min(reached.values()) >= 70
    assert set(drawing.texts) >= {layer for _, layer in drawing.parts}
    newest, _ = max(drawing.parts, key=lambda key: drawing.parts[key].left)
    assert newest in drawing.texts
    empty = Drawing(picture([]))
    assert (empty.parts, "nothing yet" in empty.texts) == ({}, True)


def test_names_of_the_site_are_escaped() -> None:
    odd = '<script>"&\x1b\x00'
    shown = '<script>"&\\x1b\\x00'
    drawing = Drawing(bar_chart(odd, [odd], {(odd, odd): 1}, []))
    assert drawing.values == {(shown, shown): 1}
    assert drawing.root.attrib["aria-label"] == shown
    tags = {element.tag.removeprefix(SVG) for element in drawing.root.iter()}
    assert tags == {"svg", "rect", "text", "title"}


@pytest.mark.parametrize(
    ("top", "ticks"),
    [(41, ["0", "10", "20", "30", "40", "50"]), (0.25, ["0", "0.1", "0.2", "0.3"])],
)
def test_the_grid_has_round_numbers(top: float, ticks: list[str]) -> None:
    chart = bar_chart("title", ["bar"], {("bar", "layer"): top}, [])
    assert Drawing(chart).texts[2 : 2 + len(ticks)] == ticks
