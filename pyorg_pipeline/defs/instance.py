"""Dagster's home with its dagster.yaml, the instance in it, and how runs are kept apart there."""

from __future__ import annotations

import logging
import re
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import dagster as dg

# Not public, but there is no other way: DagsterInstance.from_config takes no overrides.
from dagster._core.instance.ref import InstanceRef
from filelock import FileLock

from pyorg_pipeline.catalog.location import write_atomically
from pyorg_pipeline.errors import DagsterConfigError, DagsterHomeError
from pyorg_pipeline.model.text import reason_text

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


#: The file in Dagster's home that configures it.
CONFIG_FILE: Final = "dagster.yaml"

_WRITABLE: Final = (
    "check that the folder belongs to the user who runs this and that its disk has space, or set "
    "DAGSTER_HOME to another folder. Queries work meanwhile"
)
_INTACT: Final = (
    "move the folder away and run the command again. Only the history of runs is lost: the catalog "
    "is not in it"
)
_REACHABLE: Final = "check the storage that its dagster.yaml names. Queries work meanwhile"

#: What to do about what a database says.
_ADVICE: Final = {
    "is full": _WRITABLE,
    "disk I/O error": _WRITABLE,
    "unable to open": _WRITABLE,
    "readonly": _WRITABLE,
    "not a database": _INTACT,
    "malformed": _INTACT,
    "no such": _INTACT,
    "has no column": _INTACT,
    "more than one head": _INTACT,
}


def unwritable_home(home: Path, error: OSError) -> DagsterHomeError:
    """Return the error for a home in which a file cannot be written."""
    return DagsterHomeError(str(home), error.strerror or str(error), _WRITABLE)


def ensure_home(home: Path) -> Path:
    """Create Dagster's home with a dagster.yaml, unless it has one; returns the folder.

    Raises:
        DagsterHomeError: the folder cannot be created or written.
    """
    try:
        home.mkdir(parents=True, exist_ok=True)
        config = home / CONFIG_FILE
        if not config.exists():
            # Atomically: Dagster would take a part of the file for the user's configuration.
            write_atomically(config, DAGSTER_YAML.encode())
    except OSError as error:
        raise unwritable_home(home, error) from error
    return home


#: Capturing stdout and stderr takes two processes per step, which survive Ctrl-C and print errors.
#: A run in this process writes both to the terminal anyway.
_NO_CAPTURE: Final = {
    "compute_logs": {
        "module": "dagster._core.storage.noop_compute_log_manager",
        "class": "NoOpComputeLogManager",
    }
}

#: Seconds that a command waits for others that open the same home, such as a new one.
_OPEN_WAIT: Final = 120


@contextmanager
def open_instance(home: Path, *, launching: bool = False) -> Iterator[dg.DagsterInstance]:
    """Open the persistent instance in this home, for runs in this process.

    Args:
        home: Dagster's home; it is created if it does not exist.
        launching: Also load what queues and launches runs, so that its errors are raised here.

    Raises:
        DagsterConfigError: dagster.yaml is invalid, or names code that cannot be loaded.
        DagsterHomeError: the home or its database cannot be created, read or written.
    """
    ensure_home(home)
    # Ctrl-C while it closes a connection is no error of the database.
    logging.getLogger("sqlalchemy.pool").setLevel(logging.CRITICAL)
    try:
        # Two processes that create SQLite's schema at once leave one that cannot be opened.
        with FileLock(home / ".open.lock", timeout=_OPEN_WAIT):
            reference = InstanceRef.from_dir(str(home), overrides=_NO_CAPTURE)
            instance = dg.DagsterInstance.from_ref(reference)
            if launching:
                _ = (instance.run_coordinator, instance.run_launcher, instance.scheduler)
    except OSError as error:
        raise unwritable_home(home, error) from error
    # The code that dagster.yaml names may raise anything.
    except Exception as error:
        if known := _database_error(home, error):
            raise known from error
        config = home / CONFIG_FILE
        raise DagsterConfigError(CONFIG_FILE, str(config), _config_problem(error)) from error
    with instance:
        try:
            yield instance
        except Exception as error:
            if known := _database_error(home, error):
                raise known from error
            raise


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Let Ctrl-C and SIGTERM wait during a write: one that is cut keeps Dagster's database locked.

    For the code of steps, which both may interrupt anywhere; Dagster does so for its own.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    received: list[int] = []
    numbers = (signal.SIGINT, signal.SIGTERM)
    handlers = {one: signal.signal(one, lambda it, _: received.append(it)) for one in numbers}
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        if received:
            signal.raise_signal(received[0])


def _config_problem(error: Exception) -> str:
    text = str(error)
    if isinstance(error, dg.DagsterInvalidConfigError):
        text = error.errors[0].message
    # Neither the whole schema nor a stack trace.
    text = re.split(r"\. Expected: |\s+Stack Trace:", text)[0]
    return " ".join(text.removeprefix("Failure condition: ").split())


def _database_error(home: Path, error: Exception) -> DagsterHomeError | None:
    """What a database reports, with what to do about it; None for errors of other kinds."""
    # Dagster imports both when it opens a database.
    from alembic.util import CommandError  # noqa: PLC0415
    from sqlalchemy.exc import DBAPIError  # noqa: PLC0415

    # dagster-postgres raises an error of its own from the last one.
    for one in (error, error.__cause__):
        if isinstance(one, DBAPIError | CommandError):
            # SQLAlchemy's repeats the statement and its values.
            text = reason_text(getattr(one, "orig", one))
            found = (advice for part, advice in _ADVICE.items() if part in text)
            return DagsterHomeError(str(home), text, next(found, _REACHABLE))
    return None
