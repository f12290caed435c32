"""Makes the replica's record out of a table of the site's entries.

    python -m tools.make_record LISTING.tsv.gz OUT.tsv.xz

The table has the columns path, size, mtime, evidence, size_known and mtime_known. The same table
gives the same bytes. Unknown dates and sizes are replaced by plausible ones.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import lzma
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from pyorg_pipeline.demo.replica.tree import COLUMNS
from tools.stand_ins import replace_stand_ins

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
#: The end of the records that the table was gathered from, and how far later dates are moved.
_END: Final = datetime(2026, 11, 1, tzinfo=UTC)
_MOVED: Final = timedelta(days=240)
#: The text for size_known and mtime_known.
_KNOWN: Final = {"00": "none", "10": "size", "01": "date", "11": "both"}


def record_text(table: str) -> str:
    """The record of a table; its rows may be in any order.

    Raises:
        ValueError: a row cannot be recorded.
    """
    rows = list(csv.DictReader(table.splitlines(), delimiter="\t", quoting=csv.QUOTE_NONE))
    lines = [_HEADER, COLUMNS]
    replace_stand_ins(rows, _END)
    directories, previous = {""}, None
    for row in sorted(rows, key=lambda row: _place(row["path"])):
        path, size = row["path"], row["size"]
        directory, name = _split(path)
        is_directory = path.endswith("/")
        if path == previous or directory not in directories or is_directory != (size == ""):
            raise ValueError(f"cannot be recorded: {row}")
        previous = path
        if is_directory:
            directories.add(path)
            name = path
        known, date = _KNOWN[row["size_known"] + row["mtime_known"]], row["mtime"]
        if datetime.fromisoformat(f"{date}+00:00") >= _END:
            date = (datetime.fromisoformat(date) - _MOVED).isoformat(timespec="minutes")
        lines.append(f"{name}\t{size}\t{date}\t{row['evidence']}\t{known}\n")
    return "".join(lines)


def _place(path: str) -> tuple[bytes, bytes]:
    """Where an entry stands in the file: a directory, then its files, then the next directory."""
    directory, name = (path, "") if path.endswith("/") else _split(path)
    return directory.encode(), name.encode()


def _split(path: str) -> tuple[str, str]:
    """The directory that holds `path` (empty for the root), and the name in it without a slash."""
    directory, slash, name = path.rstrip("/").rpartition("/")
    return directory + slash, name


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("listing", type=Path, help="the table: a gzipped TSV, one row an entry")
    parser.add_argument("out", type=Path, help="the record to write")
    given = parser.parse_args(arguments)
    text = record_text(gzip.decompress(given.listing.read_bytes()).decode())
    given.out.write_bytes(lzma.compress(text.encode()))


if __name__ == "__main__":
    main()
