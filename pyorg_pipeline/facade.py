"""PythonOrgDownloads: queries and downloads from the catalog."""

# No `from __future__ import annotations`: the command line calls the annotations' classes.

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypedDict, Unpack, overload

from pyorg_pipeline.downloading import CatalogDownloads
from pyorg_pipeline.errors import VersionNotFoundError
from pyorg_pipeline.model.arguments import (
    ArtifactFormat,
    Flag,
    merge_attributes,
    parse_flag,
    parse_since,
)
from pyorg_pipeline.model.artifacts import PythonOrgArtifact
from pyorg_pipeline.model.versions import NormalizedPythonVersion, parse_series

if TYPE_CHECKING:
    from pyorg_pipeline.model.catalog import CatalogChange
    from pyorg_pipeline.model.releases import PythonRelease
    from pyorg_pipeline.model.series import PythonSeries

    class _Filters(TypedDict, total=False):
        artifact_type: str | None
        arch: str | None
        format: str | None
        attributes: ArtifactFormat | None

    class _Conditions(_Filters, total=False):
        series: str | None
        complete_only: Flag
        supported_only: Flag


class PythonOrgDownloads(CatalogDownloads):
    """Everything that python.org offers for download, from the catalog.

    Every method raises CatalogError if the catalog cannot be read, and InvalidArgumentError if an
    argument is invalid, such as an architecture that no artifact has. Reports print a table and
    return an empty text.
    """

    @classmethod
    def list_release_versions(cls, final_only: Flag = True) -> list[NormalizedPythonVersion]:
        """The versions that have a release, or a final one, as three-item tuples, sorted.

        A version whose directory could not be read, such as 2.2.3, is listed, too; with
        `final_only` up to the newest final release.

        Example: PythonOrgDownloads list_release_versions --final_only false
        """
        snapshot, _ = cls._snapshot()
        return snapshot.release_versions(final_only=parse_flag("final_only", final_only))

    @overload
    @classmethod
    def list_version_artifacts(
        cls,
        major: int | str,
        minor: int | str,
        micro: int | str = ...,
        final_only: Flag = ...,
        **filters: "Unpack[_Filters]",
    ) -> list[PythonOrgArtifact]: ...

    # For *version: type checkers do not know how many items it has.
    @overload
    @classmethod
    def list_version_artifacts(
        cls, *version: int | str, final_only: Flag = ..., **filters: "Unpack[_Filters]"
    ) -> list[PythonOrgArtifact]: ...

    @classmethod  # type: ignore[misc]  # a version has 3 or 5 items
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
        attributes: ArtifactFormat | None = None,
    ) -> list[PythonOrgArtifact]:
        """The artifacts of one version, sorted by version, then path.

        With `final_only` only those of its final release. `artifact_type`, `arch` and `format`
        filter the list, and `attributes` by any column that an artifact's `attributes` has, as a
        dict or as text such as free_threaded=true,embed=false. Unrecognised files are listed only
        by the type 'unrecognised'.

        Example: PythonOrgDownloads list_version_artifacts 3 13 --micro 9

        Raises:
            VersionNotFoundError: the catalog has no such version, or its files are not listed.
        """
        version = NormalizedPythonVersion(major, minor, micro)
        final_only = parse_flag("final_only", final_only)
        snapshot, site_url = cls._snapshot()
        conditions = _conditions(artifact_type, arch, format, attributes)
        return snapshot.artifacts(site_url, version, final_only=final_only, **conditions)

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
        cls, final_only: Flag, download_tarball: Literal[True], **more: "Unpack[_Conditions]"
    ) -> tuple[NormalizedPythonVersion, Path]: ...

    @overload
    @classmethod
    def latest_version(
        cls,
        final_only: Flag = ...,
        *,
        download_tarball: Literal[True],
        **more: "Unpack[_Conditions]",
    ) -> tuple[NormalizedPythonVersion, Path]: ...

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
        supported_only: Flag = False,
        artifact_type: str | None = None,
        arch: str | None = None,
        format: str | None = None,
        attributes: ArtifactFormat | None = None,
    ) -> NormalizedPythonVersion | tuple[NormalizedPythonVersion, Path]:
        """The highest final version, or the highest of a series such as 3.13, as three items.

        Without `final_only` it is the highest of any level, as five items. `complete_only` leaves
        out releases that are still being uploaded: see list_releases. `supported_only` leaves out
        series that get no bugfix or security releases now: see list_series. With `artifact_type`,
        `arch`, `format` and `attributes`, as of list_version_artifacts, it is the highest that has
        such an artifact that is not superseded. With `download_tarball` its source tarball is
        downloaded to the current folder, and the version and the file's path are returned.

        Example: PythonOrgDownloads latest_version --series 3.13

        Raises:
            VersionNotFoundError: no release matches.
            DownloadError, SiteError: as for download_artifact.
        """
        final_only = parse_flag("final_only", final_only)
        complete_only = parse_flag("complete_only", complete_only)
        of_series = None if series is None else parse_series(series)
        supported = None
        if parse_flag("supported_only", supported_only):
            supported = cls._supported_series(of_series)
        conditions = _conditions(artifact_type, arch, format, attributes)
        version = None
        if not complete_only and not conditions:
            # Each series that is supported has a final release.
            newest = of_series or (supported and max(supported))
            version = cls._reader().latest_version(newest or None, final_only)
        if version is None:
            snapshot, _ = cls._snapshot()
            version = snapshot.newest_release(
                of_series,
                final_only=final_only,
                complete_only=complete_only,
                supported=supported,
                **conditions,
            )
        found = version.numbers if final_only else version
        if not parse_flag("download_tarball", download_tarball):
            return found
        return found, cls.download_release(*version)

    @classmethod
    def _supported_series(cls, asked: tuple[int, int] | None) -> set[tuple[int, int]]:
        """The series that are supported, or the one that is asked for."""
        listed = {parse_series(one.series): one for one in cls.list_series()}
        found = {series for series, one in listed.items() if one.is_supported}
        if asked is not None and asked in listed:
            found &= {asked}
        if not found:
            text = "no series of the catalog is supported"
            if asked is not None:
                text = f"{listed[asked].series} is not supported ({listed[asked].status})"
            raise VersionNotFoundError(f"{text}: ask without supported_only")
        return found

    @classmethod
    def list_series(cls) -> "list[PythonSeries]":
        """The series that have a release, each with its status, newest release and dates, sorted.

        The status is the current one: `prerelease`, `bugfix`, `security` or `end-of-life`, by the
        dates of the release PEPs; `unknown` for a series that this program has no dates of.

        Example: PythonOrgDownloads list_series
        """
        from pyorg_pipeline.model.series import python_series  # noqa: PLC0415

        today = datetime.now(UTC).date()
        return [python_series(version, today) for version in cls._reader().newest_of_series()]

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
            VersionNotFoundError: the series has no release.
        """
        final_only = parse_flag("final_only", final_only)
        of_series = None if series is None else parse_series(series)
        snapshot, _ = cls._snapshot()
        releases = snapshot.releases(datetime.now(UTC), of_series)
        newest = None if series or not releases else releases[-1].release_version
        snapshot.unlisted.warn(of_series, newest)
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
        attributes: ArtifactFormat | None = None,
    ) -> list[PythonOrgArtifact]:
        """Every recognised artifact of the site, sorted by version, then path.

        With `final_only` only those of final releases. `artifact_type`, `arch`, `format` and
        `attributes` filter the list, as of list_version_artifacts; the type 'unrecognised' lists
        the files that are not recognised.

        Example: --json PythonOrgDownloads list_all_release_artifacts --arch arm64
        """
        final_only = parse_flag("final_only", final_only)
        snapshot, site_url = cls._snapshot()
        conditions = _conditions(artifact_type, arch, format, attributes)
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


def _conditions(
    artifact_type: str | None,
    arch: str | None,
    format: str | None,
    attributes: ArtifactFormat | None,
) -> dict[str, Any]:
    """The values that columns have to have."""
    given = merge_attributes([attributes] if attributes else [], arch=arch, format=format)
    return given if artifact_type is None else {"artifact_type": artifact_type, **given}
