"""Failing the runs whose process was killed: Dagster would show them in progress for ever.

The code server does so for the runs that it launched. docs/how-it-works.md has all cases.
"""

from __future__ import annotations

import hashlib
import socket
from typing import Final

import dagster as dg

from pyorg_pipeline.catalog.location import Location
from pyorg_pipeline.defs.instance import IN_PROGRESS

#: On each run that a command executes in its own process, instead of Dagster's run launcher.
COMMAND_TAG: Final = "pyorg/command"

_MESSAGE: Final = "The process of this run was killed."


def refresh_command_tags(catalog: Location) -> dict[str, str]:
    """The tags of the runs of a `pyorg refresh` of this catalog, on this machine."""
    # The lock of a catalog at a URL holds on one machine only.
    return {
        COMMAND_TAG: "refresh",
        # Short: the UI cuts long tags.
        "pyorg/catalog": hashlib.sha256(catalog.text.encode()).hexdigest()[:12],
        "pyorg/host": socket.gethostname(),
    }


def fail_killed_refreshes(
    instance: dg.DagsterInstance, catalog: Location, *, current_run: str | None = None
) -> None:
    """Fail the runs of refreshes that were killed; call it while holding the catalog's lock.

    A refresh holds that lock from beginning to end, so that no other run of one is alive.
    """
    started = dg.RunsFilter(statuses=IN_PROGRESS, tags=refresh_command_tags(catalog))
    for run in instance.get_runs(started):
        if run.run_id != current_run:
            instance.report_run_failed(run, _MESSAGE)


def fail_abandoned_runs(instance: dg.DagsterInstance) -> None:
    """Fail the launched runs in progress; call it before Dagster's daemon and web server start.

    Only for Dagster's default launcher, whose runs are processes of the code server on this
    machine, and end with it.
    """
    if isinstance(instance.run_launcher, dg.DefaultRunLauncher):
        for run in instance.get_runs(dg.RunsFilter(statuses=IN_PROGRESS)):
            if COMMAND_TAG not in run.tags:
                instance.report_run_failed(run, _MESSAGE)
