"""The assets that are crawled: the root listing and the release directories."""

# No `from __future__ import annotations`: Dagster reads the annotations of assets at run time.

from collections.abc import Iterator
from datetime import timedelta
from typing import Final

import dagster as dg
from pydantic import Field

from pyorg_pipeline.catalog import schemas
from pyorg_pipeline.defs.metadata import (
    PREVIEW_ROWS,
    column_lineage,
    names,
    partitioned_table_asset,
    preview,
    table_asset,
)
from pyorg_pipeline.defs.partitions import (
    due_partitions,
    set_partitions,
)
from pyorg_pipeline.defs.resources import CatalogResource, RefreshProgress, SiteResource
from pyorg_pipeline.errors import DirectoriesFailedError, RootListingError
from pyorg_pipeline.refresh.artifacts import (
    ArtifactsLostError,
    DirectoryCrawl,
    crawl_directories,
)
from pyorg_pipeline.refresh.directories import update_directories

# Where the columns come from: the UI shows what the last materialisation says.
_RELEASE_ARTIFACTS_LINEAGE: Final = column_lineage(
    schemas.RELEASE_ARTIFACTS,
    {},
    directory=[("release_directories", "name")],
    directory_last_modified=[("release_directories", "last_modified")],
)


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
    # The root listing is read every hour; the other tables are only written when something changed.
    # Two failures in a row may happen; a day without a listing needs somebody's attention.
    freshness_policy=dg.FreshnessPolicy.time_window(
        warn_window=timedelta(hours=3), fail_window=timedelta(hours=26)
    ),
)
def release_directories(
    context: dg.AssetExecutionContext,
    config: RootConfig,
    site: SiteResource,
    catalog: CatalogResource,
    progress: dg.ResourceParam[RefreshProgress],
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
        set_partitions(context.instance, update.present)
        progress.directories = update
        progress.requests += client.requests_sent
    counts = {"lost": len(update.vanished), "known": len(update.present)}
    existing = [row for row in reversed(update.rows) if row["removed_at"] is None]
    yield dg.MaterializeResult(
        check_results=[dg.AssetCheckResult(passed=True, metadata=counts)],
        metadata={
            "dagster/uri": f"{store.location.text}/release_directories.parquet",
            "site": dg.MetadataValue.url(client.base_url),
            "requests": client.requests_sent,
            "dagster/row_count": len(update.rows),
            "new": len(update.new),
            "new_directories": names(update.new),
            "changed": len(update.changed),
            "changed_directories": names(update.changed),
            "vanished": len(update.vanished),
            "vanished_directories": names(update.vanished),
            "listing_age_seconds": (update.checked_at - update.generated_at).total_seconds(),
            "bytes": update.bytes,
            "preview": preview(existing[:PREVIEW_ROWS], ["name", "last_modified", "first_seen"]),
        },
    )


@partitioned_table_asset(
    schemas.RELEASE_ARTIFACTS,
    deps=[release_directories],
    check_specs=[DIRECTORIES_KEEP_THEIR_ARTIFACTS],
)
def release_artifacts(
    context: dg.AssetExecutionContext,
    config: CrawlConfig,
    site: SiteResource,
    catalog: CatalogResource,
    progress: dg.ResourceParam[RefreshProgress],
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
        for done in crawl_directories(
            store, client, wanted, accept_vanished=config.accept_vanished
        ):
            progress.crawled(done)
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
        progress.requests += client.requests_sent
    lossy = ", ".join(sorted(lost))
    yield dg.AssetCheckResult(
        passed=not lost,
        description=f"{lossy}: see the files that are listed no longer; the next refresh accepts a "
        "listing that confirms it"
        if lost
        else None,
        metadata={
            "directories_crawled": len(wanted),
            **{directory: names(paths) for directory, paths in sorted(lost.items())},
        },
    )
    if failures:
        error = DirectoriesFailedError(failures)
        raise dg.Failure(str(error), metadata=dict(sorted(failures.items())), allow_retries=False)


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
            "preview": preview(done.head, ["name", "version", "artifact_type", "format", "size"]),
        },
        tags={"dagster/data_version": done.data_version},
    )
