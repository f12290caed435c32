"""The last step: one snapshot of everything, and the latest versions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from pyorg_pipeline.catalog import schemas
from pyorg_pipeline.catalog.store import (
    CATALOG_FILE,
    DIRECTORIES_FILE,
    LATEST_FILE,
    VERSION_COLUMNS,
    CatalogStore,
    sort_by_version,
)
from pyorg_pipeline.errors import CatalogUnreadableError
from pyorg_pipeline.model.artifacts import SOURCE_PREFERENCE, UNRECOGNISED, is_release_type
from pyorg_pipeline.model.versions import LEGACY_DIRECTORY, NormalizedPythonVersion


def publication_due(store: CatalogStore) -> bool:
    """Whether the published tables lack something that the directories' tables have."""
    published, latest = store.facts_or_none(CATALOG_FILE), store.facts_or_none(LATEST_FILE)
    return (
        published is None
        or latest is None
        or latest["catalog_published_at"] != published["published_at"]
        or published["crawls"] != _current_crawls(store)
    )


@dataclass(frozen=True, slots=True)
class Publication:
    """The published snapshot in numbers."""

    published_at: datetime
    directories: int
    releases: int
    artifacts: int
    unrecognised: int
    size: int
    bytes: int
    added: int
    removed: int
    table: Any


def publish_catalog(store: CatalogStore) -> Publication:
    """Write artifact_catalog: everything that the site holds now, in one file."""
    site_url = store.facts(DIRECTORIES_FILE)["site_url"]
    crawls = _current_crawls(store)
    tables = store.directory_tables(crawls)
    table = pa.concat_tables(tables) if tables else schemas.RELEASE_ARTIFACTS.empty_table()
    table = table.filter(pc.is_null(table["gone_since"])).select(schemas.ARTIFACT_CATALOG.names)
    table = sort_by_version(table).cast(schemas.ARTIFACT_CATALOG).combine_chunks()
    recognised = table.filter(pc.not_equal(table["artifact_type"], UNRECOGNISED))
    before = _published_paths(store)
    paths = set(table["path"].to_pylist())
    counts = {
        "directories": len(crawls),
        "releases": pc.count_distinct(recognised["version"]).as_py(),
        "artifacts": len(recognised),
        "unrecognised": len(table) - len(recognised),
    }
    published_at = datetime.now(UTC)
    size = store.write(
        CATALOG_FILE,
        schemas.ARTIFACT_CATALOG,
        table,
        {"site_url": site_url, "published_at": published_at, "crawls": crawls, **counts},
    )
    return Publication(
        published_at=published_at,
        size=pc.sum(table["size"]).as_py() or 0,
        bytes=size,
        added=len(paths - before),
        removed=len(before - paths),
        table=table,
        **counts,
    )


#: What the latest versions are told from.
_LATEST_COLUMNS: Final = [
    *VERSION_COLUMNS,
    "path",
    "directory",
    "artifact_type",
    "format",
    "debug",
    "superseded",
    "size",
    "last_modified",
]


@dataclass(frozen=True, slots=True)
class LatestVersions:
    """The rows of latest_version."""

    rows: list[dict[str, Any]]
    bytes: int
    #: (series or None, final_only) of the rows whose version is another than before.
    moved: list[tuple[str | None, bool]]


def publish_latest(store: CatalogStore) -> LatestVersions:
    """Write latest_version: the newest final and the newest of any level, over all and a series."""
    table, facts = store.read(CATALOG_FILE)
    rows = _latest_rows(table.select(_LATEST_COLUMNS).to_pylist())
    before = {(row["series"], row["final_only"]): row["version"] for row in _rows(store)}
    size = store.write(
        LATEST_FILE,
        schemas.LATEST_VERSION,
        rows,
        {"site_url": facts["site_url"], "catalog_published_at": facts["published_at"]},
    )
    return LatestVersions(
        rows=rows,
        bytes=size,
        moved=[
            (row["series"], row["final_only"])
            for row in rows
            if before.get((row["series"], row["final_only"])) != row["version"]
        ],
    )


def _rows(store: CatalogStore) -> list[dict[str, Any]]:
    try:
        return store.rows(LATEST_FILE)
    except CatalogUnreadableError:
        return []


def _latest_rows(artifacts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    releases: dict[tuple[Any, ...], dict[str, Any] | None] = {}
    for row in artifacts:
        if not is_release_type(row["artifact_type"]) or row["superseded"]:
            continue
        key = tuple(row[name] for name in VERSION_COLUMNS)
        releases[key] = _better_source(releases.get(key), row)
    newest: dict[tuple[tuple[int, int] | None, bool], tuple[Any, ...]] = {}
    for key in sorted(releases):
        for series in (None, key[:2]):
            newest[series, False] = key
            if key[3] == "final":
                newest[series, True] = key
    rows = []
    for (series, final_only), key in sorted(
        newest.items(), key=lambda item: (item[0][0] or (), item[0][1])
    ):
        source = releases[key] or {}
        major, minor, micro, level, serial = key
        rows.append(
            {
                "series": None if series is None else f"{series[0]}.{series[1]}",
                "final_only": final_only,
                "major": major,
                "minor": minor,
                "micro": micro,
                "releaselevel": level,
                "serial": serial,
                "version": NormalizedPythonVersion(*key).text,
                "source_path": source.get("path"),
                "source_size": source.get("size"),
                "source_last_modified": source.get("last_modified"),
            }
        )
    return rows


def _better_source(best: dict[str, Any] | None, row: dict[str, Any]) -> dict[str, Any] | None:
    if row["artifact_type"] != "source-release" or row["debug"]:
        return best
    if row["format"] not in SOURCE_PREFERENCE:
        return best
    if best is None:
        return row

    def rank(candidate: dict[str, Any]) -> tuple[bool, int]:
        # 2.0 lies in src/ and in a directory of its own.
        legacy = candidate["directory"] == LEGACY_DIRECTORY
        return legacy, SOURCE_PREFERENCE.index(candidate["format"])

    return row if rank(row) < rank(best) else best


def _current_crawls(store: CatalogStore) -> dict[str, datetime]:
    site_url = store.facts(DIRECTORIES_FILE)["site_url"]
    facts = store.directory_facts()
    return {
        row["name"]: facts[row["name"]]["crawled_at"]
        for row in store.rows(DIRECTORIES_FILE)
        if row["gone_since"] is None
        and row["name"] in facts
        and facts[row["name"]]["site_url"] == site_url
    }


def _published_paths(store: CatalogStore) -> set[str]:
    try:
        return {row["path"] for row in store.rows(CATALOG_FILE)}
    except CatalogUnreadableError:
        return set()
