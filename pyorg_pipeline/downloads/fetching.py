"""From an artifact of the catalog to a proven file: what the facade and the Dagster job share.

Here: which proof an artifact gets, and that nothing is asked for a file that is there already.
Not here: how bytes travel (`site.transfer`), what proves them (`site.verification`), and which
artifact is meant (`model.selection`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pyorg_pipeline.downloads.download import CHUNK_SIZE, Received, Transferred, fetch
from pyorg_pipeline.downloads.names_on_disk import checked_name
from pyorg_pipeline.downloads.verify import (
    Proof,
    RecordedDigest,
    Subject,
    Verify,
    expect,
)
from pyorg_pipeline.model.artifacts import PythonOrgArtifact
from pyorg_pipeline.site.client import SiteClient

#: Called with the bytes so far and the whole number of them, None where that is unknown.
Progress = Callable[[int, int | None], None]


@dataclass(frozen=True, slots=True)
class Downloaded:
    """An artifact's file under its final name."""

    artifact: PythonOrgArtifact
    path: Path
    #: Bytes.
    size: int
    seconds: float
    #: None for a file that was there before the call and was kept: it was not looked into.
    proof: Proof | None
    #: Whether this call fetched it.
    fetched: bool
    #: What the user should know of a file that was kept; empty if there is nothing.
    warning: str


def download(
    client: SiteClient,
    artifact: PythonOrgArtifact,
    destination_dir: Path | str | None,
    *,
    stream_chunk_size: int = CHUNK_SIZE,
    overwrite: bool = False,
    verify: Verify = True,
    progress: Progress | None = None,
) -> Downloaded:
    """Bring an artifact into a folder, proven before it gets its final name.

    Args:
        client: of the site that it is on.
        artifact: as the catalog knows it.
        destination_dir: made if it is missing; None for a new temporary one.
        stream_chunk_size: bytes that are taken at once, at most.
        overwrite: whether a file that is there is replaced; otherwise it is kept, and nothing is
            asked of the site.
        verify: how strong a proof has to be; see site.verification.
        progress: told how far the transfer is.

    Raises:
        DownloadError: the file is not what it should be, or cannot be written.
        SiteError: the site did not give it.
        InvalidArgumentError: an argument, or the artifact's name, that cannot be used.
    """
    prove: Callable[[Received], Proof] | None = None
    if overwrite or not _is_there(artifact, destination_dir):
        expectation = expect(_subject(artifact), verify, client.read_file)

        def prove(received: Received) -> Proof:
            return expectation.prove(received.path, received.size, received.sha256)

    done: Transferred[Proof] = fetch(
        client,
        artifact.path,
        destination_dir,
        expected_size=artifact.size,
        chunk_size=stream_chunk_size,
        overwrite=overwrite,
        prove=prove,
        progress=progress,
    )
    return Downloaded(
        artifact, done.path, done.size, done.seconds, done.proof, done.fetched, done.warning
    )


def _is_there(artifact: PythonOrgArtifact, destination_dir: Path | str | None) -> bool:
    # A link that leads nowhere counts: what becomes of it is decided where files are written.
    name = checked_name(artifact.name)
    return destination_dir is not None and (Path(destination_dir) / name).exists()


def _subject(artifact: PythonOrgArtifact) -> Subject:
    version = artifact.release_version
    digest = None
    if artifact.sha256 is not None and artifact.digest_source is not None:
        digest = RecordedDigest(artifact.sha256, artifact.digest_source, artifact.signed_by)
    return Subject(
        path=artifact.path,
        size=artifact.size,
        companions=artifact.related,
        series=None if version is None else (version.major, version.minor),
        digest=digest,
    )
