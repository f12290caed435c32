"""Several artifacts at once, in threads; each ends as a download or as a failure."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from concurrent.futures import as_completed

from pyorg_pipeline.downloads.destinations import Destination
from pyorg_pipeline.errors import PyorgError
from pyorg_pipeline.model.artifacts import PythonOrgArtifact
from pyorg_pipeline.model.downloads import Download, DownloadFailure, Progress, Verify
from pyorg_pipeline.site.client import SiteClient

#: Returns the progress callback of an artifact whose download begins, None for no callback.
ArtifactProgress = Callable[[PythonOrgArtifact], Progress | None]


def download_all(
    client: SiteClient,
    artifacts: Sequence[PythonOrgArtifact],
    destination: Destination,
    *,
    overwrite: bool = False,
    verify: Verify = True,
    progress: ArtifactProgress | None = None,
) -> Generator[Download | DownloadFailure, None, None]:
    """Download artifacts with different names, several at once; yield each as it is done.

    An artifact that fails holds up no other. When the iterator is closed, transfers in flight are
    cancelled and no thread is left; no file is incomplete under its final name, and the next call
    resumes what a folder had received.
    """

    def download_one(artifact: PythonOrgArtifact) -> Download | DownloadFailure:
        try:
            return destination.download(
                client,
                artifact,
                overwrite=overwrite,
                verify=verify,
                progress=None if progress is None else progress(artifact),
            )
        except (PyorgError, OSError) as error:
            return DownloadFailure(artifact, error)

    with client.thread_pool() as executor:
        futures = [executor.submit(download_one, artifact) for artifact in artifacts]
        for future in as_completed(futures):
            yield future.result()
