"""The packaged record, and the reader and writer of such files."""

from __future__ import annotations

import gzip
from collections import Counter
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path

import pytest

from pyorg_pipeline.demo.replica.record import RecordedEntry, main, read_record, write_record
from pyorg_pipeline.errors import InvalidArgumentError

MINUTE = datetime(2024, 10, 7, 5, 2, tzinfo=UTC)
DIRECTORY = RecordedEntry("3.13.0/", None, MINUTE, "exact", False, True)
FILE = RecordedEntry("3.13.0/Python-3.13.0.tgz", 29_186_321, MINUTE, "url", True, False)
STAND_IN = RecordedEntry("3.13.0/Python-3.13.0.tgz.asc", 833, MINUTE, "pattern", False, False)
ROOT_FILE = RecordedEntry("README", 1789, MINUTE, "exact", True, True)

TABLE = (
    "path\tsize\tmtime\tevidence\tsize_known\tmtime_known\n"
    "3.13.0/\t\t2024-10-07T05:02\texact\t0\t1\n"
    "3.13.0/Python-3.13.0.tgz\t29186321\t2024-10-07T05:02\turl\t1\t0\n"
    "3.13.0/Python-3.13.0.tgz.asc\t833\t2024-10-07T05:02\tpattern\t0\t0\n"
    "README\t1789\t2024-10-07T05:02\texact\t1\t1\n"
)


def packaged_text() -> str:
    packed = (resources.files("pyorg_pipeline.demo.replica") / "record.tsv.gz").read_bytes()
    return gzip.decompress(packed).decode()


def write_text(path: Path, text: str) -> Path:
    path.write_bytes(gzip.compress(text.encode()))
    return path


def test_the_packaged_record_holds_the_whole_tree() -> None:
    entries = read_record()
    assert len(entries) == 13_732
    assert sum(entry.path.endswith("/") for entry in entries) == 1080
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
    assert by_path["2.0/"] == RecordedEntry(
        "2.0/", None, datetime(2019, 2, 14, 14, 53, tzinfo=UTC), "exact", False, True
    )
    stand_in = by_path["2.1.2/Python-2.1.2.tgz"]
    assert (stand_in.evidence, stand_in.size_known, stand_in.mtime_known) == (
        "pattern",
        False,
        False,
    )


def test_the_packaged_record_gives_the_root_first_and_each_directory_before_its_files() -> None:
    paths = [entry.path for entry in read_record()]
    assert paths[0] == "INDEX"
    directory = ""
    for path in paths:
        if path.endswith("/"):
            assert path > directory
            directory = path
        else:
            assert path.rpartition("/")[0] == directory.rstrip("/")


def test_the_packaged_record_says_what_it_is_and_what_is_made_up() -> None:
    header = packaged_text().partition("#path\t")[0]
    assert "https://www.python.org/ftp/python/" in header
    assert "public records" in header
    assert "stand-in" in header


def test_the_packaged_record_written_again_is_the_same(tmp_path: Path) -> None:
    write_record(read_record(), tmp_path / "again.tsv.gz")
    assert gzip.decompress((tmp_path / "again.tsv.gz").read_bytes()).decode() == packaged_text()


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    write_record([FILE, STAND_IN, ROOT_FILE, DIRECTORY], tmp_path / "record.tsv.gz")
    assert read_record(tmp_path / "record.tsv.gz") == [ROOT_FILE, DIRECTORY, FILE, STAND_IN]


def test_the_order_of_the_entries_does_not_change_a_byte(tmp_path: Path) -> None:
    write_record([FILE, STAND_IN, ROOT_FILE, DIRECTORY], tmp_path / "one.tsv.gz")
    write_record([DIRECTORY, ROOT_FILE, STAND_IN, FILE], tmp_path / "other.tsv.gz")
    assert (tmp_path / "one.tsv.gz").read_bytes() == (tmp_path / "other.tsv.gz").read_bytes()


def test_the_command_makes_a_record_of_a_table_and_the_same_bytes_again(tmp_path: Path) -> None:
    table = write_text(tmp_path / "table.tsv.gz", TABLE)
    main([str(table), str(tmp_path / "one.tsv.gz")])
    main([str(table), str(tmp_path / "other.tsv.gz")])
    assert read_record(tmp_path / "one.tsv.gz") == [ROOT_FILE, DIRECTORY, FILE, STAND_IN]
    assert (tmp_path / "one.tsv.gz").read_bytes() == (tmp_path / "other.tsv.gz").read_bytes()


def test_names_that_look_like_comments_and_odd_line_ends_survive(tmp_path: Path) -> None:
    odd = [
        ROOT_FILE._replace(path="#path"),
        ROOT_FILE._replace(path="a\x85b"),
        ROOT_FILE._replace(path="\u2028"),
    ]
    write_record(odd, tmp_path / "record.tsv.gz")
    assert {entry.path for entry in read_record(tmp_path / "record.tsv.gz")} == {
        "#path",
        "a\x85b",
        "\u2028",
    }


@pytest.mark.parametrize(
    ("entries", "complaint"),
    [
        ([ROOT_FILE, ROOT_FILE], "'README' is there twice"),
        ([FILE], "'3.13.0/Python-3.13.0.tgz' has no entry for its directory"),
        ([DIRECTORY._replace(path="a/b/")], "'a/b/' has no entry for its directory"),
        ([DIRECTORY._replace(size=1)], "'3.13.0/': files have a size, directories have none"),
        ([ROOT_FILE._replace(size=None)], "'README': files have a size, directories have none"),
        (
            [ROOT_FILE._replace(last_modified=MINUTE.replace(second=1))],
            "'README': 2024-10-07 05:02:01+00:00 is not UTC to the minute",
        ),
        (
            [ROOT_FILE._replace(last_modified=MINUTE.replace(tzinfo=None))],
            "'README': 2024-10-07 05:02:00 is not UTC to the minute",
        ),
        ([ROOT_FILE._replace(path="a\tb")], r"'a\tb' has a tab or a line's end in it"),
    ],
)
def test_what_cannot_be_recorded_is_refused_and_nothing_written(
    tmp_path: Path, entries: list[RecordedEntry], complaint: str
) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        write_record(entries, tmp_path / "record.tsv.gz")
    assert str(caught.value) == complaint
    assert not (tmp_path / "record.tsv.gz").exists()


@pytest.mark.parametrize(
    "packed",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"no gzip", id="not packed"),
        pytest.param(gzip.compress(b"path\tsize\n"), id="another table"),
        pytest.param(gzip.compress(b"# pyorg_pipeline record, format 1\n"), id="no columns"),
        pytest.param(gzip.compress(b"\xff"), id="not UTF-8"),
        pytest.param(gzip.compress(b"# pyorg_pipeline record, format 1\n")[:-9], id="cut"),
        pytest.param(gzip.compress(b"")[:10] + b"\xff" * 20, id="garbled"),
    ],
)
def test_a_file_that_is_no_record_is_refused(tmp_path: Path, packed: bytes) -> None:
    path = tmp_path / "record.tsv.gz"
    path.write_bytes(packed)
    with pytest.raises(InvalidArgumentError, match="is no record of the site"):
        read_record(path)


@pytest.mark.parametrize(
    "row",
    [
        "README\t1789\t2024-10-07T05:02\texact",
        "README\tmany\t2024-10-07T05:02\texact\tboth",
        "README\t1789\tyesterday\texact\tboth",
        "README\t1789\t2024-10-07T05:02\thearsay\tboth",
        "README\t1789\t2024-10-07T05:02\texact\tsome",
    ],
)
def test_a_line_that_cannot_be_read_is_named(tmp_path: Path, row: str) -> None:
    header, columns, rows = packaged_text().partition("evidence\tknown\n")
    first = rows.partition("\n")[0]
    path = write_text(tmp_path / "record.tsv.gz", f"{header}{columns}{first}\n{row}\n")
    with pytest.raises(InvalidArgumentError) as caught:
        read_record(path)
    assert str(caught.value) == f"{path}, line 13 cannot be read: {row!r}"
