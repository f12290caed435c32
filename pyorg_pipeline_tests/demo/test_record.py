"""The packaged record, and how it is made."""

from __future__ import annotations

import gzip
import lzma
from datetime import UTC, datetime
from importlib import resources
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from pyorg_pipeline.demo.replica.tree import Node, read_record
from pyorg_pipeline.model.companions import Entry
from pyorg_pipeline_tests.support.release_stages import recorded, release_directories
from tools import make_record

HEAD = "path\tsize\tmtime\tevidence\tsize_known\tmtime_known\n"
SIGNATURE = "3.13.0/Python-3.13.0.tgz.asc\t833\t2024-10-07T05:02\tpattern\t0\t0\n"
DIRECTORY = "3.13.0/\t\t2024-10-07T05:02\texact\t0\t1\n"
README = "README\t1789\t2024-10-07T05:02\texact\t1\t1\n"
TARBALL = "3.13.0/Python-3.13.0.tgz\t29186321\t2024-10-07T05:02\turl\t1\t0\n"


def test_the_packaged_record_holds_the_whole_tree() -> None:
    entries = read_record()
    assert len(entries) == 13_732
    assert sum(entry.size is None for entry in entries) == 1080
    assert max(entry.last_modified for entry in entries) < datetime(2026, 11, 1, tzinfo=UTC)
    readme = Node("README", 1789, datetime(2001, 8, 6, 12, 33, tzinfo=UTC))
    assert readme in entries
    packaged = resources.files("pyorg_pipeline.demo.replica") / "record.tsv.xz"
    header = lzma.decompress(packaged.read_bytes()).decode().partition("#path\t")[0]
    assert "https://www.python.org/ftp/python/" in header
    assert "stand-in" in header


def test_releases_of_a_series_follow_each_other_and_packings_have_plausible_sizes() -> None:
    releases: dict[Any, dict[str, Entry]] = {}
    names = [one for one in release_directories() if one != "src"]
    for artifact in (artifact for name in names for artifact in recorded(name)):
        date = artifact.entry.last_modified
        assert date is not None
        if artifact.artifact_type == "source-release":
            packing = str(artifact.attributes["format"])
            releases.setdefault(artifact.release_version, {})[packing] = artifact.entry
            for companion in artifact.companion_entries:
                assert date <= (companion.last_modified or date), companion
    versions = sorted(releases)
    assert len(versions) > 400
    for version, following in pairwise(versions):
        if version.series == following.series:
            dates = [one.last_modified for one in releases[version].values() if one.last_modified]
            later = [one.last_modified for one in releases[following].values()]
            assert all(date and max(dates) < date for date in later), following
    for files in releases.values():
        packings = ("tarball_lzma", "tarball_bzip2", "tarball_deflate")
        sizes = [files[one].size or 0 for one in packings if one in files]
        assert sizes == sorted(sizes), files
        assert all(size < 2 * sizes[0] for size in sizes)


def test_a_table_in_any_order_gives_the_same_record(tmp_path: Path) -> None:
    made = []
    for rows in ([SIGNATURE, DIRECTORY, README, TARBALL], [TARBALL, README, DIRECTORY, SIGNATURE]):
        table, record = tmp_path / "table.gz", tmp_path / "record.xz"
        table.write_bytes(gzip.compress("".join([HEAD, *rows]).encode()))
        make_record.main([str(table), str(record)])
        made.append(record.read_bytes())
    assert made[0] == made[1]
    assert lzma.decompress(made[0]).decode().splitlines()[-4:] == [
        "README\t1789\t2024-10-07T05:02\texact\tboth",
        "3.13.0/\t\t2024-10-07T05:02\texact\tdate",
        "Python-3.13.0.tgz\t29186321\t2024-10-07T05:02\turl\tsize",
        "Python-3.13.0.tgz.asc\t833\t2024-10-07T05:02\tpattern\tnone",
    ]


@pytest.mark.parametrize(
    "rows",
    [
        [README, README],
        [TARBALL],
        [DIRECTORY.replace("3.13.0/", "a/b/")],
        [DIRECTORY.replace("\t\t", "\t1\t")],
        [README.replace("1789", "")],
    ],
)
def test_an_inconsistent_table_is_refused(rows: list[str]) -> None:
    with pytest.raises(ValueError, match="cannot be recorded"):
        make_record.record_text("".join([HEAD, *rows]))
