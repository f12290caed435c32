"""Runs that are alive, and telling Dagster of those whose process was killed.

Dagster ends a run, and gives back its slot of a pool, when its process says so. One that is killed
says nothing: its run would stay in progress for ever, its slot taken, its partitions unread.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import dagster as dg
from filelock import FileLock, Timeout

from pyorg_pipeline.defs.own_runs import is_own

#: Of these a process is at work, unless it was killed. What is queued waits for the daemon.
_BEGUN: Final = [
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]

#: A process that begins a run, or ends it, shows no life for as long as that takes: seconds.
SILENCE: Final = timedelta(minutes=10)

#: The lock of whoever looks.
_LOOKING: Final = "all.lock"


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


def fail_killed_runs(
    instance: dg.DagsterInstance, folder: str, *, now: datetime | None = None
) -> list[str]:
    """Report the runs whose process was killed as failed; returns their ids.

    Their slots, and those of runs that ended or are no longer there, are given back.

    Args:
        instance: Dagster's.
        folder: where runs show that they are alive.
        now: the time; None for now.
    """
    killed = [path.stem for path in _lock_files(folder) if _fail_if_let_go(instance, path)]
    killed += [run_id for run_id in _silent_runs(instance, folder, now) if _fail(instance, run_id)]
    storage = instance.event_log_storage
    if storage.supports_global_concurrency_limits:
        for run_id in storage.get_concurrency_run_ids():
            holder = instance.get_run_by_id(run_id)
            if holder is None or holder.is_finished:
                storage.free_concurrency_slots_for_run(run_id)
    return killed


def _lock_files(folder: str) -> list[Path]:
    return sorted(path for path in _folder(folder).glob("*.lock") if path.name != _LOOKING)


def _fail_if_let_go(instance: dg.DagsterInstance, lock_file: Path) -> bool:
    """Fail a run if nobody holds its lock, and then remove that; whether it was at work."""
    with _nobody_looks(lock_file):
        run = instance.get_run_by_id(lock_file.stem)
        if run is None or not lock_file.exists():
            # Another instance's, or ended meanwhile.
            return False
        lock = FileLock(lock_file)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            return False
        lock.release()
        # In this order: a report that fails is made up by the next one who looks.
        failed = _fail(instance, run.run_id)
        lock_file.unlink(missing_ok=True)
        return failed


def _silent_runs(instance: dg.DagsterInstance, folder: str, now: datetime | None) -> list[str]:
    """The runs that show no life, and of which nothing was heard for long.

    Killed before their first step, or after their last one; or by a storage that was full.
    """
    heard_before = ((now or datetime.now(UTC)) - SILENCE).timestamp()
    records = instance.get_run_records(dg.RunsFilter(statuses=_BEGUN))
    return [
        record.dagster_run.run_id
        for record in records
        if is_own(record.dagster_run)
        and not _lock_file(folder, record.dagster_run.run_id).exists()
        and _last_heard(instance, record) < heard_before
    ]


def _last_heard(instance: dg.DagsterInstance, record: dg.RunRecord) -> float:
    events = instance.get_records_for_run(
        record.dagster_run.run_id, limit=1, ascending=False
    ).records
    return max([record.update_timestamp.timestamp(), *(event.timestamp for event in events)])


def _fail(instance: dg.DagsterInstance, run_id: str) -> bool:
    run = instance.get_run_by_id(run_id)
    if run is None or run.status not in _BEGUN:
        return False
    instance.report_run_failed(run, "The process of this run was killed.")
    return True


def _nobody_looks(lock_file: Path) -> FileLock:
    """Held for an instant by whoever begins, ends or looks at a run."""
    return FileLock(lock_file.with_name(_LOOKING))


def _lock_file(folder: str, run_id: str) -> Path:
    return _folder(folder) / f"{run_id}.lock"


def _folder(folder: str) -> Path:
    return Path(folder) / "runs"
