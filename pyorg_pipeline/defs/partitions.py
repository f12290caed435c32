"""The partitions of the artifact tables: one per release directory.

A job takes any set of directories from its config, and reports each materialization as soon as the
table is written. A run with native partitions, as a user selects them in the UI, targets a
contiguous range, of which Dagster plans each one first: for a first fill of 322 directories that
takes 10.8 s instead of 7.9 s, and a refresh would need several runs.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

import dagster as dg

from pyorg_pipeline.model.due import Due
from pyorg_pipeline.refresh.directories import CrawlState

_NAME = "release_directory"
release_directory_partitions = dg.DynamicPartitionsDefinition(name=_NAME)


def set_partitions(instance: dg.DagsterInstance, directories: Collection[str]) -> None:
    """Make these the partitions, in this order; those that stay keep their place."""
    known = instance.get_dynamic_partitions(_NAME)
    instance.add_dynamic_partitions(_NAME, [key for key in directories if key not in known])
    for key in known:
        if key not in directories:
            instance.delete_dynamic_partition(_NAME, key)


def with_unreported(
    due: Mapping[str, Due], state: CrawlState, instance: dg.DagsterInstance
) -> dict[str, Due]:
    """Add the directories that have a table, but no materialization, to those that are due.

    Their run was killed in between, or Dagster's history was lost.
    """
    reported = instance.get_materialized_partitions(dg.AssetKey("release_artifacts"))
    known = {*due, *reported, *state.failures}
    keys = instance.get_dynamic_partitions(_NAME)
    return {**due, **dict.fromkeys(sorted(set(keys) - known), Due.UNREPORTED)}
