"""From the site to a file: what lies under its final name afterwards is whole, and proven.

Here: in which order things happen, and what is handed back. The requests are in `reception`, the
bytes in `partial_file`, the folder in `local_file`. Not here: what proves a file, which is handed
in.
"""

from __future__ import annotations

import logging
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final, Generic, TypeVar

from pyorg_pipeline.downloads.local_file import (
    Names,
    alone,
    disk_trouble,
    make_folder,
    names_of,
    size_there,
    stamp,
    sweep,
)
from pyorg_pipeline.downloads.names_on_disk import checked_name
from pyorg_pipeline.downloads.partial import partial_file
from pyorg_pipeline.downloads.reception import Progress, Reception
from pyorg_pipeline.errors import InvalidArgumentError, SiteUnreachableError, VerificationError
from pyorg_pipeline.site.client import SiteClient

#: Bytes, the default of api.md's stream_chunk_size.
CHUNK_SIZE: Final = 1024 * 1024

_LOGGER: Final = logging.getLogger(__name__)

P = TypeVar("P")


@dataclass(frozen=True, slots=True)
class Received:
    """A whole file that is to be proven before it gets its name."""

    #: The name that it shall have.
    name: str
    #: Where its bytes are for now.
    path: Path
    #: Bytes.
    size: int
    #: In hexadecimal digits.
    sha256: str


@dataclass(frozen=True, slots=True)
class Transferred(Generic[P]):
    """A file under its final name."""

    path: Path
    #: Bytes.
    size: int
    #: In hexadecimal digits; None for a file that was there before the call, which was not read.
    sha256: str | None
    #: What `prove` returned; None where it was not asked.
    proof: P | None
    #: Whether this call fetched it; otherwise it was there, or another call fetched it meanwhile.
    fetched: bool
    #: Bytes of it that an earlier call had fetched.
    resumed_from: int
    #: How long the call took.
    seconds: float
    #: What the user should hear of; empty if there is nothing.
    warning: str = ""


def fetch(
    client: SiteClient,
    path: str,
    folder: Path | str | None,
    *,
    expected_size: int | None = None,
    chunk_size: int = CHUNK_SIZE,
    overwrite: bool = False,
    prove: Callable[[Received], P] | None = None,
    progress: Progress | None = None,
) -> Transferred[P]:
    """Bring a file of the site into a folder, and return what lies there under its final name.

    The bytes go to a hidden name in the same folder; size and SHA-256 are computed as they come.
    Once the size is right and `prove` is content, they are synced and renamed, so that at any
    moment the final name holds the old file or the new one, whole. What was cut is continued, in
    this call and by the next one, if the server shows that it still is the same version. A file
    that was pieced together and is not proven is fetched anew once, because not every ETag tells
    all versions apart: nginx makes it of date and length. Of several calls for one file, in any
    number of processes, one fetches; the others wait, and prove what it brought for themselves.

    Args:
        client: Of the site that has the file; retries, pauses and timeouts are its own. Attempts
            are counted from the last byte that was new.
        path: Below the site's root, such as `3.13.9/Python-3.13.9.tgz`.
        folder: Where to; made if it is missing. None for a new temporary one, which is removed
            again if nothing comes into it.
        expected_size: Bytes, as the catalog knows it; None if it does not. Without it, a server
            that neither declares a length nor sends chunks can cut a file unnoticed by all but
            `prove`.
        chunk_size: Bytes that are taken at once, at most; they are held in memory.
        overwrite: Whether a file that is there is replaced. Otherwise its path comes back without
            a request, with a warning if its size is another.
        prove: Called with the whole file before it gets its name. What it returns comes back; a
            VerificationError that it raises discards the bytes, anything else leaves them for the
            next call.
        progress: Called with the bytes so far and those of the whole, None where they are not
            known; in the thread of the call. The bytes so far become fewer where it starts over.

    Raises:
        InvalidArgumentError: The path leads out of the site or ends in no name that a file may
            have, or chunk_size is less than 1.
        SiteUnreachableError: No connection, cuts, or silence, in every attempt.
        SiteStatusError: A status that does not pass, such as 403, 404 or 410, or one that did not.
        SiteError: A redirect to another host, or too many.
        VerificationError: It is not what it should be: another size than the catalog's, a page
            instead of a file, or what `prove` says.
        DestinationError: The folder cannot take it.
    """
    start = time.monotonic()
    # Before anything else: neither the site nor the file system hears of a name that is none.
    name = checked_name(path.rpartition("/")[2])
    url = client.file_url(path)
    if chunk_size < 1:
        raise InvalidArgumentError(f"chunk_size={chunk_size} cannot be: take at least 1 byte")
    reception = Reception(client, url, expected_size, chunk_size, progress)
    with _destination(folder) as destination:
        names = names_of(destination / name)
        # Before the look at the file: what comes between the two counts as new.
        before = stamp(names.final)
        there = size_there(names.final, overwrite=overwrite)
        if there is not None and not overwrite:
            sweep(names)
            warning = _warning(names.final, there, expected_size)
            seconds = time.monotonic() - start
            return Transferred(names.final, there, None, None, False, 0, seconds, warning)
        make_folder(destination)
        with alone(names, client.cancelled) as held:
            if not held:
                raise SiteUnreachableError(url, "the transfer was given up")
            gained = None
            if stamp(names.final) not in (None, before):
                gained = _taken(names, reception, prove)
            if gained is None:
                gained = _fetched(names, url, expected_size, reception, prove)
    received, proof, fetched, resumed_from = gained
    seconds = time.monotonic() - start
    return Transferred(
        names.final, received.size, received.sha256, proof, fetched, resumed_from, seconds
    )


_Gained = tuple[Received, P | None, bool, int]


def _fetched(
    names: Names,
    url: str,
    expected_size: int | None,
    reception: Reception,
    prove: Callable[[Received], P] | None,
) -> _Gained[P]:
    """Fetch the file, have it proven, and give it its name."""
    with partial_file(names) as partial:
        partial.resume(url, expected_size)
        for is_last in (False, True):
            reception.complete(partial)
            received = Received(names.final.name, partial.path, partial.size, partial.sha256)
            try:
                proof = None if prove is None else prove(received)
                break
            except VerificationError as error:
                pieced_together = partial.is_pieced_together
                partial.start_over(None)
                if is_last or not pieced_together:
                    raise
                _LOGGER.warning("it was pieced together and is fetched anew: %s", error)
        resumed_from = partial.resumed_from
        partial.publish()
    return received, proof, True, resumed_from


def _taken(
    names: Names, reception: Reception, prove: Callable[[Received], P] | None
) -> _Gained[P] | None:
    """Take what another call has just put there, if it is proven here, too."""
    final = names.final
    size_there(final, overwrite=False)
    digest = sha256()
    size = 0
    with disk_trouble(final), final.open("rb") as file:
        while piece := file.read(CHUNK_SIZE):
            digest.update(piece)
            size += len(piece)
    received = Received(final.name, final, size, digest.hexdigest())
    try:
        reception.check_size(size, "what another process put there")
        proof = None if prove is None else prove(received)
    except VerificationError as error:
        _LOGGER.warning("what another process put there is not taken: %s", error)
        return None
    reception.tell(size, size)
    return received, proof, False, 0


@contextmanager
def _destination(folder: Path | str | None) -> Iterator[Path]:
    if folder is not None:
        yield Path(folder)
        return
    with disk_trouble(Path(tempfile.gettempdir())):
        temporary = Path(tempfile.mkdtemp(prefix="pyorg-"))
    try:
        yield temporary
    except BaseException:
        # Nobody would find it again.
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def _warning(final: Path, size: int, expected_size: int | None) -> str:
    if expected_size in (None, size):
        return ""
    warning = (
        f"{final} was there and was kept, but has {size:,} bytes where the catalog knows "
        f"{expected_size:,}; overwrite=True replaces it"
    )
    _LOGGER.warning("%s", warning)
    return warning
