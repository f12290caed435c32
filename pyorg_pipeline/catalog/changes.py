"""The recorded changes: one file under `catalog_changes/` for each refresh that saw changes.

A file's name is its number, `000007.parquet`, or the range of the files that were merged into it,
`000001-000064.parquet`; a file whose numbers lie within another's range was merged into that one
and is ignored. The newest file's metadata says, in `recorded`, up to which of a directory's
changes all were recorded.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any, Final, NamedTuple
from urllib.parse import quote

import pyarrow as pa

from pyorg_pipeline.catalog import schemas
from pyorg_pipeline.catalog.store import CatalogStore, utc_times
from pyorg_pipeline.errors import CatalogError, CatalogMissingError, CatalogUnreadableError
from pyorg_pipeline.model.catalog import CatalogChange

FOLDER: Final = "catalog_changes"
#: When there are more files than this, they are merged.
MOST_FILES: Final = 64

_NAME: Final = re.compile(r"([0-9]{6,18})(?:-([0-9]{6,18}))?\.parquet")

#: Columns that become fields of a CatalogChange as they are.
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
    """A file of changes and the numbers that it holds, both ends included."""

    first: int
    last: int
    name: str

    def lies_within(self, other: _File) -> bool:
        return self != other and other.first <= self.first and self.last <= other.last


def write_changes(
    store: CatalogStore, number: int, table: Any, metadata: Mapping[str, Any]
) -> tuple[str, int]:
    """Write the changes that one refresh saw; returns the file's name and its bytes.

    The metadata has `site_url`, and `recorded` as the module's docstring has it.
    """
    name = _name(number, number)
    return name, _write(store, name, table, metadata)


def last_number(store: CatalogStore) -> int:
    """The highest number of a file; 0 if there is none."""
    return max((file.last for file in _files(store)), default=0)


def last_metadata(store: CatalogStore) -> dict[str, Any]:
    """The metadata of the newest readable file; empty if there is none."""
    for file in reversed(_current_files(store)):
        if (metadata := store.metadata_or_none(file.name)) is not None:
            return metadata
    return {}


def changes_since(
    store: CatalogStore,
    site_url: str,
    since: datetime | None = None,
    *,
    base_url: str,
    companions: bool = False,
) -> list[CatalogChange]:
    """The recorded changes of a site: by refresh, then version and path, the newest last.

    Only what was seen later than `since`; files are read from the newest down to the first that is
    older. `base_url` is the start of the files' URLs, ending in a slash.

    Raises:
        CatalogError: a file cannot be read.
    """
    while True:
        files = _current_files(store)
        try:
            tables = list(_newest_first(store, files, site_url, since))
            break
        except CatalogMissingError:
            # It was merged into another one since the folder was listed.
            if _current_files(store) == files:
                raise
    found: list[CatalogChange] = []
    for table in reversed(tables):
        found += _changes(table, since, base_url, companions=companions)
    return found


def merge_files(store: CatalogStore) -> None:
    """Merge the files if there are many, and remove those that were merged.

    Only neighbours of one site that can be read are merged. Call it with the lock held.
    """
    files = _current_files(store)
    if len(files) > MOST_FILES:
        for site_url, group in groupby(files, key=lambda file: _site(store, file)):
            members = list(group)
            if site_url is not None and len(members) > 1:
                _merge(store, members)
        files = _current_files(store)
    for file in _files(store):
        if file not in files:
            store.location.delete(file.name)


def _merge(store: CatalogStore, files: Sequence[_File]) -> None:
    read = [store.read(file.name) for file in files]
    tables = [table.select(schemas.CATALOG_CHANGES.names) for table, _ in read]
    tables = [table.cast(schemas.CATALOG_CHANGES) for table in tables]
    _write(
        store,
        _name(files[0].first, files[-1].last),
        pa.concat_tables(tables).combine_chunks(),
        read[-1].metadata,
    )


def _write(store: CatalogStore, name: str, table: Any, metadata: Mapping[str, Any]) -> int:
    seen = [time for time in utc_times(table["seen_at"]) if time is not None]
    return store.write(
        name,
        schemas.CATALOG_CHANGES,
        table,
        {**metadata, "first_seen_at": min(seen), "last_seen_at": max(seen)},
    )


def _newest_first(
    store: CatalogStore, files: Sequence[_File], site_url: str, since: datetime | None
) -> Iterator[Any]:
    for file in reversed(files):
        try:
            table, metadata = store.read(file.name)
        except CatalogUnreadableError as error:
            raise CatalogError(
                f"{error.location} cannot be read: {error.reason}; "
                "remove it, and the other changes can be listed"
            ) from error
        if since is not None and metadata["last_seen_at"] <= since:
            return
        if metadata["site_url"] == site_url:
            yield table
        if since is not None and metadata["first_seen_at"] <= since:
            return


def _changes(
    table: Any, since: datetime | None, base_url: str, *, companions: bool
) -> Iterator[CatalogChange]:
    if not companions:
        table = table.filter(table["companion_of"].is_null())
    columns = {name: table[name].to_pylist() for name in _PLAIN}
    columns.update({name: utc_times(table[name]) for name in _TIMES})
    for values in zip(*columns.values(), strict=True):
        row: dict[str, Any] = dict(zip(columns, values, strict=True))
        if since is None or row["seen_at"] > since:
            yield CatalogChange(**row, url=base_url + quote(row["path"]))


def _site(store: CatalogStore, file: _File) -> str | None:
    metadata = store.metadata_or_none(file.name)
    return None if metadata is None else str(metadata["site_url"])


def _current_files(store: CatalogStore) -> list[_File]:
    """The files that were not merged into others, the oldest first."""
    files = _files(store)
    return [file for file in files if not any(file.lies_within(other) for other in files)]


def _files(store: CatalogStore) -> list[_File]:
    """All files of changes, by their numbers; files under other names are ignored."""
    found = []
    for name in store.location.names(FOLDER):
        if match := _NAME.fullmatch(name):
            first = int(match[1])
            found.append(_File(first, int(match[2] or first), f"{FOLDER}/{name}"))
    return sorted(found)


def _name(first: int, last: int) -> str:
    span = f"{first:06d}" if first == last else f"{first:06d}-{last:06d}"
    return f"{FOLDER}/{span}.parquet"
