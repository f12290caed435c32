"""The methods of PythonOrgDownloads for files: downloads, and verifying what exists."""

# No `from __future__ import annotations`: the command line calls the annotations' classes.

from pathlib import Path
from typing import TYPE_CHECKING, TypedDict, Unpack, overload
from urllib.parse import quote

from pyorg_pipeline.configured import ConfiguredCatalog
from pyorg_pipeline.errors import DigestsMissingError, InvalidArgumentError
from pyorg_pipeline.freshness import confirm
from pyorg_pipeline.model.arguments import (
    DEFAULT_FORMAT,
    SOURCE,
    ArtifactFormat,
    Flag,
    Verification,
    parse_flag,
    parse_verification,
    require_callable,
)
from pyorg_pipeline.model.artifacts import PythonOrgArtifact
from pyorg_pipeline.model.digests import digest_companions
from pyorg_pipeline.model.downloads import CHUNK_SIZE, Progress
from pyorg_pipeline.model.versions import NormalizedPythonVersion

if TYPE_CHECKING:
    from pyorg_pipeline.model.downloads import FolderVerification

    class _Options(TypedDict, total=False):
        artifact_type: str
        artifact_format: ArtifactFormat
        stream_chunk_size: int
        destination_dir: Path | str | None
        overwrite: Flag
        verify: Verification
        progress: Progress | None


class CatalogDownloads(ConfiguredCatalog):
    """Downloads of the artifacts in the configured catalog."""

    @classmethod
    def download_artifact(
        cls,
        artifact: PythonOrgArtifact | str,
        stream_chunk_size: int = CHUNK_SIZE,
        destination_dir: Path | str | None = ".",
        overwrite: Flag = False,
        *,
        verify: Verification = True,
        progress: Progress | None = None,
    ) -> Path:
        """Download and verify an artifact, and return the path of its file.

        The artifact is one that a method returned, a path such as 3.13.9/Python-3.13.9.tgz, or a
        name. The file gets its name when it is complete and verified. Existing files are not
        overwritten unless `overwrite`. None as the folder creates a temporary one. Companions such
        as signatures are downloaded like artifacts, and verified by their size.

        `verify` is true (by the strongest digest that the site publishes, else by size and the
        archive's checksums), `digest` (requires one), `signature` (requires a Sigstore signature
        by the release's manager), or false (by size alone).

        Example: PythonOrgDownloads download_artifact 3.13.9/Python-3.13.9.tgz

        Raises:
            VerificationError: the file is not what it should be, and was not kept.
            DownloadError, SiteError: it cannot be written, or the site did not send it.
            ArtifactChoiceError: no artifact has such a name, or several have.
        """
        from pyorg_pipeline.catalog.download_reports import (  # noqa: PLC0415
            report_digest,
            with_downloaded_digests,
        )
        from pyorg_pipeline.downloads.download import download  # noqa: PLC0415  # imports requests
        from pyorg_pipeline.reports.progress import file_progress  # noqa: PLC0415
        from pyorg_pipeline.site.client import SiteClient  # noqa: PLC0415

        verify = parse_verification(verify)
        require_callable("progress", progress)
        if not isinstance(artifact, PythonOrgArtifact):
            name = _name_of(artifact)
            snapshot, site_url = cls._snapshot()
            artifact = snapshot.artifact(site_url, name)
        bar, store = file_progress(artifact, progress), cls._store()
        with SiteClient(artifact.url.removesuffix(quote(artifact.path))) as client, bar as shown:
            [artifact] = with_downloaded_digests(store, client.base_url, [artifact])
            done = download(
                client,
                artifact,
                destination_dir,
                stream_chunk_size=stream_chunk_size,
                overwrite=parse_flag("overwrite", overwrite),
                verify=verify,
                progress=shown,
            )
            report_digest(store, done, client.base_url)
        return Path(done.destination)

    @overload
    @classmethod
    def download_release(
        cls,
        major: int | str,
        minor: int | str,
        micro: int | str = ...,
        releaselevel: str = ...,
        serial: int | str = ...,
        artifact_type: str = ...,
        artifact_format: ArtifactFormat = ...,
        stream_chunk_size: int = ...,
        destination_dir: Path | str | None = ...,
        overwrite: Flag = ...,
        *,
        verify: Verification = ...,
        progress: Progress | None = ...,
    ) -> Path: ...

    # For *version: type checkers do not know how many items it has.
    @overload
    @classmethod
    def download_release(cls, *version: int | str, **options: "Unpack[_Options]") -> Path: ...

    @classmethod  # type: ignore[misc]  # a version has 3 or 5 items
    def download_release(
        cls,
        major: int | str,
        minor: int | str,
        micro: int | str = 0,
        releaselevel: str = "final",
        serial: int | str = 0,
        artifact_type: str = SOURCE,
        artifact_format: ArtifactFormat = DEFAULT_FORMAT,
        stream_chunk_size: int = CHUNK_SIZE,
        destination_dir: Path | str | None = ".",
        overwrite: Flag = False,
        *,
        verify: Verification = True,
        progress: Progress | None = None,
    ) -> Path:
        """Download and verify one artifact of a release, and return the path of its file.

        `artifact_format` has attributes, as a dict or as text such as
        format=tarball_deflate,arch=amd64: an artifact with exactly these is chosen, else the only
        one that has them all. The default is the source release in its best packing, .tar.xz
        first. The other arguments are those of download_artifact.

        Example: PythonOrgDownloads download_release 3 13 --micro 9 --destination_dir /tmp

        Raises:
            VersionNotFoundError: the catalog has no such release.
            ArtifactChoiceError: no artifact matches, or several do.
            DownloadError, SiteError: as for download_artifact.
        """
        from pyorg_pipeline.model.selection import choose  # noqa: PLC0415

        verify = parse_verification(verify)
        version = NormalizedPythonVersion(major, minor, micro, releaselevel, serial)
        snapshot, site_url = cls._snapshot()
        artifacts = snapshot.release_artifacts(site_url, version)
        chosen = choose(artifacts, version, artifact_type, artifact_format)
        options = stream_chunk_size, destination_dir, overwrite
        return cls.download_artifact(chosen, *options, verify=verify, progress=progress)

    @classmethod
    def lock(cls, *artifacts: PythonOrgArtifact | str) -> list[PythonOrgArtifact]:
        """The artifacts with the SHA-256 that the catalog or a verified download has of each.

        Their `url`, `size` and `sha256` are what a lock file needs. An artifact is one that a
        method returned, a path or a name.

        Example: PythonOrgDownloads lock 3.13.9/Python-3.13.9.tgz

        Raises:
            DigestsMissingError: there is no digest of an artifact; it says how to get one.
            VerificationError: downloads proved different digests of an artifact.
        """
        from pyorg_pipeline.catalog.download_reports import (  # noqa: PLC0415
            with_downloaded_digests,
        )

        names = [_name_of(one) for one in artifacts]
        snapshot, site_url = cls._snapshot()
        found = [snapshot.artifact(site_url, name) for name in names]
        found = with_downloaded_digests(cls._store(), snapshot.site_url, found)
        missing = {one.path: _without_digest(one) for one in found if one.sha256 is None}
        if missing:
            raise DigestsMissingError(missing, len(found))
        return found

    @classmethod
    def confirm(cls, *artifacts: PythonOrgArtifact | str) -> list[PythonOrgArtifact]:
        """Confirm the new digests of files that the site replaced, and return their artifacts.

        The digest of a file is recorded once. If the site lists another size or date for it and
        publishes another digest, or none, the new one is not used, and a download fails unless
        `verify` is false. Compare it with python.org's announcement first. An artifact is one that
        a method returned, a path or a name.

        Example: PythonOrgDownloads confirm 3.14.0/Python-3.14.0a5.tgz

        Raises:
            ArtifactChoiceError: an artifact has nothing to confirm.
            RefreshError: a new digest could not be read.
        """
        if not artifacts:
            raise InvalidArgumentError("give at least one artifact to confirm")
        names = [_name_of(one) for one in artifacts]
        snapshot, site_url = cls._snapshot()
        paths = [snapshot.artifact(site_url, name).path for name in names]
        confirm(cls._settings(), paths)
        snapshot, site_url = cls._snapshot()
        return [snapshot.artifact(site_url, path) for path in paths]

    @classmethod
    def verify_files(
        cls,
        folder: Path | str = ".",
        *,
        verify: Verification = True,
        progress: Progress | None = None,
    ) -> "FolderVerification":
        """Read every file of a folder or URL, and compare it with the catalog.

        Files are known by their names, or by their paths as on the site. Each is `verified`,
        `damaged`, `unknown`, a `companion` such as a signature, or `unverified` if the digest or
        signature that `verify` demands is not published or the site does not answer. Files that
        `pyorg download` delivered there and that no longer exist are `missing`. Hidden files are
        left out, such as those of running downloads.

        `verify` has the meaning of download_artifact's: digests that the catalog does not have are
        read from the site. With false, no request is made and sizes are compared. `progress` is
        called with the bytes of the files so far and of all.

        Example: PythonOrgDownloads verify_files --folder /srv/mirror

        Raises:
            DownloadError: the folder cannot be read.
        """
        from pyorg_pipeline.catalog.download_reports import (  # noqa: PLC0415
            delivered_files,
            with_downloaded_digests,
        )
        from pyorg_pipeline.downloads.verify_files import verify_files  # noqa: PLC0415
        from pyorg_pipeline.site.client import SiteClient  # noqa: PLC0415

        verify = parse_verification(verify)
        require_callable("progress", progress)
        snapshot, site_url = cls._snapshot()
        store = cls._store()
        delivered = delivered_files(store)
        with SiteClient(site_url) as client:
            artifacts = snapshot.everything(site_url)
            artifacts = with_downloaded_digests(store, client.base_url, artifacts)
            return verify_files(
                client, folder, artifacts, delivered, verify=verify, progress=progress
            )


def _name_of(artifact: object) -> str:
    """The path of an artifact, or the path or name that was given for one."""
    if not isinstance(artifact, PythonOrgArtifact | str):
        raise InvalidArgumentError(
            f"artifact {artifact!r} is not an artifact, nor the path or name of one"
        )
    return artifact if isinstance(artifact, str) else artifact.path


def _without_digest(artifact: PythonOrgArtifact) -> str:
    """Why the catalog has no digest of an artifact, and how to get one."""
    if artifact.sha256_before is not None:
        return f"the site replaced it; `pyorg confirm {artifact.path}` confirms its new digest"
    named = artifact.artifact_type, artifact.path, artifact.version, artifact.companions
    if not digest_companions(*named):
        return "the site publishes none"
    return "not recorded yet; `pyorg refresh --digests` or a verified download records it"
