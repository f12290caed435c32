"""A refresh from a program or the command line: the jobs, in this process, one after the other."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import dagster as dg

from pyorg_pipeline.catalog.location import open_location
from pyorg_pipeline.catalog.lock import exclusive
from pyorg_pipeline.catalog.store import CatalogStore
from pyorg_pipeline.defs import jobs
from pyorg_pipeline.defs.build import build_definitions
from pyorg_pipeline.defs.digest_assets import record_digests
from pyorg_pipeline.defs.instance import open_instance
from pyorg_pipeline.defs.living_runs import fail_killed_runs
from pyorg_pipeline.defs.maintenance import prune_when_many
from pyorg_pipeline.defs.partitions import due_digest_partitions, due_partitions
from pyorg_pipeline.defs.rounds import COMMAND, ROUND_TAG
from pyorg_pipeline.model.due import Due
from pyorg_pipeline.refresh.publish import publication_due
from pyorg_pipeline.refresh.watch import Watch, watching
from pyorg_pipeline.settings import Settings


@dataclass(frozen=True, slots=True)
class Refresh:
    """What a refresh did."""

    #: Why each directory was crawled.
    due: Mapping[str, Due]
    watch: Watch
    #: Directories that could not be read, with the reason; they keep their last good tables.
    failures: Mapping[str, str]
    #: Directories whose digests could not all be read, with the reason; what was on record stays.
    digest_failures: Mapping[str, str] = field(default_factory=dict)
    #: Checks that did not hold, with what was found.
    failed_checks: Mapping[str, str] = field(default_factory=dict)


def refresh(
    settings: Settings,
    *,
    full: bool = False,
    accept_vanished: bool = False,
    digests: bool = False,
    on_crawl: Callable[[Watch], None] | None = None,
) -> Refresh:
    """Bring the catalog up to date with the site, as runs of the persistent Dagster instance.

    Args:
        settings: which site, catalog and instance.
        full: crawl every directory, whatever its date says.
        accept_vanished: believe a root listing that lost more than a tenth of its directories, and
            a directory's that lost artifacts.
        digests: read the digests of artifacts, too, out of the files about them.
        on_crawl: called as each directory is done.

    Raises:
        CatalogLockedError: another refresh is at work.
        PyorgError: the root could not be read or believed; the last good catalog stays.
    """
    location = open_location(settings.catalog_url)
    store = CatalogStore(location)
    watch = Watch(on_crawl=on_crawl)
    with (
        exclusive(location, settings.lock_folder),
        open_instance(settings.dagster_home) as instance,
        watching(watch),
    ):
        definitions = build_definitions(settings)
        fail_killed_runs(instance, str(settings.lock_folder))
        root = {"full": full, "accept_vanished": accept_vanished}
        _run(definitions, instance, jobs.read_root, {"release_directories": root})
        due = due_partitions(store, instance, full=full)
        failures: dict[str, str] = {}
        if due:
            config = {
                "release_artifacts": {"directories": list(due), "accept_vanished": accept_vanished}
            }
            failures = _try(definitions, instance, jobs.crawl_directories, config)
        digest_failures: dict[str, str] = {}
        if digests and (wanted := due_digest_partitions(store, instance)):
            config = {"read_digests": {"directories": wanted}}
            digest_failures = _try(definitions, instance, record_digests, config)
        failed_checks: dict[str, str] = {}
        if publication_due(store):
            published = _run(definitions, instance, jobs.publish, {})
            failed_checks = {
                check.check_name: check.description or "did not hold"
                for check in published.get_asset_check_evaluations()
                if not check.passed
            }
        prune_when_many(instance, settings.automation.keep_runs)
    return Refresh(
        due=due,
        watch=watch,
        failures=failures,
        digest_failures=digest_failures,
        failed_checks=failed_checks,
    )


def _try(
    definitions: dg.Definitions,
    instance: dg.DagsterInstance,
    job: Any,
    config: Mapping[str, Mapping[str, Any]],
) -> dict[str, str]:
    """Run a job that goes on after failures; returns them, by partition."""
    try:
        _run(definitions, instance, job, config)
    except dg.Failure as failure:
        return {name: str(reason.value) for name, reason in failure.metadata.items()}
    return {}


def _run(
    definitions: dg.Definitions,
    instance: dg.DagsterInstance,
    job: Any,
    config: Mapping[str, Mapping[str, Any]],
) -> dg.ExecuteInProcessResult:
    """Run a job to its end; an error in a step is raised as it is."""
    run_config = {
        "ops": {name: {"config": dict(values)} for name, values in config.items()},
        # Whoever waits sees a progress bar and a summary; the whole log is in the UI.
        "loggers": {"console": {"config": {"log_level": "CRITICAL"}}},
    }
    definition = definitions.resolve_job_def(job.name)
    return definition.execute_in_process(
        run_config=run_config, instance=instance, tags={ROUND_TAG: COMMAND}
    )
