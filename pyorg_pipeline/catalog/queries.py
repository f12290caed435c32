"""What can be asked of the published tables, each answer made of values of the model.

A snapshot is read once and kept; asking again costs one look at the file's stamp.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import Any, Final
from urllib.parse import quote

import pyarrow.compute as pc

from pyorg_pipeline.catalog.location import Location
from pyorg_pipeline.catalog.store import (
    CATALOG_FILE,
    DIRECTORIES_FILE,
    FAILURES_FILE,
    LATEST_FILE,
    CatalogStore,
)
from pyorg_pipeline.catalog.times import times
from pyorg_pipeline.errors import CatalogMissingError
from pyorg_pipeline.model.artifacts import (
    ATTRIBUTES,
    UNRECOGNISED,
    PythonOrgArtifact,
    is_release_type,
)
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


class Snapshot:
    """One published state of artifact_catalog, sorted by version, then path."""

    def __init__(self, table: Any, facts: dict[str, Any]) -> None:
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

    Nothing here makes Arrow values out of Python's: where pandas is installed, pyarrow imports it
    for that, which takes longer than any query.
    """
    columns = {name: rows[name].to_pylist() for name in _COLUMNS}
    dates = times(rows["last_modified"])
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

    def latest(self, *, final_only: bool, series: tuple[int, int] | None = None) -> Any:
        """The row of latest_version, as a dict, or None where there is no such release."""
        text = None if series is None else f"{series[0]}.{series[1]}"
        rows = self._fresh(LATEST_FILE, lambda: self._store.rows(LATEST_FILE))
        for row in rows:
            if row["series"] == text and row["final_only"] == final_only:
                return row
        return None

    def directories_facts(self) -> dict[str, Any]:
        """What the last refresh wrote of the root listing: checked_at, generated_at."""
        return self._store.facts(DIRECTORIES_FILE)

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
