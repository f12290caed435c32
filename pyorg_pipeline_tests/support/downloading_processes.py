"""Downloads by the facade in processes of their own, which a test starts in milliseconds.

A server that has imported all of this forks for each of them, so that a test with threads may.
"""

from __future__ import annotations

import multiprocessing
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any, NamedTuple

from pyorg_pipeline import PythonOrgArtifact, PythonOrgDownloads
from pyorg_pipeline.downloads import fetching
from pyorg_pipeline.reports import progress

#: What the facade imports when it first needs it, which takes longer than a small download.
IMPORTED_EARLY = (fetching, progress)


class Started(NamedTuple):
    """A process that has begun to download; `told` will hold how it ended, unless it is killed."""

    process: ForkServerProcess
    told: Connection

    def outcome(self) -> str:
        """Wait until it is gone: the path, the error's name, or nothing if it was killed."""
        try:
            outcome: str = self.told.recv()
        except EOFError:
            outcome = ""
        self.process.join()
        return outcome

    def close(self) -> None:
        """Leave nothing behind."""
        self.process.kill()
        self.process.join()
        self.process.close()
        self.told.close()


def start_download(artifact: PythonOrgArtifact, folder: Path, **options: Any) -> Started:
    """Start PythonOrgDownloads.download_artifact; returns when it is about to be called."""
    context = multiprocessing.get_context("forkserver")
    # The main module too, or each process would import the test runner for itself.
    context.set_forkserver_preload(["__main__", __name__])
    told, telling = context.Pipe(duplex=False)
    arguments = (telling, artifact, folder, options)
    process = context.Process(target=_download, args=arguments, daemon=True)
    process.start()
    # Only its own end is left, so that its death is seen.
    telling.close()
    assert told.recv() == "about to"
    return Started(process, told)


def _download(
    telling: Connection, artifact: PythonOrgArtifact, folder: Path, options: dict[str, Any]
) -> None:
    telling.send("about to")
    try:
        path = PythonOrgDownloads.download_artifact(artifact, destination_dir=folder, **options)
    except Exception as error:  # noqa: BLE001  # whichever it is, the test wants to hear of it
        telling.send(f"{type(error).__name__}: {error}")
    else:
        telling.send(str(path))
