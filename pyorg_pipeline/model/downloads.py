"""The values of downloads: how a file is verified, the download, and its failure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

from pyorg_pipeline.errors import DamagedFilesError, DownloadError, PyorgError, SiteError
from pyorg_pipeline.model.artifacts import PythonOrgArtifact
from pyorg_pipeline.model.values import Value

#: Bytes read at once, the default of api.md's stream_chunk_size.
CHUNK_SIZE: Final = 1024 * 1024

#: Called with the bytes so far and the size of the file, None if that is unknown.
Progress = Callable[[int, int | None], None]

#: How strictly a file is verified; docs/downloads.md describes each.
Verify = Literal[True, False, "digest", "signature"]

#: The strongest first; `none` if not even a size is listed.
Method = Literal["signature", "digest", "archive", "size", "none"]


@dataclass(frozen=True, slots=True)
class Verification:
    """How the file of an artifact is verified, decided before its first byte is requested."""

    method: Method
    #: In hexadecimal digits; None if the site publishes no digest.
    sha256: str | None = None
    #: Where that digest was found, for messages.
    sources: tuple[str, ...] = ()
    #: The signer of the digest, if verified now or when the catalog recorded it.
    signed_by: str | None = None
    #: The reason for a missing digest, and what is verified instead; else empty.
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
    #: Of its bytes, in hexadecimal digits; None for an existing file that was not read.
    sha256: str | None = None
    #: None for an existing file, unless a digest or signature was required.
    verification: Verification | None = None
    #: Bytes of it that an earlier call had received.
    resumed_from: int = 0
    #: How long the call took, with pauses and verification.
    seconds: float = 0

    @property
    def note(self) -> str:
        """The reason for a weaker verification, or an existing file's unexpected size."""
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

    @property
    def problem(self) -> str:
        """What happened."""
        return self.error.problem if isinstance(self.error, DownloadError) else str(self.error)

    @property
    def advice(self) -> str | None:
        """What to do next, the same for all failures of a kind; None if the problem tells it."""
        if self.transient:
            return "run the same command again"
        return self.error.advice if isinstance(self.error, DownloadError) else None


#: What a file of a folder turned out to be. `unverified` are files that could not be verified as
#: demanded, `companion` files about artifacts, whose content the catalog does not know, and
#: `missing` files that a download report lists and that no longer exist.
FileOutcome = Literal["verified", "damaged", "unverified", "companion", "unknown", "missing"]


@dataclass(frozen=True, slots=True, repr=False)
class FileVerification(Value):
    """A file of a folder, compared with the catalog."""

    #: Its path within the folder, with slashes.
    file: str
    outcome: FileOutcome
    #: The path of its artifact below the site's root; None if no artifact has such a name.
    path: str | None = None
    #: Bytes; None if it is missing.
    size: int | None = None
    #: How it was verified; None unless it was.
    method: Method | None = None
    #: Of its bytes, in hexadecimal digits; None unless it was verified.
    sha256: str | None = None
    #: Whose signature covers the digest.
    signed_by: str | None = None
    #: What a damaged file should have, such as a size or a digest, and what it has.
    expected: str | None = None
    actual: str | None = None
    #: Why it has this outcome; empty if a digest or a signature verified it.
    reason: str = ""

    def __str__(self) -> str:
        by = f" by {self.method}" if self.method else ""
        return f"{self.outcome}{by}  {self.file}" + (f": {self.reason}" if self.reason else "")


@dataclass(frozen=True, slots=True, repr=False)
class FolderVerification(Value):
    """The files of a folder, compared with the catalog, sorted by their paths."""

    #: A folder, or a URL without credentials.
    location: str
    files: list[FileVerification]

    def of(self, *outcomes: FileOutcome) -> list[FileVerification]:
        """The files with one of these outcomes."""
        return [one for one in self.files if one.outcome in outcomes]

    @property
    def error(self) -> DamagedFilesError | None:
        """The error to raise if a file is damaged or missing, or not verified as demanded."""
        failed = {one.file: one.reason for one in self.of("damaged", "missing", "unverified")}
        advice = ""
        if self.of("damaged"):
            advice += ". Delete a damaged file and download it again"
        if self.of("missing"):
            advice += ". Download a missing file again"
        found = DamagedFilesError(self.location, failed, len(self.files), advice)
        return found if failed else None

    @property
    def counts(self) -> str:
        """How many files have each outcome, and how the verified ones were verified."""
        outcomes = Counter(
            f"{one.outcome} by {one.method}" if one.method else one.outcome for one in self.files
        )
        return ", ".join(f"{count:,} {text}" for text, count in outcomes.items()) or "no files"

    @property
    def lines(self) -> list[str]:
        """The problems and the counts; a file's name may contain line breaks."""
        problems = self.of("damaged", "unverified", "unknown", "missing")
        return [*map(str, problems), f"{self.location}: {self.counts}"]

    def __str__(self) -> str:
        return "\n".join(self.lines)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({f'{self.location}: {self.counts}'!r})"
