"""Which of an instance's runs are this project's: others may share it."""

from __future__ import annotations

from typing import Final

import dagster as dg

#: The job that Dagster makes of assets which somebody materialises, or a condition.
ASSET_JOB: Final = "__ASSET_JOB"
#: The jobs that write the catalog's tables, and those that do not.
_WRITING: Final = {"read_root", "crawl_directories", "record_digests", "publish"}
_OTHERS: Final = {"download_artifacts", "prune_history"}
#: The assets that a run may materialise or check without one of these jobs.
_ASSETS: Final = {
    *("release_directories", "release_artifacts", "artifact_digests", "artifact_catalog"),
    *("latest_version", "releases", "catalog_changes"),
}


def writes_tables(run: dg.DagsterRun) -> bool:
    """Whether a run writes the catalog's tables."""
    return run.job_name in _WRITING or (run.job_name == ASSET_JOB and _is_of_our_assets(run))


def is_own(run: dg.DagsterRun) -> bool:
    """Whether a run is this project's."""
    return run.job_name in _OTHERS or writes_tables(run)


def _is_of_our_assets(run: dg.DagsterRun) -> bool:
    selected = {key.to_user_string() for key in run.asset_selection or ()}
    checked = {one.asset_key.to_user_string() for one in run.asset_check_selection or ()}
    return (selected | checked) <= _ASSETS
