"""Plausible stand-ins for the dates and sizes of files that the replica's table does not know.

The releases of a series follow each other, and so do the files of a release: sources, installers,
signatures. A size is that of the same file of the nearest release. Recorded values stay.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import groupby, pairwise
from typing import Final, NamedTuple

from pyorg_pipeline.model.arguments import SOURCE
from pyorg_pipeline.model.companions import Entry, group_listing
from pyorg_pipeline.model.versions import NormalizedPythonVersion, parse_release_directory

#: A row of the table, whose `mtime` and `size` are replaced.
Row = dict[str, str]

#: Between two releases of a series, at most.
_INTERVAL: Final = timedelta(days=28)
#: The kinds of source archives, the smallest first.
_SOURCES: Final = [
    (SOURCE, ("format", f"tarball_{packing}"), ("min_macos", ""))
    for packing in ("lzma", "bzip2", "deflate")
]
#: How long the upload of a release takes.
_UPLOAD: Final = timedelta(hours=12)


class _File(NamedTuple):
    version: NormalizedPythonVersion
    #: The same for the same file of another release.
    kind: tuple[object, ...]
    row: Row
    companions: list[Row]


def replace_stand_ins(rows: Iterable[Row], end: datetime) -> None:
    """Replace the unknown dates and sizes of the files in release directories.

    No date is later than `end`. Files without a version, and those in subdirectories, stay.
    """
    directories: dict[str, dict[str, Row]] = defaultdict(dict)
    for row in rows:
        directory, _, name = row["path"].rpartition("/")
        if name and parse_release_directory(directory) is not None:
            directories[directory][name] = row
    files = [one for each in directories.items() for one in _files(*each)]
    files.sort(key=lambda one: (one.version, one.kind[0] != SOURCE, one.row["path"]))
    releases = {version: list(of) for version, of in groupby(files, lambda one: one.version)}
    for _, of_series in groupby(releases, lambda version: version.series):
        versions = list(of_series)
        listed = [_listed_date(releases[version], end) for version in versions]
        for version, date in zip(versions, _in_order(listed, end), strict=True):
            _set_dates(releases[version], date)
    _set_sizes(list(releases.values()))


def _files(directory: str, rows: dict[str, Row]) -> Iterable[_File]:
    for one in group_listing(directory, [Entry(name, False, None, None) for name in rows]):
        if one.release_version is not None and one.attributes:
            attributes = {**one.attributes, "min_macos": ""}
            kind = (one.artifact_type, *sorted((k, str(v)) for k, v in attributes.items()))
            companions = [rows[each.name] for each in one.companion_entries]
            yield _File(one.release_version, kind, rows[one.entry.name], companions)


def _listed_date(files: Sequence[_File], end: datetime) -> datetime | None:
    """The first date of a release's files; stand-ins of files of known size are often right."""
    known = (one.row for one in files if "1" in one.row["size_known"] + one.row["mtime_known"])
    return min((date for row in known if (date := _date(row)) < end), default=None)


def _in_order(listed: Sequence[datetime | None], end: datetime) -> list[datetime]:
    """Dates in order: as many of the listed ones as possible, and others between them."""
    chains: list[list[tuple[int, datetime]]] = []
    for place, date in enumerate(listed):
        if date is not None:
            before = [
                chain for chain in chains if date - chain[-1][1] >= (place - chain[-1][0]) * _UPLOAD
            ]
            chains.append([*(max(before, key=_rank) if before else ()), (place, date)])
    # Without any, the newest release is recent.
    longest = max(chains, key=_rank) if chains else [(len(listed) - 1, end - _INTERVAL)]
    kept = dict(longest)
    first, last, after = min(kept), max(kept), len(listed)
    kept[-1] = kept[first] - (first + 1) * _INTERVAL
    kept[after] = min(end, kept[last] + (after - last) * _INTERVAL)
    dates = []
    for start, stop in pairwise(sorted(kept)):
        step = (kept[stop] - kept[start]) / (stop - start)
        dates += [kept[start] + number * step for number in range(stop - start)]
    return dates[1:]


def _rank(chain: list[tuple[int, datetime]]) -> tuple[int, int]:
    """The longest first; of several of a day the last, since a directory has its final's date."""
    return len(chain), chain[-1][0]


def _set_dates(files: Sequence[_File], released: datetime) -> None:
    for place, file in enumerate(files):
        _set_date(file.row, released, released + timedelta(minutes=7 * place))
        for number, companion in enumerate(file.companions, 1):
            signed = _date(file.row)
            _set_date(companion, signed, signed + timedelta(minutes=number))


def _set_date(row: Row, earliest: datetime, date: datetime) -> None:
    is_plausible = earliest <= _date(row) <= earliest + _UPLOAD
    if row["mtime_known"] == "0" and not is_plausible:
        row["mtime"] = date.replace(tzinfo=None).isoformat(timespec="minutes")


def _date(row: Row) -> datetime:
    return datetime.fromisoformat(row["mtime"]).replace(tzinfo=UTC)


def _set_sizes(releases: Sequence[list[_File]]) -> None:
    known: dict[tuple[object, ...], dict[int, int]] = defaultdict(dict)
    unknown = []
    for place, files in enumerate(releases):
        for file in files:
            if file.row["size_known"] == "1":
                known[file.kind][place] = int(file.row["size"])
            else:
                unknown.append((place, file))
    for place, file in unknown:
        if sizes := known[file.kind]:
            nearest = min(sizes, key=lambda other: abs(other - place))
            # Of several files, each has a size of its own.
            file.row["size"] = str(sizes[nearest] + 1000 * abs(nearest - place))
    for files in releases:
        packed = {file.kind: file.row for file in files}
        for smaller, larger in pairwise(kind for kind in _SOURCES if kind in packed):
            least = int(packed[smaller]["size"]) * 23 // 20
            if packed[larger]["size_known"] == "0" and int(packed[larger]["size"]) < least:
                packed[larger]["size"] = str(least)
