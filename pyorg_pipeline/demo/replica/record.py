"""Reads the record: names, sizes and dates of python.org's tree as of October 2026.

A line whose path ends in a slash is a directory, with its path below the site's root; the lines
after it are its files, by name. `tools/make_record.py` writes the file.
"""

from __future__ import annotations

import lzma
from datetime import datetime
from importlib import resources
from typing import Final, NamedTuple

#: The header's last line; the entries follow it.
COLUMNS: Final = "#path\tsize\tdate\tevidence\tknown\n"


class RecordedEntry(NamedTuple):
    """A file or directory of the record."""

    #: Below the site's root; a directory's ends in a slash.
    path: str
    #: Bytes; None for a directory.
    size: int | None
    #: UTC, to the minute.
    last_modified: datetime


def read_record() -> list[RecordedEntry]:
    """The root's files; then the directories in byte order, each followed by its files."""
    packed = resources.files(__package__) / "record.tsv.xz"
    text = lzma.decompress(packed.read_bytes()).decode()
    entries = []
    directory = ""
    for line in text.partition(COLUMNS)[2].split("\n")[:-1]:
        name, size, date, _evidence, _known = line.split("\t")
        # The zone is part of the text: replace(tzinfo=...) would double the time this takes.
        last_modified = datetime.fromisoformat(date + "+00:00")
        if name.endswith("/"):
            directory = name
            entries.append(RecordedEntry(name, None, last_modified))
        else:
            entries.append(RecordedEntry(directory + name, int(size), last_modified))
    return entries
