"""Changes of the site's files: found when a directory's table is replaced, listed once published.

A replaced table carries its directory's changes that are not recorded yet, with a number, in its
own metadata: they are written atomically with it. The published catalog says which numbers its
rows include. `record_changes` writes those to one file of `catalog_changes`, whose metadata says
that they are recorded. So a crash between any two writes neither loses nor repeats a change.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

import pyarrow as pa

from pyorg_pipeline.catalog import schemas
from pyorg_pipeline.catalog.changes import (
    last_metadata,
    last_number,
    merge_files,
    write_changes,
)
from pyorg_pipeline.catalog.store import (
    CATALOG_FILE,
    VERSION_COLUMNS,
    CatalogStore,
    directory_file,
    sort_by_version,
)
from pyorg_pipeline.catalog.times import later_time
from pyorg_pipeline.errors import CatalogMissingError, CatalogUnreadableError
from pyorg_pipeline.model.catalog import APPEARED, REPLACED, VANISHED
from pyorg_pipeline.model.companions import companion_name

#: A row of schemas.CATALOG_CHANGES, without sequence and seen_at.
Change = dict[str, Any]

#: What a change says of the file's artifact.
_OF_ARTIFACT: Final = ("directory", *VERSION_COLUMNS, "version", "artifact_type")

#: The file in which earlier versions kept what they compared a publication with.
_BASELINE_FILE: Final = "catalog_changes_baseline.parquet"


class RecordedChanges(NamedTuple):
    """The changes that a refresh recorded."""

    #: Of schemas.CATALOG_CHANGES, sorted by version, then path.
    table: Any
    #: The number of their file; None if there were none.
    sequence: int | None
    #: Below the catalog's location; None if there were none.
    file: str | None
    bytes: int


class ChangeTracker:
    """Adds to a directory's new table what changed since its changes were recorded last.

    Nothing is a change until a catalog of the site is published: its first fill reports none.
    """

    def __init__(self, store: CatalogStore, site_url: str) -> None:
        self.site_url = site_url
        self._recorded: Mapping[str, int] = last_metadata(store).get("recorded", {})
        self._is_first_fill = _is_first_fill(store, site_url)

    def pending(
        self, directory: str, metadata: Mapping[str, Any] | None, changes: Sequence[Change]
    ) -> dict[str, Any]:
        """The metadata `changes` and `changes_number` of a directory's new table.

        Args:
            directory: its name.
            metadata: the old table's; None if there is none of this site.
            changes: between the old table and the new one.
        """
        recorded = self._recorded.get(directory, 0)
        number = recorded
        rows: list[Change] = []
        if metadata is not None:
            number = max(number, metadata.get("changes_number", 0))
            rows = metadata.get("changes", []) if number > recorded else []
        if changes and not self._is_first_fill:
            # The number stays if nothing is left of the changes: it may have been published.
            number, rows = number + 1, combined(rows, changes)
        return {"changes_number": number, "changes": rows}


def find_changes(
    before: Iterable[Mapping[str, Any]], after: Iterable[Mapping[str, Any]]
) -> list[Change]:
    """What differs between two states of a directory, companions included, sorted by path.

    A size or date that only one of the states has is not a difference: mirrors differ in what
    their listings show.

    Args:
        before: rows of release_artifacts that were not removed.
        after: likewise.
    """
    old, new = _files(before), _files(after)
    changes = [_change(APPEARED, None, new[path]) for path in new.keys() - old.keys()]
    changes += [_change(VANISHED, old[path], None) for path in old.keys() - new.keys()]
    changes += [
        _change(REPLACED, old[path], file)
        for path, file in new.items()
        if path in old and _is_replaced(old[path], file)
    ]
    return sorted(changes, key=_path)


def combined(earlier: Iterable[Change], later: Iterable[Change]) -> list[Change]:
    """Two successive lists of changes as one: from the state before to the state after both."""
    found = {change["path"]: change for change in earlier}
    for change in later:
        first = found.pop(change["path"], change)
        existed, exists = first["change"] != APPEARED, change["change"] != VANISHED
        merged = {
            **change,
            "size_before": first["size_before"],
            "last_modified_before": first["last_modified_before"],
        }
        if existed and exists:
            if _differ(merged["size_before"], merged["size"]) or _differ(
                merged["last_modified_before"], merged["last_modified"]
            ):
                found[change["path"]] = {**merged, "change": REPLACED}
        elif existed or exists:
            found[change["path"]] = {**merged, "change": VANISHED if existed else APPEARED}
    return sorted(found.values(), key=_path)


def companions(
    artifact: Mapping[str, Any],
) -> list[tuple[str, int | None, datetime | None]]:
    """Suffix, size and date of each companion of a row of release_artifacts."""
    suffixes = artifact["companions"]
    # Tables of earlier versions, and the published catalog, do not have these columns.
    sizes = artifact.get("companion_sizes") or [None] * len(suffixes)
    dates = artifact.get("companion_dates") or [None] * len(suffixes)
    return list(zip(suffixes, sizes, dates, strict=True))


def pending_numbers(metadata: Mapping[str, Mapping[str, Any]]) -> dict[str, int]:
    """The numbers of the unrecorded changes in tables of release_artifacts, by directory.

    Args:
        metadata: the tables', by directory.
    """
    return {
        name: metadata[name]["changes_number"]
        for name in sorted(metadata)
        if metadata[name].get("changes")
    }


def changes_due(store: CatalogStore) -> bool:
    """Whether the published catalog includes changes that are not recorded."""
    published = store.metadata_or_none(CATALOG_FILE)
    return published is not None and bool(_unrecorded(published, last_metadata(store)))


def record_changes(store: CatalogStore) -> RecordedChanges:
    """Record the changes that the published catalog includes; call it with the lock held.

    Changes of a table that was replaced since the publication wait for the next one.

    Raises:
        CatalogMissingError: nothing was published yet.
        CatalogUnreadableError: the published catalog is unreadable.
    """
    published, last = store.metadata(CATALOG_FILE), last_metadata(store)
    recorded = dict(last.get("recorded", {}))
    rows: list[Change] = []
    for directory, number in _unrecorded(published, last).items():
        metadata = store.metadata_or_none(directory_file(directory)) or {}
        if metadata.get("changes_number") == number:
            rows += metadata["changes"]
            recorded[directory] = number
    sequence, file, size = None, None, 0
    table = schemas.CATALOG_CHANGES.empty_table()
    if recorded != last.get("recorded", {}):
        sequence = last_number(store) + 1
        seen_at = later_time(datetime.now(UTC), last.get("last_seen_at"))
        rows = [{**row, "sequence": sequence, "seen_at": seen_at} for row in rows]
        table = sort_by_version(pa.Table.from_pylist(rows, schema=schemas.CATALOG_CHANGES))
        metadata = {"site_url": published["site_url"], "recorded": recorded}
        file, size = write_changes(store, sequence, table.combine_chunks(), metadata)
    merge_files(store)
    if store.location.stamp(_BASELINE_FILE) is not None:
        store.location.delete(_BASELINE_FILE)
    return RecordedChanges(table, sequence, file, size)


def _unrecorded(published: Mapping[str, Any], last: Mapping[str, Any]) -> dict[str, int]:
    recorded = last.get("recorded", {})
    return {
        directory: number
        for directory, number in published.get("changes", {}).items()
        if number > recorded.get(directory, 0)
    }


def _is_first_fill(store: CatalogStore, site_url: str) -> bool:
    try:
        return bool(store.metadata(CATALOG_FILE)["site_url"] != site_url)
    except CatalogMissingError:
        return True
    except CatalogUnreadableError:
        return False


class _File(NamedTuple):
    """A file of the site: an artifact, or a companion of one."""

    artifact: Mapping[str, Any]
    #: None for the artifact itself.
    suffix: str | None
    size: int | None
    last_modified: datetime | None


def _files(artifacts: Iterable[Mapping[str, Any]]) -> dict[str, _File]:
    found = {}
    for row in artifacts:
        found[row["path"]] = _File(row, None, row["size"], row["last_modified"])
        for suffix, size, date in companions(row):
            found[companion_name(row["path"], suffix)] = _File(row, suffix, size, date)
    return found


def _change(kind: str, old: _File | None, new: _File | None) -> Change:
    file = new or old
    assert file is not None
    artifact, path, name = file.artifact, file.artifact["path"], file.artifact["name"]
    companion_of = None
    if file.suffix is not None:
        companion_of = path
        path, name = companion_name(path, file.suffix), companion_name(name, file.suffix)
    return {
        "change": kind,
        "path": path,
        "name": name,
        **{column: artifact.get(column) for column in _OF_ARTIFACT},
        "companion_of": companion_of,
        "size_before": None if old is None else old.size,
        "last_modified_before": None if old is None else old.last_modified,
        "size": None if new is None else new.size,
        "last_modified": None if new is None else new.last_modified,
    }


def _is_replaced(old: _File, new: _File) -> bool:
    return _differ(old.size, new.size) or _differ(old.last_modified, new.last_modified)


def _differ(one: object, other: object) -> bool:
    return one is not None and other is not None and one != other


def _path(change: Change) -> str:
    return str(change["path"])
