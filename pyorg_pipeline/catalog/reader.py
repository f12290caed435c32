"""Reading the published tables of a catalog, each once until it is published again."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Hashable
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

from pyorg_pipeline.catalog.location import Location, open_location
from pyorg_pipeline.catalog.queries import Series, Snapshot, no_release
from pyorg_pipeline.catalog.store import (
    CATALOG_FILE,
    DIRECTORIES_FILE,
    FAILURES_FILE,
    LATEST_FILE,
    VERSION_COLUMNS,
    CatalogStore,
)
from pyorg_pipeline.catalog.unlisted import Unlisted
from pyorg_pipeline.errors import CatalogMissingError
from pyorg_pipeline.model.versions import NormalizedPythonVersion, parse_release_directory

if TYPE_CHECKING:
    from pyorg_pipeline.model.catalog import CatalogChange, CatalogInfo

LOGGER = logging.getLogger(__name__)

T = TypeVar("T")


class CatalogReader:
    """The published tables of one location."""

    def __init__(self, location: Location) -> None:
        self.location = location
        self.store = CatalogStore(location)
        self._kept: dict[str, tuple[Hashable, Any]] = {}
        #: Until when the catalog's age need not be looked at, in seconds since the epoch.
        self.fresh_until = 0.0
        #: The site that it was filled from, once its age was looked at.
        self.site_url: str | None = None
        #: Whether the site of a URL is another one, of those that were compared.
        self.other_sites: dict[str, bool] = {}
        #: The failed directories that were warned of, so that a program is warned once.
        self._warned: set[str] = set()

    def snapshot(self) -> Snapshot:
        """The published catalog."""
        found = self._current(CATALOG_FILE, lambda name: Snapshot(*self.store.read(name)))
        if found is None:
            raise CatalogMissingError(self.location.text)
        self._warn_of_failures()
        return found

    def age(self) -> timedelta | None:
        """How long ago the root listing was read; None if nothing was published."""
        if self.location.stamp(CATALOG_FILE) is None:
            return None
        listing = self.store.metadata_or_none(DIRECTORIES_FILE)
        # A damaged table does not fail a query: the next refresh repairs it.
        if listing is None:
            return timedelta()
        self.site_url = listing["site_url"]
        checked_at: datetime = listing["checked_at"]
        return datetime.now(UTC) - checked_at

    def latest_version(
        self, series: Series | None, final_only: bool
    ) -> NormalizedPythonVersion | None:
        """The newest release out of latest_version alone; None if that was not published yet."""
        latest = self._current(LATEST_FILE, self._read_latest)
        if latest is None:
            return None
        newest, unlisted = latest
        self._warn_of_failures(unlisted.versions)
        text = None if series is None else f"{series[0]}.{series[1]}"
        if (found := newest.get((text, final_only))) is None:
            raise no_release(series, newest.values(), unlisted, final_only)
        unlisted.warn(series, found)
        return found

    def newest_of_series(self) -> list[NormalizedPythonVersion]:
        """The newest final of each series, or its newest pre-release; sorted, with five items."""
        latest = self._current(LATEST_FILE, self._read_latest)
        if latest is None:
            snapshot = self.snapshot()
            releases, unlisted = snapshot.releases(datetime.now(UTC)), snapshot.unlisted
            versions = {one.release_version for one in releases}
        else:
            versions, unlisted = set(latest[0].values()), latest[1]
            self._warn_of_failures(unlisted.versions)
        # Of each series the last one counts.
        ranked = sorted(versions, key=lambda version: (version.is_final, version))
        found = sorted({version[:2]: version for version in ranked}.values())
        for version in found:
            unlisted.warn(version.numbers[:2], version)
        if found:
            unlisted.warn(None, found[-1])
        return found

    def _read_latest(
        self, name: str
    ) -> tuple[dict[tuple[str | None, bool], NormalizedPythonVersion], Unlisted]:
        columns = ("series", "final_only", *VERSION_COLUMNS)
        table, metadata = self.store.read(name, columns)
        rows = zip(*(table[column].to_pylist() for column in columns), strict=True)
        newest = {
            (series, final): NormalizedPythonVersion(*version) for series, final, *version in rows
        }
        return newest, Unlisted(metadata)

    def changes(
        self, base_url: str, since: datetime | None, *, companions: bool
    ) -> list[CatalogChange]:
        """The changes that refreshes found since then, the newest last."""
        # It imports pyarrow.compute.
        from pyorg_pipeline.catalog.changes import changes_since  # noqa: PLC0415

        site_url = self.snapshot().site_url
        return changes_since(self.store, site_url, since, base_url=base_url, companions=companions)

    def info(self, now: datetime) -> CatalogInfo:
        """What the catalog holds and how old it is at `now`."""
        from pyorg_pipeline.model.catalog import CatalogInfo  # noqa: PLC0415

        metadata = self.snapshot().metadata
        listing = self.store.metadata(DIRECTORIES_FILE)
        return CatalogInfo(
            location=self.location.text,
            site_url=metadata["site_url"],
            refreshed_at=listing["checked_at"],
            age=now - listing["checked_at"],
            listing_generated_at=listing["generated_at"],
            published_at=metadata["published_at"],
            directories=metadata["directories"],
            releases=metadata["releases"],
            artifacts=metadata["artifacts"],
            unrecognised=metadata["unrecognised"],
            failures=self._failures(hidden=False),
            hidden=self._failures(hidden=True),
        )

    def _failures(self, *, hidden: bool) -> dict[str, str]:
        """The reason for each directory that the last attempt could not read."""
        rows = self._current(FAILURES_FILE, self.store.rows) or []
        return {row["directory"]: row["error"] for row in rows if row["hidden"] is hidden}

    def _warn_of_failures(self, left_out: Collection[NormalizedPythonVersion] = ()) -> None:
        failures = self._failures(hidden=False)
        shown = {name for name in failures if parse_release_directory(name) not in left_out}
        if not shown <= self._warned:
            LOGGER.warning(
                "the last refresh could not read %s; their artifacts may be missing or out of "
                "date. `pyorg refresh` tries again",
                ", ".join(sorted(shown)),
            )
        self._warned = (self._warned & failures.keys()) | shown

    def _current(self, name: str, read: Callable[[str], T]) -> T | None:
        """What `read` returned for the table as it is now; None if it does not exist."""
        stamp = self.location.stamp(name)
        if stamp is None:
            return None
        kept = self._kept.get(name)
        # The stamp was taken before the read: a table replaced in between is read once more.
        if kept is None or kept[0] != stamp:
            LOGGER.debug("reading %s/%s", self.location.text, name)
            kept = self._kept[name] = (stamp, read(name))
        value: T = kept[1]
        return value


@cache
def reader_at(catalog_url: str) -> CatalogReader:
    """The one reader of a catalog, so that all callers share what was read."""
    return CatalogReader(open_location(catalog_url))
