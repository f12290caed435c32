"""What every part of the automation asks: is a run at work, and is it time to try again?

A round is one reading of the root listing and all that follows from it: crawls, then publication.
Rounds do not overlap: whoever would begin something waits until no run is at work.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import takewhile
from typing import Final

import dagster as dg
from dagster._core.storage.dagster_run import NOT_FINISHED_STATUSES

from pyorg_pipeline.catalog.store import CatalogStore
from pyorg_pipeline.defs.own_runs import writes_tables
from pyorg_pipeline.defs.partitions import unreported_partitions
from pyorg_pipeline.model.due import Due
from pyorg_pipeline.refresh.directories import due_since_listing

#: On every run that was started by itself, and on those of `pyorg refresh`, which may be cron's.
#: Its value is one of those below.
ROUND_TAG: Final = "pyorg/round"
READ, CRAWL, PUBLISH, PRUNE, COMMAND = "read", "crawl", "publish", "prune", "command"
ROUNDS: Final = [READ, CRAWL, PUBLISH, PRUNE, COMMAND]

#: Runs that end without having done their work are not started again at once, but after twice as
#: long each time.
_FIRST_REST: Final = timedelta(seconds=30)
_LONGEST_REST: Final = timedelta(hours=1)
_MOST_DOUBLINGS: Final = 7


def at_work(instance: dg.DagsterInstance) -> dg.DagsterRun | None:
    """A run that refreshes the catalog, or will as soon as there is room for it."""
    runs = instance.get_runs(dg.RunsFilter(statuses=list(NOT_FINISHED_STATUSES)))
    return next(filter(writes_tables, runs), None)


def newest_run(instance: dg.DagsterInstance) -> str:
    """The id of the newest run: as long as it stays the same, no table was written."""
    return next((run.run_id for run in instance.get_runs(limit=1)), "")


def due_in_round(store: CatalogStore, instance: dg.DagsterInstance) -> dict[str, Due]:
    """The partitions that this round has still to materialise."""
    due = due_since_listing(store)
    return {**due, **unreported_partitions(store, instance, besides=due)}


def rested(
    instance: dg.DagsterInstance,
    kind: str,
    *,
    since: datetime | None = None,
    now: datetime | None = None,
) -> bool:
    """Whether runs of this kind may be started again, after those that failed one after the other.

    Args:
        instance: Dagster's.
        kind: a value of ROUND_TAG.
        since: what failed before is forgotten.
        now: the time; None for now.
    """
    records = instance.get_run_records(
        dg.RunsFilter(tags={ROUND_TAG: kind}, created_after=since), limit=_MOST_DOUBLINGS + 1
    )
    failed = list(
        takewhile(lambda one: one.dagster_run.status is not dg.DagsterRunStatus.SUCCESS, records)
    )
    if not failed:
        return True
    rest = min(_FIRST_REST * (1 << len(failed) - 1), _LONGEST_REST)
    ended = failed[0].end_time or failed[0].create_timestamp.timestamp()
    passed = (now or datetime.now(UTC)) - datetime.fromtimestamp(ended, UTC)
    # In the future, it ended by a clock that was ahead.
    return not timedelta(0) <= passed < rest
