"""The assets that are read from the site: the root listing, release directories, and digests."""

# No `from __future__ import annotations`: Dagster reads the annotations of assets at run time.

from collections.abc import Iterator, Sequence
from datetime import timedelta

import dagster as dg
from pydantic import Field

from pyorg_pipeline.catalog import schemas
from pyorg_pipeline.defs.instance import CATALOG_POOL, REFRESH_JOB_TAGS
from pyorg_pipeline.defs.metadata import (
    PREVIEW_ROWS,
    names,
    preview,
    step_failure,
    table_asset,
)
from pyorg_pipeline.defs.partitions import (
    due_digest_partitions,
    set_partitions,
    with_unreported,
)
from pyorg_pipeline.defs.resources import CatalogResource, RefreshProgress, SiteResource
from pyorg_pipeline.errors import DigestsFailedError, DirectoriesFailedError, RootListingError
from pyorg_pipeline.model.digests import CHANGED, MISSING, REJECTED, UNREADABLE
from pyorg_pipeline.model.text import plural, shortened
from pyorg_pipeline.refresh import digests
from pyorg_pipeline.refresh.artifacts import (
    ArtifactsLostError,
    DirectoryCrawl,
    crawl_directories,
    data_version,
)
from pyorg_pipeline.refresh.directories import CrawlState, update_directories

_Progress = dg.ResourceParam[RefreshProgress]
_Reported = dg.AssetMaterialization | dg.MaterializeResult[None]


class PartitionReports:
    """The materializations that one step of a partitioned asset reports.

    In a run without partitions, each is reported at once, and the step has no output: Dagster would
    take that for all partitions. In a run with partitions, the step has an output at its end unless
    one of them failed: without it, Dagster skips the assets downstream in the same run.
    """

    def __init__(self, context: dg.AssetExecutionContext | dg.OpExecutionContext) -> None:
        self.context = context
        is_partitioned = context.has_partition_key or context.has_partition_key_range
        #: Those of the run; None if it has none.
        self.partitions = list(context.partition_keys) if is_partitioned else None
        self._pending: list[dg.AssetMaterialization] = []

    def add(self, done: dg.AssetMaterialization) -> None:
        """Report the materialization of a partition."""
        if self.partitions is None:
            self.context.log_event(done)
        else:
            self._pending.append(done)

    def finish(self, error: DirectoriesFailedError | None) -> Iterator[_Reported]:
        """End the step; with an error it fails, and the other partitions are materialized."""
        if error is not None:
            yield from self._pending
            raise step_failure(error)
        if isinstance(self.context, dg.AssetExecutionContext) and self.partitions is not None:
            for done in self._pending:
                self.context.add_asset_metadata(done.metadata, partition_key=done.partition)
            yield dg.MaterializeResult()


class RootConfig(dg.Config):
    """How the root listing is read."""

    full: bool = Field(
        default=False, description="allow another site than the one that filled the catalog"
    )
    accept_vanished: bool = Field(
        default=False,
        description="accept a listing that lost more than a tenth of its directories",
    )


class DirectoriesConfig(dg.Config):
    """What a run without partitions of its own reads."""

    directories: list[str] | None = Field(
        default=None,
        description="names of release directories; without them, those that are due",
    )


class CrawlConfig(DirectoriesConfig):
    """Which directories are crawled, and how."""

    full: bool = Field(
        default=False, description="crawl every directory, whatever its date, if none is named"
    )
    accept_vanished: bool = Field(
        default=False,
        description="accept a listing that lost artifacts, without waiting for a second one",
    )


class DigestConfig(DirectoriesConfig):
    """Which digests are read, and which may change."""

    accept: list[str] = Field(
        default=[],
        description="paths of artifacts whose digest may change: python.org announced that they "
        "were replaced under their names",
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
    progress: _Progress,
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
    progress: _Progress,
) -> Iterator[_Reported | dg.AssetCheckResult]:
    """The artifacts of each release directory, one table a directory, companions grouped.

    One request a directory. A directory that fails, or lost artifacts, keeps its last good table
    and makes the run fail after the others are written; one that never gave a listing does not.
    """
    reports = PartitionReports(context)
    failures: dict[str, str] = {}
    lost: dict[str, str] = {}
    with site.client() as client, catalog.writing() as store:
        if reports.partitions is not None:
            wanted = reports.partitions
        elif config.directories is not None:
            wanted = config.directories
        else:
            state = CrawlState.read(store)
            due = state.due(full=config.full)
            wanted = list(with_unreported(due, state, context.instance))
        for done in crawl_directories(
            store, client, wanted, accept_vanished=config.accept_vanished
        ):
            progress.crawls.append(done)
            progress.on_crawl(done)
            if done.error is None:
                reports.add(_crawl_materialization(done, client.base_url))
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
    yield from reports.finish(DirectoriesFailedError(failures) if failures else None)


@table_asset(schemas.ARTIFACT_DIGESTS, partitioned=True, deps=[release_artifacts])
def artifact_digests(
    context: dg.AssetExecutionContext,
    config: DigestConfig,
    site: SiteResource,
    catalog: CatalogResource,
    progress: _Progress,
) -> Iterator[_Reported]:
    """The SHA-256 of artifacts, read out of the site's .sigstore bundles and .spdx.json files.

    One request a file that is new or changed; with the extra `sigstore`, bundles are verified for
    the series' signer. A digest that changes under the same name is reported, and the one that was
    recorded first stays in force. A file that cannot be fetched makes the run fail after the
    others are read. One that is not a bundle or bill of materials is recorded as unreadable until
    the site replaces it; a signature that does not verify as rejected, and tried again.
    """
    reports = PartitionReports(context)
    yield from _record_digests(reports, reports.partitions, config, site, catalog, progress)


@dg.op(pool=CATALOG_POOL)
def read_digests(
    context: dg.OpExecutionContext,
    config: DigestConfig,
    site: SiteResource,
    catalog: CatalogResource,
    progress: _Progress,
) -> None:
    """Bring artifact_digests up to date in any set of directories: one request a due companion."""
    reports = PartitionReports(context)
    list(_record_digests(reports, config.directories, config, site, catalog, progress))


def _record_digests(
    reports: PartitionReports,
    directories: Sequence[str] | None,
    config: DigestConfig,
    site: SiteResource,
    catalog: CatalogResource,
    progress: RefreshProgress,
) -> Iterator[_Reported]:
    context = reports.context
    failures: dict[str, str] = {}
    unreadable: list[str] = []
    rejected: list[str] = []
    with site.client() as client, catalog.writing() as store:
        if directories is None:
            directories = due_digest_partitions(store, context.instance)
        for done in digests.record_digests(store, client, directories, accept=config.accept):
            progress.digests.append(done)
            if done.error is None:
                reports.add(_digest_materialization(done))
            else:
                failures[done.directory] = done.error
            for conflict in done.conflicts:
                context.log.error(conflict)
            unreadable += done.paths(UNREADABLE)
            rejected += done.paths(REJECTED)
        progress.requests += client.requests_sent
    if unreadable:
        files = plural(len(unreadable), "unreadable file")
        context.log.warning(f"{files} about artifacts: {shortened(unreadable, 5)}")
    if rejected:
        signatures = plural(len(rejected), "rejected signature")
        context.log.error(f"{signatures}: {shortened(rejected, 5)}")
    yield from reports.finish(DigestsFailedError(failures) if failures else None)


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
            "changed_files": names([*done.added, *done.removed, *done.replaced]),
            "bytes": done.bytes,
            "preview": preview(done.head, ["name", "version", "artifact_type", "format", "size"]),
        },
        tags={"dagster/data_version": done.data_version},
    )


def _digest_materialization(done: digests.DirectoryDigests) -> dg.AssetMaterialization:
    changed, unreadable, rejected = map(done.paths, (CHANGED, UNREADABLE, REJECTED))
    columns = ["path", "companion", "state", "sha256", "digest_source", "signed_by"]
    return dg.AssetMaterialization(
        artifact_digests.key,
        partition=done.directory,
        metadata={
            "dagster/row_count": len(done.rows),
            "artifacts_due": len({row["path"] for row in done.read}),
            "digests_read": len(done.recorded),
            "signatures_verified": done.verified,
            "missing": sum(row["state"] == MISSING for row in done.read),
            "conflicts": len(changed),
            "conflicting_files": names(changed),
            "unreadable": len(unreadable),
            "unreadable_files": names(unreadable),
            "rejected": len(rejected),
            "rejected_files": names(rejected),
            "bytes": done.bytes,
            "preview": preview(done.rows[:5], columns),
        },
        tags={"dagster/data_version": data_version({**row, "checked_at": 0} for row in done.rows)},
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


# An op instead of the asset: a run of the asset needs a partition, or a contiguous range of them,
# since Dagster looks for the same one of release_artifacts.
@dg.job(
    executor_def=dg.in_process_executor,
    tags=REFRESH_JOB_TAGS,
    description="Read the digests of artifacts out of their companions: those of the config's "
    "directories, else those that are due.",
)
def record_digests() -> None:
    """Read the digests."""
    read_digests()
