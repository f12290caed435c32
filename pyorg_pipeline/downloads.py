"""PythonOrgDownloads, the facade: every question that the catalog answers.

It reads the published tables and imports neither Dagster nor requests; only a catalog that was
never filled makes it refresh first, which needs both.
"""

# No `from __future__ import annotations`: the command line reads the annotations as classes.

import logging
import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import ClassVar, Final

from pyorg_pipeline.catalog.location import open_location
from pyorg_pipeline.catalog.queries import CatalogReader, Snapshot
from pyorg_pipeline.errors import (
    CatalogMissingError,
    DirectoriesFailedError,
    InvalidArgumentError,
    VersionNotFoundError,
)
from pyorg_pipeline.model.artifacts import PythonOrgArtifact
from pyorg_pipeline.model.flags import Flag, parse_flag
from pyorg_pipeline.model.versions import NormalizedPythonVersion, parse_series
from pyorg_pipeline.settings import Settings, load_settings

LOGGER = logging.getLogger(__name__)

#: One reader a location, so that every class and call shares what was read.
_READERS: Final[dict[str, CatalogReader]] = {}

#: What was warned of already, so that a program that asks often is told once.
_WARNED: Final[set[tuple[object, ...]]] = set()


@dataclass(frozen=True, slots=True)
class CatalogInfo:
    """What the catalog is, and how old."""

    #: Where it lies.
    location: str
    #: The site that it was filled from.
    site_url: str
    #: When the root listing was last read, UTC.
    refreshed_at: datetime
    #: Time since then.
    age: timedelta
    #: When the site had made that listing, UTC: earlier if it came out of a cache.
    listing_generated_at: datetime
    #: When the tables last changed, UTC.
    published_at: datetime
    #: Release directories in the catalog.
    directories: int
    #: Different full versions, such as 3.15.0rc1.
    releases: int
    #: Recognised artifacts.
    artifacts: int
    #: Files that no rule of the grammar knows.
    unrecognised: int
    #: Directories that could not be read when they were asked last, and why.
    failures: dict[str, str]


class PythonOrgDownloads:
    """Everything that python.org offers for download, from the catalog.

    From the command line:
      pyorg PythonOrgDownloads latest_version
      pyorg PythonOrgDownloads latest_version --series 3.13
      pyorg PythonOrgDownloads list_release_versions --final_only false
      pyorg PythonOrgDownloads list_version_artifacts 3 13 --micro 9
      pyorg PythonOrgDownloads report_version_artifacts 3 13 --micro 9
      pyorg --json PythonOrgDownloads list_version_artifacts 3 13 --artifact_type source-release
    """

    #: Another site than the settings': a subclass that sets it has a catalog of its own.
    BASE_URL: ClassVar[str | None] = None
    #: Another catalog than the settings': a folder, or a URL that fsspec can serve.
    CATALOG_URL: ClassVar[str | None] = None

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
            raise VersionNotFoundError(_unknown_version(version, snapshot))
        return snapshot.artifacts(
            cls._site_url(snapshot),
            triple=triple,
            final_only=parse_flag("final_only", final_only),
            artifact_type=_checked(snapshot, "artifact_type", artifact_type),
            attributes=_attributes(snapshot, arch, format),
        )

    @classmethod
    def latest_version(
        cls, final_only: Flag = True, *, series: str | None = None
    ) -> NormalizedPythonVersion:
        """The highest version there is, or the highest of a series such as 3.13.

        Three items for a final; with `final_only` false the highest of any level, with five.

        Example: pyorg PythonOrgDownloads latest_version --series 3.13

        Raises:
            VersionNotFoundError: there is no such release.
            InvalidArgumentError: a series that is not of the form 3.13.
            CatalogError: the catalog cannot be read.
        """
        final = parse_flag("final_only", final_only)
        wanted = None if series is None else parse_series(series)
        cls._snapshot()
        row = cls._reader().latest(final_only=final, series=wanted)
        if row is None:
            of = "" if series is None else f" of {series}"
            raise VersionNotFoundError(
                f"the catalog has no {'final ' if final else ''}release{of}"
                + (": ask with final_only=False for pre-releases" if final else "")
            )
        version = NormalizedPythonVersion(
            row["major"], row["minor"], row["micro"], row["releaselevel"], row["serial"]
        )
        return version.numbers if final else version

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
            artifact_type=_checked(snapshot, "artifact_type", artifact_type),
            attributes=_attributes(snapshot, arch, format),
        )

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
    def _settings(cls) -> Settings:
        settings = load_settings()
        if cls.BASE_URL is not None:
            settings = settings.for_site(cls.BASE_URL)
        if cls.CATALOG_URL is not None:
            settings = settings.for_catalog(cls.CATALOG_URL)
        return settings

    @classmethod
    def _reader(cls) -> CatalogReader:
        url = cls._settings().catalog_url
        reader = _READERS.get(url)
        if reader is None:
            reader = _READERS[url] = CatalogReader(open_location(url))
        return reader

    @classmethod
    def _site_url(cls, snapshot: Snapshot) -> str:
        if cls.BASE_URL is not None:
            return cls._settings().site_url
        return str(snapshot.facts["site_url"])

    @classmethod
    def _snapshot(cls) -> Snapshot:
        reader = cls._reader()
        try:
            snapshot = reader.snapshot()
        except CatalogMissingError:
            settings = cls._settings()
            if not settings.auto_refresh:
                raise
        else:
            _warn_of(reader)
            return snapshot
        print(  # noqa: T201  # a person waits: seconds instead of milliseconds
            f"No catalog at {reader.location.text} yet: filling it from {settings.site_url}",
            file=sys.stderr,
        )
        from pyorg_pipeline.orchestration.run import refresh  # noqa: PLC0415  # imports Dagster

        failures = refresh(settings).failures
        if failures:
            raise DirectoriesFailedError(failures)
        return reader.snapshot()

    @staticmethod
    def _report(artifacts: list[PythonOrgArtifact]) -> str:
        from pyorg_pipeline.reports import print_artifacts  # noqa: PLC0415  # imports rich

        print_artifacts(artifacts)
        return ""


def _warn_of(reader: CatalogReader) -> None:
    """Say once what the last refresh could not read: an answer may lack what is there."""
    failures = reader.failures(hidden=False)
    key = (reader.location.text, *failures.items())
    if failures and key not in _WARNED:
        _WARNED.add(key)
        LOGGER.warning(
            "the last refresh could not read %s; what is known of them may be old. "
            "`pyorg refresh` tries again",
            ", ".join(sorted(failures)),
        )


def _attributes(snapshot: Snapshot, arch: str | None, format: str | None) -> dict[str, str]:
    given = {
        "arch": _checked(snapshot, "arch", arch),
        "format": _checked(snapshot, "format", format),
    }
    return {name: value for name, value in given.items() if value is not None}


def _checked(snapshot: Snapshot, column: str, value: str | None) -> str | None:
    if value is not None and value not in (known := snapshot.values(column)):
        raise InvalidArgumentError(
            f"no artifact has the {column} {value!r}; there are {', '.join(known)}"
        )
    return value


def _unknown_version(version: NormalizedPythonVersion, snapshot: Snapshot) -> str:
    known = [found.text for found in snapshot.release_versions(final_only=False)]
    near = [text for text in known if text.startswith(f"{version.series}.")]
    return f"the catalog knows no version {version.text}; " + (
        f"of {version.series} it has {', '.join(near)}"
        if near
        else f"it has {len(known)} versions, up to {known[-1]}"
        if known
        else "it is empty"
    )
