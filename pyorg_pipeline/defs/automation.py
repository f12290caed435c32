"""Automation: three schedules, and one sensor for what the tables say is due.

    hourly schedule ──> read_root ──> release_directories
                                             │
    weekly schedule ──> crawl_directories    │  sensor
                                             v
                        crawl_directories ──> release_artifacts
                                             │  sensor
                                             v
                        publish ──> artifact_catalog and what is made from it

The sensor compares the tables, so that a run that failed or was killed leaves its work due. It
starts a job again after a failure once the root listing was read again: in an hour by default.
Not `AutomationCondition.eager()`: that waits for partitions that never had a listing, and does not
retry a publication that failed.
"""

# No `from __future__ import annotations`: Dagster reads the annotations of sensors at run time.

from collections import Counter
from datetime import datetime
from typing import Any, Final

import dagster as dg

from pyorg_pipeline.catalog.store import DIRECTORIES_FILE
from pyorg_pipeline.defs import crawled
from pyorg_pipeline.defs.instance import IN_PROGRESS, REFRESH_TAG
from pyorg_pipeline.defs.maintenance import prune_history
from pyorg_pipeline.defs.published import publish
from pyorg_pipeline.defs.resources import CatalogResource
from pyorg_pipeline.errors import SettingsError
from pyorg_pipeline.refresh.directories import CrawlState
from pyorg_pipeline.refresh.publish import publication_due
from pyorg_pipeline.settings import Settings

_PRUNING_CRON: Final = "23 5 * * 1"
_UNFINISHED: Final = dg.RunsFilter(
    statuses=[dg.DagsterRunStatus.QUEUED, *IN_PROGRESS], tags=REFRESH_TAG
)


def schedules(settings: Settings) -> list[dg.ScheduleDefinition]:
    """The hourly root listing, the weekly crawl of everything, and weekly pruning.

    A cron expression that Dagster does not accept is a SettingsError.
    """
    shared: dict[str, Any] = {
        "execution_timezone": settings.timezone,
        "default_status": dg.DefaultScheduleStatus("RUNNING" if settings.automation else "STOPPED"),
    }

    def schedule(setting: str, cron: str, **arguments: Any) -> dg.ScheduleDefinition:
        try:
            return dg.ScheduleDefinition(cron_schedule=cron, **shared, **arguments)
        except dg.DagsterInvalidDefinitionError as error:
            reason = "it has to be a cron expression such as 17 * * * *"
            raise SettingsError(setting, cron, reason) from error

    return [
        schedule(
            "PYORG_REFRESH_CRON",
            settings.refresh_cron,
            name="hourly_root_listing",
            job=crawled.read_root,
            description="Reads the root listing: one request. The sensor refresh_stale_tables then "
            "crawls what is new or changed. PYORG_REFRESH_CRON sets the time.",
        ),
        schedule(
            "PYORG_FULL_REFRESH_CRON",
            settings.full_refresh_cron,
            name="weekly_full_crawl",
            job=crawled.crawl,
            run_config={"ops": {"release_artifacts": {"config": {"full": True}}}},
            description="Crawls every release directory, whatever its date says: a file that was "
            "replaced in place does not change it. PYORG_FULL_REFRESH_CRON sets the time.",
        ),
        dg.ScheduleDefinition(
            name="weekly_pruning",
            cron_schedule=_PRUNING_CRON,
            job=prune_history,
            run_config={"ops": {"delete_old_runs": {"config": {"days": settings.keep_runs}}}},
            description="Deletes runs that refreshed the catalog more than PYORG_KEEP_RUNS days "
            "ago, except those that materialized an asset or a partition last.",
            **shared,
        ),
    ]


def refresh_sensor(settings: Settings) -> dg.SensorDefinition:
    """The sensor that crawls and publishes what is stale."""

    @dg.sensor(
        jobs=[crawled.read_root, crawled.crawl, publish],
        minimum_interval_seconds=settings.look_every,
        default_status=dg.DefaultSensorStatus("RUNNING" if settings.automation else "STOPPED"),
        description="Crawls the directories that are new, changed or racy since the root listing "
        "was read, and then publishes the catalog. Reads the root listing if there is no catalog "
        "yet. Waits while a refresh is in progress; after a failure, until the root listing was "
        "read again.",
    )
    def refresh_stale_tables(
        context: dg.SensorEvaluationContext, catalog: CatalogResource
    ) -> dg.RunRequest | dg.SkipReason:
        instance, store = context.instance, catalog.store()
        newest = next(iter(instance.get_run_ids(limit=1)), "")
        if newest and context.cursor == newest:
            # Without this, each look would read hundreds of tables, maybe from an object store.
            return dg.SkipReason("Nothing was due, and no run was started since.")
        if unfinished := instance.get_run_ids(_UNFINISHED, limit=1):
            return dg.SkipReason(f"Run {unfinished[0]} has not finished.")
        if store.metadata_or_none(DIRECTORIES_FILE) is None:
            return _request(instance, crawled.read_root.name)
        state = CrawlState.read(store)
        read_at = state.checked_at
        if due := crawled.with_unreported(state.due_since_listing(), state, instance):
            counts = Counter(due.values())
            return _request(
                instance,
                crawled.crawl.name,
                since=read_at,
                run_config={"ops": {"release_artifacts": {"config": {"directories": list(due)}}}},
                tags={"pyorg/due": ", ".join(f"{count} {why}" for why, count in counts.items())},
            )
        if publication_due(store, state):
            return _request(instance, publish.name, since=read_at)
        context.update_cursor(newest)
        return dg.SkipReason(f"Nothing is due since {read_at:%Y-%m-%d %H:%M:%S} UTC.")

    return refresh_stale_tables


def _request(
    instance: dg.DagsterInstance, job: str, *, since: datetime | None = None, **arguments: Any
) -> dg.RunRequest | dg.SkipReason:
    """A run of a job, unless its newest run since then failed: it would fail again at once."""
    newest = instance.get_runs(dg.RunsFilter(job_name=job, created_after=since), limit=1)
    if any(run.status is not dg.DagsterRunStatus.SUCCESS for run in newest):
        return dg.SkipReason(f"{job} failed; it runs again after the next root listing.")
    return dg.RunRequest(job_name=job, **arguments)
