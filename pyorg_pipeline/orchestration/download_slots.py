"""Slots of the downloads' pool, and giving them back for runs whose process was killed.

Dagster gives a slot back when its step ends. A process that is killed ends no step, and its slot
would keep every later download waiting.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import dagster as dg
from filelock import FileLock, Timeout


@contextmanager
def holding_a_slot(folder: str, run_id: str) -> Iterator[None]:
    """Show that the run is alive while this lasts, by a lock that ends with its process."""
    path = _lock_file(folder, run_id)
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(path):
        yield
        # Only a process that was killed leaves it behind; Windows, which keeps open files, has one
        # that is free, and no slot beside it any more.
        with suppress(OSError):
            path.unlink()


def release_slots_of_the_dead(instance: dg.DagsterInstance, folder: str) -> None:
    """Give back the slots of runs that have ended, or whose process is there no longer."""
    storage = instance.event_log_storage
    if not storage.supports_global_concurrency_limits:
        return
    for run_id in storage.get_concurrency_run_ids():
        run = instance.get_run_by_id(run_id)
        if run is None or run.is_finished or _was_killed(_lock_file(folder, run_id)):
            storage.free_concurrency_slots_for_run(run_id)
            if run is not None and not run.is_finished:
                instance.report_run_failed(run, "The process of this run was killed.")


def _was_killed(lock_file: Path) -> bool:
    if not lock_file.exists():
        return False
    try:
        with FileLock(lock_file, timeout=0), suppress(OSError):
            lock_file.unlink()
    except Timeout:
        return False
    return True


def _lock_file(folder: str, run_id: str) -> Path:
    return Path(folder) / "downloads" / f"{run_id}.lock"
