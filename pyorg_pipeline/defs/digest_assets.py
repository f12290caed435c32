"""The asset of the artifacts' digests, and the job that brings it up to date.

The job has an op instead of the asset: a run of the asset needs a partition, or a contiguous range
of them, since Dagster looks for the same one of release_artifacts.
"""

# No `from __future__ import annotations`: Dagster reads the annotations of assets at run time.

from collections.abc import Iterator, Sequence
from typing import Final

import dagster as dg
from pydantic import Field

from pyorg_pipeline.catalog import schemas
from pyorg_pipeline.catalog.store import CatalogStore
from pyorg_pipeline.defs.instance import CATALOG_POOL, REFRESH_JOB_TAGS
from pyorg_pipeline.defs.metadata import (
    column_lineage,
    names,
    partitioned_table_asset,
    preview,
)
from pyorg_pipeline.defs.partitions import (
    ARTIFACTS_KEY,
    DIGESTS_KEY,
    due_digest_partitions,
)
from pyorg_pipeline.defs.resources import CatalogResource, RefreshProgress, SiteResource
from pyorg_pipeline.errors import DigestsFailedError
from pyorg_pipeline.model.digests import CHANGED, MISSING, REJECTED, UNREADABLE
from pyorg_pipeline.model.text import plural, shortened
from pyorg_pipeline.refresh import digests
from pyorg_pipeline.refresh.artifacts import data_version

_Context = dg.AssetExecutionContext | dg.OpExecutionContext

# Where the columns come from: the UI shows what the last materialisation says.
_ARTIFACT_DIGESTS_LINEAGE: Final = column_lineage(
    schemas.ARTIFACT_DIGESTS,
    {},
    path=[("release_artifacts", "path")],
    companion=[("release_artifacts", "companions")],
    companion_size=[("release_artifacts", "companion_sizes")],
    companion_last_modified=[("release_artifacts", "companion_dates")],
)


class AcceptConfig(dg.Config):
    """Which digests may change."""

    accept: list[str] = Field(
        default=[],
        description="paths of artifacts whose digest may change: python.org announced that they "
        "were replaced under their names",
    )


class DigestConfig(AcceptConfig):
    """Which digests are read by a run without partitions."""

    directories: list[str] | None = Field(
        default=None,
        description="names of release directories; without them, those that are due",
    )


@partitioned_table_asset(schemas.ARTIFACT_DIGESTS, deps=[ARTIFACTS_KEY])
def artifact_digests(
    context: dg.AssetExecutionContext,
    config: AcceptConfig,
    site: SiteResource,
    catalog: CatalogResource,
    progress: dg.ResourceParam[RefreshProgress],
) -> Iterator[dg.Output[None]]:
    """The SHA-256 of artifacts, read out of the site's .sigstore bundles and .spdx.json files.

    One request a file that is new or changed; with the extra `sigstore`, bundles are verified for
    the series' signer. A digest that changes under the same name is reported, and the one that was
    recorded first stays in force. A file that cannot be fetched makes the run fail after the
    others are read. One that is not a bundle or bill of materials is recorded as unreadable until
    the site replaces it; a signature that does not verify as rejected, and tried again.
    """
    with catalog.writing() as store:
        _record(context, list(context.partition_keys), config.accept, site, store, progress)
    yield from ()


@dg.op(pool=CATALOG_POOL)
def read_digests(
    context: dg.OpExecutionContext,
    config: DigestConfig,
    site: SiteResource,
    catalog: CatalogResource,
    progress: dg.ResourceParam[RefreshProgress],
) -> None:
    """Bring artifact_digests up to date in any set of directories: one request a due companion."""
    with catalog.writing() as store:
        wanted = config.directories
        if wanted is None:
            wanted = due_digest_partitions(store, context.instance)
        _record(context, wanted, config.accept, site, store, progress)


@dg.job(
    executor_def=dg.in_process_executor,
    tags=REFRESH_JOB_TAGS,
    description="Read the digests of artifacts out of their companions: those of the config's "
    "directories, else those that are due.",
)
def record_digests() -> None:
    """Read the digests."""
    read_digests()


def _record(
    context: _Context,
    directories: Sequence[str],
    accept: Sequence[str],
    site: SiteResource,
    store: CatalogStore,
    progress: RefreshProgress,
) -> None:
    """Record the digests of directories and report each to Dagster; fails if any could not."""
    failures: dict[str, str] = {}
    unreadable: list[str] = []
    rejected: list[str] = []
    with site.client() as client:
        for done in digests.record_digests(store, client, directories, accept=accept):
            progress.digests.append(done)
            if done.error is None:
                context.log_event(_materialization(done))
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
    if failures:
        error = DigestsFailedError(failures)
        raise dg.Failure(str(error), metadata=dict(sorted(failures.items())), allow_retries=False)


def _materialization(done: digests.DirectoryDigests) -> dg.AssetMaterialization:
    missing = [row for row in done.read if row["state"] == MISSING]
    conflicting = done.paths(CHANGED)
    unreadable, rejected = done.paths(UNREADABLE), done.paths(REJECTED)
    return dg.AssetMaterialization(
        DIGESTS_KEY,
        partition=done.directory,
        metadata={
            "dagster/row_count": len(done.rows),
            "dagster/column_lineage": _ARTIFACT_DIGESTS_LINEAGE,
            "artifacts_due": len({row["path"] for row in done.read}),
            "digests_read": len(done.recorded),
            "signatures_verified": done.verified,
            "missing": len(missing),
            "conflicts": len(conflicting),
            "conflicting_files": names(conflicting),
            "unreadable": len(unreadable),
            "unreadable_files": names(unreadable),
            "rejected": len(rejected),
            "rejected_files": names(rejected),
            "bytes": done.bytes,
            "preview": preview(
                done.rows[:5],
                ["path", "companion", "state", "sha256", "digest_source", "signed_by"],
            ),
        },
        tags={"dagster/data_version": data_version(done.rows, {"checked_at"})},
    )
