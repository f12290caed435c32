"""Downloads in processes of their own, which a test starts in milliseconds and may kill.

A server process imports everything once and forks for each download; it has one thread, so that it
may. Run as a module it is the server, `Downloaders` is the side of the test.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any, Self

import pyorg_pipeline
from pyorg_pipeline.errors import PyorgError
from pyorg_pipeline.site.client import SiteClient
from pyorg_pipeline_tests.support.transfers import fetch

_OURS = str(Path(pyorg_pipeline.__file__).parent / "downloads")


class Downloaders:
    """Starts downloads; a context manager that leaves no process behind."""

    def __enter__(self) -> Self:
        root = Path(pyorg_pipeline.__file__).parent.parent
        self._server = subprocess.Popen(
            [sys.executable, "-m", "pyorg_pipeline_tests.support.downloading_processes"],
            cwd=root,
            # Without the proxies and passwords of the user who runs the tests.
            env={"PYTHONPATH": str(root), "PATH": os.environ["PATH"], "NETRC": os.devnull},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._running: set[int] = set()
        self._outcomes: dict[int, dict[str, Any]] = {}
        return self

    def __exit__(self, *_: object) -> None:
        for pid in self._running:
            os.kill(pid, signal.SIGKILL)
        with self._server:
            assert self._server.stdin is not None
            self._server.stdin.close()

    def start(
        self,
        url: str,
        path: str,
        folder: Path,
        *,
        dies_at_line: int | None = None,
        largest_file: int | None = None,
        **options: Any,
    ) -> int:
        """Start a download and return the id of its process.

        `dies_at_line`: it kills itself when so many lines of our code have run; -1: it counts them.
        `largest_file`: bytes that the system lets it write to a file.
        """
        assert self._server.stdin is not None
        job = {
            "url": url,
            "path": path,
            "folder": str(folder),
            "dies_at_line": dies_at_line,
            "largest_file": largest_file,
            "options": options,
        }
        self._server.stdin.write(json.dumps(job) + "\n")
        self._server.stdin.flush()
        while True:
            event = self._event()
            if "started" in event:
                pid: int = event["started"]
                self._running.add(pid)
                return pid

    def kill(self, pid: int) -> None:
        """Kill -9, if it is still there."""
        if pid in self._running:
            os.kill(pid, signal.SIGKILL)

    def outcome(self, pid: int) -> dict[str, Any]:
        """Wait until a process is gone; what it reported, or nothing if it was killed."""
        while pid in self._running:
            self._event()
        return self._outcomes.pop(pid, {})

    def _event(self) -> dict[str, Any]:
        assert self._server.stdout is not None
        line = self._server.stdout.readline()
        assert line, "the server has ended"
        event: dict[str, Any] = json.loads(line)
        if "ended" in event:
            self._running.discard(event["ended"])
        elif "outcome" in event:
            self._outcomes[event["pid"]] = event["outcome"]
        return event


def _server() -> None:
    def reap(*_: object) -> None:
        while True:
            try:
                pid, _status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if not pid:
                return
            _report({"ended": pid})

    signal.signal(signal.SIGCHLD, reap)
    while line := sys.stdin.readline():
        # Not before its start is reported.
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGCHLD])
        pid = os.fork()
        if pid == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGCHLD])
            _report({"pid": os.getpid(), "outcome": _outcome(json.loads(line))})
            os._exit(0)
        _report({"started": pid})
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGCHLD])


def _report(event: dict[str, Any]) -> None:
    # In one piece, which lines of several processes need.
    os.write(1, json.dumps(event).encode() + b"\n")


def _outcome(job: dict[str, Any]) -> dict[str, Any]:
    if job["largest_file"] is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (job["largest_file"], job["largest_file"]))
    lines = _Lines(job["dies_at_line"])
    with SiteClient(job["url"], backoff=0) as client:
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        if job["dies_at_line"] is not None:
            sys.settrace(lines.trace)
        try:
            done = fetch(client, job["path"], job["folder"], **job["options"])
        except PyorgError as error:
            return {"error": type(error).__name__, "message": str(error)}
        finally:
            sys.settrace(None)
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - most
    return {
        "fetched": done.fetched,
        "resumed_from": done.resumed_from,
        "lines": lines.count,
        "grown": grown,
    }


class _Lines:
    """Counts the lines of our code that run, and ends the process at one of them."""

    def __init__(self, last: int | None) -> None:
        self.count = 0
        self._last = last

    def trace(self, frame: FrameType, event: str, argument: object) -> Callable[..., Any] | None:
        del event, argument
        return self._line if frame.f_code.co_filename.startswith(_OURS) else None

    def _line(self, frame: FrameType, event: str, argument: object) -> Callable[..., Any]:
        del frame, argument
        if event == "line":
            if self.count == self._last:
                os.kill(os.getpid(), signal.SIGKILL)
            self.count += 1
        return self._line


if __name__ == "__main__":
    _server()
