"""The published assets: the catalog, and what is made from it; and the job that makes them."""

# No `from __future__ import annotations`: Dagster reads the annotations of assets at run time.

from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

import dagster as dg

from pyorg_pipeline.catalog import schemas
from pyorg_pipeline.catalog.changes import FOLDER
from pyorg_pipeline.catalog.queries import RELEASE_FILE_COLUMNS
from pyorg_pipeline.catalog.store import StoredTable
from pyorg_pipeline.defs.crawled import install_manager, release_artifacts
from pyorg_pipeline.defs.digests import artifact_digests
from pyorg_pipeline.defs.downloads import downloaded_artifacts
from pyorg_pipeline.defs.instance import REFRESH_JOB_TAGS
from pyorg_pipeline.defs.metadata import names, newest, picture, stored, table, table_asset
from pyorg_pipeline.defs.resources import CatalogResource
from pyorg_pipeline.model.catalog import CHANGES
from pyorg_pipeline.model.releases import FAMILIES, ReleaseState
from pyorg_pipeline.refresh.changes import record_changes
from pyorg_pipeline.refresh.publish import catalog_snapshot, latest_versions
from pyorg_pipeline.refresh.releases import releases_table
from pyorg_pipeline.reports.pictures import (
    PICTURED_COLUMNS,
    artifacts_by_series,
    bytes_by_series,
    releases_a_year,
)

#: Of the catalog, latest_version and releases load only the columns that they need.
_CATALOG_INPUT: Final = {"artifact_catalog": dg.AssetIn(metadata={"columns": RELEASE_FILE_COLUMNS})}


@table_asset(
    schemas.ARTIFACT_CATALOG, deps=[release_artifacts, artifact_digests], io_manager_key="tables"
)
def artifact_catalog(catalog: CatalogResource) -> dg.MaterializeResult[StoredTable]:
    """Everything that the site has now, in one file, sorted by version, then path.

    Published as a whole: a reader sees the old snapshot or the new one.
    """
    snapshot = catalog_snapshot(catalog.store())
    table = snapshot.table
    pictured = table.select(list(PICTURED_COLUMNS)).to_pylist()
    counts = ("directories", "releases", "artifacts", "unrecognised", "added", "removed")
    columns = ["path", "version", "artifact_type", "format", "arch", "size"]
    return dg.MaterializeResult(
        value=snapshot,
        metadata={
            **{name: snapshot.metadata[name] for name in counts},
            "bytes_on_the_site": sum(row["size"] or 0 for row in pictured),
            "releases_a_year": picture(releases_a_year(pictured), "Releases a year, by level"),
            "artifacts_by_series": picture(
                artifacts_by_series(pictured), "Artifacts of each series, by family"
            ),
            "bytes_by_series": picture(bytes_by_series(pictured), "Bytes of each series"),
            "preview": newest(table, columns),
        },
    )


@table_asset(schemas.LATEST_VERSION, ins=_CATALOG_INPUT, io_manager_key="tables")
def latest_version(
    catalog: CatalogResource, artifact_catalog: StoredTable
) -> dg.MaterializeResult[StoredTable]:
    """The newest final and the newest release of any level, over all and for each series."""
    latest = latest_versions(catalog.store(), artifact_catalog)
    rows = {(row["series"], row["final_only"]): row for row in latest.table.to_pylist()}
    overall = {final: row["version"] for (series, final), row in rows.items() if series is None}
    newest_first = dict.fromkeys([None, *(series for series, _ in reversed(rows))])
    return dg.MaterializeResult(
        value=latest,
        metadata={
            "latest_final": overall.get(True, "none"),
            "latest_of_any_level": overall.get(False, "none"),
            "series": table(
                {
                    "series": series or "all",
                    **_version_and_date(rows.get((series, True)), "final"),
                    **_version_and_date(rows.get((series, False)), "any level"),
                }
                for series in newest_first
            ),
            "moved": names(latest.metadata["moved"]),
        },
    )


def _version_and_date(row: Mapping[str, Any] | None, label: str) -> dict[str, str]:
    date = row and row["source_last_modified"]
    return {
        label: row["version"] if row else "",
        f"{label} released": f"{date:%Y-%m-%d}" if date else "",
    }


@table_asset(schemas.RELEASES, ins=_CATALOG_INPUT, io_manager_key="tables")
def releases(
    catalog: CatalogResource, artifact_catalog: StoredTable
) -> dg.MaterializeResult[StoredTable]:
    """Each release, such as 3.15.0rc1: what it has, its state, and when it became complete.

    A partial one lacks what one of the two before it had, and is young enough to get it yet.
    """
    found = releases_table(catalog.store(), artifact_catalog)
    rows = found.table.select(["version", "state"]).to_pylist()
    states = Counter(row["state"] for row in rows)
    columns = [
        *("version", "state", "missing_families", "expected_complete_by", "released"),
        *(*FAMILIES.values(), "artifacts", "bytes"),
    ]
    return dg.MaterializeResult(
        value=found,
        metadata={
            **{str(state): states[state] for state in ReleaseState},
            "partial_releases": names(
                [row["version"] for row in rows if row["state"] == ReleaseState.PARTIAL]
            ),
            "newly_complete": names(found.metadata["completed"]),
            "preview": newest(found.table, columns),
        },
    )


@table_asset(schemas.CATALOG_CHANGES, deps=[artifact_catalog])
def catalog_changes(catalog: CatalogResource) -> dg.MaterializeResult[None]:
    """What appeared, vanished or was replaced since the last publication, companions included.

    One file for each refresh that saw changes, with the states before and after; many are merged.
    The first publication reports no changes.
    """
    with catalog.writing() as store:
        done = record_changes(store)
    counts = Counter(done.table["change"].to_pylist())
    columns = ["change", "path", "size_before", "size", "last_modified_before", "last_modified"]
    return dg.MaterializeResult(
        metadata={
            **stored(store, done.file or FOLDER, len(done.table)),
            **({} if done.sequence is None else {"sequence": done.sequence}),
            **{change: counts[change] for change in CHANGES},
            "bytes": done.bytes,
            "preview": newest(done.table, columns),
        }
    )


#: A run of its own: without partitions, `release_artifacts` has no output, so that Dagster would
#: skip the assets downstream in the same run.
publish = dg.define_asset_job(
    "publish",
    # AssetSelection adds the checks of these assets. The optional ones make no request: without
    # them, the UI would show a catalog without digests and downloads as incomplete.
    selection=dg.AssetSelection.assets(
        *(artifact_digests, artifact_catalog, latest_version, releases, catalog_changes),
        *(downloaded_artifacts, install_manager),
    ),
    tags=REFRESH_JOB_TAGS,
    description="Publish the catalog, latest versions and releases from the artifact tables, "
    "record what changed, and check what was published.",
)
