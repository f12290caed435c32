"""The entries of a directory listing."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple


class Entry(NamedTuple):
    """One row of a directory listing."""

    #: The file's or directory's own name, percent-decoded, without a slash.
    name: str
    is_directory: bool
    #: UTC, to the minute as the site lists it; None if it lists none.
    last_modified: datetime | None
    #: Bytes; None for directories, and if the listing has no exact size.
    size: int | None
