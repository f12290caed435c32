"""The assets: the catalog's tables as Dagster knows them."""

# No `from __future__ import annotations`: Dagster reads the annotations of assets at run time.

import warnings
from collections.abc import Iterator
from typing import Final

import dagster as dg
from pydantic import Field

from pyorg_pipeline.catalog import schemas
from pyorg_pipeline.defs.freshness import FRESHNESS
from pyorg_pipeline.defs.metadata import (
    OWNERS,
    PREVIEW_ROWS,
    column_lineage,
    column_schema,
    names,
    picture,
    preview,
)
from pyorg_pipeline.defs.partitions import (
    DIGESTS_KEY,
    due_partitions,
    mark_as_attempted,
    release_directory_partitions,
)
from pyorg_pipeline.defs.resources import CatalogResource, SiteResource
from pyorg_pipeline.errors import DirectoriesFailedError, RootListingError
from pyorg_pipeline.refresh.artifacts import ArtifactsLostError, DirectoryCrawl, crawl_directories
from pyorg_pipeline.refresh.directories import update_directories
from pyorg_pipeline.refresh.publish import publish_catalog, publish_latest
from pyorg_pipeline.refresh.watch import current_watch
from pyorg_pipeline.reports.pictures import (
    PICTURED_COLUMNS,
    artifacts_by_series,
    bytes_by_series,
    releases_a_year,
)

GROUP = "catalog"

#: Where columns come from; the UI takes it from what was materialised last.
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


class RootConfig(dg.Config):
    """How the root listing is taken."""

    full: bool = Field(
        default=False, description="allow another site than the one that filled the catalog"
    )
    accept_vanished: bool = Field(
        default=False,
        description="believe a listing that lost more than a tenth of its directories",
    )


class CrawlConfig(dg.Config):
    """Which directories are crawled by a run without partitions of its own, and how."""

    directories: list[str] | None = Field(
        default=None,
        description="names of release directories; without them, those that are due by the tables",
    )
    full: bool = Field(
        default=False, description="crawl every directory, whatever its date says, if none is named"
    )
    accept_vanished: bool = Field(
        default=False,
        description="believe a listing that lost artifacts, without waiting for a second one",
    )


ROOT_KEEPS_ITS_DIRECTORIES = dg.AssetCheckSpec(
    "root_keeps_its_directories",
    asset="release_directories",
    blocking=True,
    description="The root listing did not lose more than a tenth of its directories. A site that "
    "is down, or being moved, may show a part of itself: the last good table stays, until "
    "`pyorg refresh --accept_vanished true` says that they are really gone.",
)
DIRECTORIES_KEEP_THEIR_ARTIFACTS = dg.AssetCheckSpec(
    "directories_keep_their_artifacts",
    asset="release_artifacts",
    blocking=True,
    description="No directory lost artifacts. A listing may be of a mirror that is being filled: "
    "the directory's last good table stays, and a later listing that says the same is believed.",
)


@dg.asset(
    group_name=GROUP,
    kinds={"python", "parquet"},
    owners=OWNERS,
    metadata={"dagster/column_schema": column_schema(schemas.RELEASE_DIRECTORIES)},
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

    Takes one request. New directories become partitions of `release_artifacts`, vanished ones
    are recorded as gone. A root that gives no listing, or lost many directories, changes nothing.
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
        rows = [row for row in reversed(update.rows) if row["gone_since"] is None]
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
    _one_table_a_directory = dg.asset(
        partitions_def=release_directory_partitions,
        backfill_policy=dg.BackfillPolicy.single_run(),
        deps=[release_directories],
        output_required=False,
        group_name=GROUP,
        kinds={"python", "parquet"},
        owners=OWNERS,
        metadata={"dagster/column_schema": column_schema(schemas.RELEASE_ARTIFACTS)},
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
    and makes the run fail after the others are written; one that never gave a listing is reported
    only.
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
                    f"{done.directory} never gave a listing and is asked again later: {done.error}"
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
        "round believes a listing that says the same"
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
            "preview": preview(done.head, ["name", "version", "artifact_type", "format", "size"]),
        },
        tags={"dagster/data_version": done.data_version},
    )


@dg.asset(
    # By its key: digest_assets imports nothing of this module, nor this one of that.
    deps=[release_artifacts, DIGESTS_KEY],
    group_name=GROUP,
    kinds={"python", "parquet"},
    owners=OWNERS,
    metadata={"dagster/column_schema": column_schema(schemas.ARTIFACT_CATALOG)},
)
def artifact_catalog(catalog: CatalogResource) -> dg.MaterializeResult[None]:
    """Everything that the site holds now, in one file, sorted by version, then path.

    Published as a whole: a reader sees the old snapshot or the new one.
    """
    with catalog.writing() as store:
        done = current_watch().publication = publish_catalog(store)
    newest = done.table.slice(max(0, len(done.table) - PREVIEW_ROWS)).to_pylist()
    pictured = done.table.select(list(PICTURED_COLUMNS)).to_pylist()
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": len(done.table),
            "dagster/uri": f"{store.location.text}/artifact_catalog.parquet",
            "dagster/column_lineage": _ARTIFACT_CATALOG_LINEAGE,
            "directories": done.directories,
            "releases": done.releases,
            "artifacts": done.artifacts,
            "unrecognised": done.unrecognised,
            "added": done.added,
            "removed": done.removed,
            "bytes_on_the_site": done.size,
            "bytes": done.bytes,
            "releases_a_year": picture(releases_a_year(pictured), "Releases a year, by level"),
            "artifacts_by_series": picture(
                artifacts_by_series(pictured), "Artifacts of each series, by family"
            ),
            "bytes_by_series": picture(bytes_by_series(pictured), "Bytes of each series"),
            "preview": preview(
                reversed(newest), ["path", "version", "artifact_type", "format", "arch", "size"]
            ),
        }
    )


@dg.asset(
    deps=[artifact_catalog],
    group_name=GROUP,
    kinds={"python", "parquet"},
    owners=OWNERS,
    metadata={"dagster/column_schema": column_schema(schemas.LATEST_VERSION)},
)
def latest_version(catalog: CatalogResource) -> dg.MaterializeResult[None]:
    """The newest final and the newest release of any level, over all and for each series."""
    with catalog.writing() as store:
        done = current_watch().latest = publish_latest(store)
    overall = {row["final_only"]: row["version"] for row in done.rows if row["series"] is None}
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": len(done.rows),
            "dagster/uri": f"{store.location.text}/latest_version.parquet",
            "dagster/column_lineage": _LATEST_VERSION_LINEAGE,
            "latest_final": overall.get(True, "none"),
            "latest_of_any_level": overall.get(False, "none"),
            "moved": names(
                [f"{series or 'all'}{' final' if final else ''}" for series, final in done.moved]
            ),
            "bytes": done.bytes,
            "preview": preview(
                reversed(done.rows[-PREVIEW_ROWS:]),
                ["series", "final_only", "version", "source_path"],
            ),
        }
    )
