"""What `pyorg` prints: results as text or JSON on stdout, errors in its own words on stderr."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from pyorg_pipeline.cli_options import translated
from pyorg_pipeline.process import print_error

if TYPE_CHECKING:
    from pyorg_pipeline.reports.tables import Table


def is_asked_for(option: str) -> bool:
    """Whether `json`, `quiet` or `verbose` was given, before or after the command."""
    return option in click.get_current_context().meta


def print_result(result: Any) -> None:
    """Print a result as JSON, or as lines for people."""
    from pyorg_pipeline.model.values import json_value  # noqa: PLC0415
    from pyorg_pipeline.reports.lines import result_text  # noqa: PLC0415

    if is_asked_for("json"):
        print(json.dumps(json_value(result), indent=2))
    else:
        sys.stdout.write(result_text([result] if isinstance(result, str) else result))


def print_report(lines: Iterable[str]) -> None:
    """Print lines on stderr, unless only results are wanted."""
    if not is_asked_for("quiet"):
        sys.stderr.write("".join(f"{translated(line)}\n" for line in lines))


@contextmanager
def warnings_in_report() -> Iterator[None]:
    """Leave the warnings of downloads to the report, unless `--quiet` leaves that out."""
    logger = logging.getLogger("pyorg_pipeline.downloads")
    before = logger.level
    if not is_asked_for("quiet"):
        logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(before)


def print_found(rows: Sequence[Any], nothing: str, table: Table | None = None) -> int:
    """Print what was found, or on stderr that there is nothing; returns the exit code."""
    if table is None or is_asked_for("json"):
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
    if is_asked_for("quiet"):
        for name, reason in sorted(error.failures.items()):
            print_error(translated(f"{name}: {reason}"))
    print_error(translated(error.headline))
    return 1
