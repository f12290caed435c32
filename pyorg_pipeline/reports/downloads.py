"""The report of a download: a summary of its run, and aligned lines for people and for awk."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pyorg_pipeline.errors import DownloadsFailedError
from pyorg_pipeline.reports.lines import aligned, printable

_HEADER: Final = ("OUTCOME", "VERIFIED", "SECONDS", "BYTES", "PATH")
_BYTES: Final = _HEADER.index("BYTES")


@dataclass(frozen=True, slots=True)
class DownloadSummary:
    """What a run of the job downloaded; `str` of it has the path or URL of each file."""

    run_id: str
    #: The location of its report.
    report: str
    #: The rows of the report.
    outcomes: Sequence[Mapping[str, Any]]

    @property
    def error(self) -> DownloadsFailedError | None:
        """The error to raise after the summary was printed; None if nothing failed."""
        failures = {row["path"]: row["error"] for row in self.outcomes if row["error"] is not None}
        return DownloadsFailedError(failures, len(self.outcomes)) if failures else None

    def __str__(self) -> str:
        return "\n".join(row["destination"] for row in self.outcomes if row["destination"])


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
