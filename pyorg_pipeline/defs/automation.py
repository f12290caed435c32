"""What happens by itself: schedules, a sensor that crawls, and a condition that publishes.

    hourly schedule ──> read_root ──> release_directories
                                             │  sensor: what the tables say is due
    weekly schedule ──> crawl_directories ──>│
                                             v
                        crawl_directories ──> release_artifacts
                                             │  condition: what is published lacks something
                                             v
                        artifact_catalog and all that is made from it

Each decides from what the tables record, and none from what it did before: a run that failed or
was killed leaves its work due.
"""

# No `from __future__ import annotations`: Dagster reads the annotations of sensors at run time.

import warnings
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

import dagster as dg

from pyorg_pipeline.catalog.store import DIRECTORIES_FILE, CatalogStore
from pyorg_pipeline.defs import jobs
from pyorg_pipeline.defs.living_runs import fail_killed_runs
from pyorg_pipeline.defs.maintenance import prune_history
from pyorg_pipeline.defs.resources import CatalogResource
from pyorg_pipeline.defs.rounds import (
    CRAWL,
    PRUNE,
    PUBLISH,
    READ,
    ROUND_TAG,
    at_work,
    due_in_round,
    newest_run,
    rested,
)
from pyorg_pipeline.errors import SettingsError
from pyorg_pipeline.refresh.publish import publication_due
from pyorg_pipeline.settings import Automation

#: Dagster ends a run of a round that takes longer; only a process that hangs does.
_MAX_RUNTIME: Final = {"dagster/max_runtime": "7200"}

_PRUNING: Final = "23 5 * * 1"


def schedules(automation: Automation) -> Sequence[dg.ScheduleDefinition]:
    """The hourly reading of the root listing, the weekly crawl of everything, and pruning.

    Raises:
        SettingsError: a cron expression that Dagster does not understand.
    """

    def hourly(
        context: dg.ScheduleEvaluationContext, catalog: CatalogResource
    ) -> dg.RunRequest | dg.SkipReason:
        if busy := _busy(context.instance, catalog):
            return busy
        return dg.RunRequest(tags=_tags(READ))

    def pruning() -> dg.RunRequest:
        days = {"days": automation.keep_runs}
        return dg.RunRequest(
            tags=_tags(PRUNE), run_config={"ops": {"forget_old_runs": {"config": days}}}
        )

    def weekly() -> dg.RunRequest:
        # Not left out where a run is at work: it waits for the catalog's lock.
        return dg.RunRequest(
            tags=_tags(CRAWL), run_config={"ops": {"release_artifacts": {"config": {"full": True}}}}
        )

    def schedule(function: Callable[..., Any], setting: str, cron: str, **more: Any) -> Any:
        try:
            return dg.schedule(
                cron_schedule=cron,
                execution_timezone=automation.timezone,
                default_status=_schedule_status(automation),
                **more,
            )(function)
        except dg.DagsterInvalidDefinitionError as error:
            reason = "it has to be a cron expression such as 17 * * * *"
            raise SettingsError(setting, cron, reason) from error

    return [
        schedule(
            hourly,
            "PYORG_REFRESH_CRON",
            automation.refresh_cron,
            name="hourly_root_listing",
            job=jobs.read_root,
            description="Reads the root listing: one request. What is new or changed since is "
            "then crawled by the sensor crawl_what_is_due. Left out while a run is at work; "
            "hours that were missed are made up once. PYORG_REFRESH_CRON says when.",
        ),
        schedule(
            weekly,
            "PYORG_FULL_REFRESH_CRON",
            automation.full_refresh_cron,
            name="weekly_full_crawl",
            job=jobs.crawl_directories,
            description="Crawls every release directory, whatever its date says: a file that "
            "was replaced in place moves no date. PYORG_FULL_REFRESH_CRON says when.",
        ),
        dg.schedule(
            name="weekly_pruning",
            cron_schedule=_PRUNING,
            execution_timezone=automation.timezone,
            job=prune_history,
            default_status=_schedule_status(automation),
            description="Forgets runs of these schedules and sensors that are older than "
            "PYORG_KEEP_RUNS days, except those that materialised something last.",
        )(pruning),
    ]


def crawl_sensor(automation: Automation) -> dg.SensorDefinition:
    """The sensor that fills an empty catalog, and crawls what a reading of the root made due."""

    @dg.sensor(
        name="crawl_what_is_due",
        jobs=[jobs.read_root, jobs.crawl_directories],
        minimum_interval_seconds=automation.look_every,
        default_status=_sensor_status(automation),
        description="Crawls the directories that are new, changed or racy since the root listing "
        "was read, and those that failed and have rested, in one run. Reads the root at once where "
        "there is no catalog yet, and reports runs whose process was killed as failed; what they "
        "left is due again.",
    )
    def crawl_what_is_due(
        context: dg.SensorEvaluationContext, catalog: CatalogResource
    ) -> dg.RunRequest | dg.SkipReason:
        if busy := _busy(context.instance, catalog):
            return busy
        store = catalog.store()
        facts = store.metadata_or_none(DIRECTORIES_FILE)
        return _first_reading(context) if facts is None else _crawl(context, store, facts)

    return crawl_what_is_due


def _first_reading(context: dg.SensorEvaluationContext) -> dg.RunRequest | dg.SkipReason:
    if not rested(context.instance, READ):
        return dg.SkipReason("The root listing could not be read; tried again later.")
    return dg.RunRequest(job_name=jobs.read_root.name, tags=_tags(READ))


def _crawl(
    context: dg.SensorEvaluationContext, store: CatalogStore, facts: dict[str, Any]
) -> dg.RunRequest | dg.SkipReason:
    instance = context.instance
    newest = newest_run(instance)
    if context.cursor == newest:
        return dg.SkipReason(f"Nothing is due since the root was read at {_time(facts)}.")
    due = due_in_round(store, instance)
    if not due:
        # Only spares reading the tables again while nothing can have changed in them.
        context.update_cursor(newest)
        return dg.SkipReason(f"All that was due at {_time(facts)} is done.")
    if not rested(instance, CRAWL, since=facts["checked_at"]):
        return dg.SkipReason("The last crawl did not get to its end; tried again later.")
    return dg.RunRequest(
        job_name=jobs.crawl_directories.name,
        run_config={"ops": {"release_artifacts": {"config": {"directories": list(due)}}}},
        tags={**_tags(CRAWL), "pyorg/due": _counted(due.values())},
    )


class PublicationIsDue(dg.AutomationCondition[dg.AssetKey]):
    """True while what is published lacks something that the directories' tables have.

    Not `eager()`: that waits for partitions which never gave a listing, and forgets what a failed
    run of its own left undone.
    """

    def __init__(self, catalog: CatalogResource) -> None:
        self._catalog = catalog

    @property
    def description(self) -> str:
        """What the UI shows."""
        return "The published tables lack something that the directories' tables have"

    def evaluate(
        self, context: dg.AutomationContext[dg.AssetKey]
    ) -> dg.AutomationResult[dg.AssetKey]:
        """All of the asset, or nothing of it."""
        instance = context.asset_graph_view.instance
        nothing = context.get_empty_subset()
        if _busy(instance, self._catalog) or not rested(instance, PUBLISH):
            return dg.AutomationResult(context, nothing, cursor=context.cursor)
        newest = newest_run(instance)
        if context.cursor == newest:
            return dg.AutomationResult(context, nothing, cursor=newest)
        store = self._catalog.store()
        if store.metadata_or_none(DIRECTORIES_FILE) is None or not publication_due(store):
            return dg.AutomationResult(context, nothing, cursor=newest)
        if due_in_round(store, instance):
            # The round's crawl comes first: a catalog without it would be old, or empty.
            return dg.AutomationResult(context, nothing)
        return dg.AutomationResult(context, context.candidate_subset)


def published_by_itself(
    assets: Sequence[dg.AssetsDefinition], catalog: CatalogResource
) -> list[Any]:
    """The catalog, and what is made from it, each with its condition; they go in one run.

    Args:
        assets: artifact_catalog first.
        catalog: where the tables lie.
    """
    first, *rest = assets
    together = dg.AutomationCondition.any_deps_match(dg.AutomationCondition.will_be_requested())
    return [
        *dg.map_asset_specs(
            lambda spec: spec.replace_attributes(automation_condition=PublicationIsDue(catalog)),
            [first],
        ),
        *dg.map_asset_specs(
            lambda spec: spec.replace_attributes(automation_condition=together), rest
        ),
    ]


def publication_sensor(
    automation: Automation, assets: Sequence[dg.AssetsDefinition]
) -> dg.AutomationConditionSensorDefinition:
    """The sensor that looks at the conditions of these assets."""
    with warnings.catch_warnings():
        # Conditions of one's own are in beta, hence the one minor release of Dagster.
        warnings.simplefilter("ignore", category=dg.BetaWarning)
        return dg.AutomationConditionSensorDefinition(
            "publish_what_is_due",
            target=dg.AssetSelection.assets(*assets),
            use_user_code_server=True,
            minimum_interval_seconds=automation.look_every,
            default_status=_sensor_status(automation),
            run_tags=_tags(PUBLISH),
            description="Publishes the catalog, and what is made from it, once crawls have brought "
            "something that is not published yet.",
        )


def _busy(instance: dg.DagsterInstance, catalog: CatalogResource) -> dg.SkipReason | None:
    fail_killed_runs(instance, catalog.lock_folder)
    run = at_work(instance)
    if run is None:
        return None
    return dg.SkipReason(f"Run {run.run_id} of {run.job_name} is at work.")


def _tags(kind: str) -> dict[str, str]:
    return {ROUND_TAG: kind, **_MAX_RUNTIME}


def _counted(reasons: Iterable[str]) -> str:
    found = list(reasons)
    return ", ".join(f"{found.count(one)} {one}" for one in dict.fromkeys(found))


def _time(facts: dict[str, Any]) -> str:
    return f"{facts['checked_at']:%Y-%m-%d %H:%M:%S} UTC"


def _schedule_status(automation: Automation) -> dg.DefaultScheduleStatus:
    on = automation.on
    return dg.DefaultScheduleStatus.RUNNING if on else dg.DefaultScheduleStatus.STOPPED


def _sensor_status(automation: Automation) -> dg.DefaultSensorStatus:
    return dg.DefaultSensorStatus.RUNNING if automation.on else dg.DefaultSensorStatus.STOPPED
