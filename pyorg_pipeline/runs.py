"""Runs started from a program or the command line, in this process, with a progress bar."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from contextlib import suppress
from time import monotonic
from typing import Any

import dagster as dg

from pyorg_pipeline.catalog.download_reports import read_report, report_file
from pyorg_pipeline.catalog.location import local_folder, open_location
from pyorg_pipeline.catalog.lock import exclusive
from pyorg_pipeline.catalog.store import CATALOG_FILE, DIRECTORIES_FILE, LATEST_FILE, CatalogStore
from pyorg_pipeline.definitions import build_definitions
from pyorg_pipeline.defs.crawled import (
    CrawlConfig,
    InstallManagerConfig,
    RootConfig,
    crawl,
    list_install_manager,
    read_root,
    with_unreported,
)
from pyorg_pipeline.defs.digests import DigestConfig, record_digests
from pyorg_pipeline.defs.downloads import DownloadConfig, download_artifacts, selected_artifacts
from pyorg_pipeline.defs.instance import open_instance
from pyorg_pipeline.defs.maintenance import COMMAND_TAG, prune_when_many, refresh_command_tags
from pyorg_pipeline.defs.published import publish
from pyorg_pipeline.defs.resources import RefreshProgress
from pyorg_pipeline.downloads.destinations import open_destination
from pyorg_pipeline.errors import DestinationError, PyorgError, RefreshError
from pyorg_pipeline.model.digests import REJECTED, UNREADABLE
from pyorg_pipeline.model.due import Due
from pyorg_pipeline.process import raise_if_interrupted
from pyorg_pipeline.refresh.artifacts import DirectoryCrawl
from pyorg_pipeline.refresh.digests import directories_with_due_digests, require_unconfirmed
from pyorg_pipeline.refresh.directories import CrawlState
from pyorg_pipeline.refresh.install_manager import DIRECTORY as INSTALL_MANAGER_DIRECTORY
from pyorg_pipeline.refresh.publish import publication_due
from pyorg_pipeline.reports.progress import crawl_progress, download_progress
from pyorg_pipeline.reports.summary import DownloadSummary, RefreshSummary
from pyorg_pipeline.settings import Settings

LOGGER = logging.getLogger(__name__)


def refresh(
    settings: Settings,
    *,
    full: bool = False,
    accept_vanished: bool = False,
    digests: bool = False,
    install_manager: bool = False,
) -> RefreshSummary:
    """Update the catalog from the site, as runs of the persistent Dagster instance.

    Shows a progress bar on stderr, if that is a terminal. Directories and digests that fail are in
    the summary and do not raise: the others are published first.

    Raises:
        CatalogLockedError: another process is refreshing the catalog.
        PyorgError: the root listing could not be read or accepted; the last good catalog stays.
        KeyboardInterrupt: Ctrl-C was pressed.
    """
    started = monotonic()
    location = open_location(settings.catalog_url)
    store = CatalogStore(location)
    progress = RefreshProgress()
    due: Mapping[str, Due] = {}
    failed_checks: dict[str, str] = {}
    failures: dict[str, str] = {}
    with (
        exclusive(location, settings.lock_folder),
        open_instance(settings.dagster_home) as instance,
        crawl_progress(settings.site_text) as show,
    ):

        def on_crawl(done: DirectoryCrawl) -> None:
            show(len(progress.crawls), len(due))
            LOGGER.debug("%s: %s", done.directory, done.error or f"{done.rows} files")

        progress.on_crawl = on_crawl
        jobs = _Jobs(settings, instance, refresh_command_tags(location), progress=progress)
        root = RootConfig(full=full, accept_vanished=accept_vanished)
        jobs.run(read_root.name, {"release_directories": root})
        state = CrawlState.read(store)
        due = with_unreported(state.due(full=full), state, instance)
        if due:
            config = CrawlConfig(directories=list(due), accept_vanished=accept_vanished)
            with suppress(dg.Failure):
                jobs.run(crawl.name, {"release_artifacts": config})
            state = CrawlState.read(store)
        if digests and (names := directories_with_due_digests(store, state)):
            with suppress(dg.Failure):
                jobs.run(record_digests.name, {"read_digests": DigestConfig(directories=names)})
        if publication_due(store, state):
            published = jobs.run(publish.name, {})
            failed_checks = {
                check.check_name: check.description or "failed"
                for check in published.get_asset_check_evaluations()
                if not check.passed
            }
        if install_manager:
            try:
                jobs.run(
                    list_install_manager.name,
                    {"install_manager": InstallManagerConfig(read=True)},
                )
            except PyorgError as error:
                failures[INSTALL_MANAGER_DIRECTORY] = str(error)
        prune_when_many(instance, settings.keep_runs)
    failures |= {c.directory: str(c.error) for c in progress.crawls if c.error and not c.hidden}
    return _summary(settings, store, progress, due, failures, failed_checks, monotonic() - started)


def confirm(settings: Settings, paths: Sequence[str]) -> None:
    """Confirm the new digests of artifacts that the site replaced, and publish the catalog.

    Raises:
        CatalogLockedError: another process is refreshing the catalog.
        ArtifactChoiceError: an artifact has nothing to confirm.
        RefreshError: the new digest of an artifact could not be read; nothing of it has changed.
    """
    location = open_location(settings.catalog_url)
    store, progress = CatalogStore(location), RefreshProgress()
    with (
        exclusive(location, settings.lock_folder),
        open_instance(settings.dagster_home) as instance,
    ):
        require_unconfirmed(store, paths)
        jobs = _Jobs(settings, instance, refresh_command_tags(location), progress=progress)
        directories = sorted({path.partition("/")[0] for path in paths})
        config = DigestConfig(directories=directories, confirm=list(paths))
        with suppress(dg.Failure):
            jobs.run(record_digests.name, {"read_digests": config})
        if publication_due(store, CrawlState.read(store)):
            jobs.run(publish.name, {})
    if failures := [done.error for done in progress.digests if done.error is not None]:
        raise RefreshError(f"could not confirm all digests: {'; '.join(failures)}")


def download(settings: Settings, paths: Sequence[str], **options: Any) -> DownloadSummary:
    """Run the job download_artifacts on the persistent Dagster instance.

    Shows progress bars on stderr, if that is a terminal. Artifacts that failed are in the summary
    and do not raise: the others are downloaded, and can be printed.

    Args:
        settings: Of the catalog and of Dagster's home.
        paths: The artifacts, at least one, by their paths below the site's root.
        options: Other fields of DownloadConfig; a folder is relative to the current one.

    Raises:
        ArtifactChoiceError: the catalog has no such artifact.
        PyorgError: the run failed without a report.
        KeyboardInterrupt: Ctrl-C was pressed.
    """
    if (folder := local_folder(options.get("destination", "."))) is not None:
        # Wherever the job runs later.
        options["destination"] = str(folder)
    # Without paths, the config would select by its criteria.
    assert paths
    config = DownloadConfig(paths=list(paths), **options)
    store = CatalogStore(open_location(settings.catalog_url))
    # Before a run begins, which would report its errors as those of a step.
    selected_artifacts(config, store, settings.site_url)
    destination = open_destination(config.destination or ".")
    if destination.text.startswith("memory://"):
        reason = "its files are lost when the command ends"
        raise DestinationError(destination.text, reason, "name a folder, or a URL of a store")
    with open_instance(settings.dagster_home) as instance, download_progress() as add_file:
        resource = dg.ResourceDefinition.hardcoded_resource(add_file)
        jobs = _Jobs(settings, instance, {COMMAND_TAG: "download"}, download_progress=resource)
        # A failed batch must not end the run before the others.
        done = jobs.run(download_artifacts.name, {"select_artifacts": config}, raise_on_error=False)
    _raise_unreported_error(done)
    report = f"{store.location.text}/{report_file(done.run_id)}"
    return DownloadSummary(done.run_id, report, read_report(store, done.run_id))


def _raise_unreported_error(done: dg.ExecuteInProcessResult) -> None:
    """Raise why a run of the job ended, unless that is in its report."""
    for event in done.all_events:
        error = getattr(event.event_specific_data, "error", None) if event.is_failure else None
        # A batch with failed artifacts raises Failure.
        if error is None or error.cls_name == "Failure":
            continue
        raise PyorgError(f"run {done.run_id} failed: {(error.cause or error).message.strip()}")


class _Jobs:
    """The jobs, executed in this process on the persistent instance."""

    def __init__(
        self,
        settings: Settings,
        instance: dg.DagsterInstance,
        tags: Mapping[str, str],
        **resources: Any,
    ) -> None:
        self._definitions = build_definitions(settings, resources=resources)
        self._instance = instance
        self._tags = dict(tags)

    def run(
        self, job: str, ops: Mapping[str, dg.Config], *, raise_on_error: bool = True
    ) -> dg.ExecuteInProcessResult:
        """Execute a job with the config of its ops."""
        # The terminal shows a progress bar and a summary; the UI has the whole log.
        loggers = {"console": {"config": {"log_level": "CRITICAL"}}}
        try:
            done = self._definitions.resolve_job_def(job).execute_in_process(
                run_config=dg.RunConfig(ops=dict(ops), loggers=loggers),
                instance=self._instance,
                tags=self._tags,
                raise_on_error=raise_on_error,
            )
        except dg.DagsterExecutionInterruptedError as error:
            raise KeyboardInterrupt from error
        raise_if_interrupted()
        return done


def _summary(
    settings: Settings,
    store: CatalogStore,
    progress: RefreshProgress,
    due: Mapping[str, Due],
    failures: Mapping[str, str],
    failed_checks: Mapping[str, str],
    seconds: float,
) -> RefreshSummary:
    update = progress.directories
    assert update is not None
    # In the order of the listing, whichever was read first.
    order = {name: place for place, name in enumerate(due)}
    crawls = sorted(progress.crawls, key=lambda crawl: order[crawl.directory])
    published = store.metadata_or_none(CATALOG_FILE) or {"artifacts": 0, "unrecognised": 0}
    latest = {
        row["final_only"]: row["version"]
        for row in store.rows(LATEST_FILE)
        if row["series"] is None
    }
    return RefreshSummary(
        site_url=settings.site_text,
        location=store.location.text,
        listed_at=store.metadata(DIRECTORIES_FILE)["generated_at"],
        directories=len(update.present),
        crawled={name: str(reason) for name, reason in due.items()},
        vanished=update.vanished,
        added=[path for crawl in crawls for path in crawl.added],
        removed=[path for crawl in crawls for path in crawl.removed],
        replaced=[path for crawl in crawls for path in crawl.replaced],
        artifacts=published["artifacts"],
        unrecognised=published["unrecognised"],
        hidden=[crawl.directory for crawl in crawls if crawl.hidden],
        failures=failures,
        digests_read=sum(len(done.recorded) for done in progress.digests),
        digests_verified=sum(done.verified for done in progress.digests),
        digests_unconfirmed=[text for done in progress.digests for text in done.unconfirmed],
        digests_unreadable=sorted(p for done in progress.digests for p in done.paths(UNREADABLE)),
        digests_rejected=sorted(p for done in progress.digests for p in done.paths(REJECTED)),
        digest_failures={done.directory: done.error for done in progress.digests if done.error},
        install_manager=progress.install_manager,
        failed_checks=failed_checks,
        latest_final=latest.get(True),
        latest=latest.get(False),
        requests=progress.requests,
        seconds=round(seconds, 3),
    )
