"""Forgetting old runs: hourly refreshes make some nine thousand of them a year.

What Dagster has to know stays: the runs that materialised an asset, or a partition of it, last.
"""

# No `from __future__ import annotations`: Dagster reads the annotations of ops at run time.

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import dagster as dg

# Not public: Dagster deletes runs and their events, and nothing else of them.
from dagster._core.storage.dagster_run import FINISHED_STATUSES
from dagster._core.storage.event_log import SqlEventLogStorage
from dagster._core.storage.event_log.schema import AssetCheckExecutionsTable
from pydantic import Field

from pyorg_pipeline.defs.rounds import ROUND_TAG, ROUNDS

#: Events that are looked up at a time.
_BATCH: Final = 200

#: A refresh forgets old runs once there are so many; looking through them takes a while.
_MANY: Final = 100


@dataclass(frozen=True, slots=True)
class Pruned:
    """What was forgotten, and what is old but stays."""

    deleted: int
    kept: int
    #: Of files that were removed; what a database frees, it uses again.
    bytes: int


def prune_when_many(instance: dg.DagsterInstance, days: int) -> None:
    """Prune as the schedule does, for homes without a daemon that would; not at each call."""
    before = datetime.now(UTC) - timedelta(days=days)
    if len(instance.get_run_ids(_old(before), limit=_MANY)) == _MANY:
        prune_runs(instance, before)


def prune_runs(instance: dg.DagsterInstance, before: datetime) -> Pruned:
    """Delete the runs of rounds and of `pyorg refresh` that ended and were created before a time.

    What somebody launched in the UI stays, as do runs of other projects in the same instance.
    """
    old = instance.get_run_ids(_old(before))
    needed = _needed(instance) if old else set()
    forgotten = [run_id for run_id in old if run_id not in needed]
    size = 0
    for run_id in forgotten:
        instance.delete_run(run_id)
        size += _remove_files(instance, run_id)
    _forget_checks(instance, forgotten)
    return Pruned(deleted=len(forgotten), kept=len(old) - len(forgotten), bytes=size)


class PruneConfig(dg.Config):
    """What is old."""

    days: int = Field(default=30, ge=1, description="runs that are younger than so many days stay")


@dg.op
def forget_old_runs(context: dg.OpExecutionContext, config: PruneConfig) -> None:
    """Delete old runs of the schedules and sensors from Dagster's history."""
    before = datetime.now(UTC) - timedelta(days=config.days)
    done = prune_runs(context.instance, before)
    context.add_output_metadata({"deleted": done.deleted, "kept": done.kept, "bytes": done.bytes})
    context.log.info(
        f"{done.deleted} runs deleted, {done.kept} kept that materialised something last"
    )


@dg.job(
    executor_def=dg.in_process_executor,
    description="Forget runs that began by themselves and are older than so many days, except "
    "those that materialised an asset or a partition last. The tables are not touched.",
)
def prune_history() -> None:
    """The one op."""
    forget_old_runs()


def _old(before: datetime) -> dg.RunsFilter:
    return dg.RunsFilter(
        statuses=list(FINISHED_STATUSES), tags={ROUND_TAG: ROUNDS}, created_before=before
    )


def _needed(instance: dg.DagsterInstance) -> set[str]:
    """The runs that materialised something last."""
    needed = set()
    for key in instance.all_asset_keys():
        event = instance.get_latest_materialization_event(key)
        if event is not None:
            needed.add(event.run_id)
        by_partition = instance.event_log_storage.get_latest_storage_id_by_partition(
            key, dg.DagsterEventType.ASSET_MATERIALIZATION
        )
        ids = sorted(by_partition.values())
        for start in range(0, len(ids), _BATCH):
            filters = dg.AssetRecordsFilter(key, storage_ids=ids[start : start + _BATCH])
            records = instance.fetch_materializations(filters, limit=_BATCH).records
            needed |= {record.run_id for record in records}
    return needed


def _forget_checks(instance: dg.DagsterInstance, run_ids: Sequence[str]) -> None:
    """Delete what the asset checks of these runs found, which Dagster keeps beside its events."""
    storage = instance.event_log_storage
    if not isinstance(storage, SqlEventLogStorage):
        return
    for start in range(0, len(run_ids), _BATCH):
        of_these = AssetCheckExecutionsTable.c.run_id.in_(run_ids[start : start + _BATCH])
        with storage.index_connection() as connection:
            connection.execute(AssetCheckExecutionsTable.delete().where(of_these))


def _remove_files(instance: dg.DagsterInstance, run_id: str) -> int:
    """Remove what Dagster's local storages leave of a deleted run; its bytes."""
    left = [Path(instance.storage_directory()) / run_id]
    # SQLite's storage has a database a run; those of other kinds have no such file.
    if (path_of := getattr(instance.event_log_storage, "path_for_shard", None)) is not None:
        left.append(Path(path_of(run_id)))
    size = 0
    for path in left:
        if path.is_dir():
            size += sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
            shutil.rmtree(path, ignore_errors=True)
        elif path.exists():
            size += path.stat().st_size
            path.unlink(missing_ok=True)
    return size
