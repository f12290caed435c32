"""Many downloads at once, in threads: each of them ends in an outcome, whatever happens to it.

Here: the threads, and what becomes of failures. Not here: one download (`fetching`), where it goes
(`destinations`), and which artifacts are meant (`model.selection`).
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import as_completed
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from threading import Event
from typing import Any, Final

from pyorg_pipeline.downloads.destinations import Delivered, Destination
from pyorg_pipeline.downloads.fetching import Progress
from pyorg_pipeline.downloads.verify import Verify
from pyorg_pipeline.errors import PyorgError, SiteError
from pyorg_pipeline.model.artifacts import PythonOrgArtifact
from pyorg_pipeline.site.client import SiteClient
from pyorg_pipeline.site.crowd import check_concurrency, crowd

FETCHED: Final = "fetched"
SKIPPED: Final = "skipped"
FAILED: Final = "failed"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one artifact; the columns of catalog.download_reports of the same names."""

    #: Below the site's root.
    path: str
    #: fetched, skipped or failed.
    outcome: str
    #: A path, or a URL without credentials.
    destination: str | None = None
    bytes: int | None = None
    seconds: float | None = None
    #: How it was proven; None for what was there already.
    proof: str | None = None
    sha256: str | None = None
    sources: tuple[str, ...] = ()
    signed_by: str | None = None
    note: str | None = None
    error: str | None = None
    #: Whether it may have failed in passing.
    transient: bool = False


def download_all(
    client: SiteClient,
    artifacts: Sequence[PythonOrgArtifact],
    destination: Destination,
    *,
    concurrency: int,
    overwrite: bool = False,
    verify: Verify = True,
) -> Generator[Outcome, None, None]:
    """Bring artifacts to their destination, several at once; yields each outcome as it is there.

    An artifact that cannot be had is an outcome too, and holds up no other. When the iterator is
    closed, transfers under way are cut off and no thread is left; nothing half lies under a final
    name then, and what a folder's transfers had received is taken up by the next call.

    Args:
        client: the site's.
        artifacts: of different names.
        destination: where they go.
        concurrency: transfers at once, from 1 to 32.
        overwrite: whether files that are there are replaced; otherwise they are kept.
        verify: how strong a proof has to be; see site.verification.

    Raises:
        InvalidArgumentError: concurrency is out of its range.
    """
    check_concurrency(concurrency)
    return _download_all(
        client,
        artifacts,
        destination,
        concurrency=concurrency,
        overwrite=overwrite,
        verify=verify,
    )


def _download_all(
    client: SiteClient,
    artifacts: Sequence[PythonOrgArtifact],
    destination: Destination,
    *,
    concurrency: int,
    overwrite: bool,
    verify: Verify,
) -> Generator[Outcome, None, None]:
    observer = _observer.get()

    def one(artifact: PythonOrgArtifact, stopped: Event) -> Outcome:
        if stopped.is_set():
            return Outcome(artifact.path, FAILED, error="it was not begun")
        progress = None if observer is None else observer(artifact)
        try:
            done = destination.deliver(
                client, artifact, overwrite=overwrite, verify=verify, progress=progress
            )
        except (PyorgError, OSError) as error:
            return _failed(artifact, error)
        return _delivered(artifact, done)

    with crowd(client, concurrency, "downloads") as threads:
        futures = [threads.submit(one, artifact, threads.stopped) for artifact in artifacts]
        for future in as_completed(futures):
            yield future.result()


def _delivered(artifact: PythonOrgArtifact, done: Delivered) -> Outcome:
    proof = done.proof
    told: dict[str, Any] = {}
    if proof is not None:
        told = {
            "proof": proof.method,
            "sha256": proof.sha256,
            "sources": proof.sources,
            "signed_by": proof.signed_by,
        }
    return Outcome(
        artifact.path,
        FETCHED if done.fetched else SKIPPED,
        done.where,
        done.size,
        round(done.seconds, 3),
        note=done.warning or (proof.note if proof is not None else "") or None,
        **told,
    )


def _failed(artifact: PythonOrgArtifact, error: PyorgError | OSError) -> Outcome:
    transient = isinstance(error, SiteError) and error.transient
    return Outcome(artifact.path, FAILED, error=str(error), transient=transient)


#: Gives, for each artifact that is begun, whom to tell how far it is; called in any thread.
Observer = Callable[[PythonOrgArtifact], Progress | None]

_observer: ContextVar[Observer | None] = ContextVar("observer", default=None)


@contextmanager
def observing(observer: Observer) -> Iterator[None]:
    """Let transfers that are begun inside, in this thread's context, tell how far they are."""
    token = _observer.set(observer)
    try:
        yield
    finally:
        _observer.reset(token)
