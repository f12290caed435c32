"""What a listing shows: its entries."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple


class Entry(NamedTuple):
    """One row of a directory listing."""

    #: The file's or directory's own name, percent-decoded, without a slash.
    name: str
    is_directory: bool
    #: UTC, to the minute as the site lists it; None where the listing shows none.
    last_modified: datetime | None
    #: Bytes; None for directories and where the listing shows no exact size.
    size: int | None
