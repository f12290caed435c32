"""What people read: tables, lines, progress, and the words in them.

Everything here is handed values and writes text; it asks neither the catalog nor the site. Rich
is imported only where a terminal is written to, so that a query in a pipe never pays for it.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from pyorg_pipeline.model.artifacts import PythonOrgArtifact
from pyorg_pipeline.model.changes import CatalogChange
from pyorg_pipeline.model.releases import PythonRelease
from pyorg_pipeline.reports.changes import change_lines
from pyorg_pipeline.reports.lines import artifact_lines
from pyorg_pipeline.reports.release_lines import release_lines


def print_artifacts(artifacts: Sequence[PythonOrgArtifact]) -> None:
    """Write artifacts to stdout: a table on a terminal, else a line each that programs can cut.

    That there are none is said on stderr, so that a program that reads stdout gets none either.
    """
    if not artifacts:
        sys.stderr.write("no artifacts\n")
    elif sys.stdout.isatty():
        from pyorg_pipeline.reports.table import print_table  # noqa: PLC0415  # imports rich

        print_table(artifacts)
    else:
        sys.stdout.write("".join(f"{line}\n" for line in artifact_lines(artifacts)))


def print_releases(releases: Sequence[PythonRelease]) -> None:
    """Write releases to stdout, as `print_artifacts` writes artifacts."""
    if not releases:
        sys.stderr.write("no releases\n")
    elif sys.stdout.isatty():
        from pyorg_pipeline.reports.release_table import (  # noqa: PLC0415  # imports rich
            print_release_table,
        )

        print_release_table(releases)
    else:
        sys.stdout.write("".join(f"{line}\n" for line in release_lines(releases)))


def print_changes(changes: Sequence[CatalogChange]) -> None:
    """Write changes to stdout, as `print_artifacts` does artifacts."""
    if not changes:
        sys.stderr.write("no changes\n")
    elif sys.stdout.isatty():
        from pyorg_pipeline.reports.change_table import (  # noqa: PLC0415  # imports rich
            print_change_table,
        )

        print_change_table(changes)
    else:
        sys.stdout.write("".join(f"{line}\n" for line in change_lines(changes)))
