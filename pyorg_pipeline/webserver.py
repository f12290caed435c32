"""`pyorg ui`: Dagster's web server and daemon as a child process, until it is stopped."""

from __future__ import annotations

import ipaddress
import logging
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager, closing, suppress
from http.client import HTTPConnection, HTTPException
from threading import Thread
from types import FrameType
from typing import Any, Final, TextIO
from urllib.parse import urlsplit

from filelock import FileLock, Timeout

from pyorg_pipeline.catalog.location import open_location
from pyorg_pipeline.catalog.lock import exclusive
from pyorg_pipeline.defs.automation import schedules
from pyorg_pipeline.defs.instance import ensure_home, open_instance, unwritable_home
from pyorg_pipeline.defs.maintenance import fail_abandoned_runs, fail_killed_refreshes
from pyorg_pipeline.errors import CatalogLockedError, InvalidArgumentError, SettingsError
from pyorg_pipeline.process import INTERRUPTED
from pyorg_pipeline.settings import Settings

LOGGER = logging.getLogger(__name__)

HOST: Final = "127.0.0.1"

#: How a message of Dagster's starts; other lines belong to the message before them.
_RECORD: Final = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d [+-]\d{4} - dagster")
_COLOUR: Final = re.compile(r"\x1b\[[\d;]*m")

#: Seconds between two questions whether the web server answers yet.
_POLL: Final = 0.2

#: Seconds that Dagster's children may take to end after Dagster was stopped.
_STOP: Final = 30

#: Dagster recommends `dg dev` at each start; that needs a project, not an installed package.
_QUIETLY: Final = "ignore:Function `dev_command` is superseded"

#: Windows has no SIGHUP.
_FORWARDED: Final = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)


def serve_ui(settings: Settings, port: int, host: str = HOST) -> int:
    """Run `dagster dev` until it is stopped, and print its URL once it answers.

    Ctrl-C and SIGTERM are forwarded to Dagster, which stops its own children; none is left at the
    end. What Dagster logs until then, warnings and errors, goes to stderr; a failed run is one
    line.

    Args:
        settings: the site, the catalog and the homes.
        port: the port of the web server.
        host: a name or address of this machine. Dagster has no password: all who reach it can
            launch runs.

    Returns:
        130 after Ctrl-C, 0 after SIGTERM; otherwise Dagster's exit code, or 128 plus the signal
        that ended it.

    Raises:
        InvalidArgumentError: the port is invalid or in use, or the host is not of this machine.
        SettingsError: another UI is open on Dagster's home, or its dagster.yaml or the time of a
            schedule is invalid.
        DagsterHomeError: Dagster's home cannot be read or written.
    """
    address = ipaddress.ip_address(check_port(port, host))
    if not address.is_loopback:
        LOGGER.warning(
            "%s:%s has no password: everyone who can reach it can launch runs", host, port
        )
    if address.is_unspecified:
        address = ipaddress.ip_address(HOST if address.version == 4 else "::1")
    url = f"http://{address}:{port}" if address.version == 4 else f"http://[{address}]:{port}"
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
        # Empty if it is unset: a demo notifies nobody, whatever its own environment says.
        "PYORG_WEBHOOK_URL": settings.webhook_url or "",
    }
    command = [sys.executable, "-W", _QUIETLY, "-m", "dagster", "dev"]
    command += ["-m", "pyorg_pipeline.definitions", "-h", host, "-p", str(port)]
    # Otherwise each tick of each sensor prints several lines, which the UI shows as well.
    command += ["--log-level", "warning"]
    with _only_ui(settings):
        _fail_stale_runs(settings)
        code = _run(command, environment, url)
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
    except OSError as error:
        raise unwritable_home(settings.dagster_home, error) from error


def _fail_stale_runs(settings: Settings) -> None:
    location = open_location(settings.catalog_url)
    with open_instance(settings.dagster_home, launching=True) as instance:
        fail_abandoned_runs(instance)
        with suppress(CatalogLockedError), exclusive(location, settings.lock_folder):
            fail_killed_refreshes(instance, location)


def check_port(port: int, host: str = HOST) -> str:
    """Return the address of a host of this machine on which the port is free.

    Raises:
        InvalidArgumentError: the port is invalid or in use, or the host is not of this machine.
    """
    if not 0 < port < 65536:
        raise InvalidArgumentError(f"invalid port {port}: choose one from 1 to 65535")
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            if os.name == "posix":
                # As the server does: a port whose last connections still linger is free.
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        raise InvalidArgumentError(
            f"port {port} of {host} is not available ({error.strerror}): choose another one with "
            "--port, or another --host"
        ) from error
    return str(address[0])


def _run(command: list[str], environment: dict[str, str], url: str) -> int:
    """Run a command, print its URL once it answers, and forward signals; returns its exit code.

    The handlers are installed before it starts: a shell's background job ignores Ctrl-C, the
    command would inherit that, and Dagster treats SIGTERM as Ctrl-C.
    """
    process: subprocess.Popen[str] | None = None
    received: list[int] = []

    def forward(number: int, _frame: FrameType | None) -> None:
        received.append(number)
        if process is not None:
            process.send_signal(number)

    before = {number: signal.signal(number, forward) for number in _FORWARDED}
    try:
        # In a session of its own: Dagster and its children would otherwise receive Ctrl-C twice,
        # from the terminal and from this process.
        process = subprocess.Popen(  # noqa: S603  # our own interpreter and module
            command,
            env=environment,
            start_new_session=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="backslashreplace",
        )
        for number in received:
            process.send_signal(number)
        relay = Thread(target=_relay, args=(process.stdout, received), daemon=True)
        relay.start()
        code = _wait(process, url)
        # Each of its children holds the pipe open.
        relay.join(_STOP if received else _POLL)
        if not received:
            return code
        if relay.is_alive() and os.name == "posix":
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        # Dagster's own code depends on what was interrupted.
        return INTERRUPTED if signal.SIGINT in received else 0
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _wait(process: subprocess.Popen[str], url: str) -> int:
    """Wait for the end of the web server, and print its URL as soon as it answers."""
    is_answering = False
    while True:
        try:
            return process.wait(None if is_answering else _POLL)
        except subprocess.TimeoutExpired:
            if is_answering := _answers(url):
                print(f"Dagster's UI: {url} (Ctrl-C stops it)", flush=True)  # noqa: T201


def _answers(url: str) -> bool:
    # Not requests, which would ask a proxy.
    with (
        suppress(OSError, HTTPException),
        closing(HTTPConnection(urlsplit(url).netloc, timeout=10)) as connection,
    ):
        connection.request("GET", "/server_info")
        return connection.getresponse().status == 200
    return False


def _relay(output: TextIO, received: Sequence[int]) -> None:
    """Write what Dagster prints to stderr until a signal is received.

    Without the stack traces of failed runs, which the UI shows.
    """
    is_failure = False
    with output:
        for line in output:
            if received:
                continue
            plain = _COLOUR.sub("", line)
            if _RECORD.match(plain):
                is_failure = " - RUN_FAILURE - " in plain
            elif is_failure and not plain.startswith("pyorg_pipeline.errors."):
                continue
            sys.stderr.write(plain)
            sys.stderr.flush()
