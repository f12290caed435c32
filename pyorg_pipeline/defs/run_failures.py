"""What Dagster has on record of a failed run: the error, and what of it failed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import dagster as dg


@dataclass(frozen=True, slots=True)
class RunFailure:
    """Why a run failed."""

    run: dg.DagsterRun
    #: As the failed step says it, without a traceback.
    error: str
    #: Directories or artifacts that failed, with the reasons, where the step names them.
    failures: Mapping[str, str]
    started_at: datetime | None
    ended_at: datetime | None

    @property
    def kind(self) -> str:
        """The same for failures of which the second is no news.

        A run that names what failed is told by the names: the reasons differ from one time to the
        next, with numbers of attempts and the like.
        """
        return "\n".join(sorted(self.failures)) if self.failures else self.error


def run_failure(instance: dg.DagsterInstance, run_id: str) -> RunFailure | None:
    """What is on record of a failed run; None where the run was deleted since."""
    record = instance.get_run_record_by_id(run_id)
    if record is None:
        return None
    error = ""
    failures: dict[str, str] = {}
    for entry in instance.all_logs(run_id, of_type=dg.DagsterEventType.STEP_FAILURE):
        event = entry.dagster_event
        if event is None:
            continue
        data = event.step_failure_data
        told = data.user_failure_data
        if told is not None:
            error = error or told.description or ""
            failures |= {
                name: str(value.value)
                for name, value in told.metadata.items()
                if isinstance(value, dg.TextMetadataValue)
            }
        elif data.error is not None:
            error = error or _own_words(data.error)
    if not error:
        # No step failed: the process was killed, or never came up.
        for entry in instance.all_logs(run_id, of_type=dg.DagsterEventType.RUN_FAILURE):
            event = entry.dagster_event
            error = error or (event and event.message) or entry.user_message
    return RunFailure(
        run=record.dagster_run,
        error=error.strip() or "no step says why; look at the run in Dagster's UI",
        failures=failures,
        started_at=_time(record.start_time),
        ended_at=_time(record.end_time),
    )


def _own_words(error: Any) -> str:
    """What was raised in the step; Dagster wraps it in an error of its own."""
    inner = error.cause or error
    text = inner.message.strip().partition(": ")[2]
    return f"{inner.cls_name}: {text}" if text else inner.message


def _time(timestamp: float | None) -> datetime | None:
    return None if timestamp is None else datetime.fromtimestamp(timestamp, UTC)
