"""The sensors that report failed runs and complete releases to a webhook, at least once each.

A tick reports one event. If the receiver does not accept it the tick fails, so that Dagster keeps
the cursor and the next tick tries again. Dagster's own `run_failure_sensor` moves on when its
function fails, and does not see the runs of a `pyorg refresh`.
"""

# No `from __future__ import annotations`: Dagster reads the annotations of sensors at run time.

import json
from datetime import UTC, datetime
from typing import Any, Final

import dagster as dg

from pyorg_pipeline.defs.maintenance import COMMAND_TAG
from pyorg_pipeline.defs.resources import CatalogResource, WebhookResource
from pyorg_pipeline.model.notifications import release_complete, run_failed
from pyorg_pipeline.refresh.releases import Completion, completions
from pyorg_pipeline.settings import Settings

#: Failed runs of other projects that a tick skips.
_RUNS_PER_TICK: Final = 100


def notification_sensors(settings: Settings) -> list[dg.SensorDefinition]:
    """Both sensors; they are on by default if a webhook is set."""
    shared: dict[str, Any] = {
        "minimum_interval_seconds": 30,
        "default_status": dg.DefaultSensorStatus("RUNNING" if settings.webhook_url else "STOPPED"),
    }

    @dg.sensor(
        description="Reports each run that failed to the webhook (PYORG_WEBHOOK_URL), one per "
        "tick.",
        **shared,
    )
    def run_failure_sensor(
        context: dg.SensorEvaluationContext, webhook: WebhookResource
    ) -> dg.SkipReason:
        if context.cursor is None:
            context.update_cursor(datetime.now(UTC).isoformat())
            return dg.SkipReason("Failures from now on are reported.")
        # By time: SQLite reuses the storage ids of a deleted run.
        failed = dg.RunsFilter(
            statuses=[dg.DagsterRunStatus.FAILURE],
            updated_after=datetime.fromisoformat(context.cursor),
        )
        for record in context.instance.get_run_records(
            failed, limit=_RUNS_PER_TICK, order_by="update_timestamp", ascending=True
        ):
            context.update_cursor(record.update_timestamp.isoformat())
            run = record.dagster_run
            if _is_ours(context, run):
                error, failures = _error_of(context.instance, run.run_id)
                event = run_failed(
                    site_url=settings.site_text,
                    sent_at=datetime.now(UTC),
                    job=run.job_name,
                    run_id=run.run_id,
                    error=error,
                    started_at=_time(record.start_time),
                    ended_at=_time(record.end_time),
                    tags=run.tags,
                    failures=failures,
                )
                webhook.post(event)
                return dg.SkipReason(f"Reported run {run.run_id}.")
        return dg.SkipReason("Every failed run was reported.")

    @dg.sensor(
        description="Reports each release to the webhook (PYORG_WEBHOOK_URL) once it is complete, "
        "one per tick; none that was complete before the sensor's first tick.",
        **shared,
    )
    def new_release_sensor(
        context: dg.SensorEvaluationContext, catalog: CatalogResource, webhook: WebhookResource
    ) -> dg.SkipReason:
        found, site_url = completions(catalog.store())
        if context.cursor is None:
            context.update_cursor(_cursor_after(found[-1]) if found else "[]")
            return dg.SkipReason("Releases from now on are reported.")
        reported = _parsed(context.cursor)
        new = next((one for one in found if _parsed(_cursor_after(one)) > reported), None)
        if new is None:
            return dg.SkipReason("Every complete release was reported.")
        webhook.post(
            release_complete(
                site_url=site_url or settings.site_text,
                sent_at=datetime.now(UTC),
                **new._asdict(),
            )
        )
        context.update_cursor(_cursor_after(new))
        return dg.SkipReason(f"Reported {new.version.text}.")

    return [run_failure_sensor, new_release_sensor]


def _is_ours(context: dg.SensorEvaluationContext, run: dg.DagsterRun) -> bool:
    """Whether a run is of this code location, or of one of our commands; others share instances."""
    origin, ours = run.remote_job_origin, context.code_location_origin
    if origin is None or ours is None:
        return COMMAND_TAG in run.tags
    return origin.repository_origin.code_location_origin.location_name == ours.location_name


def _error_of(instance: dg.DagsterInstance, run_id: str) -> tuple[str, dict[str, str]]:
    """The error of a failed run without traceback, and what failed in it with the reasons."""
    errors: list[str] = []
    failures: dict[str, str] = {}
    for entry in instance.all_logs(run_id, of_type=dg.DagsterEventType.STEP_FAILURE):
        data = entry.get_dagster_event().step_failure_data
        if failure := data.user_failure_data:
            errors.append(failure.description or "")
            failures |= {
                name: str(value.value)
                for name, value in failure.metadata.items()
                if isinstance(value, dg.TextMetadataValue)
            }
        elif data.error is not None:
            # Dagster wraps what was raised in the step in an error of its own.
            cause = data.error.cause or data.error
            text = cause.message.strip().partition(": ")[2]
            errors.append(f"{cause.cls_name}: {text}" if text else cause.message)
    # No step failed if the process was killed, or never started.
    errors += [
        entry.get_dagster_event().message or entry.user_message
        for entry in instance.all_logs(run_id, of_type=dg.DagsterEventType.RUN_FAILURE)
    ]
    known = (error.strip() for error in errors if error.strip())
    return next(known, "no step says why; look at the run in Dagster's UI"), failures


def _time(timestamp: float | None) -> datetime | None:
    return None if timestamp is None else datetime.fromtimestamp(timestamp, UTC)


def _cursor_after(reported: Completion) -> str:
    return json.dumps([reported.completed_at.isoformat(), *reported.version])


def _parsed(cursor: str) -> tuple[Any, ...]:
    # Empty, which sorts first, if no release was complete at the first tick.
    parts = json.loads(cursor)
    return (datetime.fromisoformat(parts[0]), *parts[1:]) if parts else ()
