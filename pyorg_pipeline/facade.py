"""PythonOrgDownloads, the facade: every question that the catalog answers.

It reads the published tables and imports neither Dagster nor requests; only a catalog that was
never filled makes it refresh first, which needs both.
"""

# No `from __future__ import annotations`: the command line reads the annotations as classes.

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, overload
from urllib.parse import quote

from pyorg_pipeline.catalog.arguments import checked, checked_attributes, unknown_version
from pyorg_pipeline.catalog.changes import changes_since
from pyorg_pipeline.catalog.newest import latest_release, newest_release, no_release
from pyorg_pipeline.catalog.store import CatalogStore
from pyorg_pipeline.catalog_access import CatalogAccess
from pyorg_pipeline.errors import (
    ArtifactChoiceError,
    VersionNotFoundError,
)
from pyorg_pipeline.model.arguments import (
    ArtifactFormat,
    Flag,
    Verification,
    parse_flag,
    parse_since,
    parse_verification,
)
from pyorg_pipeline.model.artifacts import PythonOrgArtifact
from pyorg_pipeline.model.catalog_info import CatalogInfo
from pyorg_pipeline.model.changes import CatalogChange
from pyorg_pipeline.model.downloads import CHUNK_SIZE, Progress
from pyorg_pipeline.model.releases import PythonRelease
from pyorg_pipeline.model.selection import DEFAULT_FORMAT, SOURCE, choose
from pyorg_pipeline.model.versions import NormalizedPythonVersion, parse_series


class PythonOrgDownloads(CatalogAccess):
    """Everything that python.org offers for download, from the catalog.

    From the command line:
      pyorg PythonOrgDownloads latest_version
      pyorg PythonOrgDownloads latest_version --series 3.13
      pyorg PythonOrgDownloads list_release_versions --final_only false
      pyorg PythonOrgDownloads list_version_artifacts 3 13 --micro 9
      pyorg PythonOrgDownloads report_version_artifacts 3 13 --micro 9
      pyorg --json PythonOrgDownloads list_version_artifacts 3 13 --artifact_type source-release
    """

    @classmethod
    def list_release_versions(cls, final_only: Flag = True) -> list[NormalizedPythonVersion]:
        """The versions of which there is a release, as three-item tuples, sorted.

        There is at least one release of some kind of each; with `final_only` a final one.

        Example: pyorg PythonOrgDownloads list_release_versions --final_only false

        Raises:
            CatalogError: the catalog cannot be read.
        """
        return cls._snapshot().release_versions(final_only=parse_flag("final_only", final_only))

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

        With `final_only` those of its final release; `artifact_type`, `arch` and `format` narrow
        the list down. Files that are not recognised are listed by
        `artifact_type='unrecognised'` alone.

        Example: pyorg PythonOrgDownloads list_version_artifacts 3 13 --micro 9

        Raises:
            VersionNotFoundError: the catalog knows nothing of that version.
            InvalidArgumentError: a number that is none, or a type, arch or format that no
                artifact has.
            CatalogError: the catalog cannot be read.
        """
        version = NormalizedPythonVersion(major, minor, micro)
        snapshot = cls._snapshot()
        triple = (version.major, version.minor, version.micro)
        if not snapshot.has_version(triple):
            raise VersionNotFoundError(unknown_version(version, snapshot))
        return snapshot.artifacts(
            cls._site_url(snapshot),
            triple=triple,
            final_only=parse_flag("final_only", final_only),
            artifact_type=checked(snapshot, "artifact_type", artifact_type),
            attributes=checked_attributes(snapshot, arch, format),
        )

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
        """Download an artifact, prove it, and return the path of its file.

        The artifact is one that a list gave, or its path such as 3.13.9/Python-3.13.9.tgz, or its
        name. The file appears under its name when it is whole and proven, and not before; one
        that is there already is kept unless `overwrite`. A folder that is missing is made;
        None stands for a new temporary one.

        `verify` is true (the strongest digest that the site publishes, else the size and the
        archive's own checksums), `digest` (nothing less than a digest), `signature` (a Sigstore
        signature by the release's manager), or false (the size alone).

        Example: pyorg PythonOrgDownloads download_artifact 3.13.9/Python-3.13.9.tgz

        Raises:
            VerificationError: the file is not what it should be; nothing was put in its place.
            DownloadError: it cannot be written.
            SiteError: the site did not give it.
            ArtifactChoiceError: a name that no artifact has, or several.
        """
        from pyorg_pipeline.downloads.download import download  # noqa: PLC0415  # imports requests
        from pyorg_pipeline.site.client import SiteClient  # noqa: PLC0415

        found = cls._found(artifact) if isinstance(artifact, str) else artifact
        with (
            SiteClient(found.url.removesuffix(quote(found.path))) as client,
            _progress(found, progress) as told,
        ):
            done = download(
                client,
                found,
                destination_dir,
                stream_chunk_size=stream_chunk_size,
                overwrite=parse_flag("overwrite", overwrite),
                verify=parse_verification(verify),
                progress=told,
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
        """Download the artifact of a release that fits, prove it, and return its file's path.

        `artifact_format` holds attributes, as a dict or as text such as
        format=tarball_deflate,arch=amd64: an artifact that has exactly these wins, else the only
        one that has them all. Left to its default it is the source release's .tar.xz, or its
        best other packing where it has none. The rest is as for download_artifact.

        Example: pyorg PythonOrgDownloads download_release 3 13 --micro 9 --destination_dir /tmp

        Raises:
            VersionNotFoundError: the catalog knows no such release.
            ArtifactChoiceError: no artifact fits, or several do.
            VerificationError: the file is not what it should be; nothing was put in its place.
            DownloadError: it cannot be written.
            SiteError: the site did not give it.
        """
        version = NormalizedPythonVersion(major, minor, micro, releaselevel, serial)
        listed = cls.list_version_artifacts(major, minor, micro, final_only=False)
        of_it = [artifact for artifact in listed if artifact.release_version == version]
        if not of_it:
            near = sorted({a.release_version for a in listed if a.release_version is not None})
            raise VersionNotFoundError(
                f"the catalog has no {version.text}; of {version.numbers.text} it has "
                + (", ".join(found.text for found in near) or "nothing that is recognised")
            )
        return cls.download_artifact(
            choose(of_it, artifact_type, artifact_format, version.text),
            stream_chunk_size,
            destination_dir,
            overwrite,
            verify=verify,
            progress=progress,
        )

    @overload
    @classmethod
    def latest_version(
        cls,
        final_only: Flag = ...,
        download_tarball: Literal[False] = ...,
        *,
        series: str | None = ...,
        complete_only: Flag = ...,
        artifact_type: str | None = ...,
        arch: str | None = ...,
        format: str | None = ...,
    ) -> NormalizedPythonVersion: ...

    @overload
    @classmethod
    def latest_version(
        cls,
        final_only: Flag,
        download_tarball: Literal[True],
        *,
        series: str | None = ...,
        complete_only: Flag = ...,
        artifact_type: str | None = ...,
        arch: str | None = ...,
        format: str | None = ...,
    ) -> tuple[NormalizedPythonVersion, Path]: ...

    @overload
    @classmethod
    def latest_version(
        cls,
        final_only: Flag = ...,
        *,
        download_tarball: Literal[True],
        series: str | None = ...,
        complete_only: Flag = ...,
        artifact_type: str | None = ...,
        arch: str | None = ...,
        format: str | None = ...,
    ) -> tuple[NormalizedPythonVersion, Path]: ...

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
        """The highest version there is, or the highest of a series such as 3.13.

        Three items for a final; with `final_only` false the highest of any level, with five.

        With `complete_only` the highest that is not still being uploaded: see list_releases. With
        `artifact_type`, `arch` and `format` the highest that has such an artifact; superseded
        files do not count.

        With `download_tarball` its source tarball is downloaded to the current folder as
        download_release does, and the version and the file's path are returned.

        Example: pyorg PythonOrgDownloads latest_version --series 3.13

        Raises:
            VersionNotFoundError: there is no such release.
            InvalidArgumentError: a series that is not of the form 3.13, or a type, arch or format
                that no artifact has.
            CatalogError: the catalog cannot be read.
            DownloadError, SiteError: as for download_artifact.
        """
        final = parse_flag("final_only", final_only)
        wanted = None if series is None else parse_series(series)
        complete = parse_flag("complete_only", complete_only)
        snapshot = cls._snapshot()
        attributes = checked_attributes(snapshot, arch, format)
        kind = checked(snapshot, "artifact_type", artifact_type)
        rows = None
        if not complete and kind is None and not attributes:
            rows = cls._reader().latest_rows(snapshot)
        if rows is None:
            version = newest_release(snapshot, wanted, final, complete, kind, attributes)
        else:
            version = latest_release(rows, wanted, final)
        found = version.numbers if final else version
        if not parse_flag("download_tarball", download_tarball):
            return found
        return found, cls.download_release(*version)

    @classmethod
    def list_releases(
        cls, series: str | None = None, final_only: Flag = False
    ) -> list[PythonRelease]:
        """The releases, or those of a series, with what each has and its state, sorted by version.

        The state is that of this moment: `partial` while a release lacks something that one of
        the two before it had, and is younger than the longest that those before it took;
        `superseded` once a newer complete one of its series is there; else `complete`.
        docs/releases.md has the rules.

        Example: pyorg PythonOrgDownloads list_releases --series 3.15

        Raises:
            VersionNotFoundError: there is no release of that series.
            InvalidArgumentError: a series that is not of the form 3.13.
            CatalogError: the catalog cannot be read.
        """
        final = parse_flag("final_only", final_only)
        wanted = None if series is None else parse_series(series)
        everything = cls._snapshot().releases(datetime.now(UTC))
        found = [one for one in everything if wanted in {None, one.release_version[:2]}]
        if wanted is not None and not found:
            raise VersionNotFoundError(no_release(wanted, final=False))
        return [one for one in found if one.is_final or not final]

    @classmethod
    def report_releases(cls, series: str | None = None, final_only: Flag = False) -> str:
        """Print the releases, or those of a series, as a table: state, date, families, sizes.

        Returns an empty text, as the other reports do.

        Example: pyorg PythonOrgDownloads report_releases --series 3.15

        Raises:
            VersionNotFoundError: there is no release of that series.
            InvalidArgumentError: a series that is not of the form 3.13.
            CatalogError: the catalog cannot be read.
        """
        from pyorg_pipeline.reports import print_releases  # noqa: PLC0415  # imports rich

        print_releases(cls.list_releases(series, final_only))
        return ""

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

        With `final_only` those of final releases; `artifact_type`, `arch` and `format` narrow the
        list down. `artifact_type='unrecognised'` lists the files that are not recognised.

        Example: pyorg --json PythonOrgDownloads list_all_release_artifacts --arch arm64

        Raises:
            InvalidArgumentError: a type, arch or format that no artifact has.
            CatalogError: the catalog cannot be read.
        """
        snapshot = cls._snapshot()
        return snapshot.artifacts(
            cls._site_url(snapshot),
            final_only=parse_flag("final_only", final_only),
            artifact_type=checked(snapshot, "artifact_type", artifact_type),
            attributes=checked_attributes(snapshot, arch, format),
        )

    @classmethod
    def list_changes(
        cls, since: datetime | str | None = None, *, companions: Flag = False
    ) -> list[CatalogChange]:
        """The files that appeared, vanished or were replaced (other size or date), newest last.

        What a refresh saw, from the second one on: of what was there at the first, nothing is
        told. Of one refresh by version, then path. With `companions` those of the files about
        artifacts, too, such as signatures.

        `since` leaves out what was not seen later than that: a datetime with its time zone, a
        text in ISO 8601 (UTC where it names no zone), or an age such as 12h or 7d. Who asks again
        and again gives the `seen_at` of the last change that they had, and misses none.

        Example: pyorg PythonOrgDownloads list_changes --since 7d

        Raises:
            InvalidArgumentError: a `since` that is no time, or a datetime without a time zone.
            CatalogError: the catalog cannot be read.
        """
        start = None if since is None else parse_since(since, datetime.now(UTC))
        with_companions = parse_flag("companions", companions)
        snapshot = cls._snapshot()
        return changes_since(
            CatalogStore(cls._reader().location),
            snapshot.facts["site_url"],
            start,
            base_url=cls._site_url(snapshot),
            companions=with_companions,
        )

    @classmethod
    def report_changes(
        cls, since: datetime | str | None = None, *, companions: Flag = False
    ) -> str:
        """Print what list_changes gives as a table, under the time of each refresh that saw it.

        Returns an empty text, as the other reports do.

        Example: pyorg PythonOrgDownloads report_changes --since 2026-11-01

        Raises:
            InvalidArgumentError: a `since` that is no time, or a datetime without a time zone.
            CatalogError: the catalog cannot be read.
        """
        from pyorg_pipeline.reports import print_changes  # noqa: PLC0415  # imports rich

        print_changes(cls.list_changes(since, companions=companions))
        return ""

    @classmethod
    def report_version_artifacts(
        cls, major: int | str, minor: int | str, micro: int | str = 0
    ) -> str:
        """Print the artifacts of one version as a table, pre-releases too.

        Returns an empty text, as the package that it replaces does.

        Example: pyorg PythonOrgDownloads report_version_artifacts 3 13 --micro 9

        Raises:
            VersionNotFoundError: the catalog knows nothing of that version.
            InvalidArgumentError: a number that is none.
            CatalogError: the catalog cannot be read.
        """
        artifacts = cls.list_version_artifacts(major, minor, micro, final_only=False)
        return cls._report(artifacts)

    @classmethod
    def report_all_release_artifacts(cls, final_only: Flag = False) -> str:
        """Print every recognised artifact of the site as a table.

        Returns an empty text, as the package that it replaces does.

        Example: pyorg PythonOrgDownloads report_all_release_artifacts --final_only true

        Raises:
            CatalogError: the catalog cannot be read.
        """
        return cls._report(cls.list_all_release_artifacts(final_only=final_only))

    @classmethod
    def catalog_info(cls) -> CatalogInfo:
        """When the catalog was refreshed, from where, what it holds and how old it is.

        Example: pyorg PythonOrgDownloads catalog_info

        Raises:
            CatalogError: the catalog cannot be read.
        """
        facts = cls._snapshot().facts
        reader = cls._reader()
        checked = reader.directories_facts()
        return CatalogInfo(
            location=reader.location.text,
            site_url=facts["site_url"],
            refreshed_at=checked["checked_at"],
            age=datetime.now(UTC) - checked["checked_at"],
            listing_generated_at=checked["generated_at"],
            published_at=facts["published_at"],
            directories=facts["directories"],
            releases=facts["releases"],
            artifacts=facts["artifacts"],
            unrecognised=facts["unrecognised"],
            failures=reader.failures(),
        )

    @classmethod
    def _found(cls, name: str) -> PythonOrgArtifact:
        snapshot = cls._snapshot()
        found = snapshot.find(cls._site_url(snapshot), name)
        if len(found) == 1:
            return found[0]
        raise ArtifactChoiceError(
            f"several artifacts have the name {name!r}: {', '.join(map(str, found))}"
            if found
            else f"the catalog has no artifact {name!r}; "
            "give a path or a name as list_version_artifacts shows it"
        )

    @staticmethod
    def _report(artifacts: list[PythonOrgArtifact]) -> str:
        from pyorg_pipeline.reports import print_artifacts  # noqa: PLC0415  # imports rich

        print_artifacts(artifacts)
        return ""


@contextmanager
def _progress(artifact: PythonOrgArtifact, progress: Progress | None) -> Iterator[Progress | None]:
    """The caller's own progress; without one a bar, if somebody sits in front of a terminal."""
    if progress is not None:
        yield progress
        return
    from pyorg_pipeline.reports.progress import download_progress  # noqa: PLC0415

    with download_progress() as bars:
        yield None if bars is None else bars.file(artifact.name, artifact.size)
