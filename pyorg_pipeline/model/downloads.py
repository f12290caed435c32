"""The values of downloads: how a file is verified, the download, and its failure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

from pyorg_pipeline.errors import PyorgError, SiteError
from pyorg_pipeline.model.artifacts import PythonOrgArtifact

#: Bytes read at once, the default of api.md's stream_chunk_size.
CHUNK_SIZE: Final = 1024 * 1024

#: Called with the bytes so far and the size of the file, None where that is unknown.
Progress = Callable[[int, int | None], None]

#: How strictly a file is verified; docs/downloads.md describes each.
Verify = Literal[True, False, "digest", "signature"]

#: From the strongest downwards; `none` where not even a size is listed.
Method = Literal["signature", "digest", "archive", "size", "none"]


@dataclass(frozen=True, slots=True)
class Verification:
    """How the file of an artifact is verified, decided before its first byte is requested."""

    method: Method
    #: In hexadecimal digits; None where the site publishes no digest.
    sha256: str | None = None
    #: Where that digest was found, for people.
    sources: tuple[str, ...] = ()
    #: Whose signature covers the digest, verified now or when the catalog recorded it.
    signed_by: str | None = None
    #: Why there is no digest, and what is verified instead; else empty.
    note: str = ""


@dataclass(frozen=True, slots=True)
class Download:
    """The file of an artifact under its final name."""

    artifact: PythonOrgArtifact
    #: A path, or a URL without credentials.
    destination: str
    #: Bytes.
    size: int
    #: Whether this call fetched it; otherwise it existed, or another call fetched it meanwhile.
    fetched: bool
    #: Of its bytes, in hexadecimal digits; None for a file that existed and was not read.
    sha256: str | None = None
    #: None for a file that existed, unless a digest or signature was demanded.
    verification: Verification | None = None
    #: Bytes of it that an earlier call had received.
    resumed_from: int = 0
    #: How long the call took, with pauses and verification.
    seconds: float = 0

    @property
    def note(self) -> str:
        """What was not verified and why, or that an existing file has an unexpected size."""
        if self.verification is not None:
            return self.verification.note
        expected = self.artifact.size
        if expected not in (None, self.size):
            return (
                f"it exists and was not replaced, but has {self.size:,} bytes where the catalog "
                f"lists {expected:,}; overwrite=True replaces it"
            )
        if self.artifact.sha256 is not None:
            return "it exists and was not verified; verify='digest' compares it with its digest"
        return ""


@dataclass(frozen=True, slots=True)
class DownloadFailure:
    """An artifact that could not be downloaded, and the error."""

    artifact: PythonOrgArtifact
    error: PyorgError | OSError

    @property
    def transient(self) -> bool:
        """Whether a later attempt may succeed."""
        return isinstance(self.error, SiteError) and self.error.transient
