"""How far a refresh has come, as a bar on stderr."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def crawl_progress(source: str) -> Iterator[Callable[[int, int], None]]:
    """Show a bar while it lasts; yields a function that takes how many are done, of how many.

    Only where stderr is a terminal: a log file gets nothing.
    """
    if not sys.stderr.isatty():
        yield lambda _done, _of: None
        return
    from rich.console import Console  # noqa: PLC0415  # only on a terminal
    from rich.progress import (  # noqa: PLC0415
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
    )

    from pyorg_pipeline.reports.words import printable  # noqa: PLC0415

    # A copy of the descriptor: Dagster turns the original one into a file while a step runs.
    with os.fdopen(os.dup(sys.stderr.fileno()), "w", encoding=sys.stderr.encoding) as terminal:
        progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=Console(file=terminal),
            transient=True,
        )
        with progress:
            task = progress.add_task(f"Reading {printable(source)}", total=None)
            yield lambda done, of: progress.update(task, completed=done, total=of)
