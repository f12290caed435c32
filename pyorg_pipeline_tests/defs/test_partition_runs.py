"""Runs of partitions that a user selects, together with the assets downstream of them."""

from __future__ import annotations

from typing import Any

import dagster as dg
import pytest

from pyorg_pipeline.catalog.location import open_location
from pyorg_pipeline.catalog.store import CATALOG_FILE, CatalogStore
from pyorg_pipeline.definitions import build_definitions
from pyorg_pipeline.defs.instance import open_instance
from pyorg_pipeline.demo.replica.server import Answer, Replica
from pyorg_pipeline.runs import refresh
from pyorg_pipeline.settings import Settings

ALL = [
    *("release_directories", "release_artifacts", "artifact_digests", "install_manager"),
    *("artifact_catalog", "latest_version", "releases", "catalog_changes", "downloaded_artifacts"),
]
CRAWLED = ["release_artifacts"]
RANGE = {
    "dagster/asset_partition_range_start": "3.13.9",
    "dagster/asset_partition_range_end": "3.15.0",
}

Materialized = dict[tuple[str, str | None], dg.AssetMaterialization]


@pytest.fixture(autouse=True)
def _catalog(settings: Settings) -> None:
    refresh(settings)


def run(settings: Settings, assets: list[str], **how: Any) -> tuple[bool, Materialized]:
    """Whether a run of assets succeeded, and what it materialized, by asset and partition."""
    job = build_definitions(settings).resolve_implicit_global_asset_job_def()
    with open_instance(settings.dagster_home) as instance:
        done = job.execute_in_process(
            instance=instance,
            asset_selection=[dg.AssetKey(name) for name in assets],
            raise_on_error=False,
            **how,
        )
        events = [
            event.step_materialization_data.materialization
            for event in done.get_asset_materialization_events()
        ]
    return done.success, {(one.asset_key.path[-1], one.partition): one for one in events}


def test_all_assets_with_one_partition_and_a_range_are_materialized_in_a_run(
    settings: Settings, site: Replica
) -> None:
    site.add("3.14.0/Python-3.14.0.tgz")
    success, done = run(settings, ALL, partition_key="3.14.0")
    assert success
    assert done.keys() == {(name, "3.14.0" if name in CRAWLED else None) for name in ALL}
    assert done["release_artifacts", "3.14.0"].metadata["added"].value == 1
    store = CatalogStore(open_location(settings.catalog_url))
    assert "3.14.0/Python-3.14.0.tgz" in {row["path"] for row in store.rows(CATALOG_FILE)}
    # Each partition of a range has its own numbers.
    success, done = run(settings, CRAWLED, tags=RANGE)
    assert success
    rows = {key: one.metadata["dagster/row_count"].value for (_, key), one in done.items()}
    assert rows == {"3.13.9": 3, "3.14.0": 3, "3.15.0": 1}


def test_a_failed_partition_fails_the_run_and_the_others_are_materialized(
    settings: Settings, site: Replica
) -> None:
    site.answer("3.14.0/", Answer(status=403))
    success, done = run(settings, [*CRAWLED, "artifact_catalog"], tags=RANGE)
    assert not success
    assert done.keys() == {("release_artifacts", "3.13.9"), ("release_artifacts", "3.15.0")}
