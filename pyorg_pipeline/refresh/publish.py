"""The last step: one snapshot of everything, and the latest versions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
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
    directory_file,
    sort_by_version,
)
from pyorg_pipeline.errors import (
    CatalogError,
    CatalogMissingError,
    CatalogUnreadableError,
)
from pyorg_pipeline.model.artifacts import UNRECOGNISED, is_release_type, source_rank
from pyorg_pipeline.model.versions import NormalizedPythonVersion
from pyorg_pipeline.refresh.changes import changes_due
from pyorg_pipeline.refresh.digest_records import digests_recorded, with_digests
from pyorg_pipeline.refresh.releases import releases_due


def publication_due(store: CatalogStore) -> bool:
    """Whether the published tables lack something that the directories' tables have.

    Time passes too: see `releases_due`.
    """
    published, latest = store.facts_or_none(CATALOG_FILE), store.facts_or_none(LATEST_FILE)
    return (
        published is None
        or latest is None
        or latest["catalog_published_at"] != published["published_at"]
        or published["crawls"] != current_crawls(store)
        or published.get("digests", {}) != digests_recorded(store, published["site_url"])
        or releases_due(store)
        or changes_due(store)
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
    """Write artifact_catalog: everything that the site holds now, in one file.

    Raises:
        CatalogError: a directory's table is damaged; it was removed, so that the directory
            is due, and the snapshot before stays.
    """
    site_url, present = _present(store)
    digests = digests_recorded(store, site_url)
    columns = [*schemas.ARTIFACT_CATALOG.names, "gone_since"]
    found = store.directory_tables(present, columns)
    _refuse_damaged(store, [name for name in present if name not in found])
    tables, crawls = [], {}
    for name, (rows, facts) in found.items():
        if facts["site_url"] == site_url:
            tables.append(rows)
            crawls[name] = facts["crawled_at"]
    table = pa.concat_tables(tables) if tables else schemas.RELEASE_ARTIFACTS.empty_table()
    # In one piece: whatever is done to a column is done once, and not for each directory.
    table = table.combine_chunks()
    table = with_digests(table.filter(pc.is_null(table["gone_since"])), store, digests)
    table = (
        sort_by_version(table.select(schemas.ARTIFACT_CATALOG.names))
        .cast(schemas.ARTIFACT_CATALOG)
        .combine_chunks()
    )
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
        {
            "site_url": site_url,
            "published_at": published_at,
            "crawls": crawls,
            "digests": digests,
            "before": _counts_before(store, site_url),
            **counts,
        },
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


#: What is kept of the rows before, so that going back can be told.
_LATEST_BEFORE: Final = ("series", "final_only", *VERSION_COLUMNS, "version")

#: A publication may be stopped before its check, and go on after a weekend; a release that was
#: withdrawn must not fail the check for ever.
_REMEMBERED: Final = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class LatestVersions:
    """The rows of latest_version."""

    rows: list[dict[str, Any]]
    bytes: int
    #: (series or None, final_only) of the rows whose version is another than before.
    moved: list[tuple[str | None, bool]]


def publish_latest(store: CatalogStore) -> LatestVersions:
    """Write latest_version: the newest final and the newest of any level, over all and a series."""
    table, facts = store.read(CATALOG_FILE, _LATEST_COLUMNS)
    rows = _latest_rows(table.to_pylist())
    rows_before, facts_before = _latest_before(store)
    before = {_place(row): row["version"] for row in rows_before}
    of_this_site = facts_before.get("site_url") == facts["site_url"]
    size = store.write(
        LATEST_FILE,
        schemas.LATEST_VERSION,
        rows,
        {
            "site_url": facts["site_url"],
            "catalog_published_at": facts["published_at"],
            "before": (
                _highest(rows_before, facts_before, facts["published_at"]) if of_this_site else []
            ),
        },
    )
    return LatestVersions(
        rows=rows,
        bytes=size,
        moved=[_place(row) for row in rows if before.get(_place(row)) != row["version"]],
    )


def _latest_before(store: CatalogStore) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    try:
        table, facts = store.read(LATEST_FILE)
    except (CatalogMissingError, CatalogUnreadableError):
        return [], {}
    return table.to_pylist(), facts


def _highest(
    rows: Iterable[Mapping[str, Any]], facts: Mapping[str, Any], now: datetime
) -> list[dict[str, Any]]:
    """The highest rows up to now, each with the time until which it was there.

    Args:
        rows: of the table that is about to be replaced.
        facts: likewise.
        now: when the snapshot was published that the next table is of.
    """
    highest = {
        _place(row): row
        for row in facts.get("before") or ()
        # One that an earlier program wrote does not say.
        if "until" in row and now - row["until"] < _REMEMBERED
    }
    for row in rows:
        known = highest.get(_place(row))
        if known is None or _version(known) <= _version(row):
            highest[_place(row)] = {**{name: row[name] for name in _LATEST_BEFORE}, "until": now}
    return list(highest.values())


def _place(row: Mapping[str, Any]) -> tuple[str | None, bool]:
    return row["series"], row["final_only"]


def _version(row: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(row[name] for name in VERSION_COLUMNS)


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
    rank = source_rank(row["directory"], row["format"])
    if rank is None:
        return best
    best_rank = None if best is None else source_rank(best["directory"], best["format"])
    return row if best_rank is None or rank < best_rank else best


def current_crawls(store: CatalogStore) -> dict[str, datetime]:
    """The release directories that are there and were crawled, and when."""
    site_url, present = _present(store)
    facts = store.directory_facts()
    return {
        name: facts[name]["crawled_at"]
        for name in present
        if name in facts and facts[name]["site_url"] == site_url
    }


def _refuse_damaged(store: CatalogStore, directories: Iterable[str]) -> None:
    """Remove tables whose footer is whole and whose rows are not."""
    names = [directory_file(name) for name in directories]
    damaged = [name for name in names if store.facts_or_none(name) is not None]
    for name in damaged:
        store.location.delete(name)
    if damaged:
        raise CatalogError(
            f"damaged tables in {store.location.text} were removed: {', '.join(damaged)}. The last "
            "published catalog is unchanged; the next `pyorg refresh` reads these directories "
            "again. Check the disk"
        )


def _present(store: CatalogStore) -> tuple[str, list[str]]:
    """The site's URL, and the release directories that it holds now."""
    table, facts = store.read(DIRECTORIES_FILE)
    rows = table.select(["name", "gone_since"]).to_pylist()
    return facts["site_url"], [row["name"] for row in rows if row["gone_since"] is None]


def _counts_before(store: CatalogStore, site_url: str) -> dict[str, int] | None:
    """What the snapshot that is about to be replaced counted; another site's says nothing."""
    before = store.facts_or_none(CATALOG_FILE)
    if before is None or before["site_url"] != site_url:
        return None
    return {name: before[name] for name in ("artifacts", "unrecognised")}


def _published_paths(store: CatalogStore) -> set[str]:
    try:
        table, _ = store.read(CATALOG_FILE, ["path"])
    except (CatalogMissingError, CatalogUnreadableError):
        return set()
    return set(table["path"].to_pylist())
