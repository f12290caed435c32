"""Releases as lines for pipes: one line each, in columns that awk can take apart."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from pyorg_pipeline.model.releases import PythonRelease
from pyorg_pipeline.reports.lines import aligned
from pyorg_pipeline.reports.words import iso_text, printable

_HEADER: Final = (
    *("VERSION", "STATE", "RELEASED", "FAMILIES", "MISSING", "COMPLETE_BY", "SIGNED", "ARTIFACTS"),
    *("BYTES", "SOURCE"),
)
_BYTES: Final = _HEADER.index("BYTES")


def release_lines(releases: Sequence[PythonRelease]) -> Iterator[str]:
    """A header line, then a line a release, in the order given.

    Columns are aligned with spaces and hold none; only the path of the source tarball, which comes
    last, may. What is not known, or nothing, is `-`. COMPLETE_BY is told of releases that lack
    something. Times are ISO 8601 in UTC, SIGNED is a share from 0 to 1.
    """
    return aligned([_HEADER, *map(_cells, releases)], right=_BYTES)


def _cells(release: PythonRelease) -> tuple[str, ...]:
    released = release.released
    due = release.expected_complete_by if release.missing_families else None
    return (
        release.version,
        release.state,
        "-" if released is None else iso_text(released, "minutes"),
        ",".join(release.families) or "-",
        ",".join(release.missing_families) or "-",
        "-" if due is None else iso_text(due, "minutes"),
        f"{release.signed_share:.2f}",
        str(release.artifacts),
        str(release.bytes),
        "-" if release.source_path is None else printable(release.source_path),
    )
