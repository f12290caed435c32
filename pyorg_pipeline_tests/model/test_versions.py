"""Versions: their parts, their order and their text."""

from __future__ import annotations

import copy
import pickle
import random
from typing import Any

import pytest

from pyorg_pipeline.errors import InvalidArgumentError
from pyorg_pipeline.model.versions import NormalizedPythonVersion, parse_series


def test_a_version_is_a_tuple_with_named_items() -> None:
    version = NormalizedPythonVersion("3", "010", "9", "candidate", "2")
    assert tuple(version) == (3, 10, 9, "candidate", 2)
    assert (version.major, version.minor, version.micro) == (3, 10, 9)
    assert (version.releaselevel, version.serial, version.series) == ("candidate", 2, "3.10")
    assert (version.numbers, type(version.numbers)) == ((3, 10, 9), NormalizedPythonVersion)
    final = NormalizedPythonVersion(2, 7, releaselevel="final")
    assert tuple(final) == (2, 7, 0, "final", 0)
    assert final != final.numbers
    assert [one.is_final for one in (final, final.numbers, version)] == [True, False, False]
    assert {(2, 7, 0): "found"}[NormalizedPythonVersion(2, 7)] == "found"


@pytest.mark.parametrize(
    "arguments",
    [
        *(("x", 1), (3, ""), (3, "1.2"), (3, " 1"), (3, "+1"), (3, -1), (3, 1.0), (3, None)),
        *((3, True), (3, "\u0663"), (3, "\u00b2"), (3, 1, 0, "alpha", "x"), (3, 1, 0, "alpha", -1)),
    ],
)
def test_parts_that_are_not_whole_numbers_are_refused(arguments: tuple[Any, ...]) -> None:
    with pytest.raises(InvalidArgumentError, match="is not a whole number of 0 or more"):
        NormalizedPythonVersion(*arguments)


@pytest.mark.parametrize("level", ["rc", "a", "Final", "", "gamma"])
def test_an_unknown_level_is_refused_with_the_known_ones(level: str) -> None:
    with pytest.raises(InvalidArgumentError, match="not one of alpha, beta, candidate, final"):
        NormalizedPythonVersion(3, 13, 0, level, 1)


def test_a_version_of_three_items_has_neither_level_nor_serial() -> None:
    with pytest.raises(InvalidArgumentError, match="serial 1 needs a releaselevel"):
        NormalizedPythonVersion(3, 13, 0, serial=1)
    version = NormalizedPythonVersion(3, 13, 9)
    for name in ("releaselevel", "serial"):
        assert not hasattr(version, name)
        with pytest.raises(AttributeError, match=f"three-item version, without {name}") as caught:
            getattr(version, name)
        assert caught.value.name == name


def test_versions_sort_by_number_and_level_never_by_text() -> None:
    parts: list[tuple[Any, ...]] = [
        *((0, 9, 1), (3, 2, 0, "final", 0), (3, 9, 20, "final", 0), (3, 10, 0)),
        *((3, 10, 0, "alpha", 2), (3, 10, 0, "alpha", 10), (3, 10, 0, "beta", 1)),
        *((3, 10, 0, "candidate", 1), (3, 10, 0, "final", 0), (3, 10, 1, "candidate", 1)),
        (10, 0, 0, "alpha", 1),
    ]
    ordered = [NormalizedPythonVersion(*each) for each in parts]
    assert sorted(random.Random(3).sample(ordered, len(ordered))) == ordered == parts


@pytest.mark.parametrize(
    ("parts", "text"),
    [
        ((3, 13, 9), "3.13.9"),
        ((2, 7), "2.7.0"),
        ((3, 13, 0, "final", 0), "3.13.0"),
        ((3, 15, 0, "alpha", 1), "3.15.0a1"),
        ((3, 15, 0, "beta", 2), "3.15.0b2"),
        ((3, 15, 0, "candidate", 10), "3.15.0rc10"),
    ],
)
def test_the_text_is_that_of_pep_440(parts: tuple[Any, ...], text: str) -> None:
    version = NormalizedPythonVersion(*parts)
    assert version.text == text
    assert NormalizedPythonVersion.parse(text) == (
        version if parts[3:] != ("final", 0) else parts[:3]
    )
    assert f"python-{version}" == f"python-{text}"


@pytest.mark.parametrize("text", ["3.15.0RC1", "3.15.0c1", "3.15.0-rc1", "3.15_rc.1"])
def test_other_spellings_of_pep_440_are_parsed(text: str) -> None:
    assert NormalizedPythonVersion.parse(text).text == "3.15.0rc1"


@pytest.mark.parametrize(
    "version",
    [NormalizedPythonVersion(3, 13, 9), NormalizedPythonVersion(3, 15, 0, "candidate", 2)],
)
def test_copies_are_versions(version: NormalizedPythonVersion) -> None:
    protocols = range(2, pickle.HIGHEST_PROTOCOL + 1)
    copies = [pickle.loads(pickle.dumps(version, protocol)) for protocol in protocols]
    copies += [copy.copy(version), copy.deepcopy(version), NormalizedPythonVersion(iter(version))]
    for copied in copies:
        assert (copied, type(copied)) == (version, NormalizedPythonVersion)


@pytest.mark.parametrize(
    "series",
    [
        *("3", "3.13.1", "3.", ".13", ".", "", "3.x", "3.13rc1", "v3.13", "3,13", " 3.13"),
        *("3.13\n", "3.-1", "3.+1", "3.\u0661", "3.\u00b2", "3..1", "3.1_0"),
        # 3.10 as a number is 3.1: taking it would answer for the wrong series.
        *(3.10, 3, None, (3, 13), b"3.13"),
    ],
)
def test_a_series_is_text_of_two_numbers(series: Any) -> None:
    assert [parse_series(text) for text in ("3.13", "3.10", "0.9")] == [(3, 13), (3, 10), (0, 9)]
    with pytest.raises(InvalidArgumentError, match=r"is not of the form '3\.13' \(as text\)"):
        parse_series(series)


def test_a_version_is_formatted_like_its_text() -> None:
    assert f"{NormalizedPythonVersion(3, 13, 9):>8}|" == "  3.13.9|"
