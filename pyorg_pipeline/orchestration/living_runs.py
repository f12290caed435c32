"""Runs that are alive, and telling Dagster of those whose process was killed.

Dagster ends a run, and gives back its slot of a pool, when its process says so. One that is killed
says nothing: its run would stay in progress for ever, its slot taken, its partitions unread.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import dagster as dg
from filelock import FileLock, Timeout

#: Of these a process is at work, unless it was killed. What never started is Dagster's to notice.
_AT_WORK: Final = [dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING]


@contextmanager
def showing_life(folder: str, run_id: str) -> Iterator[None]:
    """Show that a run is alive while this lasts, by a lock that ends with its process."""
    path = _lock_file(folder, run_id)
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path)
    # A file that nobody holds tells of a killed process: whoever looks must see this one neither
    # between its making and its locking, nor between its unlocking and its removal.
    with _nobody_looks(path), suppress(Timeout):
        # Another step of the run, at work at the same time, shows it already.
        lock.acquire(timeout=0)
    try:
        yield
    finally:
        if lock.is_locked:
            with _nobody_looks(path):
                lock.release()
                path.unlink(missing_ok=True)


def fail_killed_runs(instance: dg.DagsterInstance, folder: str) -> list[str]:
    """Report the runs whose process was killed as failed; returns their ids.

    Their slots, and those of runs that ended or are no longer there, are given back.
    """
    killed = []
    for run in instance.get_runs(dg.RunsFilter(statuses=_AT_WORK)):
        if _was_killed(_lock_file(folder, run.run_id)):
            instance.report_run_failed(run, "The process of this run was killed.")
            killed.append(run.run_id)
    storage = instance.event_log_storage
    if storage.supports_global_concurrency_limits:
        for run_id in storage.get_concurrency_run_ids():
            holder = instance.get_run_by_id(run_id)
            if holder is None or holder.is_finished:
                storage.free_concurrency_slots_for_run(run_id)
    return killed


def _was_killed(lock_file: Path) -> bool:
    if not lock_file.exists():
        return False
    with _nobody_looks(lock_file):
        if not lock_file.exists():
            return False
        lock = FileLock(lock_file)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            return False
        lock.release()
        lock_file.unlink(missing_ok=True)
        return True


def _nobody_looks(lock_file: Path) -> FileLock:
    """Held for an instant by whoever begins, ends or looks at a run."""
    return FileLock(lock_file.with_name("all.lock"))


def _lock_file(folder: str, run_id: str) -> Path:
    return Path(folder) / "runs" / f"{run_id}.lock"
