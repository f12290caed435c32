"""The recorded changes: one file under `catalog_changes/` for each refresh that saw changes.

A file's name is its number, `000007.parquet`, or the range of the files that were merged into it,
`000001-000064.parquet`; a file whose numbers lie within another's range was merged into that one
and is ignored. The newest file's metadata says, in `recorded`, up to which of a directory's
changes all were recorded.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from itertools import groupby
from typing import Any, Final, NamedTuple
from urllib.parse import quote

import pyarrow as pa

from pyorg_pipeline.catalog.store import CatalogStore, python_values
from pyorg_pipeline.errors import CatalogError, CatalogMissingError, CatalogUnreadableError
from pyorg_pipeline.model.catalog import CatalogChange

FOLDER: Final = "catalog_changes"
#: When there are more files than this, they are merged.
MOST_FILES: Final = 64

_NAME: Final = re.compile(r"([0-9]{6,18})(?:-([0-9]{6,18}))?\.parquet")

#: The columns that are fields of a CatalogChange.
_COLUMNS: Final = [field.name for field in fields(CatalogChange) if field.name != "url"]


class _File(NamedTuple):
    """A file of changes, with the first and the last of the numbers that it holds."""

    first: int
    last: int
    name: str


def write_changes(store: CatalogStore, table: Any, metadata: Mapping[str, Any]) -> tuple[str, int]:
    """Write the changes of one refresh, or merged ones; returns the file's name and its bytes.

    The metadata has `site_url`, and `recorded` as the module's docstring has it.
    """
    numbers = table["sequence"].to_pylist()
    first, last = min(numbers), max(numbers)
    span = f"{first:06d}" if first == last else f"{first:06d}-{last:06d}"
    name = f"{FOLDER}/{span}.parquet"
    seen = python_values(table["seen_at"])
    metadata = {**metadata, "first_seen_at": min(seen), "last_seen_at": max(seen)}
    return name, store.write(name, table, metadata)


def last_number(store: CatalogStore) -> int:
    """The highest number of a file; 0 without files."""
    return max((file.last for file in _files(store)), default=0)


def last_metadata(store: CatalogStore) -> dict[str, Any]:
    """The metadata of the newest readable file; empty without such a file."""
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

    Only those seen later than `since`: files are read from the newest down to the first older one.
    `base_url` is the start of the files' URLs, ending in a slash.
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
    return [
        CatalogChange(**row, url=base_url + quote(row["path"]))
        for table in reversed(tables)
        for row in _rows(table)
        if (since is None or row["seen_at"] > since) and (companions or not row["companion_of"])
    ]


def merge_files(store: CatalogStore) -> None:
    """Merge the files if there are many, and remove those that were merged.

    Only neighbours of one site that can be read are merged. Call it with the lock held.
    """

    def site_url(file: _File) -> str | None:
        return (store.metadata_or_none(file.name) or {}).get("site_url")

    files = _current_files(store)
    if len(files) > MOST_FILES:
        for site, group in groupby(files, key=site_url):
            names = [file.name for file in group]
            if site is not None and len(names) > 1:
                tables, metadata = zip(*map(store.read, names), strict=True)
                merged = pa.concat_tables(tables, promote_options="default")
                write_changes(store, merged, metadata[-1])
        files = _current_files(store)
    for file in _files(store):
        if file not in files:
            store.location.delete(file.name)


def _newest_first(
    store: CatalogStore, files: Sequence[_File], site_url: str, since: datetime | None
) -> Iterator[Any]:
    for file in reversed(files):
        try:
            table, metadata = store.read(file.name)
        except CatalogUnreadableError as error:
            raise CatalogError(
                f"{error.location} cannot be read: {error.reason}; "
                "remove it to list the other changes"
            ) from error
        if since is not None and metadata["last_seen_at"] <= since:
            return
        if metadata["site_url"] == site_url:
            yield table
        if since is not None and metadata["first_seen_at"] <= since:
            return


def _rows(table: Any) -> Iterator[dict[str, Any]]:
    # Tables of earlier versions lack some columns.
    names = [name for name in _COLUMNS if name in table.column_names]
    for values in zip(*(python_values(table[name]) for name in names), strict=True):
        yield dict.fromkeys(_COLUMNS) | dict(zip(names, values, strict=True))


def _current_files(store: CatalogStore) -> list[_File]:
    """The files that were not merged into others, the oldest first."""
    files = _files(store)
    return [
        file
        for file in files
        if not any(
            one != file and one.first <= file.first and file.last <= one.last for one in files
        )
    ]


def _files(store: CatalogStore) -> list[_File]:
    """All files of changes, by their numbers; files under other names are ignored."""
    matches = filter(None, map(_NAME.fullmatch, store.location.stamps(FOLDER)))
    return sorted(
        _File(int(match[1]), int(match[2] or match[1]), f"{FOLDER}/{match[0]}") for match in matches
    )
