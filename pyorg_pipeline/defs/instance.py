"""Dagster's home with its dagster.yaml, the instance in it, and how runs are kept apart there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import dagster as dg

# Not public, but there is no other way: DagsterInstance.from_config takes no overrides.
from dagster._core.instance.ref import InstanceRef

from pyorg_pipeline.catalog.location import write_atomically
from pyorg_pipeline.errors import SettingsError

#: The pool of everything that writes the catalog: of the runs that the UI and the daemon launch,
#: one at a time is in progress, and the others are queued.
CATALOG_POOL: Final = "catalog"

#: On each run of the jobs that refresh and prune, so that they can be found in the instance.
#: Dagster ends such a run after two hours; only a process that hangs takes that long.
REFRESH_TAG: Final = {"pyorg/kind": "refresh"}
REFRESH_JOB_TAGS: Final = {**REFRESH_TAG, "dagster/max_runtime": "7200"}

#: A process is working on these runs, unless it was killed.
IN_PROGRESS: Final = [
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]
FINISHED: Final = [
    dg.DagsterRunStatus.SUCCESS,
    dg.DagsterRunStatus.FAILURE,
    dg.DagsterRunStatus.CANCELED,
]

#: No telemetry and no dialogs. Pools limit whole runs: nothing has to be given back when a process
#: is killed. Runs that never start, or take more than a day, are ended. Old ticks are deleted.
DAGSTER_YAML: Final = """\
telemetry:
  enabled: false
nux:
  enabled: false
concurrency:
  pools:
    granularity: run
    default_limit: 1
python_logs:
  python_log_level: INFO
run_monitoring:
  enabled: true
  start_timeout_seconds: 120
  max_runtime_seconds: 86400
  poll_interval_seconds: 60
retention:
  schedule:
    purge_after_days: 90
  sensor:
    purge_after_days:
      skipped: 1
      started: 1
      success: 30
      failure: 30
"""


def ensure_home(home: Path) -> Path:
    """Create Dagster's home with a dagster.yaml, unless it has one; returns the folder.

    Raises:
        SettingsError: the folder cannot be created or written.
    """
    try:
        home.mkdir(parents=True, exist_ok=True)
        config = home / "dagster.yaml"
        if not config.exists():
            # Atomically: Dagster would take a part of the file for the user's configuration.
            write_atomically(config, DAGSTER_YAML.encode())
    except OSError as error:
        raise SettingsError("DAGSTER_HOME", str(home), error.strerror or str(error)) from error
    return home


#: Capturing stdout and stderr takes two processes per step, which survive Ctrl-C and print errors.
#: A run in this process writes both to the terminal anyway.
_NO_CAPTURE: Final = {
    "compute_logs": {
        "module": "dagster._core.storage.noop_compute_log_manager",
        "class": "NoOpComputeLogManager",
    }
}


@contextmanager
def open_instance(home: Path) -> Iterator[dg.DagsterInstance]:
    """Open the persistent instance in this home, for runs in this process."""
    reference = InstanceRef.from_dir(str(ensure_home(home)), overrides=_NO_CAPTURE)
    with dg.DagsterInstance.from_ref(reference) as instance:
        yield instance
