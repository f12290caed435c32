"""The report of a download as aligned lines, for people and for awk alike."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from pyorg_pipeline.reports.lines import aligned, printable

_HEADER: Final = ("OUTCOME", "VERIFIED", "SECONDS", "BYTES", "PATH")
_BYTES: Final = _HEADER.index("BYTES")


def report_lines(rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """A header line, then a line an artifact, in the order given; nothing where there are none.

    Unknown values are `-`. The reason of a failure, or what was not verified, follows the path.
    """
    if rows:
        yield from aligned([_HEADER, *map(_cells, rows)], right=[_BYTES])


def _cells(row: Mapping[str, Any]) -> tuple[str, ...]:
    reason = row["error"] or row["note"]
    path = row["destination"] or row["path"]
    return (
        row["outcome"],
        row["verification"] or "-",
        "-" if row["seconds"] is None else f"{row['seconds']:.1f}",
        "-" if row["bytes"] is None else str(row["bytes"]),
        printable(f"{path}: {reason}" if reason else path),
    )
