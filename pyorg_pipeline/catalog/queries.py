"""What can be asked of the published tables, each answer made of values of the model.

A snapshot is read once and kept; asking again costs one look at the file's stamp.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple
from urllib.parse import quote

import pyarrow as pa
import pyarrow.compute as pc

from pyorg_pipeline.catalog import schemas
from pyorg_pipeline.catalog.location import Location
from pyorg_pipeline.catalog.release_files import release_files
from pyorg_pipeline.catalog.store import (
    CATALOG_FILE,
    DIRECTORIES_FILE,
    FAILURES_FILE,
    LATEST_FILE,
    VERSION_COLUMNS,
    CatalogStore,
)
from pyorg_pipeline.catalog.times import utc_times
from pyorg_pipeline.errors import CatalogMissingError
from pyorg_pipeline.model.artifacts import (
    ATTRIBUTES,
    UNRECOGNISED,
    PythonOrgArtifact,
    is_release_type,
)
from pyorg_pipeline.model.releases import PythonRelease, next_change, release_history
from pyorg_pipeline.model.versions import NormalizedPythonVersion

Triple = tuple[int, int, int]

_COLUMNS: Final = [
    "path",
    "name",
    "major",
    "minor",
    "micro",
    "releaselevel",
    "serial",
    "artifact_type",
    *ATTRIBUTES,
    "size",
    "companions",
    "sha256",
    "digest_source",
    "signed_by",
]


class _Releases(NamedTuple):
    """Releases, and the time for which they hold."""

    found: list[PythonRelease]
    since: datetime
    #: None for ever.
    until: datetime | None

    def hold_at(self, now: datetime) -> bool:
        return self.since <= now and (self.until is None or now < self.until)


class Snapshot:
    """One published state of artifact_catalog, sorted by version, then path."""

    def __init__(self, table: Any, facts: dict[str, Any]) -> None:
        # One that an earlier program wrote may lack columns.
        for field in schemas.ARTIFACT_CATALOG:
            if field.name not in table.column_names:
                table = table.append_column(field, pa.nulls(len(table), field.type))
        self.table = table
        #: What the publisher wrote of the whole: site_url, published_at, counts.
        self.facts = facts
        numbers = [table[name].to_pylist() for name in ("major", "minor", "micro")]
        #: Sorted as the rows are: what has no version comes first.
        self._triples: list[tuple[int, ...]] = [
            (major, minor, micro) if major is not None else ()
            for major, minor, micro in zip(*numbers, strict=True)
        ]
        self._levels: list[str | None] = table["releaselevel"].to_pylist()
        self._types: list[str] = table["artifact_type"].to_pylist()
        self._columns: dict[str, list[Any]] = {}
        #: Those that were asked for last.
        self._releases: _Releases | None = None

    def has_version(self, triple: Triple) -> bool:
        """Whether anything of this version, or in its directory, is on record."""
        start = bisect_left(self._triples, triple)
        return start < len(self._triples) and self._triples[start] == triple

    def release_versions(self, *, final_only: bool) -> list[NormalizedPythonVersion]:
        """The three-item versions of which there is a release, sorted."""
        found = {
            triple
            for triple, level, kind in zip(self._triples, self._levels, self._types, strict=True)
            if is_release_type(kind) and (level == "final" or not final_only)
        }
        return [
            NormalizedPythonVersion(major, minor, micro) for major, minor, micro in sorted(found)
        ]

    def releases(self, now: datetime) -> list[PythonRelease]:
        """The releases, sorted by version, with their states at `now` (UTC).

        Told from the artifacts and not from releases.parquet: states change by time alone, and a
        catalog that was written before there was such a table has them too. They are kept until
        the next change.
        """
        if self._releases is None or not self._releases.hold_at(now):
            found = release_history(release_files(self.table), now=now)
            self._releases = _Releases(found, now, next_change(found, now))
        return self._releases.found

    def versions_with(
        self, artifact_type: str | None, attributes: Mapping[str, str]
    ) -> set[tuple[Any, ...]]:
        """The full versions that have an artifact of this type with all these attributes.

        Superseded files do not count, nor unrecognised ones, which have no full version.
        """
        wanted = dict(attributes)
        if artifact_type is not None:
            wanted["artifact_type"] = artifact_type
        asked = [self._values(name) for name in wanted]
        values = tuple(wanted.values())
        versions = zip(*map(self._values, VERSION_COLUMNS), strict=True)
        return {
            version
            for version, superseded, *held in zip(
                versions, self._values("superseded"), *asked, strict=True
            )
            if tuple(held) == values and not superseded and version[-1] is not None
        }

    def _values(self, column: str) -> list[Any]:
        """A column as Python's values, made once."""
        if column not in self._columns:
            self._columns[column] = self.table[column].to_pylist()
        return self._columns[column]

    def artifacts(
        self,
        base_url: str,
        *,
        triple: Triple | None = None,
        final_only: bool = False,
        artifact_type: str | None = None,
        attributes: dict[str, str] | None = None,
    ) -> list[PythonOrgArtifact]:
        """The recognised artifacts that fit, sorted by version, then path.

        Args:
            base_url: what the artifacts' URLs start with, ending in a slash.
            triple: of this version only.
            final_only: of final releases only; unrecognised files have no level and pass.
            artifact_type: of this type only; the one way to see unrecognised files.
            attributes: with these attributes only.
        """
        start, stop = 0, len(self._triples)
        if triple is not None:
            start, stop = bisect_left(self._triples, triple), bisect_right(self._triples, triple)
        wanted = [
            index
            for index in range(start, stop)
            if (
                self._types[index] == artifact_type
                if artifact_type is not None
                else self._types[index] != UNRECOGNISED
            )
            and (
                not final_only
                or self._levels[index] == "final"
                or self._types[index] == UNRECOGNISED
            )
        ]
        if not wanted:
            return []
        rows = self.table.slice(wanted[0], wanted[-1] + 1 - wanted[0])
        found = _artifacts(rows, base_url, [index - wanted[0] for index in wanted])
        return [
            artifact
            for artifact in found
            if all(
                artifact.release_format.get(name) == value
                for name, value in (attributes or {}).items()
            )
        ]

    def find(self, base_url: str, name: str) -> list[PythonOrgArtifact]:
        """The artifacts whose path or own name this is."""
        names = zip(self.table["path"].to_pylist(), self.table["name"].to_pylist(), strict=True)
        found = [index for index, known in enumerate(names) if name in known]
        return [
            artifact
            for index in found
            for artifact in _artifacts(self.table.slice(index, 1), base_url, [0])
        ]

    def values(self, column: str) -> list[str]:
        """The different values of a column, sorted, without null."""
        return sorted(value for value in pc.unique(self.table[column]).to_pylist() if value)


def _artifacts(rows: Any, base_url: str, indexes: Sequence[int]) -> Iterator[PythonOrgArtifact]:
    """The artifacts of these rows, by their numbers.

    Nothing here makes Arrow values out of Python's, which may import pandas: see `utc_times`.
    """
    columns = {name: rows[name].to_pylist() for name in _COLUMNS}
    dates = utc_times(rows["last_modified"])
    present = [
        (name, columns[name])
        for name in ATTRIBUTES
        if any(value is not None for value in columns[name])
    ]
    for index in indexes:
        path = columns["path"][index]
        major = columns["major"][index]
        level = columns["releaselevel"][index]
        version = None
        if major is not None:
            version = NormalizedPythonVersion(
                major,
                columns["minor"][index],
                columns["micro"][index],
                level,
                columns["serial"][index],
            )
        yield PythonOrgArtifact(
            name=columns["name"][index],
            path=path,
            release_version=version,
            release_type=columns["artifact_type"][index],
            release_format={
                name: values[index] for name, values in present if values[index] is not None
            },
            related=columns["companions"][index],
            size=columns["size"][index],
            last_modified=dates[index],
            url=base_url + quote(path),
            sha256=columns["sha256"][index],
            digest_source=columns["digest_source"][index],
            signed_by=columns["signed_by"][index],
        )


class CatalogReader:
    """The published tables of one location, each read again only when it was written again."""

    def __init__(self, location: Location) -> None:
        self._store = CatalogStore(location)
        self._kept: dict[str, tuple[Hashable, Any]] = {}

    @property
    def location(self) -> Location:
        """Where the tables lie."""
        return self._store.location

    def snapshot(self) -> Snapshot:
        """The published catalog.

        Raises:
            CatalogMissingError: nothing was published yet.
            CatalogUnreadableError: what lies there is none of ours.
        """
        found: Snapshot = self._fresh(
            CATALOG_FILE, lambda: Snapshot(*self._store.read(CATALOG_FILE))
        )
        return found

    def latest_rows(self, snapshot: Snapshot) -> list[dict[str, Any]] | None:
        """The rows of latest_version; None where there are none of this snapshot.

        So it is between the writing of the two, and after a refresh that was killed there.
        """

        def read() -> tuple[list[dict[str, Any]], datetime]:
            table, facts = self._store.read(LATEST_FILE)
            return table.to_pylist(), facts["catalog_published_at"]

        try:
            rows, published_at = self._fresh(LATEST_FILE, read)
        except CatalogMissingError:
            return None
        return rows if published_at == snapshot.facts["published_at"] else None

    def directories_facts(self) -> dict[str, Any]:
        """What the last refresh wrote of the root listing: checked_at, generated_at."""
        return self._store.metadata(DIRECTORIES_FILE)

    def failures(self, *, hidden: bool = True) -> dict[str, str]:
        """The directories that could not be read when they were asked last, and why.

        Args:
            hidden: those too that never gave a listing but a page of their own.
        """
        if self.location.stamp(FAILURES_FILE) is None:
            return {}
        rows = self._fresh(FAILURES_FILE, lambda: self._store.rows(FAILURES_FILE))
        return {row["directory"]: row["error"] for row in rows if hidden or not row["hidden"]}

    def _fresh(self, name: str, read: Callable[[], Any]) -> Any:
        stamp = self.location.stamp(name)
        if stamp is None:
            raise CatalogMissingError(self.location.text)
        kept = self._kept.get(name)
        # The stamp was taken before the read: a table replaced in between is read once more.
        if kept is None or kept[0] != stamp:
            kept = self._kept[name] = (stamp, read())
        return kept[1]
