"""Dagster's own web server and daemon as a child process, for as long as someone looks at it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import FrameType
from typing import Final

from filelock import FileLock, Timeout

from pyorg_pipeline.defs.automation import schedules
from pyorg_pipeline.defs.instance import ensure_home
from pyorg_pipeline.errors import InvalidArgumentError, SettingsError
from pyorg_pipeline.settings import Settings

HOST: Final = "127.0.0.1"

#: Dagster recommends another tool than `dagster dev` at each start; that one wants a project.
_QUIETLY: Final = "ignore:Function `dev_command` is superseded"

#: What ends us has to end the child as well; Windows has no SIGHUP.
_FORWARDED: Final = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)


def serve_ui(settings: Settings, port: int) -> int:
    """Run `dagster dev` on this machine's loopback until it is told to stop; its exit code.

    Ctrl-C and SIGTERM go on to Dagster, which stops its own children.

    Raises:
        InvalidArgumentError: no such port, or another program listens there.
        SettingsError: Dagster's home cannot be made, or another UI is open on it, or a schedule's
            time means nothing.
    """
    _check_port(port)
    # Dagster would serve a page that says of a code location only that it cannot be loaded.
    schedules(settings.automation)
    environment = {**os.environ, **_environment(settings)}
    command = [sys.executable, "-W", _QUIETLY, "-m", "dagster", "dev"]
    command += ["-m", "pyorg_pipeline.definitions", "-h", HOST, "-p", str(port)]
    # Otherwise several lines at each look of each sensor, which the UI shows as well.
    command += ["--log-level", "warning"]
    with _alone(settings), _forwarded_signals() as forward_to:
        print(f"Dagster's UI: http://{HOST}:{port} (Ctrl-C stops it)", flush=True)  # noqa: T201
        # A session of its own: otherwise Dagster and each of its children would get Ctrl-C from
        # the terminal, and once more from us.
        process = subprocess.Popen(  # noqa: S603  # our own interpreter and module
            command, env=environment, start_new_session=True
        )
        forward_to(process)
        code = process.wait()
    # As a shell tells it: 128 and the signal.
    return code if code >= 0 else 128 - code


@contextmanager
def _alone(settings: Settings) -> Iterator[None]:
    """Keep a second daemon off the home: each would run every schedule and tell every event."""
    lock = FileLock(settings.dagster_home / ".ui.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise SettingsError(
            "DAGSTER_HOME",
            str(settings.dagster_home),
            "another `pyorg ui` is open on it; use that one, or set another PYORG_HOME",
        ) from None
    try:
        yield
    finally:
        lock.release()


def _environment(settings: Settings) -> Mapping[str, str]:
    """Everything that Dagster's processes need to find the same site and catalog."""
    return {
        "PYORG_SITE_URL": settings.site_url,
        "PYORG_HOME": str(settings.home),
        "PYORG_CATALOG_URL": settings.catalog_url,
        "PYORG_CONCURRENCY": str(settings.concurrency),
        "DAGSTER_HOME": str(ensure_home(settings.dagster_home)),
        # Empty where there is none: a demo tells nobody, whatever its own environment says.
        "PYORG_WEBHOOK_URL": settings.webhook_url or "",
    }


def _check_port(port: int) -> None:
    if not 0 < port < 65536:
        raise InvalidArgumentError(f"port {port} is none: choose one from 1 to 65535")
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        if os.name == "posix":
            # As the server does: a port whose last connections still linger is free.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise InvalidArgumentError(
                f"port {port} of {HOST} cannot be had ({error.strerror}): "
                "choose another one with --port"
            ) from error


@contextmanager
def _forwarded_signals() -> Iterator[Callable[[subprocess.Popen[bytes]], None]]:
    """Hand the signals that would end us to a child instead; yields who tells which child.

    Handlers stand before the child starts: a shell's background job ignores Ctrl-C, the child
    would inherit that, and Dagster takes SIGTERM as it takes Ctrl-C.
    """
    children: list[subprocess.Popen[bytes]] = []
    early: list[int] = []

    def forward(number: int, _frame: FrameType | None) -> None:
        for child in children:
            child.send_signal(number)
        if not children:
            early.append(number)

    def forward_to(child: subprocess.Popen[bytes]) -> None:
        children.append(child)
        for number in early:
            child.send_signal(number)

    before = {number: signal.signal(number, forward) for number in _FORWARDED}
    try:
        yield forward_to
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
