"""The jobs that refresh the catalog, one per stage; each can be launched by itself.

Publication has a run of its own: `release_artifacts` reports its materializations itself, and
Dagster skips the assets downstream of such a step in the same run.
"""

import dagster as dg

from pyorg_pipeline.defs.assets import release_artifacts, release_directories
from pyorg_pipeline.defs.instance import REFRESH_JOB_TAGS
from pyorg_pipeline.defs.published import (
    artifact_catalog,
    catalog_changes,
    latest_version,
    releases,
)

read_root = dg.define_asset_job(
    "read_root",
    selection=[release_directories],
    tags=REFRESH_JOB_TAGS,
    description="Read the root listing: one request.",
)
crawl_directories = dg.define_asset_job(
    "crawl_directories",
    selection=[release_artifacts],
    tags=REFRESH_JOB_TAGS,
    description="Crawl the release directories in the config; without config, those that are due.",
)
publish = dg.define_asset_job(
    "publish",
    # AssetSelection adds the checks of these assets.
    selection=dg.AssetSelection.assets(artifact_catalog, latest_version, releases, catalog_changes),
    tags=REFRESH_JOB_TAGS,
    description="Publish the catalog, latest versions and releases from the artifact tables, "
    "record what changed, and check what was published.",
)
