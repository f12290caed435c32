"""Progress bars of refreshes and downloads, on stderr."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from pyorg_pipeline.model.downloads import Progress as Report
from pyorg_pipeline.reports.lines import printable

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID


@contextmanager
def crawl_progress(source: str) -> Iterator[Callable[[int, int], None]]:
    """Show a bar of the directories read; yields a function of the number read and the total.

    Nothing is shown if stderr is not a terminal.
    """
    if not sys.stderr.isatty():
        yield lambda _done, _of: None
        return
    from rich.progress import MofNCompleteColumn, TimeElapsedColumn  # noqa: PLC0415

    with _bars(MofNCompleteColumn(), TimeElapsedColumn()) as bars:
        task = bars.add_task(f"Reading {printable(source)}", total=None)
        yield lambda done, of: bars.update(task, completed=done, total=of)


@contextmanager
def download_progress() -> Iterator[DownloadBars | None]:
    """Show bars with speed and remaining time; yields None if stderr is not a terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.progress import (  # noqa: PLC0415
        DownloadColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    with _bars(DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn()) as bars:
        yield DownloadBars(bars)


@contextmanager
def file_progress(name: str, size: int | None, progress: Report | None) -> Iterator[Report | None]:
    """The caller's own progress; without one a bar, if stderr is a terminal."""
    if progress is not None:
        yield progress
        return
    with download_progress() as bars:
        yield None if bars is None else bars.file(name, size)


class DownloadBars:
    """A bar for each file, and one for all of them."""

    def __init__(self, bars: Progress) -> None:
        self._bars = bars
        self._lock = threading.Lock()
        self._overall: TaskID | None = None
        #: The bytes so far and the total of each file.
        self._sizes: dict[TaskID, tuple[int, int | None]] = {}

    def file(self, name: str, size: int | None) -> Report:
        """Add a bar; returns a function of the bytes so far and the total."""
        task = self._bars.add_task(printable(name), total=size)
        with self._lock:
            self._sizes[task] = (0, size)
            if len(self._sizes) == 2:  # one file needs no sum
                self._overall = self._bars.add_task("all files", total=None)

        def report(done: int, total: int | None) -> None:
            total = size if total is None else total
            self._bars.update(task, completed=done, total=total)
            with self._lock:
                self._sizes[task] = (done, total)
                if self._overall is not None:
                    totals = [known for _, known in self._sizes.values()]
                    self._bars.update(
                        self._overall,
                        completed=sum(done for done, _ in self._sizes.values()),
                        total=None if None in totals else sum(known or 0 for known in totals),
                    )

        return report


@contextmanager
def _bars(*columns: object) -> Iterator[Progress]:
    from rich.console import Console  # noqa: PLC0415  # only on a terminal
    from rich.progress import BarColumn, Progress, TextColumn  # noqa: PLC0415

    # A copy of the descriptor: Dagster turns the original one into a file while a step runs.
    with (
        os.fdopen(os.dup(sys.stderr.fileno()), "w", encoding=sys.stderr.encoding) as terminal,
        Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            *columns,  # type: ignore[arg-type]  # rich's columns, which are imported late
            console=Console(file=terminal),
            transient=True,
        ) as bars,
    ):
        yield bars
