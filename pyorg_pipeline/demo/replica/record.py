"""Reads the record: names, sizes and dates of python.org's tree as of October 2026.

A line whose path ends in a slash is a directory, with its path below the site's root; the lines
after it are its files, by name. `tools/make_record.py` writes the file.
"""

from __future__ import annotations

import gzip
from datetime import datetime
from importlib import resources
from pathlib import Path
from typing import Final, Literal, NamedTuple, cast

Evidence = Literal["exact", "url", "pattern"]

#: The header's last line; the entries follow it.
COLUMNS: Final = "#path\tsize\tdate\tevidence\tknown\n"
#: The last column, and the (size_known, mtime_known) it stands for.
KNOWN: Final = {
    "none": (False, False),
    "size": (True, False),
    "date": (False, True),
    "both": (True, True),
}


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
    """The entries of the packaged record, or of the one at `path`.

    The root's files come first; then the directories in byte order, each followed by its files.
    """
    source = path or resources.files(__package__) / "record.tsv.gz"
    text = gzip.decompress(source.read_bytes()).decode()
    entries = []
    directory = ""
    for line in text.partition(COLUMNS)[2].split("\n")[:-1]:
        name, size, date, evidence, known = line.split("\t")
        if name.endswith("/"):
            directory = entry_path = name
        else:
            entry_path = directory + name
        # The zone is part of the text: replace(tzinfo=...) would double the time this takes.
        last_modified = datetime.fromisoformat(date + "+00:00")
        entries.append(
            RecordedEntry(
                entry_path,
                int(size) if size else None,
                last_modified,
                cast("Evidence", evidence),
                *KNOWN[known],
            )
        )
    return entries
