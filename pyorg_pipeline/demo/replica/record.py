"""The record: what python.org's tree held in October 2026, as a small file of this package.

Here are the record's file format, the reader and the writer. Serving a record as a site is the
replica's work (`replica`); reading the live site's pages is the parser's.

A line of the record that ends its first column in a slash is a directory, with its whole path below
the site's root. The lines after it are its own files, by name alone. Directories stand in byte
order; the root's files come before the first of them.

    python -m pyorg_pipeline.demo.replica.record LISTING.tsv.gz OUT.tsv.gz

makes the record again out of a table with the columns path, size, mtime, evidence, size_known and
mtime_known. The same table gives the same bytes.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import io
import zlib
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from importlib import resources
from pathlib import Path
from typing import Final, Literal, NamedTuple, get_args

from pyorg_pipeline.errors import InvalidArgumentError

Evidence = Literal["exact", "url", "pattern"]

_FIRST_LINE: Final = "# pyorg_pipeline record, format 1\n"
_HEADER: Final = (
    _FIRST_LINE
    + """\
# The tree below https://www.python.org/ftp/python/ as gathered from public records up to October
# 2026. It is not a mirror's snapshot: some directories are left out, and not every row was seen.
# evidence: exact   the entry was seen in a real listing
#           url     its name was seen in a real source
#           pattern its name was inferred from its neighbours
# known:    which of size and date are recorded values: both, size, date or none. What is not known
#           is a stand-in, made up so that a row can be rendered. A directory has no size to know.
# Times are UTC, to the minute. A path that ends in a slash is a directory, and the names after it
# are its files; the files before the first directory are the root's.
"""
)
#: The header's last line. What comes after it is data, even if a name starts with a #.
_COLUMNS: Final = "#path\tsize\tdate\tevidence\tknown\n"

#: What stands in the last column, and the (size_known, mtime_known) that it means.
_KNOWN: Final = {
    "none": (False, False),
    "size": (True, False),
    "date": (False, True),
    "both": (True, True),
}
_KNOWN_TEXT: Final = {flags: text for text, flags in _KNOWN.items()}
_EVIDENCE: Final[dict[str, Evidence]] = {word: word for word in get_args(Evidence)}


class RecordedEntry(NamedTuple):
    """A file or directory of the record."""

    #: Below the site's root; a directory's ends in a slash.
    path: str
    #: Bytes; None for a directory.
    size: int | None
    #: UTC, to the minute.
    last_modified: datetime
    #: Seen in a real listing (exact), named in a real source (url), inferred (pattern).
    evidence: Evidence
    #: Whether the size is a recorded value; a stand-in if not.
    size_known: bool
    #: Whether the date is a recorded value; a stand-in if not.
    mtime_known: bool


def read_record(path: Path | None = None) -> list[RecordedEntry]:
    """All entries of the packaged record, or of the one at `path`.

    The root's files come first; then the directories in byte order, each followed by its files.

    Raises:
        InvalidArgumentError: the file is no record, or one of its lines cannot be read.
    """
    source = path or resources.files(__package__) / "record.tsv.gz"
    try:
        text = gzip.decompress(source.read_bytes()).decode()
    except (gzip.BadGzipFile, zlib.error, EOFError, UnicodeDecodeError) as error:
        raise InvalidArgumentError(f"{source} is no record of the site: {error}") from error
    header, columns, rows = text.partition(_COLUMNS)
    if not (header.startswith(_FIRST_LINE) and columns):
        raise InvalidArgumentError(f"{source} is no record of the site: it starts otherwise")
    entries = []
    directory = ""
    for number, line in enumerate(rows.split("\n")[:-1], start=header.count("\n") + 2):
        try:
            name, size, date, evidence, known = line.split("\t")
            # The zone goes into the text: replace(tzinfo=...) would double the reader's time.
            last_modified = datetime.fromisoformat(date + "+00:00")
            flags = _KNOWN[known]
            if name.endswith("/"):
                path_of_entry, length = name, None
                directory = name
            else:
                path_of_entry, length = directory + name, int(size)
            entries.append(
                RecordedEntry(path_of_entry, length, last_modified, _EVIDENCE[evidence], *flags)
            )
        except (ValueError, KeyError) as error:
            raise InvalidArgumentError(
                f"{source}, line {number} cannot be read: {line!r}"
            ) from error
    return entries


def write_record(entries: Iterable[RecordedEntry], path: Path) -> None:
    """Write `entries` as a record; the same entries in any order give the same bytes.

    Raises:
        InvalidArgumentError: an entry cannot be recorded: twice the same path, a file whose
            directory is missing, a date that is not UTC to the minute, a size where none belongs.
    """
    ordered = sorted(entries, key=_place)
    directories = {""} | {entry.path for entry in ordered if entry.path.endswith("/")}
    lines = [_HEADER, _COLUMNS]
    previous = None
    for entry in ordered:
        directory, name = _split(entry.path)
        if entry.path == previous:
            raise InvalidArgumentError(f"{entry.path!r} is there twice")
        if {"\t", "\n"} & set(entry.path):
            raise InvalidArgumentError(f"{entry.path!r} has a tab or a line's end in it")
        if directory not in directories:
            raise InvalidArgumentError(f"{entry.path!r} has no entry for its directory")
        previous = entry.path
        shown = entry.path if entry.path.endswith("/") else name
        lines.append(
            f"{shown}\t{_size_text(entry)}\t{_date_text(entry)}\t{entry.evidence}"
            f"\t{_KNOWN_TEXT[entry.size_known, entry.mtime_known]}\n"
        )
    raw = io.BytesIO()
    # No file name and no time in the header: the same text gives the same bytes.
    with gzip.GzipFile(filename="", mode="wb", fileobj=raw, compresslevel=9, mtime=0) as packed:
        packed.write("".join(lines).encode())
    path.write_bytes(raw.getvalue())


def _place(entry: RecordedEntry) -> tuple[bytes, bytes]:
    """Where an entry stands in the file: a directory, then its files, then the next directory."""
    if entry.path.endswith("/"):
        return entry.path.encode(), b""
    directory, name = _split(entry.path)
    return directory.encode(), name.encode()


def _split(path: str) -> tuple[str, str]:
    """The directory that holds `path` (empty for the root), and the name in it without a slash."""
    directory, slash, name = path.rstrip("/").rpartition("/")
    return directory + slash, name


def _size_text(entry: RecordedEntry) -> str:
    if entry.path.endswith("/") != (entry.size is None):
        raise InvalidArgumentError(f"{entry.path!r}: files have a size, directories have none")
    return "" if entry.size is None else str(entry.size)


def _date_text(entry: RecordedEntry) -> str:
    date = entry.last_modified
    if date.utcoffset() != timedelta(0) or date.second or date.microsecond:
        raise InvalidArgumentError(f"{entry.path!r}: {date} is not UTC to the minute")
    return f"{date:%Y-%m-%dT%H:%M}"


def _read_listing_table(path: Path) -> list[RecordedEntry]:
    """The entries of a table of facts with one row an entry."""
    with gzip.open(path, "rt", encoding="utf-8", newline="") as table:
        return [
            RecordedEntry(
                path=row["path"],
                size=int(row["size"]) if row["size"] else None,
                last_modified=datetime.fromisoformat(row["mtime"]).replace(tzinfo=UTC),
                evidence=_EVIDENCE[row["evidence"]],
                size_known=row["size_known"] == "1",
                mtime_known=row["mtime_known"] == "1",
            )
            for row in csv.DictReader(table, delimiter="\t", quoting=csv.QUOTE_NONE)
        ]


def main(arguments: Sequence[str] | None = None) -> None:
    """Make a record out of a table of facts."""
    parser = argparse.ArgumentParser(
        prog="python -m pyorg_pipeline.demo.replica.record",
        description="Make the replica's record out of a table of the site's entries.",
    )
    parser.add_argument("listing", type=Path, help="the table: a gzipped TSV, one row an entry")
    parser.add_argument("out", type=Path, help="the record to write")
    given = parser.parse_args(arguments)
    write_record(_read_listing_table(given.listing), given.out)


if __name__ == "__main__":
    main()
