"""A download that someone waits for: bars while it runs, a report and the paths afterwards."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
from pydantic import ValidationError

from pyorg_pipeline.catalog.download_reports import read_report, report_file
from pyorg_pipeline.catalog.location import open_location
from pyorg_pipeline.catalog.store import CATALOG_FILE, CatalogStore
from pyorg_pipeline.defs.build import build_definitions
from pyorg_pipeline.defs.downloads import DownloadConfig, download_artifacts, selected_artifacts
from pyorg_pipeline.defs.instance import open_instance
from pyorg_pipeline.downloads.batch import ArtifactProgress
from pyorg_pipeline.downloads.destinations import open_destination
from pyorg_pipeline.errors import DownloadsFailedError, InvalidArgumentError, PyorgError
from pyorg_pipeline.model.arguments import parse_attributes
from pyorg_pipeline.reports.downloads import report_lines
from pyorg_pipeline.reports.progress import download_progress
from pyorg_pipeline.runs import refresh
from pyorg_pipeline.settings import Settings
from pyorg_pipeline.site.client import SiteClient


@dataclass(frozen=True, slots=True)
class Downloads:
    """A run of the job; `str` of it is what `pyorg download` prints: the paths."""

    run_id: str
    #: The location of its report.
    report: str
    #: The rows of the report.
    outcomes: Sequence[Mapping[str, Any]]

    @property
    def error(self) -> DownloadsFailedError | None:
        """The error to raise after the report was shown; None if nothing failed."""
        failures = {row["path"]: row["error"] for row in self.outcomes if row["error"] is not None}
        return DownloadsFailedError(failures, len(self.outcomes)) if failures else None

    def __str__(self) -> str:
        return "\n".join(row["destination"] for row in self.outcomes if row["destination"])


def attended_download(settings: Settings, config: Mapping[str, Any]) -> Downloads:
    """Run the job download_artifacts on the persistent instance, in this process.

    A missing catalog is filled first. The report goes to stderr, as a table. Artifacts that failed
    are in it and not raised, so that the caller can print the others first.

    Args:
        settings: The site, catalog and instance.
        config: That of the op select_artifacts.

    Raises:
        ArtifactChoiceError: No artifact matches; names the nearest choices.
        InvalidArgumentError: A value of the configuration is invalid.
        PyorgError: The run failed without a report.
    """
    store = CatalogStore(open_location(settings.catalog_url))
    if store.location.stamp(CATALOG_FILE) is None and settings.auto_refresh:
        filled = refresh(settings)
        sys.stderr.write(f"{filled}\n")
        if filled.error is not None:
            raise filled.error
    _check(settings, config, store)
    with download_progress() as bars:
        progress = None if bars is None else lambda one: bars.file(one.name, one.size)
        run_id = _run(settings, config, progress)
    rows = read_report(store, run_id)
    sys.stderr.write("".join(f"{line}\n" for line in report_lines(rows)))
    return Downloads(run_id, f"{store.location.text}/{report_file(run_id)}", rows)


def download_config(**options: Any) -> dict[str, Any]:
    """The configuration of the job from the options of the command, where lists are texts.

    A limit of 0 is none. A folder is relative to the current one, wherever the job runs later.

    Raises:
        InvalidArgumentError: Attributes that are not of the form `name=value,...`.
    """
    config = dict(options)
    for name in ("series", "versions", "releaselevels", "artifact_types"):
        config[name] = [text.strip() for text in options[name].split(",") if text.strip()]
    config["attributes"] = parse_attributes(options["attributes"])
    config["limit"] = options["limit"] or None
    if "://" not in options["destination"]:
        config["destination"] = str(Path(options["destination"]).expanduser().absolute())
    return config


def _check(settings: Settings, config: Mapping[str, Any], store: CatalogStore) -> None:
    """Raise the error of an invalid configuration as it is, before a run begins."""
    try:
        checked = DownloadConfig(**config)
    except ValidationError as error:
        reasons = [f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()]
        raise InvalidArgumentError("; ".join(reasons)) from error
    with SiteClient(settings.site_url) as client:
        selected_artifacts(checked, store, client.base_url)
    open_destination(checked.destination or ".")


def _run(settings: Settings, config: Mapping[str, Any], progress: ArtifactProgress | None) -> str:
    """Run the job to its end, also after a failed batch; returns the id of the run."""
    resources = {"download_progress": dg.ResourceDefinition.hardcoded_resource(progress)}
    job = build_definitions(settings, resources=resources).resolve_job_def(download_artifacts.name)
    run_config = {
        "ops": {"select_artifacts": {"config": dict(config)}},
        # As for a refresh: the whole log is in the UI.
        "loggers": {"console": {"config": {"log_level": "CRITICAL"}}},
    }
    with open_instance(settings.dagster_home) as instance:
        # A failed batch must not end the run before the others.
        done = job.execute_in_process(
            run_config=run_config, instance=instance, raise_on_error=False
        )
    for event in done.all_events:
        error = None
        if event.is_step_failure:
            error = event.step_failure_data.error
        elif event.is_job_failure:
            error = event.job_failure_data.error
        # A batch with failures, which are in the report.
        if error is None or error.cls_name == "Failure":
            continue
        if error.cls_name in {"DagsterExecutionInterruptedError", "KeyboardInterrupt"}:
            raise KeyboardInterrupt
        raise PyorgError(f"run {done.run_id} failed: {(error.cause or error).message.strip()}")
    return done.run_id
