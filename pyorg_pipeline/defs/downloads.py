"""The job that downloads what was selected from the catalog, and reports on each file.

    select_artifacts -> download_batch, one op a batch -> report_downloads

A batch is downloaded by threads of one op: an op an artifact costs more than a small file's
transfer, and one after the other they would wait for the site where threads wait together.
"""

# No `from __future__ import annotations`: Dagster reads the annotations of ops at run time.

from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Any

import dagster as dg
from pydantic import Field, field_validator

from pyorg_pipeline.catalog.download_reports import DOWNLOAD_REPORT, report_file, write_report
from pyorg_pipeline.catalog.queries import CatalogReader
from pyorg_pipeline.defs.living_runs import fail_killed_runs
from pyorg_pipeline.defs.metadata import OWNERS, column_schema, names, preview
from pyorg_pipeline.defs.resources import CatalogResource, DownloadsResource, SiteResource
from pyorg_pipeline.downloads.batch import FAILED, FETCHED, SKIPPED, Outcome, download_all
from pyorg_pipeline.downloads.destinations import open_destination
from pyorg_pipeline.downloads.verify import Verify
from pyorg_pipeline.errors import CatalogSiteError, DownloadsFailedError
from pyorg_pipeline.model.arguments import parse_verification
from pyorg_pipeline.model.artifacts import UNRECOGNISED, PythonOrgArtifact
from pyorg_pipeline.model.selection import Selection, check_names

#: Bounds how many batches are downloaded at a time, over all runs of an instance.
POOL = "python_org"

#: Rows of the report that the UI shows; the table has all of them.
_ROWS_SHOWN = 100

#: The report as an asset: no run materialises it by itself, each download adds to it.
downloaded_artifacts = dg.AssetSpec(
    "downloaded_artifacts",
    deps=["artifact_catalog"],
    group_name="downloads",
    kinds={"python", "parquet"},
    description="What the job download_artifacts brought to its destinations: a report a run, "
    "under downloads/ at the catalog's location.",
    owners=OWNERS,
    metadata={"dagster/column_schema": column_schema(DOWNLOAD_REPORT)},
)


class DownloadConfig(dg.Config):
    """What is downloaded, and where to."""

    series: list[str] = Field(
        default=[], description="series such as 3.13, as text; without them, all"
    )
    versions: list[str] = Field(
        default=[], description="versions such as 3.13.9 or 3.15.0rc1; without them, all"
    )
    releaselevels: list[str] = Field(
        default=["final"],
        description="alpha, beta, candidate, final; a pre-release among the versions needs none",
    )
    artifact_types: list[str] = Field(
        default=["source-release"],
        description="types as the column artifact_type of the catalog has them; [] for all",
    )
    attributes: dict[str, Any] = Field(
        default={"format": "tarball_lzma"},
        description="what the file's name has to tell: format, arch, ... (the catalog's columns); "
        "{} for whatever it tells",
    )
    newest_only: bool = Field(
        default=True,
        description="of each series only the newest release that has something that fits; "
        "versions that are named are taken all the same",
    )
    limit: int | None = Field(default=None, description="at most so many artifacts, the newest")
    destination: str | None = Field(
        default=None,
        description="a folder, or a URL that fsspec can serve, such as s3://bucket/prefix, with "
        "credentials in the environment; without it, the folder downloads in PYORG_HOME",
    )
    verify: Any = Field(
        default=True,
        description="true: the strongest proof there is; digest: nothing less than a digest; "
        "signature: a Sigstore signature by the release's manager; false: the size alone",
    )
    overwrite: bool = Field(
        default=False, description="replace files that are there; otherwise they are kept"
    )
    batch_size: int = Field(
        default=32, ge=1, description="artifacts an op; within it, threads download several at once"
    )
    retries: int = Field(
        default=2,
        ge=0,
        description="how often Dagster takes a batch again whose failures may pass, such as a "
        "site that is down; the site's client has tried several times by then",
    )
    retry_delay: float = Field(
        default=30, ge=0, description="seconds before it does, doubled each time"
    )

    @field_validator("verify")
    @classmethod
    def _one_of_four(cls, value: object) -> Verify:
        return parse_verification(value)

    @property
    def selection(self) -> Selection:
        """The criteria among these."""
        return Selection(
            series=self.series,
            versions=self.versions,
            releaselevels=self.releaselevels,
            artifact_types=self.artifact_types,
            attributes=self.attributes,
            newest_only=self.newest_only,
            limit=self.limit,
        )


@dataclass(frozen=True)
class Batch:
    """Artifacts that one op downloads, and how."""

    artifacts: list[PythonOrgArtifact]
    destination: str
    overwrite: bool
    verify: Verify
    retries: int
    retry_delay: float


@dataclass(frozen=True)
class BatchOutcome:
    """What became of a batch, one outcome an artifact, in their order."""

    batch: Batch
    outcomes: list[Outcome]
    run_id: str


@dg.op(out=dg.DynamicOut(Batch))
def select_artifacts(
    context: dg.OpExecutionContext,
    config: DownloadConfig,
    site: SiteResource,
    catalog: CatalogResource,
    downloads: DownloadsResource,
) -> Iterator[dg.DynamicOutput[Batch]]:
    """Select artifacts from the catalog, in batches. Asks nothing of the site."""
    fail_killed_runs(context.instance, downloads.lock_folder)
    found = config.selection.of(_artifacts(catalog, site))
    check_names(found)
    url = config.destination or downloads.folder
    # Now, and not in each of the batches: a destination that cannot be opened is none.
    context.log.info(f"{len(found)} artifacts to {open_destination(url).text}")
    for start in range(0, len(found), config.batch_size):
        batch = Batch(
            artifacts=found[start : start + config.batch_size],
            destination=url,
            overwrite=config.overwrite,
            verify=config.verify,
            retries=config.retries,
            retry_delay=config.retry_delay,
        )
        yield dg.DynamicOutput(
            batch,
            mapping_key=f"{start // config.batch_size + 1:03}",
            metadata={
                "artifacts": len(batch.artifacts),
                "bytes": sum(artifact.size or 0 for artifact in batch.artifacts),
                "paths": names([artifact.path for artifact in batch.artifacts]),
            },
        )


def _artifacts(catalog: CatalogResource, site: SiteResource) -> list[PythonOrgArtifact]:
    location = catalog.store().location
    snapshot = CatalogReader(location).snapshot()
    with site.client() as client:
        base_url = client.base_url
    if snapshot.facts["site_url"] != base_url:
        raise CatalogSiteError(location.text, snapshot.facts["site_url"], base_url)
    return [
        *snapshot.artifacts(base_url),
        *snapshot.artifacts(base_url, artifact_type=UNRECOGNISED),
    ]


@dg.op(pool=POOL)
def download_batch(
    context: dg.OpExecutionContext,
    batch: Batch,
    site: SiteResource,
    downloads: DownloadsResource,
) -> BatchOutcome:
    """Download a batch's artifacts, several at a time, each proven before it gets its name.

    An artifact that cannot be had is told in the report and makes the run fail at its end; the
    others are not held up. Files that are there are skipped, also when this is tried again.
    """
    # What earlier attempts of this op brought: a second one must not tell of it as skipped.
    outcomes = downloads.outcomes(context.get_step_execution_context().step.key)
    wanted = [
        artifact
        for artifact in batch.artifacts
        if artifact.path not in outcomes or outcomes[artifact.path].transient
    ]
    _download(context, batch, wanted, outcomes, site=site)
    transient = [outcome for outcome in outcomes.values() if outcome.transient]
    if transient and context.retry_number < batch.retries:
        context.log.warning(f"tried again: {names([outcome.path for outcome in transient])}")
        raise dg.RetryRequested(
            max_retries=batch.retries,
            seconds_to_wait=batch.retry_delay * 2**context.retry_number,
        )
    return BatchOutcome(
        batch, [outcomes[artifact.path] for artifact in batch.artifacts], context.run_id
    )


def _download(
    context: dg.OpExecutionContext,
    batch: Batch,
    artifacts: list[PythonOrgArtifact],
    outcomes: dict[str, Outcome],
    *,
    site: SiteResource,
) -> None:
    """Download artifacts of a batch; the outcome of each goes in as it is there."""
    with (
        site.client() as client,
        closing(
            download_all(
                client,
                artifacts,
                open_destination(batch.destination),
                concurrency=site.concurrency,
                overwrite=batch.overwrite,
                verify=batch.verify,
            )
        ) as transfers,
    ):
        for outcome in transfers:
            outcomes[outcome.path] = outcome
            if outcome.error is not None:
                context.log.error(outcome.error)
            elif outcome.note is not None and batch.verify is not False:
                context.log.warning(f"{outcome.path}: {outcome.note}")


@dg.op(pool=POOL)
def report_downloads(
    context: dg.OpExecutionContext,
    batches: list[BatchOutcome],
    site: SiteResource,
    catalog: CatalogResource,
) -> None:
    """Write the report of all batches, and fail if an artifact failed.

    A re-execution from failure begins here if all batches came to their end: then it looks for
    each artifact of the earlier run again, and downloads what is missing.
    """
    artifacts = [artifact for done in batches for artifact in done.batch.artifacts]
    outcomes: dict[str, Outcome] = {}
    for done in batches:
        if done.run_id == context.run_id:
            outcomes |= {outcome.path: outcome for outcome in done.outcomes}
        else:
            failed = {outcome.path for outcome in done.outcomes if outcome.error is not None}
            # What the earlier run has replaced is not replaced once more.
            for batch, is_failed in (
                (done.batch, True),
                (replace(done.batch, overwrite=False), False),
            ):
                wanted = [one for one in batch.artifacts if (one.path in failed) == is_failed]
                _download(context, batch, wanted, outcomes, site=site)
    ordered = [outcomes[artifact.path] for artifact in artifacts]
    failures = {one.path: one.error for one in ordered if one.error is not None}
    context.log_event(_materialization(context, catalog, ordered))
    if failures:
        error = DownloadsFailedError(failures, len(ordered))
        raise dg.Failure(str(error), metadata=dict(failures), allow_retries=False)


def _materialization(
    context: dg.OpExecutionContext, catalog: CatalogResource, outcomes: list[Outcome]
) -> dg.AssetMaterialization:
    store, now = catalog.store(), datetime.now(UTC)
    rows = [
        {**asdict(one), "sources": list(one.sources), "run_id": context.run_id, "reported_at": now}
        for one in outcomes
    ]
    size = write_report(store, context.run_id, rows, {"run_id": context.run_id, "reported_at": now})
    fetched = [one for one in outcomes if one.outcome == FETCHED]
    columns = ["path", "bytes", "seconds", "proof", "outcome", "error"]
    return dg.AssetMaterialization(
        downloaded_artifacts.key,
        metadata={
            "dagster/row_count": len(rows),
            "dagster/uri": f"{store.location.text}/{report_file(context.run_id)}",
            FETCHED: len(fetched),
            SKIPPED: sum(one.outcome == SKIPPED for one in outcomes),
            FAILED: sum(one.outcome == FAILED for one in outcomes),
            "bytes_fetched": sum(one.bytes or 0 for one in fetched),
            "bytes": size,
            "preview": preview(rows[:_ROWS_SHOWN], columns),
        },
    )


@dg.job(
    # Small things belong in threads of one process; each process would import Dagster first.
    executor_def=dg.in_process_executor,
    description="Download what is selected from the catalog, each file proven, with a report.",
)
def download_artifacts() -> None:
    """The selection, its batches, and the report on all of them."""
    report_downloads(select_artifacts().map(download_batch).collect())
