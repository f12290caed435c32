"""`pyorg ui`: Dagster's web server and daemon as a child process, until it is stopped."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from contextlib import AbstractContextManager, suppress
from types import FrameType
from typing import Any, Final

from filelock import FileLock, Timeout

from pyorg_pipeline.catalog.location import open_location
from pyorg_pipeline.catalog.lock import exclusive
from pyorg_pipeline.defs.automation import schedules
from pyorg_pipeline.defs.instance import ensure_home, open_instance
from pyorg_pipeline.defs.stale_runs import fail_abandoned_runs, fail_killed_refreshes
from pyorg_pipeline.errors import CatalogLockedError, InvalidArgumentError, SettingsError
from pyorg_pipeline.settings import Settings

HOST: Final = "127.0.0.1"

#: Dagster recommends `dg dev` at each start; that needs a project, not an installed package.
_QUIETLY: Final = "ignore:Function `dev_command` is superseded"

#: Windows has no SIGHUP.
_FORWARDED: Final = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)


def serve_ui(settings: Settings, port: int) -> int:
    """Run `dagster dev` on this machine's loopback until it is stopped; returns its exit code.

    Ctrl-C and SIGTERM are forwarded to Dagster, which stops its own children.

    Raises:
        InvalidArgumentError: the port is invalid or in use.
        SettingsError: Dagster's home cannot be created, another UI is open on it, or the time of a
            schedule is invalid.
    """
    _check_port(port)
    # Otherwise Dagster would serve a page that only says that a code location cannot be loaded.
    schedules(settings)
    ensure_home(settings.dagster_home)
    # What Dagster's processes need to find the same site and catalog.
    environment = {
        **os.environ,
        "PYORG_SITE_URL": settings.site_url,
        "PYORG_HOME": str(settings.home),
        "PYORG_CATALOG_URL": settings.catalog_url,
        "PYORG_CONCURRENCY": str(settings.concurrency),
        "DAGSTER_HOME": str(settings.dagster_home),
        # Empty if there is none: a demo notifies nobody, whatever its own environment says.
        "PYORG_WEBHOOK_URL": settings.webhook_url or "",
    }
    command = [sys.executable, "-W", _QUIETLY, "-m", "dagster", "dev"]
    command += ["-m", "pyorg_pipeline.definitions", "-h", HOST, "-p", str(port)]
    # Otherwise each tick of each sensor prints several lines, which the UI shows as well.
    command += ["--log-level", "warning"]
    with _only_ui(settings):
        _fail_stale_runs(settings)
        print(f"Dagster's UI: http://{HOST}:{port} (Ctrl-C stops it)", flush=True)  # noqa: T201
        code = _run(command, environment)
    # As shells do: 128 plus the signal.
    return code if code >= 0 else 128 - code


def _only_ui(settings: Settings) -> AbstractContextManager[Any]:
    """Keep a second daemon off the home: both would run all schedules and send all events."""
    try:
        return FileLock(settings.dagster_home / ".ui.lock").acquire(timeout=0)
    except Timeout:
        raise SettingsError(
            "DAGSTER_HOME",
            str(settings.dagster_home),
            "another `pyorg ui` is open on it; use that one, or set another PYORG_HOME",
        ) from None


def _fail_stale_runs(settings: Settings) -> None:
    location = open_location(settings.catalog_url)
    with open_instance(settings.dagster_home) as instance:
        fail_abandoned_runs(instance)
        with suppress(CatalogLockedError), exclusive(location, settings.lock_folder):
            fail_killed_refreshes(instance, location)


def _check_port(port: int) -> None:
    if not 0 < port < 65536:
        raise InvalidArgumentError(f"invalid port {port}: choose one from 1 to 65535")
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        if os.name == "posix":
            # As the server does: a port whose last connections still linger is free.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise InvalidArgumentError(
                f"port {port} of {HOST} is not available ({error.strerror}): "
                "choose another one with --port"
            ) from error


def _run(command: list[str], environment: dict[str, str]) -> int:
    """Run a command, and forward the signals that would end this process; returns its exit code.

    The handlers are installed before it starts: a shell's background job ignores Ctrl-C, the
    command would inherit that, and Dagster treats SIGTERM as Ctrl-C.
    """
    process: subprocess.Popen[bytes] | None = None
    early: list[int] = []

    def forward(number: int, _frame: FrameType | None) -> None:
        if process is None:
            early.append(number)
        else:
            process.send_signal(number)

    before = {number: signal.signal(number, forward) for number in _FORWARDED}
    try:
        # In a session of its own: Dagster and its children would otherwise receive Ctrl-C twice,
        # from the terminal and from this process.
        process = subprocess.Popen(  # noqa: S603  # our own interpreter and module
            command, env=environment, start_new_session=True
        )
        for number in early:
            process.send_signal(number)
        return process.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
