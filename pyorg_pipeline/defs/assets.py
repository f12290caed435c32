"""The assets: the catalog's tables as Dagster knows them."""

# No `from __future__ import annotations`: Dagster reads the annotations of assets at run time.

import warnings
from collections import Counter
from collections.abc import Iterator
from typing import Final

import dagster as dg
from pydantic import Field

from pyorg_pipeline.catalog import schemas
from pyorg_pipeline.catalog.changes import FOLDER
from pyorg_pipeline.catalog.release_files import RELEASE_FILE_COLUMNS
from pyorg_pipeline.catalog.store import StoredTable
from pyorg_pipeline.defs.freshness import FRESHNESS
from pyorg_pipeline.defs.metadata import (
    PREVIEW_ROWS,
    column_lineage,
    names,
    newest_rows,
    picture,
    preview,
    table_asset,
)
from pyorg_pipeline.defs.partitions import (
    DIGESTS_KEY,
    due_partitions,
    mark_as_attempted,
    release_directory_partitions,
)
from pyorg_pipeline.defs.resources import CatalogResource, SiteResource
from pyorg_pipeline.errors import DirectoriesFailedError, RootListingError
from pyorg_pipeline.model.changes import CHANGES
from pyorg_pipeline.model.releases import FAMILIES, ReleaseState
from pyorg_pipeline.refresh.artifacts import (
    PREVIEW_COLUMNS,
    ArtifactsLostError,
    DirectoryCrawl,
    crawl_directories,
)
from pyorg_pipeline.refresh.changes import record_changes
from pyorg_pipeline.refresh.directories import update_directories
from pyorg_pipeline.refresh.publish import catalog_snapshot, latest_versions, moved_versions
from pyorg_pipeline.refresh.releases import releases_table
from pyorg_pipeline.refresh.watch import current_watch
from pyorg_pipeline.reports.pictures import (
    PICTURED_COLUMNS,
    artifacts_by_series,
    bytes_by_series,
    releases_a_year,
)

# Where the columns come from: the UI shows what the last materialisation says.
_RELEASE_ARTIFACTS_LINEAGE: Final = column_lineage(
    schemas.RELEASE_ARTIFACTS,
    {},
    directory=[("release_directories", "name")],
    directory_last_modified=[("release_directories", "last_modified")],
)
_ARTIFACT_CATALOG_LINEAGE: Final = column_lineage(
    schemas.ARTIFACT_CATALOG,
    {
        "release_artifacts": schemas.RELEASE_ARTIFACTS,
        "artifact_digests": schemas.ARTIFACT_DIGESTS,
    },
)
_LATEST_VERSION_LINEAGE: Final = column_lineage(
    schemas.LATEST_VERSION,
    {"artifact_catalog": schemas.ARTIFACT_CATALOG},
    series=[("artifact_catalog", "major"), ("artifact_catalog", "minor")],
    final_only=[("artifact_catalog", "releaselevel")],
    source_path=[("artifact_catalog", "path")],
    source_size=[("artifact_catalog", "size")],
    source_last_modified=[("artifact_catalog", "last_modified")],
)
_RELEASES_LINEAGE: Final = column_lineage(
    schemas.RELEASES,
    {"artifact_catalog": schemas.ARTIFACT_CATALOG},
    series=[("artifact_catalog", "major"), ("artifact_catalog", "minor")],
    released=[("artifact_catalog", "last_modified")],
    artifacts=[("artifact_catalog", "path")],
    bytes=[("artifact_catalog", "size")],
    signed_share=[("artifact_catalog", "companions")],
    source_path=[("artifact_catalog", "path")],
)
_CATALOG_CHANGES_LINEAGE: Final = column_lineage(
    schemas.CATALOG_CHANGES, {"release_artifacts": schemas.RELEASE_ARTIFACTS}
)

#: The input of what is made from the catalog: of artifact_catalog only the columns that it needs.
_CATALOG_INPUT: Final = {
    "artifact_catalog": dg.AssetIn(metadata={"columns": RELEASE_FILE_COLUMNS}),
}


class RootConfig(dg.Config):
    """How the root listing is read."""

    full: bool = Field(
        default=False, description="allow another site than the one that filled the catalog"
    )
    accept_vanished: bool = Field(
        default=False,
        description="accept a listing that lost more than a tenth of its directories",
    )


class CrawlConfig(dg.Config):
    """Which directories are crawled by a run without partitions of its own, and how."""

    directories: list[str] | None = Field(
        default=None,
        description="names of release directories; without them, those that are due",
    )
    full: bool = Field(
        default=False, description="crawl every directory, whatever its date, if none is named"
    )
    accept_vanished: bool = Field(
        default=False,
        description="accept a listing that lost artifacts, without waiting for a second one",
    )


ROOT_KEEPS_ITS_DIRECTORIES = dg.AssetCheckSpec(
    "root_keeps_its_directories",
    asset="release_directories",
    blocking=True,
    description="The root listing did not lose more than a tenth of its directories. A site that "
    "is down, or being moved, may list only some of them: the last good table stays, until "
    "`pyorg refresh --accept_vanished true` accepts the loss.",
)
DIRECTORIES_KEEP_THEIR_ARTIFACTS = dg.AssetCheckSpec(
    "directories_keep_their_artifacts",
    asset="release_artifacts",
    blocking=True,
    description="No directory lost artifacts. The listing may be of a mirror that is being filled: "
    "the directory's last good table stays until a later listing confirms the loss.",
)


@table_asset(
    schemas.RELEASE_DIRECTORIES,
    check_specs=[ROOT_KEEPS_ITS_DIRECTORIES],
    freshness_policy=FRESHNESS,
)
def release_directories(
    context: dg.AssetExecutionContext,
    config: RootConfig,
    site: SiteResource,
    catalog: CatalogResource,
) -> Iterator[dg.MaterializeResult[None] | dg.AssetCheckResult]:
    """The release directories of the root listing, one row each, with the date that the site lists.

    One request. New directories become partitions of `release_artifacts`, and the files of removed
    ones are recorded as removed. A root that gives no listing, or lost many directories, changes
    nothing.
    """
    with site.client() as client, catalog.writing() as store:
        store.location.sweep()
        try:
            update = update_directories(
                store, client, full=config.full, accept_vanished=config.accept_vanished
            )
        except RootListingError as error:
            yield dg.AssetCheckResult(
                passed=False,
                description=str(error),
                metadata={"lost": error.lost, "known": error.known},
            )
            raise
        instance, name = context.instance, release_directory_partitions.name
        assert name is not None
        known = set(instance.get_dynamic_partitions(name))
        instance.add_dynamic_partitions(name, [key for key in update.present if key not in known])
        for key in sorted(known.difference(update.present)):
            instance.delete_dynamic_partition(name, key)
        watch = current_watch()
        watch.directories = update
        watch.requests += client.requests_sent
        rows = [row for row in reversed(update.rows) if row["removed_at"] is None]
    yield dg.MaterializeResult(
        check_results=[
            dg.AssetCheckResult(
                passed=True,
                metadata={"lost": len(update.vanished), "known": len(update.present)},
            )
        ],
        metadata={
            "dagster/row_count": len(update.rows),
            "dagster/uri": f"{store.location.text}/release_directories.parquet",
            "site": dg.MetadataValue.url(client.base_url),
            "requests": client.requests_sent,
            "new": len(update.new),
            "new_directories": names(update.new),
            "changed": len(update.changed),
            "changed_directories": names(update.changed),
            "vanished": len(update.vanished),
            "vanished_directories": names(update.vanished),
            "listing_age_seconds": (update.checked_at - update.generated_at).total_seconds(),
            "bytes": update.bytes,
            "preview": preview(rows[:PREVIEW_ROWS], ["name", "last_modified", "first_seen"]),
        },
    )


with warnings.catch_warnings():
    # One run for any range of partitions; in beta, hence the one minor release of Dagster.
    warnings.simplefilter("ignore", category=dg.BetaWarning)
    _one_table_a_directory = table_asset(
        schemas.RELEASE_ARTIFACTS,
        partitions_def=release_directory_partitions,
        backfill_policy=dg.BackfillPolicy.single_run(),
        deps=[release_directories],
        output_required=False,
        check_specs=[DIRECTORIES_KEEP_THEIR_ARTIFACTS],
    )


@_one_table_a_directory
def release_artifacts(
    context: dg.AssetExecutionContext,
    config: CrawlConfig,
    site: SiteResource,
    catalog: CatalogResource,
) -> Iterator[dg.Output[None] | dg.AssetCheckResult]:
    """The artifacts of each release directory, one table a directory, companions grouped.

    One request a directory. A directory that fails, or lost artifacts, keeps its last good table
    and makes the run fail after the others are written; one that never gave a listing does not.
    """
    failures: dict[str, str] = {}
    lost: dict[str, list[str]] = {}
    with site.client() as client, catalog.writing() as store:
        if context.has_partition_key or context.has_partition_key_range:
            wanted = list(context.partition_keys)
        elif config.directories is not None:
            wanted = config.directories
        else:
            wanted = list(due_partitions(store, context.instance, full=config.full))
        watch = current_watch()
        watch.wanted = len(wanted)
        for done in crawl_directories(
            store,
            client,
            wanted,
            concurrency=site.concurrency,
            accept_vanished=config.accept_vanished,
        ):
            watch.crawled(done)
            if done.error is None:
                url = f"{client.base_url}{done.directory}/"
                context.log_event(_materialization(context, done, url))
            elif done.hidden:
                context.log.warning(
                    f"{done.directory} never gave a listing and is tried again later: {done.error}"
                )
            else:
                failures[done.directory] = str(done.error)
                if isinstance(done.error, ArtifactsLostError):
                    lost[done.directory] = list(done.error.lost)
        watch.requests += client.requests_sent
    yield _check_of_losses(lost, len(wanted))
    if failures:
        if not context.has_partition_key and not context.has_partition_key_range:
            mark_as_attempted(context, context.asset_key, list(failures))
        error = DirectoriesFailedError(failures)
        raise dg.Failure(str(error), metadata=dict(sorted(failures.items())), allow_retries=False)


def _check_of_losses(lost: dict[str, list[str]], crawled: int) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        passed=not lost,
        description=f"{', '.join(sorted(lost))}: see the files that are listed no longer; the next "
        "refresh accepts a listing that confirms it"
        if lost
        else None,
        metadata={
            "directories_crawled": crawled,
            **{directory: names(paths) for directory, paths in sorted(lost.items())},
        },
    )


def _materialization(
    context: dg.AssetExecutionContext, done: DirectoryCrawl, url: str
) -> dg.AssetMaterialization:
    return dg.AssetMaterialization(
        context.asset_key,
        partition=done.directory,
        metadata={
            "dagster/row_count": done.rows,
            "dagster/column_lineage": _RELEASE_ARTIFACTS_LINEAGE,
            "site": dg.MetadataValue.url(url),
            "unrecognised": done.unrecognised,
            "companions": done.companions,
            "added": len(done.added),
            "removed": len(done.removed),
            "replaced": len(done.replaced),
            "changed_files": names([*done.added, *done.removed, *done.replaced]),
            "bytes": done.bytes,
            "preview": preview(done.head, PREVIEW_COLUMNS),
        },
        tags={"dagster/data_version": done.data_version},
    )


@table_asset(
    schemas.ARTIFACT_CATALOG,
    # The digests by their key: digest_assets and this module do not import each other.
    deps=[release_artifacts, DIGESTS_KEY],
    io_manager_key="tables",
)
def artifact_catalog(catalog: CatalogResource) -> dg.MaterializeResult[StoredTable]:
    """Everything that the site has now, in one file, sorted by version, then path.

    Published as a whole: a reader sees the old snapshot or the new one.
    """
    snapshot = current_watch().publication = catalog_snapshot(catalog.store())
    table = snapshot.table
    pictured = table.select(list(PICTURED_COLUMNS)).to_pylist()
    counts = ("directories", "releases", "artifacts", "unrecognised", "added", "removed")
    columns = ["path", "version", "artifact_type", "format", "arch", "size"]
    return dg.MaterializeResult(
        value=snapshot,
        metadata={
            "dagster/column_lineage": _ARTIFACT_CATALOG_LINEAGE,
            **{name: snapshot.metadata[name] for name in counts},
            "bytes_on_the_site": sum(row["size"] or 0 for row in pictured),
            "releases_a_year": picture(releases_a_year(pictured), "Releases a year, by level"),
            "artifacts_by_series": picture(
                artifacts_by_series(pictured), "Artifacts of each series, by family"
            ),
            "bytes_by_series": picture(bytes_by_series(pictured), "Bytes of each series"),
            "preview": preview(newest_rows(table), columns),
        },
    )


@table_asset(schemas.LATEST_VERSION, ins=_CATALOG_INPUT, io_manager_key="tables")
def latest_version(
    catalog: CatalogResource, artifact_catalog: StoredTable
) -> dg.MaterializeResult[StoredTable]:
    """The newest final and the newest release of any level, over all and for each series."""
    store = catalog.store()
    latest = latest_versions(store, artifact_catalog)
    rows = latest.table.to_pylist()
    overall = {row["final_only"]: row["version"] for row in rows if row["series"] is None}
    moved = moved_versions(store, latest)
    return dg.MaterializeResult(
        value=latest,
        metadata={
            "dagster/column_lineage": _LATEST_VERSION_LINEAGE,
            "latest_final": overall.get(True, "none"),
            "latest_of_any_level": overall.get(False, "none"),
            "moved": names([f"{series or 'all'}{' final' * final}" for series, final in moved]),
            "preview": preview(
                newest_rows(latest.table), ["series", "final_only", "version", "source_path"]
            ),
        },
    )


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
            "dagster/column_lineage": _RELEASES_LINEAGE,
            **{str(state): states[state] for state in ReleaseState},
            "partial_releases": names(
                [row["version"] for row in rows if row["state"] == ReleaseState.PARTIAL]
            ),
            "newly_complete": names(found.metadata["completed"]),
            "preview": preview(newest_rows(found.table), columns),
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
            "dagster/row_count": len(done.table),
            "dagster/uri": f"{store.location.text}/{done.file or FOLDER}",
            "dagster/column_lineage": _CATALOG_CHANGES_LINEAGE,
            "sequence": "none" if done.sequence is None else done.sequence,
            **{change: counts[change] for change in CHANGES},
            "bytes": done.bytes,
            "preview": preview(newest_rows(done.table), columns),
        }
    )
