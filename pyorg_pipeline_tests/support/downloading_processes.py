"""Downloads in processes of their own, which a test starts in milliseconds and may kill."""

from __future__ import annotations

import multiprocessing
import os
import resource
import signal
import sys
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from types import FrameType
from typing import Any

import pyorg_pipeline
from pyorg_pipeline.errors import PyorgError
from pyorg_pipeline.site.client import SiteClient
from pyorg_pipeline_tests.support.transfers import fetch

_OURS = str(Path(pyorg_pipeline.__file__).parent / "downloads")
# A server process imports everything once and forks for each download.
_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(["__main__", __name__])


class DownloadProcess:
    """A download that runs in a process, with the options of `fetch`.

    It kills itself when `dies_at_line` lines of our code have run; with -1 it counts them.
    `largest_file`: bytes that the system lets it write to a file.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self._outcome, sender = _CONTEXT.Pipe(duplex=False)
        self._process = _CONTEXT.Process(
            target=_download, args=(sender, *arguments), kwargs=options, daemon=True
        )
        self._process.start()
        sender.close()

    def kill(self) -> None:
        self._process.kill()

    def outcome(self) -> dict[str, Any]:
        """Wait until the process has ended; what it reported, or nothing if it was killed."""
        try:
            outcome: dict[str, Any] = self._outcome.recv()
        except EOFError:
            outcome = {}
        self._process.join()
        return outcome


def _download(
    sender: Connection,
    url: str,
    path: str,
    folder: Path,
    *,
    dies_at_line: int | None = None,
    largest_file: int | None = None,
    **options: Any,
) -> None:
    # Without the proxies and passwords of the user who runs the tests.
    os.environ.clear()
    os.environ["NETRC"] = os.devnull
    if largest_file is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (largest_file, largest_file))
    lines = _Lines(dies_at_line)
    with SiteClient(url, backoff=0) as client:
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        if dies_at_line is not None:
            sys.settrace(lines.trace)
        try:
            done = fetch(client, path, folder, **options)
        except PyorgError as error:
            sender.send({"error": type(error).__name__, "message": str(error)})
            return
        finally:
            sys.settrace(None)
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - most
    outcome = {"fetched": done.fetched, "resumed_from": done.resumed_from}
    sender.send({**outcome, "lines": lines.count, "grown": grown})


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
