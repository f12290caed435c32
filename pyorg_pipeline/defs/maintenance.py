"""Keeping Dagster's history right: killed runs are failed, and old ones are deleted.

Dagster would show the runs of a killed process in progress for ever; the code server notices those
that it launched. docs/how-it-works.md has all cases. Hourly refreshes make some nine thousand runs
a year. The runs that materialized an asset or a partition last stay, because Dagster's pages need
them.
"""

# No `from __future__ import annotations`: Dagster reads the annotations of ops at run time.

import hashlib
import shutil
import socket
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import dagster as dg
from pydantic import Field

from pyorg_pipeline.catalog.location import Location
from pyorg_pipeline.defs.instance import FINISHED, IN_PROGRESS, REFRESH_JOB_TAGS, REFRESH_TAG

#: On each run that a command executes in its own process, instead of Dagster's run launcher.
COMMAND_TAG: Final = "pyorg/command"

_MESSAGE: Final = "The process of this run was killed."

#: Events that are looked up at a time.
_BATCH: Final = 200

#: A refresh deletes old runs once there are so many: to find those that stay takes a while.
_MANY: Final = 100


def refresh_command_tags(catalog: Location) -> dict[str, str]:
    """The tags of the runs of a `pyorg refresh` of this catalog, on this machine."""
    # The lock of a catalog at a URL holds on one machine only.
    return {
        COMMAND_TAG: "refresh",
        # Short: the UI cuts long tags.
        "pyorg/catalog": hashlib.sha256(catalog.text.encode()).hexdigest()[:12],
        "pyorg/host": socket.gethostname(),
    }


def fail_killed_refreshes(
    instance: dg.DagsterInstance, catalog: Location, *, current_run: str | None = None
) -> None:
    """Fail the runs of refreshes that were killed; call it while holding the catalog's lock.

    A refresh holds that lock from beginning to end, so that no other run of one is alive.
    """
    started = dg.RunsFilter(statuses=IN_PROGRESS, tags=refresh_command_tags(catalog))
    for run in instance.get_runs(started):
        if run.run_id != current_run:
            instance.report_run_failed(run, _MESSAGE)


def fail_abandoned_runs(instance: dg.DagsterInstance) -> None:
    """Fail the launched runs in progress; call it before Dagster's daemon and web server start.

    Only for Dagster's default launcher, whose runs are processes of the code server on this
    machine, and end with it.
    """
    if isinstance(instance.run_launcher, dg.DefaultRunLauncher):
        for run in instance.get_runs(dg.RunsFilter(statuses=IN_PROGRESS)):
            if COMMAND_TAG not in run.tags:
                instance.report_run_failed(run, _MESSAGE)


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
