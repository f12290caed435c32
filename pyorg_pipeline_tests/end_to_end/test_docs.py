"""The pages in docs/ hold: their tests exist, no fault is missing, numbers are the record's."""

from __future__ import annotations

import ast
import re
from datetime import timedelta
from pathlib import Path

import pytest

import pyorg_pipeline
from pyorg_pipeline.demo.replica.record import read_record
from pyorg_pipeline.downloads.archives import archive_kind
from pyorg_pipeline.model.companions import group_listing
from pyorg_pipeline.model.digests import BUNDLE_SUFFIX, SBOM_SUFFIX
from pyorg_pipeline.model.entries import Entry
from pyorg_pipeline.model.names import parse_release_directory
from pyorg_pipeline.model.releases import ReleaseFile, release_history
from pyorg_pipeline_tests.support.release_stages import release_directories, release_files

ROOT = Path(__file__).parents[2]
TESTS = ROOT / "pyorg_pipeline_tests"
TEXT = (ROOT / "docs" / "downloads.md").read_text(encoding="utf-8")
RELEASES = (ROOT / "docs" / "releases.md").read_text(encoding="utf-8")

#: What the project promises to have an answer to.
FAULTS = [
    "connection refused",
    "reset after n bytes",
    "silence",
    "403",
    "404",
    "429 with Retry-After",
    "503, then 200",
    "503 for ever",
    "no Content-Length",
    "a wrong Content-Length",
    "an HTML error page with 200",
    "a server without Range",
    "a file that changes between two tries",
    "a wrong digest",
    "a wrong signature",
    "a destination that is full",
    "a destination that is read-only",
    "a destination that is a directory",
    "a destination that is a dangling link",
    "kill -9 at 50 random moments",
    "8 processes after one file",
]


def table(first_column: str) -> dict[str, list[str]]:
    """The other cells of each row of the table whose first column is called so."""
    found = re.search(rf"^\| {first_column} \|.*\n\| ---.*\n((?:\|.*\n)+)", TEXT, re.MULTILINE)
    assert found is not None
    rows = [row.strip("| ").split(" | ") for row in found[1].splitlines()]
    assert len({row[0] for row in rows}) == len(rows)
    return {first: rest for first, *rest in rows}


def defined_in(file: Path) -> set[str]:
    """The tests that a module defines, as pytest names them."""
    names = set()
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef):
            names.add(node.name)
        elif isinstance(node, ast.ClassDef):
            names |= {
                f"{node.name}::{member.name}"
                for member in node.body
                if isinstance(member, ast.FunctionDef)
            }
    return {name for name in names if name.rpartition("::")[2].startswith("test_")}


def test_every_fault_has_a_row() -> None:
    assert list(table("fault")) == FAULTS


@pytest.mark.parametrize("fault", FAULTS)
def test_every_row_says_what_happens_and_names_tests_that_exist(fault: str) -> None:
    happens, lies_there, tests = table("fault")[fault]
    assert happens
    assert lies_there
    named = re.findall(r"`([^`]+)`", tests)
    assert named
    assert "<br>".join(f"`{name}`" for name in named) == tests
    for name in named:
        file, _, test = name.partition("::")
        assert test in defined_in(TESTS / file), name


def test_every_error_that_it_names_is_one_of_ours() -> None:
    named = set(re.findall(r"\b[A-Z]\w+Errors?\b", TEXT))
    assert len(named) >= 8
    for name in named:
        assert hasattr(pyorg_pipeline, name.removesuffix("s")), name


def test_every_way_to_verify_has_a_row() -> None:
    assert [first.partition(",")[0] for first in table("`verify`")] == [
        "`True`",
        "`'digest'`",
        "`'signature'`",
        "`False`",
    ]


def test_the_numbers_of_artifacts_are_those_of_the_record() -> None:
    directories: dict[str, list[Entry]] = {}
    for entry in read_record():
        directory, _, name = entry.path.partition("/")
        if name and "/" not in name:
            row = Entry(name, False, entry.last_modified, entry.size)
            directories.setdefault(directory, []).append(row)
    counted: dict[str, list[int]] = {"all": [0, 0, 0, 0]}
    for directory, entries in directories.items():
        if directory != "src" and parse_release_directory(directory) is None:
            continue
        for listed in group_listing(directory, entries):
            if BUNDLE_SUFFIX in listed.companions:
                column = 0 if SBOM_SUFFIX in listed.companions else 1
            else:
                assert SBOM_SUFFIX not in listed.companions
                column = 2 if archive_kind(listed.entry.name) is not None else 3
            for row_name in (f"`{listed.artifact_type}`", "all"):
                counted.setdefault(row_name, [0, 0, 0, 0])[column] += 1
    shown = {
        name: [int(cell.replace(",", "")) for cell in cells]
        for name, cells in table("type").items()
    }
    assert shown == counted


def test_the_tests_of_the_rules_of_releases_exist() -> None:
    named = re.findall(r"`((?:\w+/)?test_\w+\.py)::([\w:]+)`", RELEASES)
    assert len(named) >= 15
    for file, test in named:
        assert test in defined_in(TESTS / file), test


def test_so_many_releases_on_record_would_have_been_complete_a_day_late() -> None:
    by_series: dict[tuple[int, int], list[ReleaseFile]] = {}
    for file in release_files(*release_directories()):
        by_series.setdefault(file.release_version[:2], []).append(file)
    releases, late = 0, 0
    before: list[ReleaseFile] = []
    for _, files in sorted(by_series.items()):
        for version in sorted({file.release_version for file in files}):
            # As on the day: nothing newer was there, and all before it was long finished.
            known = [
                file
                if file.release_version == version or file.last_modified is None
                else file._replace(last_modified=file.last_modified - timedelta(days=4000))
                for file in (*before, *files)
                if file.release_version <= version
            ]
            own = [file.last_modified for file in known if file.release_version == version]
            sources = [
                file.last_modified
                for file in known
                if file.release_version == version and file.artifact_type == "source-release"
            ]
            released = min(date for date in sources or own if date is not None)
            latest = release_history(known, now=released + timedelta(hours=12))[-1]
            assert latest.release_version == version
            releases += 1
            late += bool(latest.missing_families)
        before = files
    found = re.search(
        r"Of the (\d+)\s+releases on record that would have been so for (\d+)", RELEASES
    )
    assert found is not None
    assert (releases, late) == (int(found[1]), int(found[2]))
