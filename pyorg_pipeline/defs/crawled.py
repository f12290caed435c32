"""The assets that are read from the site: its root, the release directories, the install manager.

`release_artifacts` has a partition for each release directory. The jobs take any set of them from
their config, and each materialization is reported as soon as its table is written. A run with
native partitions, as a user selects them in the UI, targets a contiguous range, of which Dagster
plans each one first: a first refresh of 322 directories would take 10.8 s instead of 7.9 s.
"""

# No `from __future__ import annotations`: Dagster reads the annotations of assets at run time.

from collections.abc import Collection, Iterator, Mapping
from datetime import timedelta
from typing import Final

import dagster as dg
from pydantic import Field

from pyorg_pipeline.catalog import schemas
from pyorg_pipeline.catalog.store import DIRECTORIES_FILE, INSTALL_MANAGER_FILE
from pyorg_pipeline.defs.instance import REFRESH_JOB_TAGS, uninterrupted
from pyorg_pipeline.defs.metadata import (
    PREVIEW_ROWS,
    names,
    preview,
    step_failure,
    stored,
    table_asset,
)
from pyorg_pipeline.defs.resources import CatalogResource, RefreshProgress, SiteResource
from pyorg_pipeline.errors import DirectoriesFailedError, RootListingError
from pyorg_pipeline.model.due import Due
from pyorg_pipeline.refresh.artifacts import (
    ArtifactsLostError,
    DirectoryCrawl,
    crawl_directories,
)
from pyorg_pipeline.refresh.directories import CrawlState, update_directories
from pyorg_pipeline.refresh.install_manager import install_manager_table

_PARTITIONS_NAME: Final = "release_directory"
release_directory_partitions = dg.DynamicPartitionsDefinition(name=_PARTITIONS_NAME)


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


class InstallManagerConfig(dg.Config):
    """Whether the site is asked."""

    read: bool = Field(
        default=False, description="read the site's listings, instead of showing the last result"
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
            _set_partitions(context.instance, update.present)
        progress.directories = update
        progress.requests += client.requests_sent
    counts = {"lost": len(update.vanished), "known": len(update.present)}
    existing = [row for row in reversed(update.rows) if row["removed_at"] is None]
    yield dg.MaterializeResult(
        check_results=[dg.AssetCheckResult(passed=True, metadata=counts)],
        # Not one of each listing: the UI would call every partition crawled before it unsynced.
        data_version=dg.DataVersion(client.base_url),
        metadata={
            **stored(store, DIRECTORIES_FILE, len(update.rows)),
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
            "preview": preview(existing[:PREVIEW_ROWS], ["name", "last_modified", "first_seen"]),
        },
    )


@table_asset(
    schemas.RELEASE_ARTIFACTS,
    partitions_def=release_directory_partitions,
    backfill_policy=dg.BackfillPolicy.single_run(),
    # It reports each partition itself.
    output_required=False,
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


@table_asset(schemas.INSTALL_MANAGER)
def install_manager(
    config: InstallManagerConfig,
    site: SiteResource,
    catalog: CatalogResource,
    progress: dg.ResourceParam[RefreshProgress],
) -> dg.MaterializeResult[None]:
    """The packages of Python's install manager for Windows, and the indexes that it reads.

    Optional: the job `list_install_manager` and `pyorg refresh --install-manager` list them, with
    two requests. Materializing this asset makes no request; it shows what was listed last.
    They are not releases, and have versions of their own.
    """
    if config.read:
        with site.client() as client, catalog.writing() as store:
            listed = install_manager_table(client)
            store.write(INSTALL_MANAGER_FILE, listed.table, listed.metadata)
            progress.install_manager = len(listed.table)
            progress.requests += client.requests_sent
    store = catalog.store()
    found = store.read_or_none(INSTALL_MANAGER_FILE)
    rows = found.table.to_pylist()[::-1] if found else []
    columns = ["path", "version", "size", "last_modified"]
    return dg.MaterializeResult(
        metadata={
            **stored(store, INSTALL_MANAGER_FILE, len(rows)),
            "preview": preview(rows[:PREVIEW_ROWS], columns),
        }
    )


def with_unreported(
    due: Mapping[str, Due], state: CrawlState, instance: dg.DagsterInstance
) -> dict[str, Due]:
    """Add the directories that have a table, but no materialization, to those that are due.

    Their run was killed in between, or Dagster's history was lost.
    """
    reported = instance.get_materialized_partitions(dg.AssetKey("release_artifacts"))
    known = {*due, *reported, *state.failures}
    keys = instance.get_dynamic_partitions(_PARTITIONS_NAME)
    return {**due, **dict.fromkeys(sorted(set(keys) - known), Due.UNREPORTED)}


def _set_partitions(instance: dg.DagsterInstance, directories: Collection[str]) -> None:
    """Make these the partitions, in this order; those that stay keep their place."""
    known = instance.get_dynamic_partitions(_PARTITIONS_NAME)
    instance.add_dynamic_partitions(
        _PARTITIONS_NAME, [key for key in directories if key not in known]
    )
    for key in known:
        if key not in directories:
            instance.delete_dynamic_partition(_PARTITIONS_NAME, key)


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
list_install_manager = dg.define_asset_job(
    "list_install_manager",
    selection=dg.AssetSelection.assets(install_manager),
    config={"ops": {"install_manager": {"config": {"read": True}}}},
    tags=REFRESH_JOB_TAGS,
    description="List the files of Python's install manager for Windows, which is not a release.",
)
