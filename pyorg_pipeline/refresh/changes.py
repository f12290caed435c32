"""After publication: what appeared, vanished or was replaced since the one before.

The published catalog is compared with a baseline, the files that were last accounted for, down to
the companions of artifacts. Here: the comparison, and the baseline. Not here: the record's files
(`catalog.changes`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from pyorg_pipeline.catalog import schemas
from pyorg_pipeline.catalog.changes import (
    BASELINE_FILE,
    last_number,
    last_seen,
    tidy,
    write_changes,
)
from pyorg_pipeline.catalog.store import (
    CATALOG_FILE,
    DIRECTORIES_FILE,
    CatalogStore,
    sort_by_version,
)
from pyorg_pipeline.catalog.times import later_time
from pyorg_pipeline.errors import CatalogMissingError, CatalogUnreadableError
from pyorg_pipeline.model.changes import APPEARED, CHANGES, REPLACED, VANISHED
from pyorg_pipeline.model.companions import companion_name

#: What is told of a file, whatever happened to it.
_TOLD: Final = tuple(
    name for name in schemas.CATALOG_CHANGES_BASELINE.names if name not in {"size", "last_modified"}
)

#: What of release_artifacts makes up the files of the site.
_LISTED: Final = (
    *(name for name in schemas.CATALOG_CHANGES_BASELINE.names if name != "companion_of"),
    "companions",
    "companion_sizes",
    "companion_dates",
    "gone_since",
)


@dataclass(frozen=True, slots=True)
class ChangesRecorded:
    """What a refresh put on record, in numbers."""

    #: The snapshot that was accounted for.
    catalog_published_at: datetime
    #: Nothing of this site was known before: everything was there, nothing appeared.
    is_first: bool
    #: Files of the site that are accounted for, companions too.
    files: int
    appeared: int
    vanished: int
    replaced: int
    #: The changes' number; None where there were none.
    sequence: int | None
    #: Where they were written, below the catalog's location; likewise.
    file: str | None
    #: Of that file.
    bytes: int
    #: The changes, with the columns of schemas.CATALOG_CHANGES, by version, then path.
    table: Any


class _Baseline(NamedTuple):
    """What was last accounted for."""

    files: Any
    #: When each directory was crawled.
    crawls: dict[str, datetime]
    #: The number of the last changes.
    sequence: int


def changes_due(store: CatalogStore) -> bool:
    """Whether the published catalog was not accounted for yet; False where there is none."""
    published = store.facts_or_none(CATALOG_FILE)
    accounted = store.facts_or_none(BASELINE_FILE)
    return published is not None and (
        accounted is None or accounted["catalog_published_at"] != published["published_at"]
    )


def record_changes(store: CatalogStore) -> ChangesRecorded:
    """Put on record what differs from what was last accounted for; only while nobody else writes.

    The first snapshot of a catalog, or of another site, is accounted for without a change. After
    that a directory that could never be read before has files that appear. A size or a date that
    the site did not show before, or shows no longer, is no difference: on mirrors they come and go.

    Raises:
        CatalogMissingError: nothing was published yet.
        CatalogUnreadableError: the published catalog is none of ours.
    """
    published = store.facts(CATALOG_FILE)
    site_url, published_at = published["site_url"], published["published_at"]
    baseline = _baseline(store, site_url)
    read = _read(store, published, None if baseline is None else baseline.crawls)
    after = _concat(files for files, _ in read.values())
    crawls = {name: crawled_at for name, (_, crawled_at) in read.items()}
    if baseline is None:
        sequence = last_number(store)
        changes = _empty(schemas.CATALOG_CHANGES)
        kept = _empty(schemas.CATALOG_CHANGES_BASELINE)
    else:
        sequence = baseline.sequence
        gone = _gone(store, baseline, published["crawls"])
        names = pa.array([*read, *gone], pa.string())
        compared = pc.is_in(baseline.files["directory"], value_set=names)
        before, kept = baseline.files.filter(compared), baseline.files.filter(pc.invert(compared))
        changes = _changes(
            before, after, sequence + 1, later_time(datetime.now(UTC), last_seen(store))
        )
        crawls = {n: at for n, at in baseline.crawls.items() if n not in gone} | crawls
    file, size = None, 0
    if len(changes):
        sequence += 1
        file, size = write_changes(
            store,
            sequence,
            changes,
            {"site_url": site_url, "catalog_published_at": published_at, "sequence": sequence},
        )
    files = sort_by_version(_concat([kept, after]))
    # With this the changes count: killed before, the next refresh writes the same file again.
    store.write(
        BASELINE_FILE,
        schemas.CATALOG_CHANGES_BASELINE,
        files.combine_chunks(),
        {
            "site_url": site_url,
            "catalog_published_at": published_at,
            "sequence": sequence,
            "crawls": {name: crawls[name] for name in sorted(crawls)},
        },
    )
    tidy(store, sequence)
    counts = {name: pc.sum(pc.equal(changes["change"], name)).as_py() or 0 for name in CHANGES}
    return ChangesRecorded(
        catalog_published_at=published_at,
        is_first=baseline is None,
        files=len(files),
        sequence=None if file is None else sequence,
        file=file,
        bytes=size,
        table=changes,
        **counts,
    )


def _baseline(store: CatalogStore, site_url: str) -> _Baseline | None:
    try:
        table, facts = store.read(BASELINE_FILE)
    except (CatalogMissingError, CatalogUnreadableError):
        return None
    if facts["site_url"] != site_url:
        return None
    return _Baseline(table, facts["crawls"], facts["sequence"])


def _read(
    store: CatalogStore, published: Mapping[str, Any], known: Mapping[str, datetime] | None
) -> dict[str, tuple[Any, datetime]]:
    """The files of each directory that was crawled since it was last accounted for, and when.

    A table that is newer than the published snapshot is left for the next one, which is due as
    long as they differ: no change is told of a file that the catalog does not show yet. The first
    time it is taken as it is, or else its files would appear later.

    Args:
        store: the catalog's.
        published: the snapshot's facts.
        known: when each directory was crawled that is accounted for; None the first time.
    """
    crawls = published["crawls"]
    wanted = [name for name in crawls if (known or {}).get(name) != crawls[name]]
    return {
        name: (_files(table), facts["crawled_at"])
        for name, (table, facts) in store.directory_tables(wanted, _LISTED).items()
        if facts["site_url"] == published["site_url"]
        and (known is None or facts["crawled_at"] == crawls[name])
    }


def _gone(store: CatalogStore, baseline: _Baseline, published: Iterable[str]) -> set[str]:
    """The directories that are there no longer.

    One that is listed still, and not in the snapshot, has a broken table: nothing is known of it.
    """
    listed = {row["name"] for row in store.rows(DIRECTORIES_FILE) if row["gone_since"] is None}
    return baseline.crawls.keys() - set(published) - listed


def _files(artifacts: Any) -> Any:
    """The files of a directory's table: its artifacts that are there, and their companions."""
    artifacts = artifacts.filter(pc.is_null(artifacts["gone_since"])).combine_chunks()
    suffixes = artifacts["companions"].combine_chunks()
    owners = artifacts.take(pc.list_parent_indices(suffixes))
    suffixes = pc.list_flatten(suffixes)
    paths = {
        name: [
            companion_name(artifact, suffix)
            for artifact, suffix in zip(owners[name].to_pylist(), suffixes.to_pylist(), strict=True)
        ]
        for name in ("path", "name")
    }
    own = {"companion_of": pa.nulls(len(artifacts), pa.string())}
    of_companions = {
        "path": pa.array(paths["path"], pa.string()),
        "name": pa.array(paths["name"], pa.string()),
        "companion_of": owners["path"],
        "size": _flat(artifacts, "companion_sizes", pa.int64(), len(suffixes)),
        "last_modified": _flat(artifacts, "companion_dates", schemas.TIME, len(suffixes)),
    }
    return _concat([_table(artifacts, own), _table(owners, of_companions)])


def _flat(artifacts: Any, name: str, kind: Any, length: int) -> Any:
    """A column of lists as one of values; null where the table is older than the column."""
    if name in artifacts.column_names:
        values = pc.list_flatten(artifacts[name])
        if len(values) == length:
            return values
    return pa.nulls(length, kind)


def _table(rows: Any, replaced: Mapping[str, Any]) -> Any:
    schema = schemas.CATALOG_CHANGES_BASELINE
    columns = [replaced[name] if name in replaced else rows[name] for name in schema.names]
    return pa.Table.from_arrays(columns, names=schema.names).cast(schema)


def _changes(before: Any, after: Any, sequence: int, seen_at: datetime) -> Any:
    """What differs between two tables of files, with the columns of schemas.CATALOG_CHANGES."""
    then, now = _states(before), _states(after)
    found = [
        *((APPEARED, None, now[path].place) for path in now if path not in then),
        *((VANISHED, then[path].place, None) for path in then if path not in now),
        *(
            (REPLACED, then[path].place, state.place)
            for path, state in now.items()
            if path in then and state.differs(then[path])
        ),
    ]
    if not found:
        return _empty(schemas.CATALOG_CHANGES)
    kinds, *places = zip(*found, strict=True)
    # A place that is None takes a row of nulls.
    old = before.take(pa.array(places[0], pa.int64()))
    new = after.take(pa.array(places[1], pa.int64()))
    is_there = pc.is_valid(new["path"])
    rows = len(found)
    columns = {
        **{name: pc.if_else(is_there, new[name], old[name]) for name in _TOLD},
        "sequence": pa.array([sequence] * rows, pa.int64()),
        "change": pa.array(kinds, pa.string()),
        "size_before": old["size"],
        "last_modified_before": old["last_modified"],
        "size": new["size"],
        "last_modified": new["last_modified"],
        "seen_at": pa.array([seen_at] * rows, schemas.TIME),
    }
    schema = schemas.CATALOG_CHANGES
    table = pa.Table.from_arrays([columns[name] for name in schema.names], names=schema.names)
    return sort_by_version(table).cast(schema).combine_chunks()


class _State(NamedTuple):
    """A file's place in its table, and what tells whether it was replaced."""

    place: int
    size: int | None
    #: Milliseconds.
    last_modified: int | None

    def differs(self, other: _State) -> bool:
        return _differ(self.size, other.size) or _differ(self.last_modified, other.last_modified)


def _differ(one: int | None, other: int | None) -> bool:
    return one is not None and other is not None and one != other


def _states(files: Any) -> dict[str, _State]:
    columns = (
        files["path"].to_pylist(),
        files["size"].to_pylist(),
        files["last_modified"].cast(pa.int64()).to_pylist(),
    )
    return {
        path: _State(place, size, date)
        for place, (path, size, date) in enumerate(zip(*columns, strict=True))
    }


def _concat(tables: Iterable[Any]) -> Any:
    return pa.concat_tables([_empty(schemas.CATALOG_CHANGES_BASELINE), *tables])


def _empty(schema: Any) -> Any:
    return schema.empty_table()
