"""Dagster's home: made when it is missing, and the instance that lies in it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import dagster as dg

# Not public; DagsterInstance.from_config takes no overrides.
from dagster._core.instance.ref import InstanceRef

from pyorg_pipeline.catalog.location import write_atomically
from pyorg_pipeline.errors import SettingsError

#: Nothing is sent anywhere, and no dialog stands before the UI. Of each pool one op at a time: a
#: batch of downloads opens as many connections to the site as PYORG_CONCURRENCY says, and all runs
#: together open no more then. Runs write no line for each event, which the UI shows anyway. Those
#: that never start, or hang, are ended; what sensors and schedules noted at each look is forgotten
#: after a while.
DAGSTER_YAML: Final = """\
telemetry:
  enabled: false
nux:
  enabled: false
concurrency:
  pools:
    granularity: op
    default_limit: 1
python_logs:
  python_log_level: INFO
run_monitoring:
  enabled: true
  start_timeout_seconds: 120
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
    """Dagster's home with a dagster.yaml; one that is there already is left as it is.

    Raises:
        SettingsError: the folder cannot be made or written.
    """
    try:
        home.mkdir(parents=True, exist_ok=True)
        config = home / "dagster.yaml"
        if not config.exists():
            # In one step: a part of it would be taken for what somebody wants.
            write_atomically(config, DAGSTER_YAML.encode())
    except OSError as error:
        raise SettingsError("DAGSTER_HOME", str(home), error.strerror or str(error)) from error
    return home


#: Capturing stdout and stderr takes two processes a step, which outlive a Ctrl-C and complain.
#: A run in this process has somebody in front of it, who sees both.
_NOT_CAPTURED: Final = {
    "compute_logs": {
        "module": "dagster._core.storage.noop_compute_log_manager",
        "class": "NoOpComputeLogManager",
    }
}


@contextmanager
def open_instance(home: Path) -> Iterator[dg.DagsterInstance]:
    """The persistent instance in this home, for runs in this process; closed afterwards."""
    reference = InstanceRef.from_dir(str(ensure_home(home)), overrides=_NOT_CAPTURED)
    with dg.DagsterInstance.from_ref(reference) as instance:
        yield instance
