"""Queries on a published catalog; the answers are values of the model.

They do without pyarrow.compute, which takes as long to import as a whole query.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import fields
from datetime import UTC, datetime
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from pyorg_pipeline.catalog.store import VERSION_COLUMNS, python_values
from pyorg_pipeline.catalog.unlisted import Unlisted
from pyorg_pipeline.errors import ArtifactChoiceError, InvalidArgumentError, VersionNotFoundError
from pyorg_pipeline.model.artifacts import (
    ATTRIBUTES,
    COMPANION,
    SET_ASIDE,
    UNRECOGNISED,
    PythonOrgArtifact,
    attribute_texts,
    is_release_type,
)
from pyorg_pipeline.model.text import shortened
from pyorg_pipeline.model.versions import NormalizedPythonVersion

if TYPE_CHECKING:
    from pyorg_pipeline.model.releases import PythonRelease, ReleaseFile

Series = tuple[int, int]

#: Columns that are fields of a PythonOrgArtifact.
_COLUMNS: Final = [one.name for one in fields(PythonOrgArtifact) if one.name != "url"]
_FOREVER: Final = datetime.max.replace(tzinfo=UTC)
#: What `release_files` reads.
RELEASE_FILE_COLUMNS: Final = [
    *("misplaced", "path", "artifact_type", "format", "arch", "debug", "superseded", "size"),
    *("last_modified", "companions", *VERSION_COLUMNS),
]


class Snapshot:
    """One published state of artifact_catalog, sorted by version, then path."""

    def __init__(self, table: Any, metadata: Mapping[str, Any]) -> None:
        self.table = table
        # A lookup in the table takes longer than the rest of reading a few of its values.
        self._arrays = dict(zip(table.column_names, table.columns, strict=True))
        #: Of the whole table: site_url, published_at, counts.
        self.metadata = metadata
        #: The site that the catalog was filled from.
        self.site_url = str(metadata["site_url"])
        self.unlisted = Unlisted(metadata)
        self._columns: dict[str, list[Any]] = {}
        numbers = zip(*map(self._column, VERSION_COLUMNS[:3]), strict=True)
        #: Of each row; those without a version come first.
        self._triples = [triple if triple[0] is not None else () for triple in numbers]
        self._releases: list[PythonRelease] = []
        #: From when until when the states of these releases hold.
        self._hold = _FOREVER, _FOREVER

    def _column(self, name: str) -> list[Any]:
        if name not in self._columns:
            self._columns[name] = self._values(name, 0, len(self.table))
        return self._columns[name]

    def _values(self, name: str, start: int, stop: int) -> list[Any]:
        """Some rows of a column; of null if an earlier program wrote the table without it."""
        if name in self._columns:
            return self._columns[name][start:stop]
        if name not in self._arrays:
            return [None] * (stop - start)
        column = self._arrays[name].slice(start, stop - start)
        if column.null_count == stop - start:
            return [None] * (stop - start)
        return python_values(column)

    def release_versions(self, *, final_only: bool) -> list[NormalizedPythonVersion]:
        """The three-item versions of which there is a release, sorted.

        A directory whose files are not listed counts, too: with `final_only` up to the newest final
        release.
        """
        released = self._released(final_only=final_only)
        newest = max(released, default=())
        unlisted = [one for one in self.unlisted.versions if not final_only or one < newest]
        return [NormalizedPythonVersion(*triple) for triple in sorted(released.union(unlisted))]

    def _released(self, *, final_only: bool = False) -> set[tuple[Any, ...]]:
        """The numbers of the versions of which a release is listed."""
        names = ("releaselevel", "artifact_type", "misplaced")
        rows = zip(self._triples, *map(self._column, names), strict=True)
        return {
            triple
            for triple, level, kind, misplaced in rows
            if is_release_type(kind) and not misplaced and (level == "final" or not final_only)
        }

    def _rows_of(self, version: NormalizedPythonVersion) -> tuple[int, int]:
        """The first row of a three-item version, and the row after its last."""
        start, stop = bisect_left(self._triples, version), bisect_right(self._triples, version)
        if start < stop:
            return start, stop
        if unlisted := self.unlisted.describe(version):
            raise VersionNotFoundError(unlisted)
        known = [NormalizedPythonVersion(*triple).text for triple in sorted(self._released())]
        near = [text for text in known if text.startswith(f"{version.series}.")]
        if near:
            held = f"of {version.series} it has {', '.join(near)}"
        else:
            held = f"it has {len(known)} versions, up to {known[-1]}" if known else "it is empty"
        raise VersionNotFoundError(f"the catalog has no version {version.text}; {held}")

    def _meeting(self, conditions: Mapping[str, Any]) -> list[tuple[list[Any], set[Any]]]:
        """The column of each condition that is not None, with the values that meet it.

        Raises InvalidArgumentError if no artifact has such a value.
        """
        found = []
        for name, wanted in conditions.items():
            if wanted is None:
                continue
            column = self._column(name)
            # A flag that is null is false; other attributes that are null have no value.
            held = set(column) if ATTRIBUTES.get(name) is bool else set(column) - {None}
            texts = {value: attribute_texts(name, value) for value in held}
            text = attribute_texts(name, wanted)[0]
            if not (values := {value for value in texts if text in texts[value]}):
                known = sorted({text for each in texts.values() for text in each})
                raise InvalidArgumentError(
                    f"no artifact has the {name} {wanted!r}; there are {', '.join(known)}"
                )
            found.append((column, values))
        return found

    def artifacts(
        self,
        base_url: str,
        version: NormalizedPythonVersion | None,
        *,
        final_only: bool = False,
        **conditions: Any,
    ) -> list[PythonOrgArtifact]:
        """The artifacts that match, sorted by version, then path.

        `base_url` ends in a slash, the version has three items, and the conditions are values of
        columns. Unrecognised files match only by their artifact_type, and with any level.
        """
        columns = self._meeting(conditions)
        start, stop = (0, len(self._triples)) if version is None else self._rows_of(version)
        types, levels = self._column("artifact_type"), self._column("releaselevel")
        with_type = conditions.get("artifact_type") is not None
        rows = [
            row
            for row in range(start, stop)
            if (with_type or types[row] != UNRECOGNISED)
            and (not final_only or levels[row] == "final" or types[row] == UNRECOGNISED)
            and all(column[row] in values for column, values in columns)
        ]
        return self._artifacts(base_url, rows)

    def everything(self, base_url: str) -> list[PythonOrgArtifact]:
        """All artifacts and unrecognised files, sorted by version, then path."""
        return self._artifacts(base_url, range(len(self._triples)))

    def release_artifacts(
        self, base_url: str, version: NormalizedPythonVersion
    ) -> list[PythonOrgArtifact]:
        """The artifacts of a five-item version."""
        numbers = version.numbers
        listed = self.artifacts(base_url, numbers)
        found = [artifact for artifact in listed if artifact.release_version == version]
        if not found:
            near = sorted({one.release_version for one in listed if one.release_version})
            wanted = f"final release of {version.text}" if version.is_final else version.text
            texts = (f"{one.text}{' (final)' if one.is_final else ''}" for one in near)
            raise VersionNotFoundError(
                f"the catalog has no {wanted}; of {numbers.text} it has "
                + (", ".join(texts) or "only unrecognised files")
            )
        return found

    @cached_property
    def _rows_by_name(self) -> dict[str, list[int]]:
        """The rows of artifacts by their paths, and by their names."""
        found: dict[str, list[int]] = {}
        for row, texts in enumerate(zip(self._column("path"), self._column("name"), strict=True)):
            for text in texts:
                found.setdefault(text, []).append(row)
        return found

    def artifact(self, base_url: str, name: str) -> PythonOrgArtifact:
        """The artifact with this path, or with this name; else the companion."""
        found = self._artifacts(base_url, self._rows_by_name.get(name, ())) or [
            one
            for row, path in enumerate(self._column("path"))
            # A companion's name begins like that of its artifact.
            if path.rpartition("/")[2].partition(".")[0] in name
            for one in self._companions(base_url, row)
            if name in {one.path, one.name}
        ]
        if len(found) == 1:
            return found[0]
        if found:
            paths = shortened((one.path for one in found), 8)
            raise ArtifactChoiceError(f"several artifacts have the name {name!r}: {paths}")
        raise ArtifactChoiceError(
            f"the catalog has no artifact {name!r}; give a path or a name as `pyorg list` shows it"
        )

    def with_companions(
        self, base_url: str, artifacts: Iterable[PythonOrgArtifact]
    ) -> list[PythonOrgArtifact]:
        """The artifacts, each followed by its companions."""
        found: dict[str, PythonOrgArtifact] = {}
        for artifact in artifacts:
            rows = self._rows_by_name.get(artifact.path, ())
            related = [one for row in rows for one in self._companions(base_url, row)]
            found |= {one.path: one for one in (artifact, *related)}
        return list(found.values())

    def _companions(self, base_url: str, row: int) -> list[PythonOrgArtifact]:
        """The files about an artifact as artifacts, which have a size and nothing to verify it."""
        # The grammar of names, which other queries need not import.
        from pyorg_pipeline.model.companions import companion_name  # noqa: PLC0415

        path, version, suffixes, sizes = (
            self._column(name)[row] for name in ("path", "version", "companions", "companion_sizes")
        )
        named = [companion_name(path, suffix) for suffix in suffixes]
        return [
            PythonOrgArtifact(
                name=one.rpartition("/")[2],
                path=one,
                version=version,
                artifact_type=COMPANION,
                size=size,
                url=base_url + quote(one),
            )
            for one, size in zip(named, sizes or [None] * len(named), strict=True)
        ]

    def _artifacts(self, base_url: str, rows: Sequence[int]) -> list[PythonOrgArtifact]:
        if not rows:
            return []
        first, stop = rows[0], rows[-1] + 1
        columns = {name: self._values(name, first, stop) for name in _COLUMNS}
        columns["companions"] = list(map(tuple, columns["companions"]))
        # Most attributes are null in all rows of a version.
        given = {
            name: values for name, values in columns.items() if values.count(None) < stop - first
        }
        return [
            PythonOrgArtifact(
                url=base_url + quote(columns["path"][at]),
                **{name: values[at] for name, values in given.items()},
            )
            for at in (row - first for row in rows)
        ]

    def release_files(self) -> list[ReleaseFile]:
        """The artifacts that are part of releases; needs RELEASE_FILE_COLUMNS."""
        from pyorg_pipeline.model.companions import is_signature  # noqa: PLC0415
        from pyorg_pipeline.model.releases import ReleaseFile  # noqa: PLC0415

        # Thousands of artifacts share a few hundred versions and a dozen suffixes.
        version_of, signs = cache(NormalizedPythonVersion), cache(is_signature)
        rows = zip(*map(self._column, RELEASE_FILE_COLUMNS), strict=True)
        return [
            ReleaseFile(
                release_version=version_of(*numbers),
                path=path,
                artifact_type=kind,
                format=packing,
                arch=arch,
                debug=bool(debug),
                superseded=bool(superseded),
                size=size,
                last_modified=date,
                signed=any(map(signs, related)),
            )
            for _, path, kind, packing, arch, debug, superseded, size, date, related, *numbers in (
                row for row in rows if row[2] != UNRECOGNISED and not row[0]
            )
        ]

    def releases(self, now: datetime, series: Series | None = None) -> list[PythonRelease]:
        """The releases, or those of a series, sorted by version, with their states at `now` (UTC).

        Not read from releases.parquet: states change with time alone.
        """
        # The grammar of names, which other queries need not import.
        from pyorg_pipeline.model.releases import next_change, release_history  # noqa: PLC0415

        since, until = self._hold
        if not since <= now < until:
            self._releases = release_history(self.release_files(), now=now)
            self._hold = now, next_change(self._releases, now) or _FOREVER
        found = [one for one in self._releases if series in {None, one.release_version[:2]}]
        if series is not None and not found:
            raise no_release(series, self._released(), self.unlisted, final_only=False)
        return found

    def newest_release(
        self,
        series: Series | None,
        *,
        final_only: bool,
        complete_only: bool,
        supported: Collection[Series] | None = None,
        **conditions: Any,
    ) -> NormalizedPythonVersion:
        """The newest release that matches; `complete_only` leaves out those still being uploaded.

        It is of a series in `supported`, if given, and has an artifact with the values in
        `conditions` that is not set aside.
        """
        wanted = {name: value for name, value in conditions.items() if value is not None}
        releases: dict[tuple[Any, ...], PythonRelease] = {}
        if complete_only or not wanted:
            releases = {one.release_version: one for one in self.releases(datetime.now(UTC))}
        matching = [
            version
            for version in (self._versions_with(conditions) if wanted else releases)
            if series in {None, version[:2]}
            and (supported is None or version[:2] in supported)
            and (version[3] == "final" or not final_only)
            # A version that has only documentation is not a release.
            and (version in releases or not complete_only)
        ]
        found = [one for one in matching if not (complete_only and releases[one].missing_families)]
        if found:
            newest = NormalizedPythonVersion(*max(found))
            self.unlisted.warn(series, newest)
            return newest
        partial = releases[max(matching)] if matching else None
        raise no_release(series, self._released(), self.unlisted, final_only, wanted, partial)

    def _versions_with(self, conditions: Mapping[str, Any]) -> set[tuple[Any, ...]]:
        columns = self._meeting(conditions)
        versions = zip(*map(self._column, VERSION_COLUMNS), strict=True)
        # A misplaced file does not make its version the newest, even if it is asked for.
        names = {*SET_ASIDE}.difference(conditions) | {"misplaced"}
        set_aside = [self._column(name) for name in names]
        return {
            version
            for row, version in enumerate(versions)
            # Unrecognised files have no full version.
            if version[-1] is not None
            and not any(column[row] for column in set_aside)
            and all(column[row] in values for column, values in columns)
        }


def no_release(
    series: Series | None,
    released: Iterable[tuple[Any, ...]],
    unlisted: Unlisted,
    final_only: bool,
    conditions: Mapping[str, str] | None = None,
    partial: PythonRelease | None = None,
) -> VersionNotFoundError:
    """The error that no release matches, with what to ask for instead.

    `released` has a version, of any level, of each series.
    """
    known = {version[:2] for version in released}
    also = "" if series is None else unlisted.describe(series)
    if series is not None and series not in known:
        if known and not also:
            first, last = (f"{major}.{minor}" for major, minor in (min(known), max(known)))
            also = f"its series are {first} to {last}"
        text = f"the catalog has no release of {series[0]}.{series[1]}"
        return VersionNotFoundError("; ".join(filter(None, (text, also))))
    kinds = f"{'complete ' if partial else ''}{'final ' if final_only else ''}"
    text = f"the catalog has no {kinds}release"
    if series is not None:
        text += f" of {series[0]}.{series[1]}"
    if conditions:
        text += " that has " + ", ".join(f"{name} {value!r}" for name, value in conditions.items())
    if partial is not None:
        lacks, until = ", ".join(partial.missing_families), partial.expected_complete_by
        text += (
            f": {partial.version} still lacks {lacks}, expected until "
            f"{until:%Y-%m-%d %H:%M} UTC; try again later, or without complete_only"
        )
    elif final_only:
        text += ": ask with final_only=False for pre-releases"
    return VersionNotFoundError("; ".join(filter(None, (text, also))))
