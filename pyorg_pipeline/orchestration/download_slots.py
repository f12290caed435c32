"""Slots of the downloads' pool, and giving them back for runs whose process was killed.

Dagster gives a slot back when its step ends. A process that is killed ends no step, and its slot
would keep every later download waiting.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
from filelock import FileLock, Timeout


@contextmanager
def holding_a_slot(folder: str, run_id: str) -> Iterator[None]:
    """Show that the run is alive while this lasts, by a lock that ends with its process."""
    path = _lock_file(folder, run_id)
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path)
    # A file that nobody holds tells of a killed process: another run must see this one neither
    # between its making and its locking, nor between its unlocking and its removal.
    with _nobody_looks(path):
        lock.acquire()
    try:
        yield
    finally:
        with _nobody_looks(path):
            lock.release()
            path.unlink(missing_ok=True)


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
    if not lock_file.parent.exists():
        return False
    with _nobody_looks(lock_file):
        if not lock_file.exists():
            return False
        try:
            FileLock(lock_file).acquire(timeout=0).lock.release()
        except Timeout:
            return False
        lock_file.unlink(missing_ok=True)
        return True


def _nobody_looks(lock_file: Path) -> FileLock:
    """Held for an instant by whoever begins, ends or looks at a run."""
    return FileLock(lock_file.with_name("all.lock"))


def _lock_file(folder: str, run_id: str) -> Path:
    return Path(folder) / "downloads" / f"{run_id}.lock"
