"""The digests of artifacts: the asset, and the job that reads them from the site."""

# No `from __future__ import annotations`: Dagster reads the annotations of assets at run time.

from collections import Counter
from collections.abc import Sequence
from typing import Any

import dagster as dg
from pydantic import Field

from pyorg_pipeline.catalog import schemas
from pyorg_pipeline.catalog.store import DIGESTS_FOLDER, CatalogStore
from pyorg_pipeline.defs.instance import CATALOG_POOL, REFRESH_JOB_TAGS, uninterrupted
from pyorg_pipeline.defs.metadata import (
    PREVIEW_ROWS,
    names,
    preview,
    step_failure,
    stored,
    table_asset,
)
from pyorg_pipeline.defs.resources import CatalogResource, RefreshProgress, SiteResource
from pyorg_pipeline.errors import DigestsFailedError
from pyorg_pipeline.model.digests import MISSING, OK, REJECTED, UNCONFIRMED, UNREADABLE, Row
from pyorg_pipeline.model.text import plural, shortened
from pyorg_pipeline.refresh import digests
from pyorg_pipeline.refresh.directories import CrawlState

#: The states of companions that somebody has to look at.
_PROBLEMS = (UNCONFIRMED, UNREADABLE, REJECTED)


class DigestConfig(dg.Config):
    """Which digests are read, and which are confirmed."""

    directories: list[str] | None = Field(
        default=None,
        description="names of release directories; without them, those that are due or confirmed",
    )
    confirm: list[str] = Field(
        default=[],
        description="paths of artifacts whose new digests are confirmed, as `pyorg confirm` does: "
        "python.org announced that they were replaced under their names",
    )


@table_asset(schemas.ARTIFACT_DIGESTS)
def artifact_digests(catalog: CatalogResource) -> dg.MaterializeResult[None]:
    """The SHA-256 of artifacts, as the job `record_digests` read them from the site.

    Optional: none are read unless that job or `pyorg refresh --digests` is started. Materializing
    this asset makes no request; it shows what is recorded, and the catalog is published with it.
    """
    store = catalog.store()
    return dg.MaterializeResult(metadata=_numbers(store, digests.recorded_digests(store)))


@dg.op(pool=CATALOG_POOL)
def read_digests(
    context: dg.OpExecutionContext,
    config: DigestConfig,
    site: SiteResource,
    catalog: CatalogResource,
    progress: dg.ResourceParam[RefreshProgress],
) -> None:
    """Read the SHA-256 of artifacts out of .sigstore bundles, .spdx.json files and manifests.

    One request a file that is new or changed; with the extra `sigstore`, bundles are verified for
    the series' signer. A digest that changes under the same name is reported and unconfirmed until
    `confirm` names its artifact. A file that cannot be fetched makes the run fail after the others
    are read. An invalid one is recorded as unreadable until the site replaces it; a signature that
    does not verify as rejected, and tried again.
    """
    read: list[Row] = []
    failures: dict[str, str] = {}
    unreadable: list[str] = []
    rejected: list[str] = []
    with site.client() as client, catalog.writing() as store:
        directories = config.directories
        if directories is None:
            directories = digests.directories_with_due_digests(store, CrawlState.read(store))
            directories += [path.partition("/")[0] for path in config.confirm]
        for done in digests.record_digests(store, client, directories, confirm=config.confirm):
            progress.digests.append(done)
            read += done.read
            if done.error is not None:
                failures[done.directory] = done.error
            for problem in done.unconfirmed:
                context.log.error(problem)
            unreadable += done.paths(UNREADABLE)
            rejected += done.paths(REJECTED)
        progress.requests += client.requests_sent
        numbers = _numbers(store, digests.recorded_digests(store))
    if unreadable:
        files = plural(len(unreadable), "unreadable file")
        context.log.warning(f"{files} about artifacts: {shortened(unreadable, 5)}")
    if rejected:
        signatures = plural(len(rejected), "rejected signature")
        context.log.error(f"{signatures}: {shortened(rejected, 5)}")
    metadata = {"companions_read": len(read), **numbers}
    with uninterrupted():
        context.log_event(dg.AssetMaterialization(artifact_digests.key, metadata=metadata))
    if failures:
        raise step_failure(DigestsFailedError(failures))


@dg.job(
    executor_def=dg.in_process_executor,
    tags=REFRESH_JOB_TAGS,
    description="Read the digests of artifacts out of their companions: those of the config's "
    "directories, else those that are due. The sensor, or the job publish, then puts them into "
    "the catalog.",
)
def record_digests() -> None:
    """Read the digests."""
    read_digests()


def _numbers(store: CatalogStore, rows: Sequence[Row]) -> dict[str, Any]:
    states = Counter(row["state"] for row in rows)
    columns = ["path", "companion", "state", "sha256", "digest_source", "signed_by"]
    return {
        **stored(store, DIGESTS_FOLDER, len(rows)),
        "digests": states[OK],
        "signatures_verified": sum(row["signed_by"] is not None for row in rows),
        "missing": states[MISSING],
        **{state: states[state] for state in _PROBLEMS},
        "preview": preview(rows[::-1][:PREVIEW_ROWS], columns),
        **{
            f"{state}_files": names([row["path"] for row in rows if row["state"] == state])
            for state in _PROBLEMS
        },
    }
