"""Makes the replica's record out of a table of the site's entries.

    python -m tools.make_record LISTING.tsv.gz OUT.tsv.gz

The table has the columns path, size, mtime, evidence, size_known and mtime_known. The same table
gives the same bytes.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import io
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, cast

from pyorg_pipeline.demo.replica.record import COLUMNS, KNOWN, Evidence, RecordedEntry

_HEADER: Final = """\
# pyorg_pipeline record, format 1
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
_KNOWN_TEXT: Final = {flags: text for text, flags in KNOWN.items()}


def write_record(entries: Iterable[RecordedEntry], path: Path) -> None:
    """Write `entries` as a record; the same entries in any order give the same bytes.

    Raises:
        ValueError: an entry cannot be recorded.
    """
    lines = [_HEADER, COLUMNS]
    directories, previous = {""}, None
    for entry in sorted(entries, key=_place):
        directory, name = _split(entry.path)
        is_directory = entry.path.endswith("/")
        if (
            entry.path == previous
            or directory not in directories
            or is_directory != (entry.size is None)
        ):
            raise ValueError(f"cannot be recorded: {entry}")
        previous = entry.path
        if is_directory:
            directories.add(entry.path)
        lines.append(
            f"{entry.path if is_directory else name}\t{'' if entry.size is None else entry.size}"
            f"\t{entry.last_modified:%Y-%m-%dT%H:%M}\t{entry.evidence}"
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


def read_listing_table(path: Path) -> list[RecordedEntry]:
    """The entries of the table, one row an entry."""
    with gzip.open(path, "rt", encoding="utf-8", newline="") as table:
        return [
            RecordedEntry(
                path=row["path"],
                size=int(row["size"]) if row["size"] else None,
                last_modified=datetime.fromisoformat(row["mtime"]).replace(tzinfo=UTC),
                evidence=cast("Evidence", row["evidence"]),
                size_known=row["size_known"] == "1",
                mtime_known=row["mtime_known"] == "1",
            )
            for row in csv.DictReader(table, delimiter="\t", quoting=csv.QUOTE_NONE)
        ]


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("listing", type=Path, help="the table: a gzipped TSV, one row an entry")
    parser.add_argument("out", type=Path, help="the record to write")
    given = parser.parse_args(arguments)
    write_record(read_listing_table(given.listing), given.out)


if __name__ == "__main__":
    main()
