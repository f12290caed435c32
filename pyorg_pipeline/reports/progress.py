"""Progress bars of refreshes and downloads, on stderr."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from pyorg_pipeline.model.artifacts import PythonOrgArtifact
from pyorg_pipeline.model.downloads import Progress as Report
from pyorg_pipeline.reports.lines import is_quiet, printable

if TYPE_CHECKING:
    import rich.progress


@contextmanager
def crawl_progress(source: str) -> Iterator[Callable[[int, int], None]]:
    """Show a bar of the directories read; yields a function of the number read and the total.

    Nothing is shown if stderr is not a terminal.
    """
    if is_quiet() or not sys.stderr.isatty():
        yield lambda _done, _of: None
        return
    import rich.progress  # noqa: PLC0415  # only on a terminal

    with _bars(rich.progress.MofNCompleteColumn(), rich.progress.TimeElapsedColumn()) as bars:
        task = bars.add_task(f"Reading {printable(source)}", total=None)
        yield lambda done, of: bars.update(task, completed=done, total=of)


@contextmanager
def download_progress() -> Iterator[Callable[[PythonOrgArtifact], Report] | None]:
    """Show a bar for each file and one for all; yields None if stderr is not a terminal.

    Otherwise yields a function that adds a bar for an artifact, and returns its function of the
    bytes so far and the total.
    """
    if is_quiet() or not sys.stderr.isatty():
        yield None
        return
    import rich.progress  # noqa: PLC0415

    with _bars(
        rich.progress.DownloadColumn(),
        rich.progress.TransferSpeedColumn(),
        rich.progress.TimeRemainingColumn(),
    ) as bars:
        overall = bars.add_task("all files", total=None, visible=False)

        def add_file(artifact: PythonOrgArtifact) -> Report:
            task = bars.add_task(printable(artifact.name), total=artifact.size)

            def report(done: int, total: int | None) -> None:
                bars.update(task, completed=done, total=total)
                files = [one for one in bars.tasks if one.id != overall]
                totals = [one.total for one in files]
                bars.update(
                    overall,
                    completed=sum(one.completed for one in files),
                    total=None if None in totals else sum(known or 0 for known in totals),
                    visible=len(files) > 1,
                )

            return report

        yield add_file


@contextmanager
def folder_progress(folder: str) -> Iterator[Report | None]:
    """Show a bar of the bytes read of a folder; yields None if stderr is not a terminal."""
    if is_quiet() or not sys.stderr.isatty():
        yield None
        return
    import rich.progress  # noqa: PLC0415

    with _bars(rich.progress.DownloadColumn(), rich.progress.TimeRemainingColumn()) as bars:
        task = bars.add_task(f"Reading {printable(folder)}", total=None)
        yield lambda done, total: bars.update(task, completed=done, total=total)


@contextmanager
def file_progress(artifact: PythonOrgArtifact, progress: Report | None) -> Iterator[Report | None]:
    """The caller's own progress; without one a bar, if stderr is a terminal."""
    if progress is not None:
        yield progress
        return
    with download_progress() as add_file:
        yield add_file and add_file(artifact)


@contextmanager
def _bars(*columns: rich.progress.ProgressColumn) -> Iterator[rich.progress.Progress]:
    import rich.console  # noqa: PLC0415
    import rich.progress  # noqa: PLC0415

    # A copy of the descriptor: Dagster turns the original one into a file while a step runs.
    with (
        os.fdopen(os.dup(sys.stderr.fileno()), "w", encoding=sys.stderr.encoding) as terminal,
        rich.progress.Progress(
            rich.progress.TextColumn("{task.description}", markup=False),
            rich.progress.BarColumn(),
            *columns,
            console=rich.console.Console(file=terminal),
            transient=True,
        ) as bars,
    ):
        yield bars
