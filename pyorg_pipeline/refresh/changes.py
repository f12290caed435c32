"""Changes of the site's files: found when a directory's table is replaced, listed once published.

A replaced table carries its directory's changes that are not recorded yet, with a number, in its
own metadata: they are written atomically with it. The published catalog says which numbers its
rows include. `record_changes` writes those to one file of `catalog_changes`, whose metadata says
that they are recorded. So a crash between any two writes neither loses nor repeats a change.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, Final, NamedTuple

import pyarrow as pa

from pyorg_pipeline.catalog import schemas
from pyorg_pipeline.catalog.changes import (
    last_metadata,
    last_number,
    merge_files,
    write_changes,
)
from pyorg_pipeline.catalog.download_reports import downloaded_digests
from pyorg_pipeline.catalog.store import (
    CATALOG_FILE,
    VERSION_COLUMNS,
    CatalogStore,
    digests_file,
    directory_file,
    sort_by_version,
)
from pyorg_pipeline.model.catalog import APPEARED, REPLACED, STATE, VANISHED, is_same_file
from pyorg_pipeline.model.companions import companion_name
from pyorg_pipeline.model.digests import digest_in_force

#: A row of schemas.RELEASE_ARTIFACTS.
Row = dict[str, Any]
#: A row of schemas.CATALOG_CHANGES, without sequence and seen_at.
Change = dict[str, Any]

#: What a change says of the file's artifact.
_OF_ARTIFACT: Final = ("path", "name", "directory", *VERSION_COLUMNS, "version", "artifact_type")

#: Times in tables have milliseconds.
_TICK: Final = timedelta(milliseconds=1)


class RecordedChanges(NamedTuple):
    """The changes that a refresh recorded."""

    #: Of schemas.CATALOG_CHANGES, sorted by version, then path.
    table: Any
    #: The number of their file; None if there were none.
    sequence: int | None = None
    #: Below the catalog's location; None if there were none.
    file: str | None = None
    bytes: int = 0


class ChangeTracker:
    """Adds to a directory's new table what changed since its changes were recorded last.

    Nothing is a change until a catalog of the site is published: its first fill reports none.
    """

    def __init__(self, store: CatalogStore, site_url: str) -> None:
        self.site_url = site_url
        self._store = store
        # Every report of a download is read, once for all directories.
        self._downloaded = cache(lambda: downloaded_digests(store, site_url))
        self._recorded: Mapping[str, int] = last_metadata(store).get("recorded", {})
        published = store.metadata_or_none(CATALOG_FILE)
        self.is_first_fill = (
            store.location.stamp(CATALOG_FILE) is None
            if published is None
            else published["site_url"] != site_url
        )

    def pending(
        self, directory: str, metadata: Mapping[str, Any] | None, changes: Sequence[Change]
    ) -> dict[str, Any]:
        """The metadata `changes` and `changes_number` of a directory's new table.

        `metadata` is that of the old table, None without one of this site; `changes` are those
        between the two tables.
        """
        recorded = self._recorded.get(directory, 0)
        number, rows = recorded, []
        if metadata is not None and metadata.get("changes_number", 0) > recorded:
            number, rows = metadata["changes_number"], metadata["changes"]
        if changes and not self.is_first_fill:
            # The number rises even if the changes cancel out: the old one may be published.
            number, rows = number + 1, combined(rows, self._with_digests(directory, changes))
        return {"changes_number": number, "changes": rows}

    def _with_digests(self, directory: str, changes: Iterable[Change]) -> list[Change]:
        """The changes with the recorded digests of the files before."""
        digests = self._store.read_or_none(digests_file(directory), site_url=self.site_url)
        recorded: dict[str, list[Row]] = {}
        for row in digests.table.to_pylist() if digests else ():
            recorded.setdefault(row["path"], []).append(row)

        def digest_before(change: Change) -> str | None:
            path, before = change["path"], {name: change[f"{name}_before"] for name in STATE}
            known = [*self._downloaded().get(path, ()), *recorded.get(path, ())]
            found = digest_in_force(known, before)
            return found["sha256"] if found is not None and is_same_file(found, before) else None

        return [{**change, "sha256_before": digest_before(change)} for change in changes]


def find_changes(before: Iterable[Row], after: Iterable[Row]) -> list[Change]:
    """What differs between two states of a directory, companions included, sorted by path."""
    old, new = _files(before), _files(after)
    changes = (
        _change(new.get(path) or old[path], old.get(path), new.get(path))
        for path in sorted(old.keys() | new.keys())
    )
    return [change for change in changes if change is not None]


def combined(earlier: Iterable[Change], later: Iterable[Change]) -> list[Change]:
    """Two successive lists of changes as one: from the state before to the state after both."""
    found = {change["path"]: change for change in earlier}
    for change in later:
        first = found.pop(change["path"], change)
        before = {name: first[f"{name}_before"] for name in STATE}
        merged = _change(
            {**change, "sha256_before": first.get("sha256_before")},
            None if first["change"] == APPEARED else before,
            None if change["change"] == VANISHED else change,
        )
        if merged is not None:
            found[change["path"]] = merged
    return [found[path] for path in sorted(found)]


def companions(artifact: Row) -> list[tuple[str, int | None, datetime | None]]:
    """Suffix, size and date of each companion of an artifact."""
    suffixes = artifact["companions"]
    # Tables of earlier versions do not have these columns, nor the published catalog the dates.
    sizes = artifact.get("companion_sizes") or [None] * len(suffixes)
    dates = artifact.get("companion_dates") or [None] * len(suffixes)
    return list(zip(suffixes, sizes, dates, strict=True))


def pending_numbers(metadata: Mapping[str, Mapping[str, Any]]) -> dict[str, int]:
    """The numbers of the unrecorded changes in tables of release_artifacts, by directory."""
    return {
        name: metadata[name]["changes_number"]
        for name in sorted(metadata)
        if metadata[name].get("changes")
    }


def unrecorded_changes(published: Mapping[str, Any], last: Mapping[str, Any]) -> dict[str, int]:
    """The numbers of the changes that the published catalog includes and no file has, by directory.

    The arguments are the metadata of the catalog, and of the last file of changes.
    """
    recorded = last.get("recorded", {})
    return {
        directory: number
        for directory, number in published.get("changes", {}).items()
        if number > recorded.get(directory, 0)
    }


def record_changes(store: CatalogStore) -> RecordedChanges:
    """Record the changes that the published catalog includes; call it with the lock held.

    Changes of a table that was replaced since the publication wait for the next one.
    """
    published, last = store.metadata(CATALOG_FILE), last_metadata(store)
    recorded: dict[str, int] = {}
    rows: list[Change] = []
    for directory, number in unrecorded_changes(published, last).items():
        metadata = store.metadata_or_none(directory_file(directory)) or {}
        if metadata.get("changes_number") == number:
            rows += metadata["changes"]
            recorded[directory] = number
    done = RecordedChanges(schemas.CATALOG_CHANGES.empty_table())
    if recorded:
        sequence = last_number(store) + 1
        seen_at = later_time(datetime.now(UTC), last.get("last_seen_at"))
        rows = [{**row, "sequence": sequence, "seen_at": seen_at} for row in rows]
        table = sort_by_version(pa.Table.from_pylist(rows, schema=schemas.CATALOG_CHANGES))
        recorded = {**last.get("recorded", {}), **recorded}
        metadata = {"site_url": published["site_url"], "recorded": recorded}
        done = RecordedChanges(table, sequence, *write_changes(store, table, metadata))
    merge_files(store)
    return done


def later_time(now: datetime, last: datetime | None) -> datetime:
    """The time to record now: later than the last one, even if the clock was set back.

    A program that asks for the changes since the last one that it knows must not miss any.
    """
    now -= timedelta(microseconds=now.microsecond % 1000)
    return now if last is None else max(now, last + _TICK)


def _files(artifacts: Iterable[Row]) -> dict[str, Row]:
    """The artifacts and their companions by path: what a change says of each, and its state."""
    found = {}
    for row in artifacts:
        artifact = {name: row.get(name) for name in (*_OF_ARTIFACT, *STATE)}
        found[row["path"]] = {**artifact, "companion_of": None}
        for suffix, size, date in companions(row):
            path = companion_name(row["path"], suffix)
            found[path] = {
                **artifact,
                "path": path,
                "name": companion_name(row["name"], suffix),
                "companion_of": row["path"],
                "size": size,
                "last_modified": date,
            }
    return found


def _change(
    file: Row, before: Mapping[str, Any] | None, after: Mapping[str, Any] | None
) -> Change | None:
    """The change between two states of a file, which are None if it does not exist; or None."""
    if before is None and after is None:
        return None
    kind = APPEARED if before is None else VANISHED if after is None else REPLACED
    if before and after and is_same_file(before, after):
        return None
    return {
        **file,
        "change": kind,
        **{f"{name}_before": before[name] if before else None for name in STATE},
        **{name: after[name] if after else None for name in STATE},
    }
