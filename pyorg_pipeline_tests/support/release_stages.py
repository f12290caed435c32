"""3.14.0's directory as it filled, from the record, in release-tools' order."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Final, NamedTuple

from pyorg_pipeline.demo.replica.tree import Node, read_record
from pyorg_pipeline.model.artifacts import UNRECOGNISED
from pyorg_pipeline.model.companions import Entry, ListedArtifact, group_listing, is_signature
from pyorg_pipeline.model.releases import ReleaseFile, family_of
from pyorg_pipeline.model.versions import LEGACY_DIRECTORY, parse_release_directory


class Stage(NamedTuple):
    """What came to 3.14.0 at one time, and what it lacks from then on."""

    name: str
    came: Callable[[ListedArtifact], bool]
    companions: bool
    lacks: tuple[str, ...]


def of_family(name: str, *arch: str) -> Callable[[ListedArtifact], bool]:
    return lambda one: (
        family_of(as_release_file("3.14.0", one)) == name
        and (not arch or one.attributes.get("arch") in arch)
    )


_ANDROID: Final = ("windows", "install_manager", "macos")
_SOURCES: Final = (*_ANDROID, "android")
#: run_release.py: the sources are built first; their bills of materials and signatures, and the
#: Android archives, are put beside them; Windows and macOS come from elsewhere.
STAGES: Final = (
    Stage("sources", of_family("source"), False, _SOURCES),
    Stage("their companions", of_family("source"), True, _SOURCES),
    Stage("Android", of_family("android"), True, _ANDROID),
    Stage("Windows, in part", of_family("windows", "amd64"), True, _ANDROID),
    Stage("Windows", of_family("windows"), True, ("install_manager", "macos")),
    Stage("macOS", of_family("macos"), True, ("install_manager",)),
    Stage("the install manager", of_family("install_manager"), True, ()),
)


@cache
def recorded(directory: str) -> list[ListedArtifact]:
    """What the record has in a release directory, grouped as a crawl groups it."""
    return group_listing(directory, _entries()[directory])


@cache
def _entries() -> dict[str, list[Entry]]:
    """The files of the record, by the directory that they are in."""
    found: dict[str, list[Entry]] = {}
    for entry in read_record():
        directory, _, name = entry.path.rpartition("/")
        if entry.size is not None:
            row = Entry(name, False, entry.last_modified, entry.size)
            found.setdefault(directory, []).append(row)
    return found


def release_files(*directories: str) -> list[ReleaseFile]:
    """The recognised artifacts of release directories of the record, as a catalog gives them."""
    return [
        as_release_file(name, one)
        for name in directories
        for one in recorded(name)
        if one.artifact_type != UNRECOGNISED
    ]


def as_release_file(directory: str, listed: ListedArtifact) -> ReleaseFile:
    version = listed.release_version
    assert version is not None
    attributes = listed.attributes
    return ReleaseFile(
        release_version=version,
        path=f"{directory}/{listed.entry.name}",
        artifact_type=listed.artifact_type,
        format=str(attributes["format"]) if "format" in attributes else None,
        arch=str(attributes["arch"]) if "arch" in attributes else None,
        debug=bool(attributes.get("debug")),
        superseded=bool(attributes.get("superseded")),
        size=listed.entry.size,
        last_modified=listed.entry.last_modified,
        signed=any(map(is_signature, listed.companions)),
    )


@cache
def release_directories() -> list[str]:
    """The record's release directories, sorted by version, the legacy one first."""
    paths = [entry.path for entry in read_record() if entry.size is None]
    names = [path.rstrip("/") for path in paths if path.count("/") == 1]
    found = {name: parse_release_directory(name) for name in names}
    return sorted(
        (name for name in names if name == LEGACY_DIRECTORY or found[name] is not None),
        key=lambda name: found[name] or (),
    )


def series_directories(series: str) -> list[str]:
    """The record's release directories of a series, sorted by version."""
    return [
        name
        for name in release_directories()
        if (version := parse_release_directory(name)) is not None and version.series == series
    ]


def before_3_14_0() -> list[Node]:
    """The record's 3.13.8 and 3.13.9, and 3.14.0's directory with its pre-releases alone."""
    kept = {"3.13.8", "3.13.9", "3.14.0"}
    final = {
        f"3.14.0/{entry.name}"
        for one in recorded("3.14.0")
        if one.release_version is not None and one.release_version.is_final
        for entry in (one.entry, *one.companion_entries)
    }
    return [
        entry
        for entry in read_record()
        if entry.path.partition("/")[0] in kept and entry.path not in final
    ]


#: For SERIES_DATES of 3.13 and 3.14, so that what comes today is no security release.
BUGFIX_PHASE: Final = ("2024-10-07", "9999-01-01", "9999-01-01")


def files_of(stage: Stage) -> list[Entry]:
    """The files that come to 3.14.0 in that stage, and had not come before."""
    before = {entry for one in STAGES[: STAGES.index(stage)] for entry in _fitting(one)}
    return [entry for entry in _fitting(stage) if entry not in before]


@cache
def _fitting(stage: Stage) -> list[Entry]:
    found = []
    for one in recorded("3.14.0"):
        version = one.release_version
        if version is not None and version.is_final and stage.came(one):
            found.append(one.entry)
            found += one.companion_entries if stage.companions else ()
    return found
