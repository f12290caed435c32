"""Progress bars of refreshes and downloads, on stderr."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from pyorg_pipeline.model.artifacts import PythonOrgArtifact
from pyorg_pipeline.model.downloads import Progress as Report
from pyorg_pipeline.reports.lines import is_quiet, printable, size_text

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

    with _bars(rich.progress.TimeElapsedColumn()) as bars:
        task = bars.add_task(f"Reading {printable(source)}", total=None, amount="")
        yield lambda done, of: bars.update(task, completed=done, total=of, amount=f"{done}/{of}")


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

    with _bars(rich.progress.TransferSpeedColumn(), rich.progress.TimeRemainingColumn()) as bars:
        overall = bars.add_task("all files", total=None, visible=False, amount="")

        def add_file(artifact: PythonOrgArtifact) -> Report:
            task = bars.add_task(printable(artifact.name), total=artifact.size, amount="")

            def report(done: int, total: int | None) -> None:
                _show_bytes(bars, task, done, total)
                files = [one for one in bars.tasks if one.id != overall]
                totals = [one.total for one in files]
                done = int(sum(one.completed for one in files))
                total = None if None in totals else int(sum(known or 0 for known in totals))
                _show_bytes(bars, overall, done, total)
                bars.update(overall, visible=len(files) > 1)

            return report

        yield add_file


@contextmanager
def folder_progress(folder: str) -> Iterator[Report | None]:
    """Show a bar of the bytes read of a folder; yields None if stderr is not a terminal."""
    if is_quiet() or not sys.stderr.isatty():
        yield None
        return
    import rich.progress  # noqa: PLC0415

    with _bars(rich.progress.TimeRemainingColumn()) as bars:
        task = bars.add_task(f"Reading {printable(folder)}", total=None, amount="")
        yield lambda done, total: _show_bytes(bars, task, done, total)


@contextmanager
def file_progress(artifact: PythonOrgArtifact, progress: Report | None) -> Iterator[Report | None]:
    """The caller's own progress; without one a bar, if stderr is a terminal."""
    if progress is not None:
        yield progress
        return
    with download_progress() as add_file:
        yield add_file and add_file(artifact)


def _show_bytes(
    bars: rich.progress.Progress, task: rich.progress.TaskID, done: int, total: int | None
) -> None:
    amount = size_text(done) + ("" if total is None else f" of {size_text(total)}")
    bars.update(task, completed=done, total=total, amount=amount)


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
            # Not DownloadColumn, which shows an unknown total as a question mark.
            rich.progress.TextColumn("{task.fields[amount]}"),
            *columns,
            console=rich.console.Console(file=terminal),
            transient=True,
        ) as bars,
    ):
        yield bars
