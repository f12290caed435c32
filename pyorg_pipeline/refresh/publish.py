"""The published tables: one snapshot of everything, and the latest versions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pyarrow as pa

from pyorg_pipeline.catalog import schemas
from pyorg_pipeline.catalog.changes import last_metadata
from pyorg_pipeline.catalog.download_reports import downloaded_digests, reports_with_digests
from pyorg_pipeline.catalog.queries import Snapshot
from pyorg_pipeline.catalog.store import (
    CATALOG_FILE,
    DIGESTS_FOLDER,
    DIRECTORIES_FILE,
    LATEST_FILE,
    RELEASES_FILE,
    VERSION_COLUMNS,
    CatalogStore,
    StoredTable,
    digests_file,
    directory_file,
    python_values,
    sort_by_version,
    version_key,
)
from pyorg_pipeline.errors import CatalogError
from pyorg_pipeline.model.artifacts import UNRECOGNISED
from pyorg_pipeline.model.catalog import STATE, is_same_file
from pyorg_pipeline.model.digests import digest_in_force
from pyorg_pipeline.model.releases import PythonRelease, ReleaseFile, release_history
from pyorg_pipeline.refresh.artifacts import read_failures
from pyorg_pipeline.refresh.changes import Row, pending_numbers, unrecorded_changes
from pyorg_pipeline.refresh.directories import CrawlState, unlisted_directories

#: What the table's metadata keeps of earlier rows.
_LATEST_BEFORE: Final = ("series", "final_only", *VERSION_COLUMNS, "version")

#: A publication may be killed before its check and repeated after a weekend, but a release that was
#: withdrawn must not fail the check forever.
_REMEMBERED: Final = timedelta(days=7)


def publication_due(store: CatalogStore, state: CrawlState) -> bool:
    """Whether the published tables lack something that the directories' tables have.

    Time alone makes them stale, too: when it changes the state of a release.
    """
    published = store.metadata_or_none(CATALOG_FILE)
    latest, releases = map(store.metadata_or_none, (LATEST_FILE, RELEASES_FILE))
    if published is None or latest is None or releases is None:
        return True
    now = datetime.now(UTC)
    # Tables of earlier versions do not have it.
    next_change = releases.get("next_change", now)
    return (
        latest["catalog_published_at"] != published["published_at"]
        or releases["catalog_published_at"] != published["published_at"]
        or published["crawls"] != {name: state.tables[name]["crawled_at"] for name in state.crawled}
        or published.get("unlisted", {})
        != unlisted_directories(state.listed, state.tables, state.failures)
        or published.get("changes", {}) != pending_numbers(state.tables)
        or published.get("digests", {}) != _digest_tables(store, published["site_url"])
        or published.get("reports", {}) != reports_with_digests(store, published["site_url"])
        or (next_change is not None and now >= next_change)
        or bool(unrecorded_changes(published, last_metadata(store)))
    )


def catalog_snapshot(store: CatalogStore) -> StoredTable:
    """The table artifact_catalog: everything that the site has now, sorted by version, then path.

    Its metadata says what it was made from (`crawls`, `changes`, `digests`), which directories it
    lacks (`unlisted`), and counts. A damaged table is an error; it is removed, so that its
    directory is crawled again.
    """
    directories, root = store.read(DIRECTORIES_FILE, ["name", "removed_at"])
    site_url, rows = root["site_url"], directories.to_pylist()
    listed = [row["name"] for row in rows if row["removed_at"] is None]
    columns = [*schemas.ARTIFACT_CATALOG.names, "removed_at"]
    stored = store.directory_tables([row["name"] for row in rows], columns)
    missing = [directory_file(name) for name in listed if name not in stored]
    if damaged := [name for name in missing if store.location.stamp(name) is not None]:
        for name in damaged:
            store.location.delete(name)
        raise CatalogError(
            f"damaged tables in {store.location.text} were removed: {', '.join(damaged)}. The last "
            "published catalog is unchanged; the next `pyorg refresh` reads these directories "
            "again. Check the disk"
        )
    stored = {name: each for name, each in stored.items() if each.metadata["site_url"] == site_url}
    found = {name: stored[name] for name in listed if name in stored}
    digests, reports = _digest_tables(store, site_url), reports_with_digests(store, site_url)
    table = _existing_artifacts(store, site_url, [each.table for each in found.values()], digests)
    offered = table.filter(table["misplaced"].is_null())
    unrecognised = table["artifact_type"].to_pylist().count(UNRECOGNISED)
    published = store.read_or_none(CATALOG_FILE, ["path"])
    paths_before = set() if published is None else set(published.table["path"].to_pylist())
    paths = set(table["path"].to_pylist())
    before = None
    if published is not None and published.metadata["site_url"] == site_url:
        before = {name: published.metadata[name] for name in ("artifacts", "unrecognised")}
    return StoredTable(
        table,
        {
            "site_url": site_url,
            "published_at": datetime.now(UTC),
            "crawls": {name: each.metadata["crawled_at"] for name, each in found.items()},
            "unlisted": unlisted_directories(listed, found, read_failures(store)),
            "changes": pending_numbers({name: each.metadata for name, each in stored.items()}),
            "digests": digests,
            "reports": reports,
            "before": before,
            "directories": len(found),
            # An unrecognised file has no version.
            "releases": len(set(offered["version"].to_pylist()) - {None}),
            "artifacts": len(table) - unrecognised,
            "unrecognised": unrecognised,
            "added": len(paths - paths_before),
            "removed": len(paths_before - paths),
        },
    )


def latest_versions(store: CatalogStore, catalog: StoredTable) -> StoredTable:
    """The table latest_version, over all and for each series, with the path of the best source.

    Its metadata has the highest version of each of its rows within the last week (`before`), and
    the rows whose version is another than before (`moved`).
    """
    published_at, site_url = catalog.metadata["published_at"], catalog.metadata["site_url"]
    files = Snapshot(*catalog).release_files()
    rows = _latest_rows(release_history(files, now=published_at), files)
    previous = store.read_or_none(LATEST_FILE, site_url=site_url)
    rows_before = [] if previous is None else previous.table.to_pylist()
    versions_before = {_place(row): row["version"] for row in rows_before}
    return StoredTable(
        pa.Table.from_pylist(rows, schema=schemas.LATEST_VERSION),
        {
            "site_url": site_url,
            "catalog_published_at": published_at,
            # A catalog of an earlier version does not have it.
            "unlisted": catalog.metadata.get("unlisted", {}),
            "before": [] if previous is None else _highest(previous, published_at),
            "moved": [
                f"{row['series'] or 'all'}{' final' if row['final_only'] else ''}"
                for row in rows
                if versions_before.get(_place(row)) != row["version"]
            ],
        },
    )


def _digest_tables(store: CatalogStore, site_url: str) -> dict[str, datetime]:
    """The directories that have recorded digests, and when their tables were written last."""
    return {
        name: metadata["recorded_at"]
        for name, metadata in store.directory_metadata(DIGESTS_FOLDER).items()
        if metadata["site_url"] == site_url
    }


def _existing_artifacts(
    store: CatalogStore, site_url: str, tables: Sequence[Any], digested: Iterable[str]
) -> Any:
    """The rows of artifact_catalog, from directories' tables and those with recorded digests."""
    # In one chunk: operations on a column then run once, not once a directory.
    # Tables of earlier versions lack some columns.
    tables = [schemas.RELEASE_ARTIFACTS.empty_table(), *tables]
    table = pa.concat_tables(tables, promote_options="default").combine_chunks()
    table = table.filter(table["removed_at"].is_null())
    # A table of digests may have broken since its metadata was read.
    read = [store.read_or_none(digests_file(directory)) for directory in digested]
    recorded = downloaded_digests(store, site_url)
    for row in (row for each in read if each for row in each.table.to_pylist()):
        recorded.setdefault(row["path"], []).append(row)
    digests: list[Row] = [{}] * len(table)
    if recorded:
        states = zip(*(python_values(table[name]) for name in ("path", *STATE)), strict=True)
        digests = [
            _digest(recorded.get(path, ()), dict(zip(STATE, state, strict=True)))
            for path, *state in states
        ]
    for name in ("sha256", "digest_source", "signed_by", "sha256_before"):
        column = pa.array([digest.get(name) for digest in digests], pa.string())
        table = table.append_column(schemas.ARTIFACT_CATALOG.field(name), column)
    table = sort_by_version(table.select(schemas.ARTIFACT_CATALOG.names))
    return table.cast(schemas.ARTIFACT_CATALOG).combine_chunks()


def _digest(recorded: Iterable[Row], artifact: Row) -> Row:
    """The columns about an artifact's digest, by its rows and its state in the listing."""
    row = digest_in_force(recorded, artifact)
    if row is None or is_same_file(row, artifact):
        return row or {}
    return {"sha256_before": row["sha256"]}


def _latest_rows(
    releases: Iterable[PythonRelease], files: Sequence[ReleaseFile]
) -> list[dict[str, Any]]:
    newest: dict[tuple[tuple[int, int] | None, bool], PythonRelease] = {}
    # Sorted by version: later ones replace earlier ones.
    for release in releases:
        for series in (None, release.release_version[:2]):
            for final_only in {False, release.is_final}:
                newest[series, final_only] = release
    sources = {file.path: file for file in files}
    rows = []
    for series, final_only in sorted(newest, key=lambda key: (key[0] or (), key[1])):
        release = newest[series, final_only]
        source = sources.get(release.source_path or "")
        rows.append(
            {
                "series": release.series if series else None,
                "final_only": final_only,
                **dict(zip(VERSION_COLUMNS, release.release_version, strict=True)),
                "version": release.version,
                "source_path": release.source_path,
                "source_size": source.size if source else None,
                "source_last_modified": source.last_modified if source else None,
            }
        )
    return rows


def _highest(previous: StoredTable, now: datetime) -> list[dict[str, Any]]:
    """The highest rows of the last week, each with the time of the last snapshot that had it."""
    remembered = previous.metadata["before"]
    highest = {_place(row): row for row in remembered if now - row["until"] < _REMEMBERED}
    for row in previous.table.to_pylist():
        known = highest.get(_place(row))
        if known is None or version_key(known) <= version_key(row):
            highest[_place(row)] = {**{name: row[name] for name in _LATEST_BEFORE}, "until": now}
    return list(highest.values())


def _place(row: Row) -> tuple[str | None, bool]:
    return row["series"], row["final_only"]
