"""Changes as lines: for people one that reads by itself, for pipes columns that awk can take."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final

from pyorg_pipeline.model.changes import REPLACED, VANISHED, CatalogChange
from pyorg_pipeline.reports.lines import aligned
from pyorg_pipeline.reports.words import iso_text, printable

_HEADER: Final = (
    *("SEEN", "CHANGE", "TYPE", "BYTES", "MODIFIED", "BYTES_BEFORE", "MODIFIED_BEFORE"),
    "PATH",
)
_BYTES: Final = _HEADER.index("BYTES")


def change_line(change: CatalogChange) -> str:
    """One change: when it was seen, what happened, which file, and its state or both of them."""
    before = _state_text(change.size_before, change.last_modified_before)
    now = _state_text(change.size, change.last_modified)
    state = {VANISHED: before, REPLACED: f"{before} -> {now}"}.get(change.change, now)
    return f"{seen_text(change)}  {change.change}  {printable(change.path)}  ({state})"


def change_lines(changes: Sequence[CatalogChange]) -> Iterator[str]:
    """A header line, then a line a change, in the order given.

    Columns are aligned with spaces and hold none; only the path, which comes last, may. What is
    not known, or was not there, is `-`. Sizes are exact bytes, times ISO 8601 in UTC.
    """
    return aligned([_HEADER, *map(_cells, changes)], right=_BYTES)


def seen_text(change: CatalogChange) -> str:
    """When a change was seen, to the millisecond, so that it can be given as `since`."""
    return iso_text(change.seen_at, "milliseconds")


def _cells(change: CatalogChange) -> tuple[str, ...]:
    return (
        seen_text(change),
        change.change,
        printable(change.artifact_type).replace(" ", "\\x20"),
        _bytes(change.size),
        _date(change.last_modified),
        _bytes(change.size_before),
        _date(change.last_modified_before),
        printable(change.path),
    )


def _state_text(size: int | None, modified: datetime | None) -> str:
    return f"{_bytes(size)} bytes, {_date(modified)}"


def _bytes(size: int | None) -> str:
    return "-" if size is None else str(size)


def _date(modified: datetime | None) -> str:
    return "-" if modified is None else iso_text(modified, "minutes")
