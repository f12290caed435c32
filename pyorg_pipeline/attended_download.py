"""A download that someone waits for: bars while it runs, a report and the paths afterwards."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
from pydantic import ValidationError

from pyorg_pipeline.attended import attended_refresh
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
from pyorg_pipeline.settings import Settings
from pyorg_pipeline.site.client import SiteClient

_INTERRUPTS = {"DagsterExecutionInterruptedError", "KeyboardInterrupt"}


@dataclass(frozen=True, slots=True)
class Downloads:
    """What a run of the job brought; `str` of it is what `pyorg download` prints: the paths."""

    run_id: str
    #: Where its report lies.
    report: str
    #: The rows of the report.
    outcomes: Sequence[Mapping[str, Any]]

    @property
    def error(self) -> DownloadsFailedError | None:
        """What is to be raised once this was shown; None where all went well."""
        failures = {row["path"]: row["error"] for row in self.outcomes if row["error"] is not None}
        return DownloadsFailedError(failures, len(self.outcomes)) if failures else None

    def __str__(self) -> str:
        return "\n".join(row["destination"] for row in self.outcomes if row["destination"])


def attended_download(settings: Settings, config: Mapping[str, Any]) -> Downloads:
    """Run the job on the persistent instance, in this process; returns what it brought.

    A catalog that is missing is filled first. The report goes to stderr, as a table. Artifacts
    that failed are in it and not raised: whoever asked sees the rest first.

    Args:
        settings: which site, catalog and instance.
        config: that of the op select_artifacts.

    Raises:
        ArtifactChoiceError: nothing fits; names the nearest choices.
        PyorgError: nothing could be downloaded at all.
    """
    store = CatalogStore(open_location(settings.catalog_url))
    if store.location.stamp(CATALOG_FILE) is None and settings.auto_refresh:
        filled = attended_refresh(settings)
        sys.stderr.write(f"{filled}\n")
        if filled.error is not None:
            raise filled.error
    _check(settings, config, store)
    with _bars() as progress:
        run_id = _run(settings, config, progress)
    rows = read_report(store, run_id)
    if not rows:
        raise PyorgError(f"run {run_id} failed; `pyorg ui` shows its log")
    sys.stderr.write("".join(f"{line}\n" for line in report_lines(rows)))
    return Downloads(run_id, f"{store.location.text}/{report_file(run_id)}", rows)


def download_config(**options: Any) -> dict[str, Any]:
    """The job's config out of a command's options, where lists are texts with commas between.

    A limit of 0 is none. A folder is meant as seen from here, wherever the job runs later.

    Raises:
        InvalidArgumentError: attributes that are not of the form `name=value,...`.
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
    """Raise what makes a selection or destination invalid, before a run begins."""
    try:
        checked = DownloadConfig(**config)
    except ValidationError as error:
        words = [f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()]
        raise InvalidArgumentError("; ".join(words)) from error
    with SiteClient(settings.site_url) as client:
        selected_artifacts(checked, store, client.base_url)
    if checked.destination is not None:
        open_destination(checked.destination)


def _run(settings: Settings, config: Mapping[str, Any], progress: ArtifactProgress) -> str:
    """Run the job to its end, whatever failed; returns the id of the run."""
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
        error = event.step_failure_data.error if event.is_step_failure else None
        if error is not None and error.cls_name in _INTERRUPTS:
            raise KeyboardInterrupt
    return done.run_id


@contextmanager
def _bars() -> Iterator[ArtifactProgress]:
    """A bar for each file that is begun, on a terminal."""
    with download_progress() as bars:
        yield lambda artifact: None if bars is None else bars.file(artifact.name, artifact.size)
