"""The first step: the root listing, and which directories have to be crawled."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from pyorg_pipeline.catalog import schemas
from pyorg_pipeline.catalog.store import DIRECTORIES_FILE, CatalogStore
from pyorg_pipeline.errors import (
    CatalogSiteError,
    CatalogUnreadableError,
    ListingError,
    RootListingError,
)
from pyorg_pipeline.model.due import Crawl, Due, Failure, due
from pyorg_pipeline.model.entries import Entry
from pyorg_pipeline.model.names import parse_release_directory
from pyorg_pipeline.model.versions import LEGACY_DIRECTORY
from pyorg_pipeline.refresh.failures import read_failures
from pyorg_pipeline.site.client import SiteClient
from pyorg_pipeline.site.crawl import read_listing

#: A root listing that lost more than one in so many directories is not believed.
BELIEVED_LOSS: Final = 10


@dataclass(frozen=True, slots=True)
class DirectoriesUpdate:
    """What the root listing brought."""

    #: The table, sorted by version, vanished directories included.
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
        """The release directories that are there now, sorted by version."""
        return [row["name"] for row in self.rows if row["gone_since"] is None]


def update_directories(
    store: CatalogStore,
    client: SiteClient,
    *,
    full: bool = False,
    accept_vanished: bool = False,
) -> DirectoriesUpdate:
    """Read the root listing and write release_directories; one request.

    Args:
        store: the catalog's.
        client: the site's.
        full: allow another site than the one on record.
        accept_vanished: believe a listing that lost more than a tenth of its directories.

    Raises:
        SiteError: the root gave no listing; nothing was changed.
        RootListingError: it lost too many directories; nothing was changed.
        CatalogSiteError: the catalog was filled from another site; nothing was changed.
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
    present_before = {name for name, row in known.items() if row["gone_since"] is None}
    vanished = sorted(present_before - listed.keys())
    believed = max(1, len(present_before) // BELIEVED_LOSS)
    if len(vanished) > believed and not accept_vanished:
        raise RootListingError(listing.url, len(vanished), len(present_before))

    rows = [{**row, "gone_since": row["gone_since"] or now} for row in known.values()]
    rows = [row for row in rows if row["name"] not in listed]
    for name, entry in listed.items():
        rows.append(
            {
                "name": name,
                **_numbers(name),
                "last_modified": entry.last_modified,
                "first_seen": known[name]["first_seen"] if name in known else now,
                "gone_since": None,
            }
        )
    rows.sort(key=lambda row: (parse_release_directory(row["name"]) or (), row["name"]))
    size = store.write(
        DIRECTORIES_FILE,
        schemas.RELEASE_DIRECTORIES,
        rows,
        {
            "site_url": client.base_url,
            "checked_at": now,
            "generated_at": listing.generated_at,
        },
    )
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


def due_directories(store: CatalogStore, *, full: bool = False) -> dict[str, Due]:
    """The release directories that have to be crawled, each with the reason, as the tables say.

    Args:
        store: the catalog's.
        full: all of them.
    """
    return _due(store, _crawls(store), read_failures(store), full=full)


def due_this_round(store: CatalogStore) -> dict[str, Due]:
    """The release directories that were not crawled yet since the root listing was last read.

    For rounds that nobody waits for: those that failed several times rest. A round that was killed
    leaves its directories in it.
    """
    checked_at = store.facts(DIRECTORIES_FILE)["checked_at"]
    now = datetime.now(UTC)
    if checked_at > now:
        # By a clock that was ahead: what was done since cannot be told. The next round is right.
        return {}
    crawls, failures = _crawls(store), read_failures(store)
    done = {name for name, crawl in crawls.items() if checked_at <= crawl.crawled_at <= now}
    done |= {name for name, failure in failures.items() if checked_at <= failure.failed_at <= now}
    still_due = _due(store, crawls, failures, patient=True)
    return {name: reason for name, reason in still_due.items() if name not in done}


def _crawls(store: CatalogStore) -> dict[str, Crawl]:
    """The last good crawl of each directory, of the site that the root listing is of."""
    site_url = store.facts(DIRECTORIES_FILE)["site_url"]
    return {
        name: Crawl(found["directory_last_modified"], found["generated_at"], found["crawled_at"])
        for name, found in store.directory_facts().items()
        if found["site_url"] == site_url
    }


def _due(
    store: CatalogStore,
    crawls: Mapping[str, Crawl],
    failures: Mapping[str, Failure],
    *,
    full: bool = False,
    patient: bool = False,
) -> dict[str, Due]:
    listed = {
        row["name"]: row["last_modified"]
        for row in store.rows(DIRECTORIES_FILE)
        if row["gone_since"] is None
    }
    return due(listed, crawls, failures, now=datetime.now(UTC), full=full, patient=patient)


def _known_directories(
    store: CatalogStore, site_url: str, *, full: bool
) -> dict[str, dict[str, Any]]:
    facts = store.facts_or_none(DIRECTORIES_FILE)
    if facts is None:
        return {}
    if facts["site_url"] != site_url:
        if not full:
            raise CatalogSiteError(store.location.text, facts["site_url"], site_url)
        return {}
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


def _numbers(directory: str) -> dict[str, int]:
    version = parse_release_directory(directory)
    if version is None:
        return {}
    return {"major": version.major, "minor": version.minor, "micro": version.micro}
