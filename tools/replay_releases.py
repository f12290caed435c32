"""Counts the releases that would have been called complete too early, or partial too late.

    python -m tools.replay_releases LISTING.tsv.gz python-releases.toml

Each release comes to the site once more, on the day that python-releases.toml of python/peps has
for it, with the files that the table of the site's entries has, in release-tools' order. Half a day
after its first file, it is too early if it is complete while a step has not come, and too late if
it is partial after the last.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any, Final

from pyorg_pipeline.model.companions import Entry, group_listing
from pyorg_pipeline.model.releases import ReleaseFile, release_history
from pyorg_pipeline.model.versions import (
    LEGACY_DIRECTORY,
    NormalizedPythonVersion,
    parse_release_directory,
)

_SEEN_AFTER: Final = timedelta(hours=12)
_MANAGER: Final = "install-manager"
#: The steps in the order of run_release.py, which waits for the installers, but not for the install
#: manager's files.
_STEPS: Final = (
    *("source-release", "android-release", "ios-release", "windows-release", "macos-release"),
    *(_MANAGER, "documentation"),
)


def _step(file: ReleaseFile) -> str:
    is_zip = file.artifact_type == "windows-release" and file.path.endswith(".zip")
    if file.artifact_type == "windows-manifest" or (is_zip and "-embed-" not in file.path):
        return _MANAGER
    return file.artifact_type


def release_files(listing: Path) -> Iterator[ReleaseFile]:
    """The artifacts of the release directories in a table of the site's entries."""
    found: dict[str, list[Entry]] = {}
    with gzip.open(listing, "rt", encoding="utf-8", newline="") as table:
        for row in csv.DictReader(table, delimiter="\t", quoting=csv.QUOTE_NONE):
            directory, _, name = row["path"].partition("/")
            if name and "/" not in name:
                found.setdefault(directory, []).append(Entry(name, False, None, int(row["size"])))
    for directory, entries in found.items():
        if directory != LEGACY_DIRECTORY and parse_release_directory(directory) is None:
            continue
        for one in group_listing(directory, entries):
            if one.release_version is not None and len(one.release_version) == 5:
                values: dict[str, Any] = {**one.attributes, **one._asdict(), **one.entry._asdict()}
                values |= {"path": f"{directory}/{one.entry.name}", "signed": False}
                fields: dict[str, Any] = {name: values.get(name) for name in ReleaseFile._fields}
                yield ReleaseFile(**fields)


def release_dates(releases: Mapping[str, Any]) -> dict[str, datetime]:
    """The noon of each release's day, by version."""
    found = {}
    for one in (one for series in releases["release"].values() for one in series):
        numbers, _, level = one["stage"].partition(" ")
        name, _, serial = level.partition(" ")
        text = numbers + {"alpha": "a", "beta": "b", "candidate": "rc"}.get(name, "") + serial
        version = NormalizedPythonVersion.parse(text)
        found[version.text] = datetime.combine(one["date"], time(12), UTC)
    return found


def _uploaded(files: list[ReleaseFile]) -> list[ReleaseFile]:
    """Those of a release's files that its upload brought."""
    if any(file.artifact_type == "windows-manifest" for file in files):
        return files
    # The zips of releases without a manifest were made for the install manager years later.
    return [file for file in files if _step(file) != _MANAGER]


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("listing", type=Path, help="path, size, mtime, ... of the site's entries")
    parser.add_argument("releases", type=Path, help="python-releases.toml of python/peps")
    parser.add_argument("--list", action="store_true", help="print the releases, too")
    options = parser.parse_args(arguments)
    dates = release_dates(tomllib.loads(options.releases.read_text(encoding="utf-8")))
    by_version: dict[str, list[ReleaseFile]] = {}
    for file in release_files(options.listing):
        version = file.release_version.text
        if version in dates and not file.superseded:
            dated = file._replace(last_modified=dates[version])
            by_version.setdefault(version, []).append(dated)
    by_version = {version: _uploaded(files) for version, files in by_version.items()}
    replayed, early, late = 0, [], []
    for version, files in by_version.items():
        steps = [step for step in _STEPS if any(_step(file) == step for file in files)]
        if "source-release" not in steps:
            continue
        replayed += 1
        before = [one for one in by_version if dates[one] < dates[version]]
        known = [file for one in before for file in by_version[one]]
        for count in range(1, len(steps) + 1):
            come = [file for file in files if _step(file) in steps[:count]]
            history = release_history([*known, *come], now=dates[version] + _SEEN_AFTER)
            release = next(one for one in history if one.version == version)
            if count == len(steps) and release.missing_families:
                late.append(str(release))
            elif count < len(steps) and not release.missing_families:
                early.append(f"{version} without {', '.join(steps[count:])}")
                break
    print(f"{replayed} releases: {len(early)} complete too early, {len(late)} partial too late")
    if options.list:
        print(*("early:", *early, "late:", *late), sep="\n")


if __name__ == "__main__":
    main()
