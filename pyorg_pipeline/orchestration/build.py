"""The Definitions object, put together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import dagster as dg

from pyorg_pipeline.orchestration import assets, jobs
from pyorg_pipeline.orchestration.resources import CatalogResource, SiteResource
from pyorg_pipeline.settings import Settings, load_settings


def build_definitions(
    settings: Settings | None = None, *, resources: Mapping[str, Any] | None = None
) -> dg.Definitions:
    """Everything that Dagster has to know.

    Args:
        settings: those of the environment when left out.
        resources: replacements for `site` and `catalog`, for tests.

    Raises:
        SettingsError: a setting from the environment that cannot be used.
    """
    settings = settings or load_settings()
    return dg.Definitions(
        assets=[
            assets.release_directories,
            assets.release_artifacts,
            assets.artifact_catalog,
            assets.latest_version,
        ],
        jobs=[jobs.read_root, jobs.crawl_directories, jobs.publish],
        resources={
            "site": SiteResource(url=settings.site_url, concurrency=settings.concurrency),
            "catalog": CatalogResource(
                url=settings.catalog_url, lock_folder=str(settings.lock_folder)
            ),
            **(resources or {}),
        },
    )
