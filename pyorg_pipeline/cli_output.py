"""What `pyorg` prints: results as text or JSON on stdout, errors in its own words on stderr."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from pyorg_pipeline.cli_options import translated
from pyorg_pipeline.process import print_error
from pyorg_pipeline.reports.lines import is_quiet, result_text

if TYPE_CHECKING:
    from pyorg_pipeline.reports.summary import DownloadSummary
    from pyorg_pipeline.reports.tables import Table


def wants_json() -> bool:
    """Whether --json was given, before or after the command."""
    return "json" in click.get_current_context().meta


def print_result(result: Any) -> None:
    """Print a result as JSON, or as lines for people."""
    from pyorg_pipeline.model.values import json_value  # noqa: PLC0415

    if wants_json():
        print(json.dumps(json_value(result), indent=2))
    else:
        sys.stdout.write(result_text([result] if isinstance(result, str) else result))


def print_downloads(done: DownloadSummary) -> None:
    """Print the report and the paths of downloads: on a terminal as one table."""
    from pyorg_pipeline.reports.tables import (  # noqa: PLC0415
        DOWNLOADS,
        download_reasons,
        print_rows,
        table_lines,
    )

    is_table = sys.stdout.isatty() and not wants_json() and not is_quiet()
    if is_table:
        print_rows(DOWNLOADS, done.outcomes)
    if not is_quiet():
        report = download_reasons if is_table else partial(table_lines, DOWNLOADS)
        sys.stderr.write("".join(f"{translated(line)}\n" for line in report(done.outcomes)))
    if not is_table:
        print_result(done)


@contextmanager
def warnings_in_report() -> Iterator[None]:
    """Leave the warnings of downloads to the report, unless `--quiet` leaves that out."""
    logger = logging.getLogger("pyorg_pipeline.downloads")
    before = logger.level
    if not is_quiet():
        logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(before)


def print_found(rows: Sequence[Any], nothing: str, table: Table | None = None) -> int:
    """Print what was found, or on stderr that there is nothing; returns the exit code."""
    if table is None or wants_json():
        print_result(rows)
    elif rows:
        from pyorg_pipeline.reports.tables import print_rows  # noqa: PLC0415

        print_rows(table, rows)
    if rows:
        return 0
    print_error(nothing)
    return 1


def print_failures(error: Any) -> int:
    """Print an error with several failures, unless it is None; returns the exit code.

    The report has the reason of each, a line a failure; they are printed if it was not.
    """
    if error is None:
        return 0
    # The report that precedes it, in a pipe for both.
    sys.stdout.flush()
    if is_quiet():
        for name, reason in sorted(error.failures.items()):
            print_error(translated(f"{name}: {reason}"))
    print_error(translated(error.headline))
    return 1
