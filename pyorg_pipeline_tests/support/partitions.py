"""The states of partitions, as Dagster's UI shows them."""

from __future__ import annotations

import dagster as dg

from pyorg_pipeline.defs.crawled import release_directory_partitions
from pyorg_pipeline.defs.instance import open_instance
from pyorg_pipeline.settings import Settings


def partition_states(settings: Settings, asset: str = "release_artifacts") -> dict[str, str]:
    """The state of each partition of an asset, in the order of the partitions."""
    with open_instance(settings.dagster_home) as instance:
        keys = instance.get_dynamic_partitions("release_directory")
        with dg.partition_loading_context(dynamic_partitions_store=instance):
            states = instance.get_status_by_partition(
                dg.AssetKey(asset), keys, release_directory_partitions
            )
        return {
            key: state.value if (state := (states or {}).get(key)) else "MISSING" for key in keys
        }
