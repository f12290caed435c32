"""The Definitions that workspace.yaml loads, put together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import dagster as dg

from pyorg_pipeline.defs import (
    automation,
    checks,
    crawled,
    digests,
    downloads,
    maintenance,
    published,
)
from pyorg_pipeline.defs.notifications import notification_sensors
from pyorg_pipeline.defs.resources import (
    CatalogResource,
    DownloadsResource,
    RefreshProgress,
    SiteResource,
    WebhookResource,
    parquet_io_manager,
)
from pyorg_pipeline.settings import Settings, load_settings


def build_definitions(
    settings: Settings, *, resources: Mapping[str, Any] | None = None
) -> dg.Definitions:
    """Everything that Dagster has to know, with `resources` in place of those of the same name."""
    return dg.Definitions(
        assets=dg.load_assets_from_modules([crawled, digests, published, downloads]),
        asset_checks=dg.load_asset_checks_from_modules([checks]),
        jobs=[
            crawled.read_root,
            crawled.crawl,
            digests.record_digests,
            crawled.list_install_manager,
            published.publish,
            maintenance.prune_history,
            downloads.download_job(settings),
        ],
        schedules=automation.schedules(settings),
        sensors=[automation.refresh_sensor(settings), *notification_sensors(settings)],
        # A process per step would import Dagster each time, which takes longer than most steps.
        executor=dg.in_process_executor,
        resources={
            "site": SiteResource(url=settings.site_url, concurrency=settings.concurrency),
            "catalog": CatalogResource(
                url=settings.catalog_url, lock_folder=str(settings.lock_folder)
            ),
            "tables": parquet_io_manager,
            "downloads": DownloadsResource(folder=str(settings.home / "downloads")),
            "webhook": WebhookResource(url=dg.EnvVar("PYORG_WEBHOOK_URL")),
            # `runs` replaces both, to show the progress on the terminal.
            "progress": RefreshProgress(),
            "download_progress": dg.ResourceDefinition.hardcoded_resource(None),
            # Dagster's default, except for runs in the caller's process; a re-execution needs it.
            "io_manager": dg.FilesystemIOManager(),
            **(resources or {}),
        },
    )


@dg.definitions
def defs() -> dg.Definitions:
    """The definitions with the settings of the environment."""
    return build_definitions(load_settings())
