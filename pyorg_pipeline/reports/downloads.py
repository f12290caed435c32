"""The report of a download as lines, aligned, for people and for awk alike."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from pyorg_pipeline.reports.lines import aligned
from pyorg_pipeline.reports.words import printable

_HEADER: Final = ("OUTCOME", "PROOF", "SECONDS", "BYTES", "PATH")
_BYTES: Final = _HEADER.index("BYTES")


def report_lines(rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """A header line, then a line an artifact, in the order given; nothing where there are none.

    What is not known is `-`. Behind the path of a failure stands its reason, behind that of a file
    that is not fully proven, what is missing.
    """
    if rows:
        yield from aligned([_HEADER, *map(_cells, rows)], right=_BYTES)


def _cells(row: Mapping[str, Any]) -> tuple[str, ...]:
    words = row["error"] or row["note"]
    path = row["destination"] or row["path"]
    return (
        row["outcome"],
        row["proof"] or "-",
        "-" if row["seconds"] is None else f"{row['seconds']:.1f}",
        "-" if row["bytes"] is None else str(row["bytes"]),
        printable(f"{path}: {words}" if words else path),
    )
