"""The root listing, and which directories have to be crawled."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from pyorg_pipeline.catalog.store import (
    DIRECTORIES_FILE,
    FORMAT,
    VERSION_COLUMNS,
    CatalogStore,
)
from pyorg_pipeline.errors import (
    CatalogSiteError,
    CatalogUnreadableError,
    ListingError,
    RootListingError,
)
from pyorg_pipeline.model.companions import Entry
from pyorg_pipeline.model.due import Crawl, Due, Failure, due
from pyorg_pipeline.model.versions import LEGACY_DIRECTORY, parse_release_directory
from pyorg_pipeline.refresh.artifacts import read_failures, remove_directory
from pyorg_pipeline.refresh.changes import ChangeTracker
from pyorg_pipeline.site.client import SiteClient
from pyorg_pipeline.site.crawl import read_listing

#: A root listing that lost more than one in this many directories is not accepted.
ACCEPTED_LOSS: Final = 10


@dataclass(frozen=True, slots=True)
class DirectoriesUpdate:
    """The result of reading the root listing."""

    #: Those of the table, sorted by version, removed directories included.
    rows: list[dict[str, Any]]
    new: tuple[str, ...]
    changed: tuple[str, ...]
    vanished: tuple[str, ...]
    #: When the site made the page: earlier than now if it came out of a cache.
    generated_at: datetime
    checked_at: datetime
    bytes: int

    @property
    def present(self) -> list[str]:
        """The release directories that the root lists now, sorted by version."""
        return [row["name"] for row in self.rows if row["removed_at"] is None]


def update_directories(
    store: CatalogStore,
    client: SiteClient,
    *,
    full: bool = False,
    accept_vanished: bool = False,
) -> DirectoriesUpdate:
    """Read the root listing and write release_directories; one request. An error changes nothing.

    `full` allows another site than the one that filled the catalog, `accept_vanished` a listing
    that lost more than a tenth of its directories.
    """
    known = _known_directories(store, client.base_url, full=full)
    listing = read_listing(client)
    now = listing.received_at
    listed = {entry.name: entry for entry in listing.entries if _is_release_directory(entry)}
    if not listed:
        raise ListingError(
            listing.url,
            "it lists no release directory; is PYORG_SITE_URL the folder that holds them?",
        )
    existing = {name for name, row in known.items() if row["removed_at"] is None}
    vanished = sorted(existing - listed.keys())
    if len(vanished) > max(1, len(existing) // ACCEPTED_LOSS) and not accept_vanished:
        raise RootListingError(listing.url, len(vanished), len(existing))

    removed = [
        {**row, "removed_at": row["removed_at"] or now}
        for name, row in known.items()
        if name not in listed
    ]
    rows = removed + [
        {
            "name": name,
            **dict(zip(VERSION_COLUMNS, parse_release_directory(name) or (), strict=False)),
            "last_modified": entry.last_modified,
            "first_seen": known[name]["first_seen"] if name in known else now,
            "removed_at": None,
        }
        for name, entry in listed.items()
    ]
    rows.sort(key=lambda row: (parse_release_directory(row["name"]) or (), row["name"]))
    size = store.write(
        DIRECTORIES_FILE,
        rows,
        {"site_url": client.base_url, "checked_at": now, "generated_at": listing.generated_at},
    )
    if removed:
        # Also those of earlier listings: a refresh may have been killed in between.
        tracker = ChangeTracker(store, client.base_url)
        for row in removed:
            remove_directory(store, tracker, row["name"], row["removed_at"])
    return DirectoriesUpdate(
        rows=rows,
        new=tuple(row["name"] for row in rows if row["name"] not in known),
        changed=tuple(
            name
            for name, entry in listed.items()
            if name in known and entry.last_modified != known[name]["last_modified"]
        ),
        vanished=tuple(vanished),
        generated_at=listing.generated_at,
        checked_at=now,
        bytes=size,
    )


@dataclass(frozen=True, slots=True)
class CrawlState:
    """What the tables say of the site's directories: what the root lists, and their last crawls."""

    site_url: str
    #: When the root listing was last read.
    checked_at: datetime
    #: The directories that it lists, with their dates; sorted by version.
    listed: dict[str, datetime | None]
    #: The metadata of this site's tables of release_artifacts, removed directories included.
    tables: dict[str, dict[str, Any]]
    failures: dict[str, Failure]

    @classmethod
    def read(cls, store: CatalogStore) -> CrawlState:
        """The state that a catalog is in; raises CatalogMissingError before the first refresh."""
        table, metadata = store.read(DIRECTORIES_FILE)
        rows, site_url = table.to_pylist(), metadata["site_url"]
        known = {row["name"] for row in rows}
        return cls(
            site_url=site_url,
            checked_at=metadata["checked_at"],
            listed={row["name"]: row["last_modified"] for row in rows if row["removed_at"] is None},
            tables={
                name: found
                for name, found in store.directory_metadata().items()
                if name in known and found["site_url"] == site_url
            },
            failures=read_failures(store),
        )

    @property
    def crawled(self) -> list[str]:
        """The directories that the root lists and that were crawled, sorted by version."""
        return [name for name in self.listed if name in self.tables]

    def due(self, *, full: bool = False, with_backoff: bool = False) -> dict[str, Due]:
        """The directories that have to be crawled, each with the reason; all if `full`."""
        crawls = {
            name: Crawl(
                table["directory_last_modified"],
                table["generated_at"],
                table["crawled_at"],
                is_outdated=table["format"] < FORMAT,
            )
            for name, table in self.tables.items()
        }
        return due(
            self.listed,
            crawls,
            self.failures,
            now=datetime.now(UTC),
            full=full,
            with_backoff=with_backoff,
        )

    def due_since_listing(self) -> dict[str, Due]:
        """Those that are due and were not crawled since the root listing was last read.

        For automatic refreshes: directories that failed several times are left out during their
        back-off.
        """
        now = datetime.now(UTC)
        if self.checked_at > now:
            # The clock was ahead, so what was done since is unknown; the next reading is right.
            return {}
        tried = [(name, table["crawled_at"]) for name, table in self.tables.items()]
        tried += [(name, failure.failed_at) for name, failure in self.failures.items()]
        done = {name for name, time in tried if self.checked_at <= time <= now}
        found = self.due(with_backoff=True)
        return {name: reason for name, reason in found.items() if name not in done}


def unlisted_directories(
    listed: Iterable[str], tables: Container[str], failures: Mapping[str, Failure]
) -> dict[str, dict[str, Any]]:
    """Those that could never be read: the error, and whether the site answers another page."""
    return {
        name: {"error": failures[name].error, "hidden": failures[name].hidden}
        for name in listed
        if name not in tables and name in failures
    }


def _known_directories(
    store: CatalogStore, site_url: str, *, full: bool
) -> dict[str, dict[str, Any]]:
    """The rows of release_directories, by name; none of another site or unreadable if `full`."""
    metadata = store.metadata_or_none(DIRECTORIES_FILE)
    if metadata is None:
        return {}
    if metadata["site_url"] != site_url:
        if full:
            return {}
        raise CatalogSiteError(store.location.text, metadata["site_url"], site_url)
    try:
        return {row["name"]: row for row in store.rows(DIRECTORIES_FILE)}
    except CatalogUnreadableError:
        if full:
            return {}
        raise


def _is_release_directory(entry: Entry) -> bool:
    return entry.is_directory and (
        entry.name == LEGACY_DIRECTORY or parse_release_directory(entry.name) is not None
    )
