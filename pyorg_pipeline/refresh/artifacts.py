"""Crawling release directories: one request and one table each."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, Final

from pyorg_pipeline.catalog.store import (
    CATALOG_FILE,
    DIRECTORIES_FILE,
    FAILURES_FILE,
    VERSION_COLUMNS,
    CatalogStore,
    directory_file,
    version_key,
)
from pyorg_pipeline.errors import (
    CatalogSiteError,
    CatalogUnreadableError,
    ListingError,
    SiteError,
)
from pyorg_pipeline.model.artifacts import UNRECOGNISED
from pyorg_pipeline.model.catalog import REPLACED
from pyorg_pipeline.model.companions import ListedArtifact, group_listing
from pyorg_pipeline.model.due import Failure
from pyorg_pipeline.model.names import split_superseded
from pyorg_pipeline.model.text import shortened
from pyorg_pipeline.refresh.changes import ChangeTracker, Row, find_changes
from pyorg_pipeline.site.client import SiteClient
from pyorg_pipeline.site.crawl import Listing, crawl

#: Two pages made less than this apart may be copies of one: headers have whole seconds, and the
#: age of a cached page does not include its way here.
ANOTHER_LISTING: Final = timedelta(seconds=2)


class ArtifactsLostError(SiteError):
    """A listing lacks artifacts that an earlier one had; a second such listing is accepted."""

    def __init__(self, url: str, lost: Sequence[str], known: int, listed_at: datetime) -> None:
        super().__init__(
            url,
            f"{len(lost)} of {known} artifacts are no longer listed ({shortened(lost)}); accepted "
            "when the next listing says the same, or with `pyorg refresh --accept-vanished`",
        )
        self.args = (url, lost, known, listed_at)
        self.lost, self.listed_at = lost, listed_at


@dataclass(frozen=True, slots=True)
class DirectoryCrawl:
    """The result of crawling one directory: its table was replaced, or an error says why not."""

    directory: str
    error: Exception | None = None
    #: The directory never gave a listing and answers with another page.
    hidden: bool = False
    rows: int = 0
    unrecognised: int = 0
    companions: int = 0
    #: Paths of artifacts, companions not included.
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    replaced: tuple[str, ...] = ()
    bytes: int = 0
    #: Changes when a row does, whenever it was crawled.
    data_version: str = ""
    #: The first rows.
    head: Sequence[Row] = ()


def crawl_directories(
    store: CatalogStore,
    client: SiteClient,
    directories: Sequence[str],
    *,
    accept_vanished: bool = False,
) -> Iterator[DirectoryCrawl]:
    """Crawl directories, write the table of each, and yield the results as they arrive.

    A directory that fails keeps its last good table, and so does one whose listing lost artifacts,
    until a later listing confirms it; with `accept_vanished` the first is accepted. Failures are
    recorded, so that the next refresh tries again.
    """
    require_site(store, client)
    dates = {row["name"]: row["last_modified"] for row in store.rows(DIRECTORIES_FILE)}
    failures = read_failures(store)
    tracker = ChangeTracker(store, client.base_url)
    # The last known state of directories without a table.
    published = cache(lambda: _published_rows(store, client.base_url))

    def handle(listing: Listing) -> DirectoryCrawl:
        name = listing.directory
        found = store.read_or_none(directory_file(name), site_url=client.base_url)
        table, metadata = found or (None, None)
        rows = published().get(name, []) if table is None else table.to_pylist()
        if not accept_vanished:
            _check_losses(listing, rows, failures.get(name))
        return _write_table(store, tracker, listing, dates.get(name), rows, metadata)

    try:
        for crawled in crawl(client, directories, handle):
            name, error = crawled.directory, crawled.error
            if error is None:
                assert crawled.value is not None
                failures.pop(name, None)
                yield crawled.value
            else:
                hidden = (
                    isinstance(error, ListingError)
                    and not error.is_listing
                    and not store.read_or_none(directory_file(name), site_url=client.base_url)
                )
                failures[name] = _failure(error, failures.get(name), hidden, dates.get(name))
                yield DirectoryCrawl(name, error=error, hidden=hidden)
    finally:
        write_failures(store, {name: failures[name] for name in failures if name in dates})


def require_site(store: CatalogStore, client: SiteClient) -> None:
    """Raise CatalogSiteError if release_directories is of another site than the client's."""
    filled_from = store.metadata(DIRECTORIES_FILE)["site_url"]
    if filled_from != client.base_url:
        raise CatalogSiteError(store.location.text, filled_from, client.base_url)


def remove_directory(
    store: CatalogStore, tracker: ChangeTracker, directory: str, removed_at: datetime
) -> None:
    """Record all files of a directory that the root no longer lists as removed.

    Its table then has no date, so that the directory is crawled if it comes back.
    """
    found = store.read_or_none(directory_file(directory), site_url=tracker.site_url)
    if found is None:
        return
    rows, metadata = found.table.to_pylist(), found.metadata
    if existing := _existing(rows):
        store.write(
            directory_file(directory),
            [{**row, "removed_at": row["removed_at"] or removed_at} for row in rows],
            {
                **metadata,
                "directory_last_modified": None,
                **tracker.pending(directory, metadata, find_changes(existing, ())),
            },
        )


def read_failures(store: CatalogStore) -> dict[str, Failure]:
    """The recorded failures, by directory."""
    try:
        rows = store.rows(FAILURES_FILE)
    except CatalogUnreadableError:
        # Without it hidden directories are only tried again sooner.
        return {}
    return {row.pop("directory"): Failure(**row) for row in rows}


def write_failures(store: CatalogStore, failures: Mapping[str, Failure]) -> None:
    """Replace the recorded failures; without failures, no table is made."""
    rows = [{"directory": name, **failures[name]._asdict()} for name in sorted(failures)]
    if rows or store.location.stamp(FAILURES_FILE) is not None:
        store.write(FAILURES_FILE, rows, {})


def _failure(
    error: Exception, before: Failure | None, hidden: bool, date: datetime | None
) -> Failure:
    # Another failure in between does not forget a loss that waits for its confirmation.
    loss = error if isinstance(error, ArtifactsLostError) else before
    return Failure(
        error=str(error),
        failed_at=datetime.now(UTC),
        attempts=(before.attempts if before else 0) + 1,
        hidden=hidden,
        directory_last_modified=date,
        lost=loss.lost if loss else None,
        listed_at=loss.listed_at if loss else None,
    )


def _published_rows(store: CatalogStore, site_url: str) -> dict[str, list[Row]]:
    """The site's published artifacts, by directory."""
    published = store.read_or_none(CATALOG_FILE, site_url=site_url)
    found: dict[str, list[Row]] = {}
    for row in [] if published is None else published.table.to_pylist():
        found.setdefault(row["directory"], []).append({**row, "removed_at": None})
    return found


def _existing(rows: Iterable[Row]) -> list[Row]:
    return [row for row in rows if row["removed_at"] is None]


def _check_losses(listing: Listing, rows: Sequence[Row], before: Failure | None) -> None:
    """Raise ArtifactsLostError unless an earlier listing showed the same losses."""
    listed = {f"{listing.directory}/{entry.name}" for entry in listing.entries}
    # It may be listed under a name that says superseded.
    listed |= {split_superseded(path)[0] for path in listed}
    existing = _existing(rows)
    recognised = (row["path"] for row in existing if row["artifact_type"] != UNRECOGNISED)
    lost = sorted(set(recognised) - listed)
    confirmed = (
        before is not None
        and before.listed_at is not None
        and listing.generated_at - before.listed_at >= ANOTHER_LISTING
        and set(before.lost or ()).issuperset(lost)
    )
    if lost and not confirmed:
        raise ArtifactsLostError(listing.url, lost, len(existing), listing.generated_at)


def _write_table(
    store: CatalogStore,
    tracker: ChangeTracker,
    listing: Listing,
    date: datetime | None,
    previous: Sequence[Row],
    previous_metadata: Mapping[str, Any] | None,
) -> DirectoryCrawl:
    directory, now = listing.directory, listing.received_at
    crawled = {"crawled_at": now, "directory_last_modified": date}
    artifacts = group_listing(directory, listing.entries)
    rows = [_row(directory, artifact) for artifact in artifacts]
    paths = {row["path"] for row in rows}
    existing = _existing(previous)
    known = {row["path"] for row in existing}
    # A first fill reports no changes, and finding them takes a tenth of its crawl.
    changes = [] if tracker.is_first_fill and not existing else find_changes(existing, rows)
    removed = [
        {**row, "removed_at": row["removed_at"] or now}
        for row in previous
        if row["path"] not in paths
    ]
    size = store.write(
        directory_file(directory),
        sorted(
            [*({**row, **crawled} for row in rows), *removed],
            key=lambda row: (version_key(row), row["path"]),
        ),
        {
            "site_url": tracker.site_url,
            "generated_at": listing.generated_at,
            **crawled,
            **tracker.pending(directory, previous_metadata, changes),
        },
    )
    return DirectoryCrawl(
        directory=directory,
        rows=len(rows),
        unrecognised=sum(row["artifact_type"] == UNRECOGNISED for row in rows),
        companions=sum(len(artifact.companions) for artifact in artifacts),
        added=tuple(sorted(paths - known)),
        removed=tuple(sorted(known - paths)),
        replaced=tuple(
            change["path"]
            for change in changes
            if change["change"] == REPLACED and change["companion_of"] is None
        ),
        bytes=size,
        data_version=data_version(rows),
        head=rows[:5],
    )


def _row(directory: str, artifact: ListedArtifact) -> Row:
    version = artifact.release_version
    numbers = {} if version is None else dict(zip(VERSION_COLUMNS, version, strict=False))
    # An unrecognised file has its directory's numbers, but belongs to no release.
    is_released = version is not None and len(version) == len(VERSION_COLUMNS)
    return {
        "path": f"{directory}/{artifact.entry.name}",
        "name": artifact.entry.name,
        "directory": directory,
        **numbers,
        "version": version.text if version is not None and is_released else None,
        "artifact_type": artifact.artifact_type,
        **artifact.attributes,
        "size": artifact.entry.size,
        "last_modified": artifact.entry.last_modified,
        "companions": list(artifact.companions),
        "companion_sizes": [entry.size for entry in artifact.companion_entries],
        "companion_dates": [entry.last_modified for entry in artifact.companion_entries],
    }


def data_version(rows: Iterable[Row]) -> str:
    """A digest of rows, to be given without columns such as the time of a crawl."""
    return hashlib.sha256(repr(list(rows)).encode()).hexdigest()
