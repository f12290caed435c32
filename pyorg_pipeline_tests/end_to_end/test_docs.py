"""The numbers and names in docs/downloads.md and docs/releases.md are right."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

from pyorg_pipeline import errors
from pyorg_pipeline.demo.replica.record import read_record
from pyorg_pipeline.downloads.archives import archive_kind
from pyorg_pipeline.model.companions import Entry, group_listing
from pyorg_pipeline.model.digests import BUNDLE_SUFFIX, SBOM_SUFFIX
from pyorg_pipeline.model.releases import ReleaseFile, release_history
from pyorg_pipeline.model.versions import parse_release_directory
from pyorg_pipeline_tests.support.release_stages import release_directories, release_files

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "downloads.md").read_text(encoding="utf-8")
RELEASES = (ROOT / "docs" / "releases.md").read_text(encoding="utf-8")


def table(first_column: str) -> dict[str, list[str]]:
    """The other cells of each row of the table whose first column is called so."""
    found = re.search(rf"^\| {first_column} \|.*\n\| ---.*\n((?:\|.*\n)+)", TEXT, re.MULTILINE)
    assert found is not None
    rows = [row.strip("| ").split(" | ") for row in found[1].splitlines()]
    assert len({row[0] for row in rows}) == len(rows)
    return {first: rest for first, *rest in rows}


def test_every_error_on_the_page_exists() -> None:
    named = set(re.findall(r"\b[A-Z]\w+Errors?\b", TEXT))
    assert len(named) >= 7
    for name in named:
        assert hasattr(errors, name.removesuffix("s")), name


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
        r"Of the (\d+) releases on record this would have\s+happened to (\d+)", RELEASES
    )
    assert found is not None
    assert (releases, late) == (int(found[1]), int(found[2]))
