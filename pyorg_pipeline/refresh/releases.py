"""The releases' table: what each release has, whether it is complete, and since when.

The rules stand in `model.releases`; here they are applied to the published catalog, and what an
earlier publication saw is carried on.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from pyorg_pipeline.catalog import schemas
from pyorg_pipeline.catalog.release_files import RELEASE_FILE_COLUMNS, release_files
from pyorg_pipeline.catalog.store import (
    CATALOG_FILE,
    RELEASES_FILE,
    VERSION_COLUMNS,
    CatalogStore,
)
from pyorg_pipeline.catalog.times import later_time
from pyorg_pipeline.errors import CatalogMissingError, CatalogUnreadableError
from pyorg_pipeline.model.releases import (
    FAMILIES,
    LONGEST_HABIT,
    PythonRelease,
    ReleaseState,
    next_change,
    release_history,
)

#: The facts of this table that have to be those of the catalog.
_FOLLOWS: Final = {"site_url": "site_url", "catalog_published_at": "published_at"}


@dataclass(frozen=True, slots=True)
class ReleasesPublished:
    """The rows of releases."""

    #: Sorted by version.
    rows: list[dict[str, Any]]
    bytes: int
    #: How many are in each state; 0 for a state that none is in.
    states: dict[str, int]
    #: The versions that are partial.
    partial: list[str]
    #: The versions that this publication is the first to see complete.
    completed: list[str]


def releases_due(store: CatalogStore, *, now: datetime | None = None) -> bool:
    """Whether the table is behind: another catalog was published, or time alone changed a state.

    Args:
        store: the catalog.
        now: UTC; the present when left out.
    """
    catalog, releases = store.facts_or_none(CATALOG_FILE), store.facts_or_none(RELEASES_FILE)
    if catalog is None or releases is None:
        return True
    if any(releases[name] != catalog[of_it] for name, of_it in _FOLLOWS.items()):
        return True
    now = now or datetime.now(UTC)
    # One that an earlier program wrote does not say.
    due = releases.get("next_change", now)
    return due is not None and now >= due


def publish_releases(store: CatalogStore, *, now: datetime | None = None) -> ReleasesPublished:
    """Write releases from the published catalog: one row a release, with its state at `now`.

    Args:
        store: the catalog.
        now: UTC; the present when left out.

    Raises:
        CatalogMissingError: no catalog was published yet.
        CatalogUnreadableError: what lies there is none of ours.
    """
    now = now or datetime.now(UTC)
    table, facts = store.read(CATALOG_FILE, RELEASE_FILE_COLUMNS)
    history = release_history(release_files(table), now=now)
    before = _before(store, facts["site_url"])
    seen_at = None if before is None else later_time(now, before.last_completed_at)
    rows, completed = [], []
    for release in history:
        completed_at = None
        if before is not None and not release.missing_families:
            if before.is_news(release, now):
                completed_at = seen_at
                completed.append(release.version)
            elif release.version in before.releases:
                completed_at = before.releases[release.version].completed_at
        rows.append(_row(release, completed_at))
    size = store.write(
        RELEASES_FILE,
        schemas.RELEASES,
        rows,
        {
            **{name: facts[of_it] for name, of_it in _FOLLOWS.items()},
            "published_at": now,
            "next_change": next_change(history, now),
            "vanished": {} if before is None else before.vanished(history),
        },
    )
    counts = Counter(release.state for release in history)
    return ReleasesPublished(
        rows=rows,
        bytes=size,
        states={str(state): counts[state] for state in ReleaseState},
        partial=[one.version for one in history if one.state is ReleaseState.PARTIAL],
        completed=completed,
    )


class _Seen(NamedTuple):
    """What the last publication says of a release."""

    complete: bool
    completed_at: datetime | None


@dataclass(frozen=True, slots=True)
class _Publication:
    """The last publication of the same site."""

    published_at: datetime
    #: By version; those too that vanished.
    releases: Mapping[str, _Seen]

    @property
    def last_completed_at(self) -> datetime | None:
        """The latest time at which a release was first seen complete."""
        times = (seen.completed_at for seen in self.releases.values() if seen.completed_at)
        return max(times, default=None)

    def is_news(self, release: PythonRelease, now: datetime) -> bool:
        """Whether a complete release was not seen so before."""
        seen = self.releases.get(release.version)
        if seen is not None:
            return not seen.complete
        # What was long there and is found only now, such as in a directory that could not be
        # read before, is no news. The clock may have been ahead then.
        old = min(self.published_at, now) - LONGEST_HABIT
        return release.released is None or release.released >= old

    def vanished(self, history: Iterable[PythonRelease]) -> dict[str, datetime | None]:
        """The complete releases that are no longer there, so that they are no news if they return.

        A listing may lose a directory, and have it again the next time.
        """
        there = {release.version for release in history}
        return {
            version: seen.completed_at
            for version, seen in self.releases.items()
            if seen.complete and version not in there
        }


def _before(store: CatalogStore, site_url: str) -> _Publication | None:
    """None if nothing was published of this site yet."""
    try:
        table, facts = store.read(RELEASES_FILE, ["version", "missing_families", "completed_at"])
    except (CatalogMissingError, CatalogUnreadableError):
        return None
    if facts["site_url"] != site_url:
        return None
    seen = {
        version: _Seen(complete=True, completed_at=completed_at)
        for version, completed_at in facts.get("vanished", {}).items()
    }
    seen |= {
        row["version"]: _Seen(not row["missing_families"], row["completed_at"])
        for row in table.to_pylist()
    }
    return _Publication(facts["published_at"], seen)


def _row(release: PythonRelease, completed_at: datetime | None) -> dict[str, Any]:
    return {
        **dict(zip(VERSION_COLUMNS, release.release_version, strict=True)),
        "version": release.version,
        "series": release.series,
        "released": release.released,
        "first_modified": release.first_modified,
        "last_modified": release.last_modified,
        **{family: family in release.families for family in FAMILIES.values()},
        "artifacts": release.artifacts,
        "bytes": release.bytes,
        "signed_share": release.signed_share,
        "state": str(release.state),
        "missing_families": list(release.missing_families),
        "expected_complete_by": release.expected_complete_by,
        "completed_at": completed_at,
        "source_path": release.source_path,
    }
