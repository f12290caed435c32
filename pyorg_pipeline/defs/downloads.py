"""The job that downloads a selection from the catalog, with a report on each file.

    select_artifacts -> download_batch, one op a batch

A batch is downloaded by threads of one op: an op an artifact costs more than the transfer of a
small file. Existing files are skipped, so a re-execution downloads what is missing.
"""

# No `from __future__ import annotations`: Dagster reads the annotations of ops at run time.

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import fields
from typing import Any, NamedTuple

import dagster as dg
from pydantic import Field, field_validator

from pyorg_pipeline.catalog.download_reports import (
    FAILED,
    FETCHED,
    FROM_PYTHON,
    REPORTS_FOLDER,
    SKIPPED,
    failures_error,
    read_report,
    report_file,
    report_row,
    with_downloaded_digests,
    write_report,
)
from pyorg_pipeline.catalog.reader import CatalogReader
from pyorg_pipeline.catalog.schemas import DOWNLOAD_REPORT
from pyorg_pipeline.catalog.store import CatalogStore
from pyorg_pipeline.defs.instance import uninterrupted
from pyorg_pipeline.defs.metadata import names, preview, step_failure, stored, table_asset
from pyorg_pipeline.defs.resources import CatalogResource, DownloadsResource, SiteResource
from pyorg_pipeline.downloads.destinations import ArtifactProgress, download_all, open_destination
from pyorg_pipeline.errors import CatalogSiteError
from pyorg_pipeline.model.arguments import parse_verification
from pyorg_pipeline.model.artifacts import PythonOrgArtifact
from pyorg_pipeline.model.downloads import Verify
from pyorg_pipeline.model.selection import Selection, check_names
from pyorg_pipeline.model.text import without_credentials
from pyorg_pipeline.settings import Settings
from pyorg_pipeline.site.urls import normalize_base_url

#: Limits how many batches are downloaded at a time, over all runs of an instance.
POOL = "python_org"


@table_asset(DOWNLOAD_REPORT, deps=["artifact_catalog"])
def downloaded_artifacts(catalog: CatalogResource) -> dg.MaterializeResult[None]:
    """What the job `download_artifacts` downloaded last; a report of each run is in `downloads/`.

    Optional: nothing is downloaded unless that job or `pyorg download` is started. Materializing
    this asset makes no request; it shows the newest report.
    """
    store = catalog.store()
    reports = store.directory_metadata(REPORTS_FOLDER)
    newest = max(
        (run_id for run_id in reports if not run_id.startswith(FROM_PYTHON)),
        key=lambda run_id: reports[run_id]["reported_at"],
        default=None,
    )
    rows = [] if newest is None else read_report(store, newest)
    return dg.MaterializeResult(metadata=_numbers(store, newest, rows))


class DownloadConfig(dg.Config):
    """What is downloaded, and where to."""

    paths: list[str] = Field(
        default=[],
        description="exactly these, such as 3.13.9/Python-3.13.9.tgz, whatever the criteria are",
    )
    series: list[str] = Field(default=[], description="series such as 3.13, as text; all if empty")
    versions: list[str] = Field(
        default=[], description="versions such as 3.13.9 or 3.15.0rc1; all if empty"
    )
    releaselevels: list[str] = Field(
        default=["final"],
        description="alpha, beta, candidate, final; pre-releases in `versions` count as well",
    )
    artifact_types: list[str] = Field(
        default=["source-release"], description="the catalog's column artifact_type; all if empty"
    )
    attributes: dict[str, Any] = Field(
        default={"format": "tarball_lzma"},
        description="values of other columns of the catalog: format, arch, ...; any if empty",
    )
    newest_only: bool = Field(
        default=True,
        description="of each series the newest release with a match; not applied to `versions`",
    )
    limit: int | None = Field(default=None, description="at most this many artifacts, the newest")
    companions: bool = Field(
        default=False, description="download the files about each artifact, too, such as signatures"
    )
    destination: str | None = Field(
        default=None,
        description="a folder or a URL such as s3://bucket/prefix, with credentials in the "
        "environment; by default the folder downloads in PYORG_HOME",
    )
    verify: Any = Field(
        default=True,
        description="true: the strongest method that the site's files allow; digest: a published "
        "digest is required; signature: a Sigstore signature by the release manager is required; "
        "false: the size alone",
    )
    overwrite: bool = Field(default=False, description="replace existing files instead of skipping")
    batch_size: int = Field(default=32, ge=1, description="artifacts an op, several at a time")
    retries: int = Field(
        default=2, ge=0, description="how often Dagster retries a batch after transient failures"
    )
    retry_delay: float = Field(
        default=30, ge=0, description="seconds before the first retry, doubled each time"
    )

    @field_validator("verify")
    @classmethod
    def _one_of_four(cls, value: object) -> Verify:
        return parse_verification(value)


class Batch(NamedTuple):
    """What one op downloads, and how."""

    config: DownloadConfig
    artifacts: list[PythonOrgArtifact]


def selected_artifacts(
    config: DownloadConfig, store: CatalogStore, site_url: str
) -> list[PythonOrgArtifact]:
    """The artifacts that match the configuration, sorted by version.

    Raises CatalogSiteError, ArtifactChoiceError, InvalidArgumentError or VerificationError.
    """
    site_url = without_credentials(normalize_base_url(site_url))
    criteria = {field.name: getattr(config, field.name) for field in fields(Selection)}
    snapshot = CatalogReader(store.location).snapshot()
    if snapshot.site_url != site_url:
        raise CatalogSiteError(store.location.text, snapshot.site_url, site_url)
    if config.paths:
        artifacts = [snapshot.artifact(site_url, one) for one in config.paths]
    else:
        artifacts = Selection(**criteria).of(snapshot.everything(site_url))
    if config.companions:
        artifacts = snapshot.with_companions(site_url, artifacts)
    check_names(artifacts)
    return with_downloaded_digests(store, site_url, artifacts)


@dg.op(out=dg.DynamicOut(Batch))
def select_artifacts(
    context: dg.OpExecutionContext,
    config: DownloadConfig,
    site: SiteResource,
    catalog: CatalogResource,
    downloads: DownloadsResource,
) -> Iterator[dg.DynamicOutput[Batch]]:
    """Select artifacts from the catalog, in batches; makes no request to the site."""
    found = selected_artifacts(config, catalog.store(), site.url)
    # Here as well as in each batch: an invalid destination fails the run at once.
    destination = open_destination(config.destination or downloads.folder)
    context.log.info(f"{len(found)} artifacts to {destination.text}")
    for number, start in enumerate(range(0, len(found), config.batch_size), 1):
        artifacts = found[start : start + config.batch_size]
        yield dg.DynamicOutput(
            Batch(config, artifacts),
            mapping_key=f"{number:03}",
            metadata={
                "artifacts": len(artifacts),
                "bytes": sum(artifact.size or 0 for artifact in artifacts),
                "paths": names([artifact.path for artifact in artifacts]),
            },
        )


@dg.op(pool=POOL)
def download_batch(
    context: dg.OpExecutionContext,
    batch: Batch,
    site: SiteResource,
    catalog: CatalogResource,
    downloads: DownloadsResource,
    download_progress: dg.ResourceParam[ArtifactProgress | None],
) -> None:
    """Download a batch, several artifacts at a time, and add it to the report of the run.

    A failed artifact holds up no other and fails the op at its end. Existing files are skipped,
    and a retry, which Dagster makes if a failure is transient, leaves out what it has fetched.
    """
    config, store = batch.config, catalog.store()
    rows = {row["path"]: row for row in read_report(store, context.run_id)}
    # An earlier attempt of this run has reported what it downloaded, also with `overwrite`.
    wanted = [one for one in batch.artifacts if rows.get(one.path, {}).get("transient", True)]
    # In the report in this order, however they finish.
    rows |= {one.path: {} for one in wanted}
    destination = open_destination(config.destination or downloads.folder)
    with site.client() as client:
        results = download_all(
            client,
            wanted,
            destination,
            overwrite=config.overwrite,
            verify=config.verify,
            progress=download_progress,
        )
        # Closed also when the run is terminated, which cancels the transfers in flight.
        with closing(results):
            for result in results:
                rows[result.artifact.path] = row = report_row(result)
                if row["outcome"] == FAILED:
                    context.log.error(f"{row['path']}: {row['error']}")
                elif row["note"] and config.verify is not False:
                    context.log.warning(f"{row['path']}: {row['note']}")
        site_url = client.base_url
    write_report(store, context.run_id, rows.values(), site_url=site_url)
    done = [rows[one.path] for one in batch.artifacts]
    error = failures_error(done)
    if any(row["transient"] for row in done) and context.retry_number < config.retries:
        raise dg.RetryRequested(config.retries, config.retry_delay * 2**context.retry_number)
    numbers = _numbers(store, context.run_id, list(rows.values()))
    with uninterrupted():
        context.log_event(dg.AssetMaterialization(downloaded_artifacts.key, metadata=numbers))
    if error is not None:
        raise step_failure(error)


def _numbers(
    store: CatalogStore, run_id: str | None, rows: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    columns = ["path", "bytes", "seconds", "verification", "outcome", "error"]
    counts = Counter(row["outcome"] for row in rows)
    report = REPORTS_FOLDER if run_id is None else report_file(run_id)
    return {
        **stored(store, report, len(rows)),
        **{outcome: counts[outcome] for outcome in (FETCHED, SKIPPED, FAILED)},
        "bytes_fetched": sum(row["bytes"] for row in rows if row["outcome"] == FETCHED),
        **({} if run_id is None else {"run": dg.MetadataValue.dagster_run(run_id)}),
        # The table has all rows.
        "preview": preview(rows[:100], columns),
    }


@dg.graph
def download_artifacts() -> None:
    """The selection, and its batches."""
    select_artifacts().map(download_batch)


def download_job(settings: Settings) -> dg.JobDefinition:
    """The job; its Launchpad begins with the config for the newest sources of three series."""
    config = DownloadConfig(limit=3, destination=str(settings.home / "downloads"))
    shown = config.model_dump(exclude={"batch_size", "retries", "retry_delay"})
    return download_artifacts.to_job(
        # Small things belong in threads of one process; each process would import Dagster first.
        executor_def=dg.in_process_executor,
        description="Download what is selected from the catalog, each file verified, with a "
        "report.",
        config={"ops": {select_artifacts.name: {"config": shown}}},
    )
