"""The second step: crawling directories, each into a table of its own."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from pyorg_pipeline.catalog import schemas
from pyorg_pipeline.catalog.store import (
    DIRECTORIES_FILE,
    VERSION_COLUMNS,
    CatalogStore,
    directory_file,
)
from pyorg_pipeline.errors import (
    CatalogMissingError,
    CatalogSiteError,
    CatalogUnreadableError,
    ListingError,
    SiteError,
)
from pyorg_pipeline.model.artifacts import UNRECOGNISED
from pyorg_pipeline.model.companions import group_listing
from pyorg_pipeline.model.due import Failure
from pyorg_pipeline.model.names import without_superseded_mark
from pyorg_pipeline.model.text import shortened
from pyorg_pipeline.model.versions import NormalizedPythonVersion
from pyorg_pipeline.refresh.failures import read_failures, write_failures
from pyorg_pipeline.site.client import SiteClient
from pyorg_pipeline.site.crawl import Listing, crawl

#: Two pages made less than this apart may be copies of one: headers tell whole seconds, and a
#: cache's age is as old as the way from it is long.
ANOTHER_LISTING: Final = timedelta(seconds=2)


@dataclass(frozen=True, slots=True)
class DirectoryCrawl:
    """What the crawl of one directory brought: its table is written, or an error says why not."""

    directory: str
    error: Exception | None = None
    #: It never gave a listing, and answered with a page of its own.
    hidden: bool = False
    rows: int = 0
    unrecognised: int = 0
    companions: int = 0
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    #: Same path, other size or date.
    replaced: tuple[str, ...] = ()
    bytes: int = 0
    #: Changes when a row does, whenever it was crawled.
    data_version: str = ""
    #: The first rows, for people to look at.
    head: list[dict[str, Any]] = field(default_factory=list)


def crawl_directories(
    store: CatalogStore,
    client: SiteClient,
    directories: Sequence[str],
    *,
    concurrency: int,
    accept_vanished: bool = False,
) -> Iterator[DirectoryCrawl]:
    """Crawl these directories and write the table of each as it is done; one request each.

    A directory that fails keeps its last good table, and so does one whose listing lost artifacts,
    until a later listing says the same. When all are through, the failures are on record, so that
    the next refresh takes them again.

    Args:
        store: the catalog's.
        client: the site's.
        directories: their names.
        concurrency: directories at once.
        accept_vanished: believe a listing that lost artifacts at once.

    Raises:
        CatalogSiteError: the root listing on record is another site's; nothing was changed.
    """
    filled_from = store.facts(DIRECTORIES_FILE)["site_url"]
    if filled_from != client.base_url:
        raise CatalogSiteError(store.location.text, filled_from, client.base_url)
    dates = {row["name"]: row["last_modified"] for row in store.rows(DIRECTORIES_FILE)}
    failures = read_failures(store)

    def handle(listing: Listing) -> DirectoryCrawl:
        name = listing.directory
        believed = None if accept_vanished else _believed(failures.get(name), listing)
        return _write_directory(store, client.base_url, listing, dates.get(name), believed)

    try:
        for crawled in crawl(client, directories, handle, concurrency=concurrency):
            name = crawled.directory
            if crawled.error is None:
                assert crawled.value is not None
                done = crawled.value
                failures.pop(name, None)
            else:
                before = failures.get(name)
                failures[name] = Failure(
                    error=str(crawled.error),
                    failed_at=datetime.now(UTC),
                    attempts=(before.attempts if before else 0) + 1,
                    hidden=_is_hidden(store, client.base_url, name, crawled.error),
                    directory_last_modified=dates.get(name),
                    **_loss(crawled.error, before),
                )
                done = DirectoryCrawl(name, error=crawled.error, hidden=failures[name].hidden)
            yield done
    finally:
        write_failures(store, {name: failures[name] for name in failures if name in dates})


class ArtifactsLostError(SiteError):
    """A listing lacks artifacts that an earlier one had; a second such listing is believed.

    Args:
        url: The listing's URL.
        lost: Paths below the site's root.
        known: How many artifacts the directory had.
        listed_at: When the site generated the listing.
    """

    def __init__(self, url: str, lost: Sequence[str], known: int, listed_at: datetime) -> None:
        super().__init__(
            url,
            f"{len(lost)} of {known} artifacts are no longer listed ({shortened(lost)}); believed "
            "when the next listing says the same, or with `pyorg refresh --accept_vanished true`",
        )
        self.args = (url, lost, known, listed_at)
        self.lost = lost
        self.known = known
        self.listed_at = listed_at


def _believed(before: Failure | None, listing: Listing) -> frozenset[str]:
    """The artifacts whose absence an earlier listing has shown, too, and not a copy of this one."""
    if before is None or before.listed_at is None:
        return frozenset()
    if listing.generated_at - before.listed_at < ANOTHER_LISTING:
        return frozenset()
    return frozenset(before.lost or ())


def _loss(error: Exception, before: Failure | None) -> dict[str, Any]:
    """What a failure's record says of lost artifacts; another failure forgets none of it."""
    if isinstance(error, ArtifactsLostError):
        return {"lost": list(error.lost), "listed_at": error.listed_at}
    return {} if before is None else {"lost": before.lost, "listed_at": before.listed_at}


def _write_directory(
    store: CatalogStore,
    site_url: str,
    listing: Listing,
    date: datetime | None,
    believed: frozenset[str] | None,
) -> DirectoryCrawl:
    """Write a directory's table, unless it lost artifacts beyond those believed (None: all)."""
    file = directory_file(listing.directory)
    before = _rows_before(store, file, site_url)
    now = listing.received_at
    state = {"crawled_at": now, "directory_last_modified": date}
    rows: list[dict[str, Any]] = []
    companions = 0
    for artifact in group_listing(listing.directory, listing.entries):
        version = artifact.release_version
        rows.append(
            {
                "path": f"{listing.directory}/{artifact.entry.name}",
                "name": artifact.entry.name,
                "directory": listing.directory,
                **_version_columns(version),
                "artifact_type": artifact.artifact_type,
                **artifact.attributes,
                "size": artifact.entry.size,
                "last_modified": artifact.entry.last_modified,
                "companions": list(artifact.companions),
                "companion_sizes": [entry.size for entry in artifact.companion_entries],
                "companion_dates": [entry.last_modified for entry in artifact.companion_entries],
                **state,
            }
        )
        companions += len(artifact.companions)
    present = {row["path"]: row for row in rows}
    there_before = {path: row for path, row in before.items() if row["gone_since"] is None}
    lost = _lost(there_before, present)
    if believed is not None and not believed.issuperset(lost):
        raise ArtifactsLostError(listing.url, lost, len(there_before), listing.generated_at)
    data_version = hashlib.sha256(
        json.dumps(
            [{name: row[name] for name in row if name not in state} for row in rows],
            default=str,
            sort_keys=True,
        ).encode()
    ).hexdigest()
    gone = [
        {**row, "gone_since": row["gone_since"] or now}
        for path, row in before.items()
        if path not in present
    ]
    table_rows = sorted(rows + gone, key=_row_order)
    size = store.write(
        file,
        schemas.RELEASE_ARTIFACTS,
        table_rows,
        {"site_url": site_url, "generated_at": listing.generated_at, **state},
    )
    return DirectoryCrawl(
        directory=listing.directory,
        rows=len(rows),
        unrecognised=sum(row["artifact_type"] == UNRECOGNISED for row in rows),
        companions=companions,
        added=tuple(path for path in present if path not in there_before),
        removed=tuple(path for path in there_before if path not in present),
        replaced=tuple(
            path
            for path, row in present.items()
            if path in there_before
            and any(row[name] != there_before[path][name] for name in ("size", "last_modified"))
        ),
        bytes=size,
        data_version=data_version,
        head=rows[:5],
    )


def _rows_before(store: CatalogStore, file: str, site_url: str) -> dict[str, dict[str, Any]]:
    """A directory's rows by path; none of another site's table, or of one that is damaged."""
    try:
        table, facts = store.read(file)
    except (CatalogMissingError, CatalogUnreadableError):
        return {}
    if facts["site_url"] != site_url:
        return {}
    return {row["path"]: row for row in table.to_pylist()}


def _lost(before: Mapping[str, dict[str, Any]], present: Collection[str]) -> list[str]:
    """The recognised artifacts that are there no longer, nor under a name that says replaced."""
    still_there = {*present, *filter(None, map(without_superseded_mark, present))}
    return sorted(
        path
        for path, row in before.items()
        if path not in still_there and row["artifact_type"] != UNRECOGNISED
    )


def _version_columns(version: NormalizedPythonVersion | None) -> dict[str, Any]:
    if version is None:
        return {}
    columns: dict[str, Any] = dict(zip(VERSION_COLUMNS, version, strict=False))
    # An unrecognised file has its directory's numbers, but belongs to no release.
    columns["version"] = version.text if len(version) == len(VERSION_COLUMNS) else None
    return columns


def _row_order(row: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(row[name] for name in VERSION_COLUMNS if row.get(name) is not None), row["path"]


def _is_hidden(store: CatalogStore, site_url: str, directory: str, error: Exception) -> bool:
    if not isinstance(error, ListingError) or error.is_listing:
        return False
    facts = store.facts_or_none(directory_file(directory))
    return facts is None or facts["site_url"] != site_url
