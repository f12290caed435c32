"""PythonOrgDownloads: queries and downloads from the catalog."""

# No `from __future__ import annotations`: the command line calls the annotations' classes.

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypedDict, Unpack, overload
from urllib.parse import quote

from pyorg_pipeline.configured import ConfiguredCatalog
from pyorg_pipeline.errors import InvalidArgumentError
from pyorg_pipeline.model.arguments import (
    DEFAULT_FORMAT,
    SOURCE,
    ArtifactFormat,
    Flag,
    Verification,
    parse_flag,
    parse_since,
    parse_verification,
)
from pyorg_pipeline.model.artifacts import PythonOrgArtifact
from pyorg_pipeline.model.downloads import CHUNK_SIZE, Progress
from pyorg_pipeline.model.versions import NormalizedPythonVersion, parse_series

if TYPE_CHECKING:
    from pyorg_pipeline.model.catalog import CatalogChange
    from pyorg_pipeline.model.downloads import FolderVerification
    from pyorg_pipeline.model.releases import PythonRelease

    class _Conditions(TypedDict, total=False):
        series: str | None
        complete_only: Flag
        artifact_type: str | None
        arch: str | None
        format: str | None


class PythonOrgDownloads(ConfiguredCatalog):
    """Everything that python.org offers for download, from the catalog.

    Every method raises CatalogError if the catalog cannot be read, and InvalidArgumentError if an
    argument is invalid, such as an architecture that no artifact has. Reports print a table and
    return an empty text.
    """

    @classmethod
    def list_release_versions(cls, final_only: Flag = True) -> list[NormalizedPythonVersion]:
        """The versions that have a release, or a final one, as three-item tuples, sorted.

        Example: PythonOrgDownloads list_release_versions --final_only false
        """
        snapshot, _ = cls._snapshot()
        return snapshot.release_versions(final_only=parse_flag("final_only", final_only))

    @classmethod
    def list_version_artifacts(
        cls,
        major: int | str,
        minor: int | str,
        micro: int | str = 0,
        final_only: Flag = True,
        *,
        artifact_type: str | None = None,
        arch: str | None = None,
        format: str | None = None,
    ) -> list[PythonOrgArtifact]:
        """The artifacts of one version, sorted by version, then path.

        With `final_only` only those of its final release. `artifact_type`, `arch` and `format`
        filter the list; unrecognised files are listed only by the type 'unrecognised'.

        Example: PythonOrgDownloads list_version_artifacts 3 13 --micro 9

        Raises:
            VersionNotFoundError: the catalog has no such version.
        """
        version = NormalizedPythonVersion(major, minor, micro)
        final_only = parse_flag("final_only", final_only)
        snapshot, site_url = cls._snapshot()
        conditions = {"artifact_type": artifact_type, "arch": arch, "format": format}
        return snapshot.artifacts(site_url, version, final_only=final_only, **conditions)

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
        overwritten unless `overwrite`. None as the folder creates a temporary one.

        `verify` is true (by the strongest digest that the site publishes, else by size and the
        archive's checksums), `digest` (requires one), `signature` (requires a Sigstore signature
        by the release's manager), or false (by size alone).

        Example: PythonOrgDownloads download_artifact 3.13.9/Python-3.13.9.tgz

        Raises:
            VerificationError: the file is not what it should be, and was not kept.
            DownloadError, SiteError: it cannot be written, or the site did not send it.
            ArtifactChoiceError: no artifact has such a name, or several have.
        """
        from pyorg_pipeline.downloads.download import download  # noqa: PLC0415  # imports requests
        from pyorg_pipeline.reports.progress import file_progress  # noqa: PLC0415
        from pyorg_pipeline.site.client import SiteClient  # noqa: PLC0415

        if not isinstance(artifact, PythonOrgArtifact):
            if not isinstance(artifact, str):
                raise InvalidArgumentError(
                    f"artifact {artifact!r} is not an artifact, nor the path or name of one"
                )
            snapshot, site_url = cls._snapshot()
            artifact = snapshot.artifact(site_url, artifact)
        bar = file_progress(artifact, progress)
        with SiteClient(artifact.url.removesuffix(quote(artifact.path))) as client, bar as shown:
            done = download(
                client,
                artifact,
                destination_dir,
                stream_chunk_size=stream_chunk_size,
                overwrite=parse_flag("overwrite", overwrite),
                verify=parse_verification(verify),
                progress=shown,
            )
        return Path(done.destination)

    @classmethod
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

        version = NormalizedPythonVersion(major, minor, micro, releaselevel, serial)
        snapshot, site_url = cls._snapshot()
        artifacts = snapshot.release_artifacts(site_url, version)
        chosen = choose(artifacts, version, artifact_type, artifact_format)
        options = stream_chunk_size, destination_dir, overwrite
        return cls.download_artifact(chosen, *options, verify=verify, progress=progress)

    @overload
    @classmethod
    def latest_version(
        cls,
        final_only: Flag = ...,
        download_tarball: Literal[False] = ...,
        **more: "Unpack[_Conditions]",
    ) -> NormalizedPythonVersion: ...

    @overload
    @classmethod
    def latest_version(
        cls, final_only: Flag = ..., download_tarball: Flag = ..., **more: "Unpack[_Conditions]"
    ) -> NormalizedPythonVersion | tuple[NormalizedPythonVersion, Path]: ...

    @classmethod
    def latest_version(
        cls,
        final_only: Flag = True,
        download_tarball: Flag = False,
        *,
        series: str | None = None,
        complete_only: Flag = False,
        artifact_type: str | None = None,
        arch: str | None = None,
        format: str | None = None,
    ) -> NormalizedPythonVersion | tuple[NormalizedPythonVersion, Path]:
        """The highest final version, or the highest of a series such as 3.13, as three items.

        Without `final_only` it is the highest of any level, as five items. `complete_only` leaves
        out releases that are still being uploaded: see list_releases. With `artifact_type`, `arch`
        and `format` it is the highest that has such an artifact that is not superseded. With
        `download_tarball` its source tarball is downloaded to the current folder, and the version
        and the file's path are returned.

        Example: PythonOrgDownloads latest_version --series 3.13

        Raises:
            VersionNotFoundError: there is no such release.
            DownloadError, SiteError: as for download_artifact.
        """
        final_only = parse_flag("final_only", final_only)
        complete_only = parse_flag("complete_only", complete_only)
        of_series = None if series is None else parse_series(series)
        conditions = {"artifact_type": artifact_type, "arch": arch, "format": format}
        version = None
        if not complete_only and all(value is None for value in conditions.values()):
            version = cls._reader().latest_version(of_series, final_only)
        if version is None:
            snapshot, _ = cls._snapshot()
            version = snapshot.newest_release(
                of_series, final_only=final_only, complete_only=complete_only, **conditions
            )
        found = version.numbers if final_only else version
        if not parse_flag("download_tarball", download_tarball):
            return found
        return found, cls.download_release(*version)

    @classmethod
    def list_releases(
        cls, series: str | None = None, final_only: Flag = False
    ) -> "list[PythonRelease]":
        """The releases, or those of a series, with what each has and its state, sorted by version.

        The state is the current one: `partial` while a release lacks something that one of the two
        before it had, and is younger than the longest time that those before it took; `superseded`
        once a newer one of its series is complete; else `complete`. See docs/releases.md.

        Example: PythonOrgDownloads list_releases --series 3.15

        Raises:
            VersionNotFoundError: there is no release of that series.
        """
        final_only = parse_flag("final_only", final_only)
        of_series = None if series is None else parse_series(series)
        snapshot, _ = cls._snapshot()
        releases = snapshot.releases(datetime.now(UTC), of_series)
        return [one for one in releases if one.is_final or not final_only]

    @classmethod
    def report_releases(cls, series: str | None = None, final_only: Flag = False) -> str:
        """Print the releases, or those of a series, as a table: state, date, families, sizes.

        Example: PythonOrgDownloads report_releases --series 3.15
        """
        from pyorg_pipeline.reports.tables import RELEASES, print_rows  # noqa: PLC0415

        return print_rows(RELEASES, cls.list_releases(series, final_only))

    @classmethod
    def list_all_release_artifacts(
        cls,
        final_only: Flag = False,
        *,
        artifact_type: str | None = None,
        arch: str | None = None,
        format: str | None = None,
    ) -> list[PythonOrgArtifact]:
        """Every recognised artifact of the site, sorted by version, then path.

        With `final_only` only those of final releases. `artifact_type`, `arch` and `format` filter
        the list; the type 'unrecognised' lists the files that are not recognised.

        Example: --json PythonOrgDownloads list_all_release_artifacts --arch arm64
        """
        final_only = parse_flag("final_only", final_only)
        snapshot, site_url = cls._snapshot()
        conditions = {"artifact_type": artifact_type, "arch": arch, "format": format}
        return snapshot.artifacts(site_url, None, final_only=final_only, **conditions)

    @classmethod
    def list_changes(
        cls, since: datetime | str | None = None, *, companions: Flag = False
    ) -> "list[CatalogChange]":
        """The files that appeared, vanished or were replaced (other size or date), newest last.

        Refreshes record them, from the second one on. `companions` includes files about artifacts,
        such as signatures. `since` lists only changes seen after it: a datetime with a time zone,
        ISO 8601 text (UTC unless it has a zone), or an age such as 12h or 7d. A program that polls
        passes the `seen_at` of its last change.

        Example: PythonOrgDownloads list_changes --since 7d
        """
        start = None if since is None else parse_since(since, datetime.now(UTC))
        companions = parse_flag("companions", companions)
        _, site_url = cls._snapshot()
        return cls._reader().changes(site_url, start, companions=companions)

    @classmethod
    def report_changes(
        cls, since: datetime | str | None = None, *, companions: Flag = False
    ) -> str:
        """Print what list_changes returns as a table, under the time of each refresh.

        Example: PythonOrgDownloads report_changes --since 2026-11-01
        """
        from pyorg_pipeline.reports.tables import CHANGES_TABLE, print_rows  # noqa: PLC0415

        return print_rows(CHANGES_TABLE, cls.list_changes(since, companions=companions))

    @classmethod
    def report_version_artifacts(
        cls, major: int | str, minor: int | str, micro: int | str = 0
    ) -> str:
        """Print the artifacts of one version as a table, with those of pre-releases.

        Example: PythonOrgDownloads report_version_artifacts 3 13 --micro 9
        """
        from pyorg_pipeline.reports.tables import ARTIFACTS, print_rows  # noqa: PLC0415

        return print_rows(ARTIFACTS, cls.list_version_artifacts(major, minor, micro, False))

    @classmethod
    def report_all_release_artifacts(cls, final_only: Flag = False) -> str:
        """Print every recognised artifact of the site as a table.

        Example: PythonOrgDownloads report_all_release_artifacts --final_only true
        """
        from pyorg_pipeline.reports.tables import ARTIFACTS, print_rows  # noqa: PLC0415

        return print_rows(ARTIFACTS, cls.list_all_release_artifacts(final_only=final_only))

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

        Example: PythonOrgDownloads verify_files /srv/mirror

        Raises:
            DownloadError: the folder cannot be read.
        """
        from pyorg_pipeline.catalog.download_reports import delivered_files  # noqa: PLC0415
        from pyorg_pipeline.downloads.verify_files import verify_files  # noqa: PLC0415
        from pyorg_pipeline.site.client import SiteClient  # noqa: PLC0415

        verify = parse_verification(verify)
        snapshot, site_url = cls._snapshot()
        artifacts = snapshot.everything(site_url)
        delivered = delivered_files(cls._reader().store)
        with SiteClient(site_url) as client:
            return verify_files(
                client, folder, artifacts, delivered, verify=verify, progress=progress
            )
