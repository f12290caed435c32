"""The record of what changed: one file a refresh that saw changes, under `catalog_changes/`.

Here: the files' names, reading what is in force, merging many into one. Not here: how the rows
come about (`refresh.changes`).

A file's name carries its number, `000007.parquet`, or the numbers of those that were merged into
it, `000001-000064.parquet`. What counts is decided by two rules, so that a crash between any two
writes tells nothing twice and loses nothing: a file whose numbers lie within another's was merged
into that one, and a file beyond the baseline's sequence was never finished. A file's facts say
first_seen_at and last_seen_at, which grow from file to file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any, Final, NamedTuple
from urllib.parse import quote

import pyarrow as pa
import pyarrow.compute as pc

from pyorg_pipeline.catalog import schemas
from pyorg_pipeline.catalog.store import CatalogStore
from pyorg_pipeline.catalog.times import utc_times
from pyorg_pipeline.errors import CatalogError, CatalogMissingError, CatalogUnreadableError
from pyorg_pipeline.model.changes import CatalogChange

FOLDER: Final = "catalog_changes"
#: What was last accounted for, one row a file of the site.
BASELINE_FILE: Final = "catalog_changes_baseline.parquet"
#: More files than these are merged.
MOST_FILES: Final = 64

_NAME: Final = re.compile(r"([0-9]{6,18})(?:-([0-9]{6,18}))?\.parquet")

#: Columns of a CatalogChange that are taken as they are.
_PLAIN: Final = (
    "change",
    "path",
    "version",
    "artifact_type",
    "companion_of",
    "size_before",
    "size",
)
_TIMES: Final = ("last_modified_before", "last_modified", "seen_at")


class _File(NamedTuple):
    """A file of the record and the refreshes that it holds, both ends included."""

    first: int
    last: int
    name: str

    def lies_within(self, other: _File) -> bool:
        return self != other and other.first <= self.first and self.last <= other.last


def write_changes(
    store: CatalogStore, sequence: int, table: Any, facts: Mapping[str, Any]
) -> tuple[str, int]:
    """Write the changes that one refresh saw; the file's name and bytes.

    Args:
        store: the catalog's.
        sequence: the refresh's number.
        table: a pyarrow Table of schemas.CATALOG_CHANGES with at least one row.
        facts: about it, site_url among them.
    """
    name = _name(sequence, sequence)
    return name, _write(store, name, table, facts)


def last_number(store: CatalogStore) -> int:
    """The highest number that any file carries; 0 where there is none."""
    return max((file.last for file in _files(store)), default=0)


def last_seen(store: CatalogStore) -> datetime | None:
    """When the latest change on record was seen; None where there is none that can be read."""
    for file in reversed(_in_force(store)):
        if (facts := store.facts_or_none(file.name)) is not None:
            found: datetime = facts["last_seen_at"]
            return found
    return None


def changes_since(
    store: CatalogStore,
    site_url: str,
    since: datetime | None = None,
    *,
    base_url: str,
    companions: bool = False,
) -> list[CatalogChange]:
    """What is on record of a site's changes: by refresh, then version and path, the newest last.

    Files are read from the newest down to the first that is older.

    Args:
        store: the catalog's.
        site_url: the site that the catalog is of; changes of another one are left out.
        since: only what was seen later; None for all.
        base_url: what the files' URLs start with, ending in a slash.
        companions: those of files about artifacts, too.

    Raises:
        CatalogError: a file of the record cannot be read.
    """
    while True:
        files = _in_force(store)
        try:
            tables = list(_newest_first(store, files, site_url, since))
            break
        except CatalogMissingError:
            # It was merged into another one since the folder was listed.
            if _in_force(store) == files:
                raise
    found: list[CatalogChange] = []
    for table in reversed(tables):
        found += _changes(table, since, base_url, companions=companions)
    return found


def tidy(store: CatalogStore, sequence: int) -> int:
    """Merge files where there are many, and remove what does not count; returns how many are left.

    Only while nobody else writes. Merged are neighbours of one site that can be read.

    Args:
        store: the catalog's.
        sequence: the baseline's: the last refresh that was finished.
    """
    files = _in_force(store, sequence)
    if len(files) > MOST_FILES:
        for site_url, group in groupby(files, key=lambda file: _site(store, file)):
            members = list(group)
            if site_url is not None and len(members) > 1:
                _merge(store, members)
        files = _in_force(store, sequence)
    for file in _files(store):
        if file not in files:
            store.location.delete(file.name)
    return len(files)


def _merge(store: CatalogStore, files: Sequence[_File]) -> None:
    read = [store.read(file.name) for file in files]
    tables = [table.select(schemas.CATALOG_CHANGES.names) for table, _ in read]
    tables = [table.cast(schemas.CATALOG_CHANGES) for table in tables]
    _write(
        store,
        _name(files[0].first, files[-1].last),
        pa.concat_tables(tables).combine_chunks(),
        {name: value for name, value in read[-1][1].items() if name != "format"},
    )


def _write(store: CatalogStore, name: str, table: Any, facts: Mapping[str, Any]) -> int:
    seen = [time for time in utc_times(table["seen_at"]) if time is not None]
    return store.write(
        name,
        schemas.CATALOG_CHANGES,
        table,
        {**facts, "first_seen_at": min(seen), "last_seen_at": max(seen)},
    )


def _newest_first(
    store: CatalogStore, files: Sequence[_File], site_url: str, since: datetime | None
) -> Iterator[Any]:
    for file in reversed(files):
        try:
            table, facts = store.read(file.name)
        except CatalogUnreadableError as error:
            raise CatalogError(
                f"{error.location} cannot be read: {error.reason}; "
                "remove it, and the other changes can be listed"
            ) from error
        if since is not None and facts["last_seen_at"] <= since:
            return
        if facts["site_url"] == site_url:
            yield table
        if since is not None and facts["first_seen_at"] <= since:
            return


def _changes(
    table: Any, since: datetime | None, base_url: str, *, companions: bool
) -> Iterator[CatalogChange]:
    if not companions:
        table = table.filter(pc.is_null(table["companion_of"]))
    columns = {name: table[name].to_pylist() for name in _PLAIN}
    columns.update({name: utc_times(table[name]) for name in _TIMES})
    for values in zip(*columns.values(), strict=True):
        row: dict[str, Any] = dict(zip(columns, values, strict=True))
        if since is None or row["seen_at"] > since:
            yield CatalogChange(**row, url=base_url + quote(row["path"]))


def _site(store: CatalogStore, file: _File) -> str | None:
    facts = store.facts_or_none(file.name)
    return None if facts is None else str(facts["site_url"])


def _in_force(store: CatalogStore, sequence: int | None = None) -> list[_File]:
    """The files that count, the oldest first.

    Args:
        store: the catalog's.
        sequence: the baseline's, where it is known.
    """
    if sequence is None:
        # Before the folder is listed: what is finished in between has a higher number.
        baseline = store.facts_or_none(BASELINE_FILE)
        sequence = None if baseline is None else baseline["sequence"]
    files = _files(store)
    return [
        file
        for file in files
        # By its first number: whatever was merged was finished.
        if (sequence is None or file.first <= sequence)
        and not any(file.lies_within(other) for other in files)
    ]


def _files(store: CatalogStore) -> list[_File]:
    """Everything under a name of ours, by its numbers."""
    found = []
    for name in store.location.names(FOLDER):
        if match := _NAME.fullmatch(name):
            first = int(match[1])
            found.append(_File(first, int(match[2] or first), f"{FOLDER}/{name}"))
    return sorted(found)


def _name(first: int, last: int) -> str:
    span = f"{first:06d}" if first == last else f"{first:06d}-{last:06d}"
    return f"{FOLDER}/{span}.parquet"
