"""The Definitions object, put together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import dagster as dg

from pyorg_pipeline.defs import (
    assets,
    automation,
    checks,
    digest_assets,
    downloads,
    jobs,
    maintenance,
    published,
)
from pyorg_pipeline.defs.io_manager import parquet_io_manager
from pyorg_pipeline.defs.notifications import notification_sensors
from pyorg_pipeline.defs.own_runs import ASSET_JOB
from pyorg_pipeline.defs.resources import (
    CatalogResource,
    DownloadsResource,
    SiteResource,
)
from pyorg_pipeline.settings import Settings, load_settings


def build_definitions(
    settings: Settings | None = None, *, resources: Mapping[str, Any] | None = None
) -> dg.Definitions:
    """Everything that Dagster has to know.

    Args:
        settings: those of the environment when left out.
        resources: replacements for `site`, `catalog` and `downloads`, for tests.

    Raises:
        SettingsError: a setting from the environment that cannot be used.
    """
    settings = settings or load_settings()
    catalog = CatalogResource(url=settings.catalog_url, lock_folder=str(settings.lock_folder))
    catalog_assets = [
        published.artifact_catalog,
        published.latest_version,
        published.releases,
        published.catalog_changes,
    ]
    all_jobs: list[Any] = [
        jobs.read_root,
        jobs.crawl_directories,
        digest_assets.record_digests,
        jobs.publish,
        maintenance.prune_history,
        downloads.download_artifacts,
    ]
    return dg.Definitions(
        assets=[
            assets.release_directories,
            assets.release_artifacts,
            digest_assets.artifact_digests,
            *automation.published_by_itself(catalog_assets, catalog),
            downloads.downloaded_artifacts,
        ],
        asset_checks=[checks.check_artifact_catalog, checks.latest_never_goes_back],
        jobs=all_jobs,
        schedules=automation.schedules(settings.automation),
        sensors=[
            automation.crawl_sensor(settings.automation),
            automation.publication_sensor(settings.automation, catalog_assets),
            *notification_sensors(settings, [*(job.name for job in all_jobs), ASSET_JOB]),
        ],
        # A process a step would import Dagster for each of them, which takes longer than most.
        executor=dg.in_process_executor,
        resources={
            "site": SiteResource(url=settings.site_url, concurrency=settings.concurrency),
            "catalog": catalog,
            "tables": parquet_io_manager,
            "downloads": DownloadsResource(
                folder=str(settings.home / "downloads"), lock_folder=str(settings.lock_folder)
            ),
            # Where somebody waits, `runs` passes the callback of the progress bars.
            "download_progress": dg.ResourceDefinition.hardcoded_resource(None),
            # The default one too, but kept when a run is in the caller's process: a re-execution
            # takes up there what its run had done.
            "io_manager": dg.FilesystemIOManager(),
            **(resources or {}),
        },
    )
