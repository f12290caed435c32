"""The assets that are read from the site: the root listing and the release directories."""

# No `from __future__ import annotations`: Dagster reads the annotations of assets at run time.

from collections.abc import Iterator
from datetime import timedelta

import dagster as dg
from pydantic import Field

from pyorg_pipeline.catalog import schemas
from pyorg_pipeline.defs.instance import REFRESH_JOB_TAGS, uninterrupted
from pyorg_pipeline.defs.metadata import (
    PREVIEW_ROWS,
    names,
    preview,
    step_failure,
    table_asset,
)
from pyorg_pipeline.defs.partitions import set_partitions, with_unreported
from pyorg_pipeline.defs.resources import CatalogResource, RefreshProgress, SiteResource
from pyorg_pipeline.errors import DirectoriesFailedError, RootListingError
from pyorg_pipeline.refresh.artifacts import (
    ArtifactsLostError,
    DirectoryCrawl,
    crawl_directories,
)
from pyorg_pipeline.refresh.directories import CrawlState, update_directories


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
    """Which directories a run without partitions crawls, and how."""

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


@table_asset(
    schemas.RELEASE_DIRECTORIES,
    check_specs=[
        dg.AssetCheckSpec(
            "root_keeps_its_directories",
            asset="release_directories",
            blocking=True,
            description="The root listing did not lose more than a tenth of its directories. A "
            "site that is down, or being moved, may list only some of them: the last good table "
            "stays, until `pyorg refresh --accept-vanished` accepts the loss.",
        )
    ],
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
        with uninterrupted():
            set_partitions(context.instance, update.present)
        progress.directories = update
        progress.requests += client.requests_sent
    counts = {"lost": len(update.vanished), "known": len(update.present)}
    existing = [row for row in reversed(update.rows) if row["removed_at"] is None]
    yield dg.MaterializeResult(
        check_results=[dg.AssetCheckResult(passed=True, metadata=counts)],
        # Not one of each listing: the UI would call every partition crawled before it unsynced.
        data_version=dg.DataVersion(client.base_url),
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


@table_asset(
    schemas.RELEASE_ARTIFACTS,
    partitioned=True,
    deps=[release_directories],
    check_specs=[
        dg.AssetCheckSpec(
            "directories_keep_their_artifacts",
            asset="release_artifacts",
            blocking=True,
            description="No directory lost artifacts. The listing may be of a mirror that is being "
            "filled: the directory's last good table stays until a later listing confirms the "
            "loss.",
        )
    ],
)
def release_artifacts(
    context: dg.AssetExecutionContext,
    config: CrawlConfig,
    site: SiteResource,
    catalog: CatalogResource,
    progress: dg.ResourceParam[RefreshProgress],
) -> Iterator[dg.AssetMaterialization | dg.AssetCheckResult | dg.MaterializeResult[None]]:
    """The artifacts of each release directory, one table a directory, companions grouped.

    One request a directory. A directory that fails, or lost artifacts, keeps its last good table
    and makes the run fail after the others are written; one that never gave a listing does not.
    """
    partitioned = context.has_partition_key or context.has_partition_key_range
    crawled: list[dg.AssetMaterialization] = []
    failures: dict[str, str] = {}
    lost: dict[str, str] = {}
    with site.client() as client, catalog.writing() as store:
        wanted = context.partition_keys if partitioned else config.directories
        if wanted is None:
            state = CrawlState.read(store)
            wanted = list(with_unreported(state.due(full=config.full), state, context.instance))
        for done in crawl_directories(
            store, client, wanted, accept_vanished=config.accept_vanished
        ):
            progress.crawls.append(done)
            progress.on_crawl(done)
            if done.error is None:
                crawled.append(_crawl_materialization(done, client.base_url))
                if not partitioned:
                    # As soon as the table is written. Without an output, which Dagster would take
                    # for all partitions.
                    with uninterrupted():
                        context.log_event(crawled[-1])
            elif done.hidden:
                context.log.warning(
                    f"{done.directory} never gave a listing and is tried again later: {done.error}"
                )
            else:
                failures[done.directory] = str(done.error)
                if isinstance(done.error, ArtifactsLostError):
                    lost[done.directory] = names(done.error.lost)
        progress.requests += client.requests_sent
    yield dg.AssetCheckResult(
        passed=not lost,
        description=f"{', '.join(sorted(lost))}: see the files that are no longer listed; the next "
        "refresh accepts a listing that confirms it"
        if lost
        else None,
        metadata={"directories_crawled": len(wanted), **lost},
    )
    if failures:
        if partitioned:
            yield from crawled
        raise step_failure(DirectoriesFailedError(failures))
    if partitioned:
        # With an output: without one, Dagster skips the assets downstream in the same run.
        for one in crawled:
            context.add_asset_metadata(one.metadata, partition_key=one.partition)
        yield dg.MaterializeResult()


def _crawl_materialization(done: DirectoryCrawl, site_url: str) -> dg.AssetMaterialization:
    return dg.AssetMaterialization(
        release_artifacts.key,
        partition=done.directory,
        metadata={
            "dagster/row_count": done.rows,
            "site": dg.MetadataValue.url(f"{site_url}{done.directory}/"),
            "unrecognised": done.unrecognised,
            "companions": done.companions,
            "added": len(done.added),
            "removed": len(done.removed),
            "replaced": len(done.replaced),
            "bytes": done.bytes,
            "preview": preview(done.head, ["name", "version", "artifact_type", "format", "size"]),
            # Last: there may be many.
            "changed_files": names([*done.added, *done.removed, *done.replaced]),
        },
        tags={"dagster/data_version": done.data_version},
    )


read_root = dg.define_asset_job(
    "read_root",
    selection=[release_directories],
    tags=REFRESH_JOB_TAGS,
    description="Read the root listing: one request.",
)
crawl = dg.define_asset_job(
    "crawl_directories",
    selection=[release_artifacts],
    tags=REFRESH_JOB_TAGS,
    description="Crawl the release directories in the config; without config, those that are due.",
)
