"""The table releases: what each release has, whether it is complete, and since when."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import Final, NamedTuple

import pyarrow as pa

from pyorg_pipeline.catalog import schemas
from pyorg_pipeline.catalog.queries import Snapshot
from pyorg_pipeline.catalog.store import (
    RELEASES_FILE,
    VERSION_COLUMNS,
    CatalogStore,
    StoredTable,
)
from pyorg_pipeline.errors import CatalogMissingError
from pyorg_pipeline.model.releases import (
    FAMILIES,
    LONGEST_HABIT,
    PythonRelease,
    next_change,
    release_history,
)
from pyorg_pipeline.model.versions import NormalizedPythonVersion
from pyorg_pipeline.refresh.changes import later_time

#: The columns that are attributes of a PythonRelease.
_ATTRIBUTES: Final = (
    *("version", "series", "released", "first_modified", "last_modified", "artifacts", "bytes"),
    *("signed_share", "missing_families", "expected_complete_by", "source_path"),
)


def releases_table(
    store: CatalogStore, catalog: StoredTable, *, now: datetime | None = None
) -> StoredTable:
    """The table releases: one row a release, with its state at `now`, sorted by version.

    Its metadata has the versions that are complete for the first time (`completed`), and those
    that were complete and do not exist now (`vanished`).
    """
    now, site_url = now or datetime.now(UTC), catalog.metadata["site_url"]
    history = release_history(Snapshot(*catalog).release_files(), now=now)
    before = _last_publication(store, site_url)
    completed_before = before.completed if before else {}
    newly_completed_at = later_time(now, max(filter(None, completed_before.values()), default=None))
    rows, completed = [], []
    for release in history:
        completed_at = None
        if before is not None and not release.missing_families:
            completed_at = completed_before.get(release.version)
            if before.is_newly_complete(release, now):
                completed_at = newly_completed_at
                completed.append(release.version)
        rows.append(
            {
                **{name: getattr(release, name) for name in _ATTRIBUTES},
                **dict(zip(VERSION_COLUMNS, release.release_version, strict=True)),
                **{family: family in release.families for family in FAMILIES.values()},
                "state": str(release.state),
                "completed_at": completed_at,
            }
        )
    existing = {release.version for release in history}
    return StoredTable(
        pa.Table.from_pylist(rows, schema=schemas.RELEASES),
        {
            "site_url": site_url,
            "catalog_published_at": catalog.metadata["published_at"],
            "published_at": now,
            "next_change": next_change(history, now),
            # So that they are not new if they return: a listing may lose a directory once.
            "vanished": {
                version: completed_at
                for version, completed_at in completed_before.items()
                if version not in existing
            },
            "completed": completed,
        },
    )


class Completion(NamedTuple):
    """A release that became complete since the catalog exists; sorts by time, then by version."""

    #: UTC.
    completed_at: datetime
    version: NormalizedPythonVersion
    artifacts: int
    #: Of those whose size the site lists.
    size: int
    source_path: str | None
    #: Whether it is the newest final release.
    latest: bool


def completions(store: CatalogStore) -> tuple[list[Completion], str | None]:
    """The releases that became complete since the first refresh, the earliest first.

    With the site's URL; both are empty if the table was never written.
    """
    columns = [*VERSION_COLUMNS, "completed_at", "artifacts", "bytes", "source_path"]
    try:
        table, metadata = store.read(RELEASES_FILE, columns)
    except CatalogMissingError:
        return [], None
    rows = table.to_pylist()
    versions = [NormalizedPythonVersion(*(row[name] for name in VERSION_COLUMNS)) for row in rows]
    newest = max((version for version in versions if version.is_final), default=None)
    found = [
        Completion(
            row["completed_at"],
            version,
            row["artifacts"],
            row["bytes"],
            row["source_path"],
            latest=version == newest,
        )
        for version, row in zip(versions, rows, strict=True)
        if row["completed_at"] is not None
    ]
    return sorted(found), metadata["site_url"]


class _Publication(NamedTuple):
    """The last publication of the same site."""

    published_at: datetime
    #: Releases that were complete, also those that had vanished, and since when.
    completed: Mapping[str, datetime | None]
    partial: Collection[str]

    def is_newly_complete(self, release: PythonRelease, now: datetime) -> bool:
        """Whether a complete release was not complete in an earlier publication."""
        if release.version in self.completed or release.version in self.partial:
            return release.version in self.partial
        # An old release that is found only now, such as in a directory that could not be read
        # before, is not new. The clock may have been ahead then.
        old = min(self.published_at, now) - LONGEST_HABIT
        return release.released is None or release.released >= old


def _last_publication(store: CatalogStore, site_url: str) -> _Publication | None:
    columns = ["version", "missing_families", "completed_at"]
    found = store.read_or_none(RELEASES_FILE, columns, site_url=site_url)
    if found is None:
        return None
    rows = found.table.to_pylist()
    complete = {row["version"]: row["completed_at"] for row in rows if not row["missing_families"]}
    return _Publication(
        found.metadata["published_at"],
        {**found.metadata.get("vanished", {}), **complete},
        {row["version"] for row in rows if row["missing_families"]},
    )
