"""The packaged record, and how it is made."""

from __future__ import annotations

import gzip
from collections import Counter
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path

import pytest

from pyorg_pipeline.demo.replica.record import RecordedEntry, read_record
from tools import make_record

MINUTE = datetime(2024, 10, 7, 5, 2, tzinfo=UTC)
DIRECTORY = RecordedEntry("3.13.0/", None, MINUTE, "exact", False, True)
FILE = RecordedEntry("3.13.0/Python-3.13.0.tgz", 29_186_321, MINUTE, "url", True, False)
STAND_IN = RecordedEntry("3.13.0/Python-3.13.0.tgz.asc", 833, MINUTE, "pattern", False, False)
ROOT_FILE = RecordedEntry("README", 1789, MINUTE, "exact", True, True)

TABLE = (
    "path\tsize\tmtime\tevidence\tsize_known\tmtime_known\n"
    "3.13.0/Python-3.13.0.tgz.asc\t833\t2024-10-07T05:02\tpattern\t0\t0\n"
    "3.13.0/\t\t2024-10-07T05:02\texact\t0\t1\n"
    "README\t1789\t2024-10-07T05:02\texact\t1\t1\n"
    "3.13.0/Python-3.13.0.tgz\t29186321\t2024-10-07T05:02\turl\t1\t0\n"
)


def packaged() -> bytes:
    return (resources.files("pyorg_pipeline.demo.replica") / "record.tsv.gz").read_bytes()


def test_the_packaged_record_holds_the_whole_tree() -> None:
    entries = read_record()
    assert len(entries) == 13_732
    assert sum(entry.size is None for entry in entries) == 1080
    assert Counter(entry.evidence for entry in entries) == {
        "url": 7797,
        "pattern": 5676,
        "exact": 259,
    }
    assert sum(entry.size_known for entry in entries) == 3075
    assert sum(entry.mtime_known for entry in entries) == 254


def test_the_packaged_record_tells_seen_entries_from_stand_ins() -> None:
    by_path = {entry.path: entry for entry in read_record()}
    assert by_path["README"] == RecordedEntry(
        "README", 1789, datetime(2001, 8, 6, 12, 33, tzinfo=UTC), "exact", True, True
    )
    assert by_path["2.1.2/Python-2.1.2.tgz"][3:] == ("pattern", False, False)
    header = gzip.decompress(packaged()).decode().partition("#path\t")[0]
    assert "https://www.python.org/ftp/python/" in header
    assert "stand-in" in header


def test_directories_come_in_order_each_followed_by_its_files() -> None:
    directory = ""
    for path in (entry.path for entry in read_record()):
        if path.endswith("/"):
            assert path > directory
            directory = path
        else:
            assert path.rpartition("/")[0] == directory.rstrip("/")


def test_the_packaged_record_written_again_has_the_same_text(tmp_path: Path) -> None:
    again = tmp_path / "again.tsv.gz"
    make_record.write_record(reversed(read_record()), again)
    assert gzip.decompress(again.read_bytes()) == gzip.decompress(packaged())


def test_a_table_in_any_order_gives_the_same_record(tmp_path: Path) -> None:
    head, *rows = TABLE.splitlines(keepends=True)
    made = []
    for name, text in [("one", TABLE), ("other", head + "".join(reversed(rows)))]:
        table = tmp_path / f"{name}.table.gz"
        table.write_bytes(gzip.compress(text.encode()))
        make_record.main([str(table), str(tmp_path / name)])
        made.append((tmp_path / name).read_bytes())
    assert made[0] == made[1]
    assert read_record(tmp_path / "one") == [ROOT_FILE, DIRECTORY, FILE, STAND_IN]


@pytest.mark.parametrize(
    "entries",
    [
        [ROOT_FILE, ROOT_FILE._replace(size=1)],
        [FILE],
        [DIRECTORY._replace(path="a/b/")],
        [DIRECTORY._replace(size=1)],
        [ROOT_FILE._replace(size=None)],
    ],
)
def test_an_inconsistent_table_is_refused(tmp_path: Path, entries: list[RecordedEntry]) -> None:
    with pytest.raises(ValueError, match="cannot be recorded"):
        make_record.write_record(entries, tmp_path / "record.tsv.gz")
    assert list(tmp_path.iterdir()) == []
