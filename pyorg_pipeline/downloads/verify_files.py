"""Every file of a folder, or below a URL, compared with the catalog."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import as_completed
from dataclasses import replace
from pathlib import Path
from typing import Final

from pyorg_pipeline.catalog.location import local_folder
from pyorg_pipeline.downloads.destinations import Destination, FolderDestination, open_destination
from pyorg_pipeline.downloads.verify import expected_verification, read_and_verify, wrong_size
from pyorg_pipeline.errors import (
    DestinationError,
    SiteError,
    SiteUnreachableError,
    VerificationError,
)
from pyorg_pipeline.model.arguments import parse_path
from pyorg_pipeline.model.artifacts import UNRECOGNISED, PythonOrgArtifact
from pyorg_pipeline.model.companions import companion_name
from pyorg_pipeline.model.downloads import FileVerification, FolderVerification, Progress, Verify
from pyorg_pipeline.site.client import SiteClient

_UNKNOWN: Final = "no artifact of the catalog has this name"


def verify_files(
    client: SiteClient,
    folder: str | Path,
    artifacts: Sequence[PythonOrgArtifact],
    delivered: Mapping[str, str],
    *,
    verify: Verify = True,
    progress: Progress | None = None,
) -> FolderVerification:
    """Compare the files of a folder or URL with the artifacts, several files at a time.

    `delivered` has the path of the artifact by each file that downloads have delivered; of these,
    the ones below the folder that no longer exist are missing. A single file is compared as well.
    Hidden files are left out, such as the partial files of downloads.

    Raises DestinationError or ExtraMissingError if the folder cannot be read.
    """
    folder = parse_path("folder", folder)
    path = local_folder(folder)
    sizes: Mapping[str, int | None]
    if path is not None and path.is_file():
        destination: Destination = FolderDestination(path.parent)
        sizes, delivered = {path.name: path.stat().st_size}, {}
    else:
        destination = open_destination(folder)
        sizes = destination.files()
    checks = _Checks(client, destination, artifacts, verify)
    files: list[FileVerification] = []
    read, total = 0, sum(size or 0 for size in sizes.values())
    with client.thread_pool() as executor:
        futures = [executor.submit(checks.check, name, sizes[name]) for name in sizes]
        for future in as_completed(futures):
            files.append(future.result())
            read += files[-1].size or 0
            if progress is not None:
                progress(read, total)
    for file, of in delivered.items():
        name = destination.name_within(file)
        if name is not None and name not in sizes:
            reason = "it was downloaded, and no longer exists"
            files.append(FileVerification(name, "missing", of, reason=reason))
    return FolderVerification(destination.text, sorted(files, key=lambda one: one.file))


class _Checks:
    """The comparison of single files with the artifacts."""

    def __init__(
        self,
        client: SiteClient,
        destination: Destination,
        artifacts: Sequence[PythonOrgArtifact],
        verify: Verify,
    ) -> None:
        self._client = client
        self._destination = destination
        self._verify = verify
        self._artifacts: dict[str, list[PythonOrgArtifact]] = {}
        #: Artifacts by the names of their companions.
        self._owners: dict[str, PythonOrgArtifact] = {}
        for artifact in artifacts:
            self._artifacts.setdefault(artifact.name, []).append(artifact)
            for suffix in artifact.companions:
                self._owners[companion_name(artifact.name, suffix)] = artifact
        #: The error of the first request that the site did not answer.
        self._unreachable = ""

    def check(self, file: str, size: int | None) -> FileVerification:
        """Compare one file with the artifacts that have its name; without a size it is no file."""
        name = file.rpartition("/")[2]
        named = self._artifacts.get(name, [])
        # A folder as the site has it; names occur in several of its directories.
        candidates = [one for one in named if f"/{file}".endswith(f"/{one.path}")]
        # Names such as README say nothing without their directory.
        candidates = candidates or [one for one in named if one.artifact_type != UNRECOGNISED]
        if not candidates:
            if (owner := self._owners.get(name)) is not None:
                reason = f"a file about {owner.name}; the catalog has no digest of it"
                return FileVerification(file, "companion", owner.path, size, reason=reason)
            return FileVerification(file, "unknown", size=size, reason=_UNKNOWN)
        if size is None:
            reason = "it cannot be read: not a file, or a link to one that does not exist"
            return FileVerification(file, "unverified", candidates[0].path, reason=reason)
        # A file of the right size shows best why it is not valid.
        ordered = sorted(candidates, key=lambda one: one.size != size)
        found = [self._compare(file, size, artifact) for artifact in ordered]
        return next((one for one in found if one.outcome == "verified"), found[0])

    def _compare(self, file: str, size: int, artifact: PythonOrgArtifact) -> FileVerification:
        known = FileVerification(file, "unverified", artifact.path, size)
        if artifact.size not in {None, size}:
            return _damaged(known, wrong_size(artifact, f"{size:,} bytes", "the file"))
        try:
            verification = expected_verification(self._client, artifact, self._verify)
        except (SiteError, VerificationError) as error:
            return replace(known, reason=self._reason(error))
        try:
            with self._destination.local_file(file) as local:
                _, sha256 = read_and_verify(artifact, verification, local)
        except VerificationError as error:
            return _damaged(known, error)
        except (OSError, DestinationError) as error:
            return replace(known, reason=f"it cannot be read: {error}")
        return replace(
            known,
            outcome="verified",
            method=verification.method,
            sha256=sha256,
            signed_by=verification.signed_by,
            reason=verification.note,
        )

    def _reason(self, error: SiteError | VerificationError) -> str:
        """Why there is nothing to verify a file with."""
        if isinstance(error, VerificationError):
            return error.problem
        if isinstance(error, SiteUnreachableError):
            # All further requests would wait for their timeouts.
            self._client.cancel()
            self._unreachable = self._unreachable or str(error)
            return self._unreachable
        return str(error)


def _damaged(known: FileVerification, error: VerificationError) -> FileVerification:
    expected, actual = error.expected, error.actual
    return replace(known, outcome="damaged", expected=expected, actual=actual, reason=error.problem)
