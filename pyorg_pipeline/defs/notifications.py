"""The sensors that tell a webhook of failed runs and of new releases.

Dagster's own `run_failure_sensor` moves on when its function fails, so that what a receiver missed
while it was down is lost; and it looks past runs in the process of `pyorg refresh`. Hence plain
sensors, whose cursors move only behind what was told. The webhook's URL is a secret: it is in no
resource, whose values the UI would show.
"""

# No `from __future__ import annotations`: Dagster reads the annotations of sensors at run time.

import hashlib
import json
import time
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import dagster as dg

from pyorg_pipeline.defs.resources import CatalogResource
from pyorg_pipeline.defs.run_failures import RunFailure, run_failure
from pyorg_pipeline.model.notifications import release_complete, run_failed
from pyorg_pipeline.refresh.releases import Completion, complete_release, completions
from pyorg_pipeline.settings import Settings
from pyorg_pipeline.site.webhook import WebhookError, post_event

#: A failure that repeats itself is told again this often, so that nobody takes silence for health.
REMINDER: Final = timedelta(days=1)

#: What is left is told by the next tick.
EVENTS_A_TICK: Final = 10
_FAILURES_A_TICK: Final = 50

#: Seconds after which a tick begins no other event. Dagster ends one after 60 s, and forgets how
#: far it was; an event takes 40 s at the worst.
SECONDS_A_TICK: Final = 15.0

#: Seconds. Nobody waits for these events as one does for a page.
_INTERVAL: Final = 60

_NOBODY: Final = "nobody is told: PYORG_WEBHOOK_URL is not set"


def notification_sensors(settings: Settings, jobs: Collection[str]) -> list[dg.SensorDefinition]:
    """Both sensors; they run from the start where a webhook is set.

    Args:
        settings: which webhook, and which site is named in its events.
        jobs: the names of the jobs whose failures are told.
    """
    return [_run_failure_sensor(settings, frozenset(jobs)), _new_release_sensor(settings)]


def _status(settings: Settings) -> dg.DefaultSensorStatus:
    if settings.webhook_url is None:
        return dg.DefaultSensorStatus.STOPPED
    return dg.DefaultSensorStatus.RUNNING


@dataclass(slots=True)
class _Told:
    """The cursor of run_failure_sensor."""

    #: The storage id of the newest failure that was looked at.
    after: int
    #: The timestamp of the latest one.
    at: float = 0.0
    #: By job, the kind of its failure that was told last, and when that was.
    failures: dict[str, tuple[str, str]] = field(default_factory=dict)

    @classmethod
    def of(cls, cursor: str) -> "_Told":
        return cls(**json.loads(cursor))

    def looked_at(self, record: dg.EventLogRecord) -> None:
        self.after, self.at = record.storage_id, max(self.at, record.timestamp)

    def __str__(self) -> str:
        return json.dumps(asdict(self), sort_keys=True)


def _run_failure_sensor(settings: Settings, jobs: frozenset[str]) -> dg.SensorDefinition:
    url = settings.webhook_url

    @dg.sensor(
        name="run_failure_sensor",
        description="Tells the webhook (PYORG_WEBHOOK_URL) of each run that failed. One that "
        "failed as the last one of its job, such as in the same directories, is told once a day "
        "until the job succeeds again.",
        minimum_interval_seconds=_INTERVAL,
        default_status=_status(settings),
    )
    def sensor(context: dg.SensorEvaluationContext) -> dg.SkipReason:
        instance = context.instance
        if url is None or not context.cursor:
            newest = instance.fetch_run_status_changes(dg.DagsterEventType.RUN_FAILURE, limit=1)
            told = _Told(-1)
            for record in newest.records:
                told.looked_at(record)
            context.update_cursor(str(told))
            return dg.SkipReason(_NOBODY if url is None else "failures from now on are told")
        told = _Told.of(context.cursor)
        posted, until = 0, time.monotonic() + SECONDS_A_TICK
        for record in _new_failures(instance, told):
            failure = run_failure(instance, record.run_id)
            if failure is not None and failure.run.job_name in jobs and _is_ours(context, failure):
                kind = hashlib.sha256(failure.kind.encode()).hexdigest()[:16]
                failed_at = failure.ended_at or datetime.fromtimestamp(record.timestamp, UTC)
                job = failure.run.job_name
                if _is_news(instance, told.failures.get(job), job, kind, failed_at):
                    if posted == EVENTS_A_TICK or (posted and time.monotonic() >= until):
                        break
                    try:
                        post_event(url, _failure_event(settings, failure))
                    except WebhookError as error:
                        return _later(context, str(told), error)
                    posted += 1
                    told.failures[job] = kind, failed_at.isoformat()
            told.looked_at(record)
        context.update_cursor(str(told))
        return dg.SkipReason(_count(posted, "failed run"))

    return sensor


def _new_failures(instance: dg.DagsterInstance, told: _Told) -> Sequence[dg.EventLogRecord]:
    """The failures that were not looked at yet, in their order, as many as a tick takes.

    SQLite gives the storage ids of a deleted run again if they were the last: what is later than
    all that was looked at is new, too.
    """

    def found(**after: Any) -> Sequence[dg.EventLogRecord]:
        wanted = dg.RunStatusChangeRecordsFilter(dg.DagsterEventType.RUN_FAILURE, **after)
        return instance.fetch_run_status_changes(
            wanted, limit=_FAILURES_A_TICK, ascending=True
        ).records

    again = [
        record
        for record in found(after_timestamp=told.at)
        if record.storage_id <= told.after and record.timestamp > told.at
    ]
    return again or found(after_storage_id=told.after)


def _is_ours(context: dg.SensorEvaluationContext, failure: RunFailure) -> bool:
    """Whether a run is of this code location, or of `pyorg refresh`, which has none.

    An instance may serve others, whose jobs are called alike: each has an `__ASSET_JOB`.
    """
    origin, ours = failure.run.remote_job_origin, context.code_location_origin
    if origin is None or ours is None:
        return True
    return origin.repository_origin.code_location_origin.location_name == ours.location_name


def _is_news(
    instance: dg.DagsterInstance,
    last: tuple[str, str] | None,
    job: str,
    kind: str,
    failed_at: datetime,
) -> bool:
    if last is None or last[0] != kind:
        return True
    told_at = datetime.fromisoformat(last[1])
    if failed_at - told_at >= REMINDER:
        return True
    successes = dg.RunsFilter(
        job_name=job,
        statuses=[dg.DagsterRunStatus.SUCCESS],
        updated_after=told_at,
        updated_before=failed_at,
    )
    return bool(instance.get_run_ids(successes, limit=1))


def _failure_event(settings: Settings, failure: RunFailure) -> dict[str, Any]:
    return run_failed(
        site_url=settings.site_url,
        sent_at=datetime.now(UTC),
        job=failure.run.job_name,
        run_id=failure.run.run_id,
        error=failure.error,
        started_at=failure.started_at,
        ended_at=failure.ended_at,
        tags=failure.run.tags,
        failures=failure.failures,
    )


def _new_release_sensor(settings: Settings) -> dg.SensorDefinition:
    url = settings.webhook_url

    @dg.sensor(
        name="new_release_sensor",
        description="Tells the webhook (PYORG_WEBHOOK_URL) of each release as it becomes complete; "
        "of none that was there before the sensor's first tick.",
        minimum_interval_seconds=_INTERVAL,
        default_status=_status(settings),
    )
    def sensor(context: dg.SensorEvaluationContext, catalog: CatalogResource) -> dg.SkipReason:
        store = catalog.store()
        found, site_url = completions(store)
        if url is None or context.cursor is None:
            context.update_cursor(_place(found[-1]) if found else "[]")
            return dg.SkipReason(_NOBODY if url is None else "releases from now on are told")
        place = context.cursor
        new = [one for one in found if _key(one) > _key_of(place)]
        posted, until = 0, time.monotonic() + SECONDS_A_TICK
        for one in new[:EVENTS_A_TICK]:
            if posted and time.monotonic() >= until:
                break
            there = complete_release(store, one.version)
            event = release_complete(
                site_url=site_url or settings.site_url,
                sent_at=datetime.now(UTC),
                version=one.version,
                completed_at=one.completed_at,
                artifacts=there.artifacts,
                size=there.size,
                source_path=one.source_path,
                latest=there.latest,
            )
            try:
                post_event(url, event)
            except WebhookError as error:
                return _later(context, place, error)
            place = _place(one)
            posted += 1
        context.update_cursor(place)
        return dg.SkipReason(_count(posted, "complete release"))

    return sensor


def _key(one: Completion) -> tuple[Any, ...]:
    return (one.completed_at, *one.version)


def _place(one: Completion) -> str:
    """The cursor behind a release: the newest that was told."""
    return json.dumps([one.completed_at.isoformat(), *one.version])


def _key_of(place: str) -> tuple[Any, ...]:
    # Empty where there was none at the first tick: everything sorts behind that.
    parts = json.loads(place)
    return (datetime.fromisoformat(parts[0]), *parts[1:]) if parts else ()


def _later(context: dg.SensorEvaluationContext, place: str, error: WebhookError) -> dg.SkipReason:
    """What was told before the trouble stays told; a tick that told nothing fails, to be seen."""
    if place == context.cursor:
        raise error
    context.update_cursor(place)
    return dg.SkipReason(f"told some, the rest is told later: {error}")


def _count(number: int, noun: str) -> str:
    if number == 0:
        return "nothing new"
    return f"told of {number} {noun}{'s' if number > 1 else ''}"
