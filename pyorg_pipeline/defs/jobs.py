"""The jobs that refresh: its stages, each of which can be launched by itself."""

import dagster as dg

from pyorg_pipeline.defs.assets import release_artifacts, release_directories
from pyorg_pipeline.defs.published import (
    artifact_catalog,
    catalog_changes,
    latest_version,
    releases,
)

#: Catalog and latest follow in a run of their own: the artifact tables report for themselves,
#: and Dagster skips what comes after such a step in the same run.
read_root = dg.define_asset_job(
    "read_root",
    selection=[release_directories],
    description="Read the root listing: one request.",
)
crawl_directories = dg.define_asset_job(
    "crawl_directories",
    selection=[release_artifacts],
    description="Crawl release directories: those of the config, else those that are due.",
)
publish = dg.define_asset_job(
    "publish",
    # With the checks of all: they come with their assets.
    selection=dg.AssetSelection.assets(artifact_catalog, latest_version, releases, catalog_changes),
    description="Publish catalog, latest versions and releases from the artifact tables, record "
    "what changed, and check what is published.",
)
