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
    """A download that runs in a process.

    Args:
        url: The site.
        path: The file's path there.
        folder: Where it is downloaded to.
        dies_at_line: It kills itself when so many lines of our code have run; -1: it counts them.
        largest_file: Bytes that the system lets it write to a file.
        options: Of `fetch`.
    """

    def __init__(
        self,
        url: str,
        path: str,
        folder: Path,
        *,
        dies_at_line: int | None = None,
        largest_file: int | None = None,
        **options: Any,
    ) -> None:
        self._outcome, sender = _CONTEXT.Pipe(duplex=False)
        arguments = (sender, url, path, folder, dies_at_line, largest_file, options)
        self._process = _CONTEXT.Process(target=_download, args=arguments, daemon=True)
        self._process.start()
        sender.close()

    def kill(self) -> None:
        """Kill -9."""
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
    dies_at_line: int | None,
    largest_file: int | None,
    options: dict[str, Any],
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
    sender.send(
        {
            "fetched": done.fetched,
            "resumed_from": done.resumed_from,
            "lines": lines.count,
            "grown": grown,
        }
    )


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
