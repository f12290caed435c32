"""Deleting old runs from Dagster's history: hourly refreshes make some nine thousand a year.

What Dagster's pages need stays: the runs that materialized an asset or a partition last.
"""

# No `from __future__ import annotations`: Dagster reads the annotations of ops at run time.

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import dagster as dg
from pydantic import Field

from pyorg_pipeline.defs.instance import FINISHED, REFRESH_JOB_TAGS, REFRESH_TAG

#: Events that are looked up at a time.
_BATCH: Final = 200

#: A refresh deletes old runs once there are so many: to find those that stay takes a while.
_MANY: Final = 100


def prune_runs(instance: dg.DagsterInstance, before: datetime) -> tuple[int, int]:
    """Delete finished refreshes created before a time; returns how many went and how many stay."""
    old = instance.get_run_ids(_old(before))
    needed = _last_runs(instance) if old else set()
    deleted = [run_id for run_id in old if run_id not in needed]
    for run_id in deleted:
        instance.delete_run(run_id)
        # Dagster's local storages leave a folder and, on SQLite, a database of each run.
        shutil.rmtree(Path(instance.storage_directory()) / run_id, ignore_errors=True)
        if path_for_shard := getattr(instance.event_log_storage, "path_for_shard", None):
            Path(path_for_shard(run_id)).unlink(missing_ok=True)
    return len(deleted), len(old) - len(deleted)


def prune_when_many(instance: dg.DagsterInstance, days: int) -> None:
    """Prune as the schedule does, for homes that no daemon runs on; not at each call."""
    before = datetime.now(UTC) - timedelta(days=days)
    if len(instance.get_run_ids(_old(before), limit=_MANY)) == _MANY:
        prune_runs(instance, before)


class PruneConfig(dg.Config):
    """Which runs are old."""

    days: int = Field(default=30, ge=1, description="younger runs stay")


@dg.op
def delete_old_runs(context: dg.OpExecutionContext, config: PruneConfig) -> None:
    """Delete old runs that refreshed the catalog from Dagster's history."""
    deleted, kept = prune_runs(context.instance, datetime.now(UTC) - timedelta(days=config.days))
    context.add_output_metadata({"deleted": deleted, "kept": kept})


@dg.job(
    executor_def=dg.in_process_executor,
    tags=REFRESH_JOB_TAGS,
    description="Delete runs that refreshed the catalog more than this many days ago, except those "
    "that materialized an asset or a partition last. The tables are not changed.",
)
def prune_history() -> None:
    """A job of one op."""
    delete_old_runs()


def _old(before: datetime) -> dg.RunsFilter:
    return dg.RunsFilter(statuses=FINISHED, tags=REFRESH_TAG, created_before=before)


def _last_runs(instance: dg.DagsterInstance) -> set[str]:
    """The runs that materialized an asset, or a partition of one, last."""
    needed = set()
    materialization = dg.DagsterEventType.ASSET_MATERIALIZATION
    for key in instance.all_asset_keys():
        if event := instance.get_latest_materialization_event(key):
            needed.add(event.run_id)
        ids = list(instance.get_latest_storage_id_by_partition(key, materialization).values())
        for start in range(0, len(ids), _BATCH):
            filters = dg.AssetRecordsFilter(key, storage_ids=ids[start : start + _BATCH])
            records = instance.fetch_materializations(filters, limit=_BATCH).records
            needed |= {record.run_id for record in records}
    return needed
