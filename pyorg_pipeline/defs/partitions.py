"""The partitions of the artifact tables: one a release directory, and their states."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping

import dagster as dg

# Not public; Dagster emits these itself, but only for the partitions that a run targets.
from dagster._core.events import AssetMaterializationPlannedData, DagsterEvent

from pyorg_pipeline.catalog.store import CatalogStore
from pyorg_pipeline.model.due import Due
from pyorg_pipeline.refresh.artifacts import read_failures
from pyorg_pipeline.refresh.digests import digests_due
from pyorg_pipeline.refresh.directories import current_crawls, due_directories

ARTIFACTS_KEY = dg.AssetKey("release_artifacts")
DIGESTS_KEY = dg.AssetKey("artifact_digests")

release_directory_partitions = dg.DynamicPartitionsDefinition(name="release_directory")


def due_partitions(
    store: CatalogStore, instance: dg.DagsterInstance, *, full: bool = False
) -> Mapping[str, Due]:
    """The partitions that have to be materialised, as the tables and the instance say.

    A run that was killed between a table and its event leaves a table that the UI does not know.
    """
    due = due_directories(store, full=full)
    return {**due, **unreported_partitions(store, instance, besides=due)}


def unreported_partitions(
    store: CatalogStore, instance: dg.DagsterInstance, *, besides: Container[str]
) -> Mapping[str, Due]:
    """The partitions, besides these, of which the tables know more than the instance."""
    name = release_directory_partitions.name
    assert name is not None
    reported = instance.get_materialized_partitions(ARTIFACTS_KEY)
    # What failed is told as failed.
    failed = read_failures(store)
    unreported = [
        key
        for key in instance.get_dynamic_partitions(name)
        if key not in reported and key not in failed and key not in besides
    ]
    return dict.fromkeys(sorted(unreported), Due.UNREPORTED)


def due_digest_partitions(store: CatalogStore, instance: dg.DagsterInstance) -> list[str]:
    """The partitions of artifact_digests that have to be materialised.

    Those with something to read, and those that the UI does not know yet: a directory where there
    is nothing to read is materialised once, without a request.
    """
    due = digests_due(store)
    reported = instance.get_materialized_partitions(DIGESTS_KEY)
    return [name for name in current_crawls(store) if name in due or name not in reported]


def mark_as_attempted(
    context: dg.AssetExecutionContext | dg.OpExecutionContext,
    asset_key: dg.AssetKey,
    keys: Iterable[str],
) -> None:
    """Let the UI show these partitions as failed once this run has failed.

    Dagster calls a partition failed if a failed run meant to materialise it and did not. A run
    without partitions of its own, which takes its keys from the config, has to say so itself.
    """
    for key in keys:
        event = DagsterEvent.build_asset_materialization_planned_event(
            context.run.job_name,
            context.get_step_execution_context().step.key,
            AssetMaterializationPlannedData(asset_key, partition=key),
        )
        context.instance.report_dagster_event(event, run_id=context.run.run_id)
