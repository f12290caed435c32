"""The pictures of the catalog: what the table holds is drawn, in bars of the right height."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple
from xml.etree import ElementTree as ET

import pytest

from pyorg_pipeline.catalog.location import LocalLocation
from pyorg_pipeline.catalog.store import CATALOG_FILE, CatalogStore
from pyorg_pipeline.reports.pictures import (
    PICTURED_COLUMNS,
    artifacts_by_series,
    bar_chart,
    bytes_by_series,
    releases_a_year,
)

SVG = "{http://www.w3.org/2000/svg}"
PICTURES = [releases_a_year, artifacts_by_series, bytes_by_series]
Picture = Callable[[Iterable[Mapping[str, Any]]], str]


class Part(NamedTuple):
    """A part of a bar as it is drawn."""

    top: float
    height: float
    left: float
    colour: str


class Drawing:
    """An SVG picture, taken apart."""

    def __init__(self, svg: str) -> None:
        self.root = ET.fromstring(svg)
        #: By bar and layer, the value.
        self.values: dict[tuple[str, str], float] = {}
        self.parts: dict[tuple[str, str], Part] = {}
        for group in self.root.iter(f"{SVG}g"):
            for rect in group.iter(f"{SVG}rect"):
                title = rect.findtext(f"{SVG}title") or ""
                names, _, value = title.rpartition(": ")
                bar, _, layer = names.partition(" ")
                self.values[bar, layer] = float(value)
                top, height, left = (float(rect.attrib[name]) for name in ("y", "height", "x"))
                self.parts[bar, layer] = Part(top, height, left, group.attrib["fill"])

    @property
    def texts(self) -> list[str]:
        return [text.text or "" for text in self.root.iter(f"{SVG}text")]


@pytest.fixture(scope="module")
def record(catalog_home: Path) -> list[dict[str, Any]]:
    """The catalog of the whole record."""
    store = CatalogStore(LocalLocation(catalog_home / "catalog"))
    rows: list[dict[str, Any]] = store.read(CATALOG_FILE, PICTURED_COLUMNS)[0].to_pylist()
    return rows


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
    drawing = Drawing(
        releases_a_year(
            [
                row(2025),
                row(2023, artifact_type="windows-release"),
                row(2022, artifact_type="documentation"),
                row(2025, releaselevel="candidate", serial=1),
                row(2025, releaselevel="candidate", serial=2),
                row(None, micro=1),
                row(2024, artifact_type="unrecognised", releaselevel=None),
            ]
        )
    )
    assert drawing.values == {("2023", "final"): 1, ("2025", "candidate"): 2}
    # The year without any is there, too.
    assert [text for text in drawing.texts if text.startswith("20")] == ["2023", "2024", "2025"]


def test_artifacts_and_bytes_count_by_series_and_family() -> None:
    rows = [
        row(),
        row(artifact_type="windows-release", size=500_000_000),
        row(artifact_type="windows-manifest", size=None),
        row(minor=9, size=250_000_000),
        row(minor=15, artifact_type="unrecognised"),
    ]
    assert Drawing(artifacts_by_series(rows)).values == {
        ("3.9", "source"): 1,
        ("3.14", "source"): 1,
        ("3.14", "windows"): 2,
    }
    drawing = Drawing(bytes_by_series(rows))
    assert drawing.values == {
        ("3.9", "source"): 0.25,
        ("3.14", "source"): 1,
        ("3.14", "windows"): 0.5,
    }
    assert "GB" in drawing.texts
    # By number, not by text.
    assert drawing.parts["3.9", "source"].left < drawing.parts["3.14", "source"].left


def test_the_pictures_of_the_record_hold_its_numbers(record: list[dict[str, Any]]) -> None:
    artifacts = Drawing(artifacts_by_series(record)).values
    assert sum(artifacts.values()) == 4152
    counted = Counter(
        (f"{one['major']}.{one['minor']}", one["artifact_type"].split("-")[0])
        for one in record
        if one["artifact_type"] != "unrecognised"
    )
    assert artifacts == counted
    assert sum(Drawing(releases_a_year(record)).values.values()) == 471
    total = sum(one["size"] for one in record if one["artifact_type"] != "unrecognised")
    drawn = sum(Drawing(bytes_by_series(record)).values.values())
    assert drawn == pytest.approx(total / 1e9, rel=1e-4)


@pytest.mark.parametrize("picture", PICTURES)
def test_heights_are_in_proportion_and_parts_stand_upon_each_other(
    picture: Picture, record: list[dict[str, Any]]
) -> None:
    drawing = Drawing(picture(record))
    tallest = max(drawing.parts, key=lambda key: drawing.parts[key].height)
    scale = drawing.parts[tallest].height / drawing.values[tallest]
    reached: dict[str, float] = {}
    for (bar, layer), part in drawing.parts.items():
        assert part.height == pytest.approx(drawing.values[bar, layer] * scale, abs=0.1)
        # The base of the axes, or the top of the part below.
        assert part.top + part.height == pytest.approx(reached.get(bar, 274), abs=0.15)
        reached[bar] = part.top
    assert min(reached.values()) >= 70


@pytest.mark.parametrize("picture", PICTURES)
def test_a_picture_has_title_axes_and_legend_and_is_small(
    picture: Picture, record: list[dict[str, Any]]
) -> None:
    svg = picture(record)
    assert len(svg) < 15_000
    drawing = Drawing(svg)
    assert drawing.root.attrib["aria-label"] == drawing.texts[0]
    layers = list(dict.fromkeys(layer for _, layer in drawing.parts))
    assert drawing.texts[1 : 1 + len(layers)] == layers
    assert {"series", "artifacts", "GB", "releases", "year of the earliest file"} & set(
        drawing.texts[-2:]
    )
    bars = sorted(drawing.parts.items(), key=lambda item: item[1].left)
    # The newest bar is always named.
    assert bars[-1][0][0] in drawing.texts
    assert picture(list(reversed(record))) == svg


@pytest.mark.parametrize("picture", PICTURES)
def test_an_empty_catalog_gives_a_picture_that_says_so(picture: Picture) -> None:
    drawing = Drawing(picture([]))
    assert drawing.parts == {}
    assert "nothing yet" in drawing.texts


def test_names_of_the_site_are_text_and_no_markup() -> None:
    odd = '<script>"&\x1b\x00'
    drawing = Drawing(artifacts_by_series([row(artifact_type=f"{odd}-release"), row()]))
    shown = '<script>"&\\x1b\\x00'
    assert drawing.values == {("3.14", "source"): 1, ("3.14", shown): 1}
    assert shown in drawing.texts
    assert {element.tag.removeprefix(SVG) for element in drawing.root.iter()} == {
        *("svg", "rect", "text", "g", "title", "path")
    }
    titled = bar_chart(odd, odd, odd, [odd], {(odd, odd): 1}, {})
    assert ET.fromstring(titled).attrib["aria-label"] == shown


@pytest.mark.parametrize(
    ("top", "ticks"),
    [
        (3, ["0", "1", "2", "3"]),
        (41, ["0", "10", "20", "30", "40", "50"]),
        (1000, ["0", "200", "400", "600", "800", "1,000"]),
        (0.7, ["0", "0.2", "0.4", "0.6", "0.8"]),
    ],
)
def test_the_grid_has_round_numbers(top: float, ticks: list[str]) -> None:
    chart = bar_chart("title", "x", "y", ["bar"], {("bar", "layer"): top}, {})
    assert Drawing(chart).texts[1 : 1 + len(ticks)] == ticks


def test_every_colour_stands_out_from_the_card(record: list[dict[str, Any]]) -> None:
    def luminance(colour: str) -> float:
        parts = [int(colour[index : index + 2], 16) / 255 for index in (1, 3, 5)]
        linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return sum(w * p for w, p in zip((0.2126, 0.7152, 0.0722), linear, strict=True))

    colours = {
        part.colour
        for picture in PICTURES
        for part in Drawing(picture([*record, row(artifact_type="new-release")])).parts.values()
    }
    assert len(colours) == 8
    # WCAG 2.2, 1.4.11; the card is white.
    assert all(1.05 / (luminance(colour) + 0.05) >= 3 for colour in colours)
