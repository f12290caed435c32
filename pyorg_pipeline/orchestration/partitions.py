"""The partitions of the artifact tables: one a release directory, and their states."""

from __future__ import annotations

from collections.abc import Iterable

import dagster as dg

# Not public; Dagster emits these itself, but only for the partitions that a run targets.
from dagster._core.events import AssetMaterializationPlannedData, DagsterEvent

release_directory_partitions = dg.DynamicPartitionsDefinition(name="release_directory")


def mark_as_attempted(context: dg.AssetExecutionContext, keys: Iterable[str]) -> None:
    """Let the UI show these partitions as failed once this run has failed.

    Dagster calls a partition failed if a failed run meant to materialise it and did not. A run
    without partitions of its own, which takes its keys from the config, has to say so itself.
    """
    for key in keys:
        event = DagsterEvent.build_asset_materialization_planned_event(
            context.job_name,
            context.get_step_execution_context().step.key,
            AssetMaterializationPlannedData(context.asset_key, partition=key),
        )
        context.instance.report_dagster_event(event, run_id=context.run_id)
