"""Releases: everything with one full version, and whether all of it is there yet.

The rules are pure: the artifacts and the time come in. They follow the order in which
python/release-tools puts the files up (run_release.py): the sources with their signatures and bills
of materials, the Android and iOS archives (`place_files_in_download_folder`); the Windows files by
a build of their own (`start_windows_build`), the macOS installer by its own release manager; after
which it waits for the installers of both and the tarball, and for the tarball alone where the
series gets security fixes only (`wait_until_all_files_are_in_folder`). What a release is to have
stands nowhere on the site; the releases before it show.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final, NamedTuple

from pyorg_pipeline.model.artifacts import is_release_type, source_rank
from pyorg_pipeline.model.versions import NormalizedPythonVersion

#: The families of artifacts by artifact type. Other types (debug symbols, manifests, the RPMs of
#: 2.0) come with one of these, or with nothing that anybody waits for.
FAMILIES: Final = {
    "source-release": "source",
    "windows-release": "windows",
    "macos-release": "macos",
    "android-release": "android",
    "ios-release": "ios",
    "documentation": "documentation",
}

#: The installers are built by people in several time zones: less than a day is no habit.
SHORTEST_HABIT: Final = timedelta(days=1)

#: A date that lies further ahead of the clock was set by hand, and tells no age.
CLOCK_SKEW: Final = timedelta(days=1)

#: What comes later than this was added to a release, and is no part of its upload; also, a date
#: that somebody touched must not make releases partial for months.
LONGEST_HABIT: Final = timedelta(days=7)


class ReleaseState(StrEnum):
    """Whether a release is all there, and whether it is still the one to take."""

    COMPLETE = "complete"
    #: It lacks what one of the two before it had, and is young enough to get it yet.
    PARTIAL = "partial"
    #: A newer complete release of its series is there.
    SUPERSEDED = "superseded"


class ReleaseFile(NamedTuple):
    """One artifact, as far as a release is told from it."""

    #: Five items.
    release_version: NormalizedPythonVersion
    path: str
    directory: str
    artifact_type: str
    format: str | None
    arch: str | None
    debug: bool
    superseded: bool
    size: int | None
    last_modified: datetime | None
    #: Whether a signature lies beside it.
    signed: bool


@dataclass(frozen=True, slots=True)
class PythonRelease:
    """Everything with one full version, such as 3.15.0rc1."""

    #: Five items.
    release_version: NormalizedPythonVersion
    #: At the time that was asked for.
    state: ReleaseState
    #: The earliest date of its source tarballs, else of anything in it, as the site lists them,
    #: UTC; None where it lists none.
    released: datetime | None
    #: The earliest and the latest date of its artifacts, UTC.
    first_modified: datetime | None
    last_modified: datetime | None
    #: Of which families there is something, in the order of FAMILIES.
    families: tuple[str, ...]
    #: How many, companions not counted.
    artifacts: int
    #: Of the artifacts whose size the site lists.
    bytes: int
    #: Artifacts with a signature beside them, from 0 to 1.
    signed_share: float
    #: Families of which one of the two before it has something that this one lacks; empty unless
    #: it is still expected to come.
    missing_families: tuple[str, ...]
    #: When nothing more is expected to come, UTC; None where no date tells.
    expected_complete_by: datetime | None
    #: Its best source tarball, below the site's root; None where it has none.
    source_path: str | None

    @property
    def version(self) -> str:
        """The version in PEP 440's spelling."""
        return self.release_version.text

    @property
    def series(self) -> str:
        """Major and minor, such as `3.13`."""
        return self.release_version.series

    @property
    def is_final(self) -> bool:
        """Whether it is a final release."""
        return self.release_version.is_final

    def __str__(self) -> str:
        lacks = f", lacks {', '.join(self.missing_families)}" if self.missing_families else ""
        return f"{self.version} {self.state}{lacks}"


#: What a file is to whoever looks for one of a kind: family, format, architecture.
_Form = tuple[str, str | None, str | None]


@dataclass(frozen=True, slots=True)
class _Kind:
    """The finals, or the pre-releases, of a series so far."""

    #: What the newest of them has.
    newest: frozenset[_Form] = frozenset()
    #: What the release before that one has.
    before: frozenset[_Form] = frozenset()
    #: How long any of them took from its release to its last file.
    habit: timedelta = SHORTEST_HABIT


def release_history(files: Iterable[ReleaseFile], *, now: datetime) -> list[PythonRelease]:
    """The releases that these files make up, sorted by version, with their states at `now`.

    A version that has documentation, symbols or manifests alone is no release.

    A release lacks a family if either of the two before it had a format or an architecture of it
    that this one has not: one may have been left unfinished, two in a row are a habit. "Before it"
    is, in this order: the final before a final and the pre-release before a pre-release of the same
    series; whatever else that series has before it; the newest of the series before, a final's a
    final and a pre-release's a pre-release. It is partial as long as it is younger than the longest
    time that those before it took, between SHORTEST_HABIT and LONGEST_HABIT.

    Time alone makes a partial release complete: see `next_change`. A complete one supersedes those
    before it: a final all of its series, a pre-release the pre-releases. A partial one supersedes
    nothing.

    Args:
        files: artifacts, in any order.
        now: UTC.
    """
    by_version: dict[NormalizedPythonVersion, list[ReleaseFile]] = {}
    for file in files:
        by_version.setdefault(file.release_version, []).append(file)
    kinds: dict[tuple[tuple[int, int], bool], _Kind] = {}
    releases = []
    for version in sorted(by_version):
        current = [file for file in by_version[version] if not file.superseded]
        if not any(is_release_type(file.artifact_type) for file in current):
            continue
        before = _before(version, kinds)
        release = _release(version, by_version[version], current, before, now)
        releases.append(release)
        key = _series(version), version.is_final
        kinds[key] = _Kind(
            newest=_forms(current),
            before=before.newest,
            habit=max(kinds.get(key, _Kind()).habit, _upload_time(release.released, current)),
        )
    return _with_states(releases)


def _with_states(releases: Sequence[PythonRelease]) -> list[PythonRelease]:
    complete: set[tuple[tuple[int, int], bool]] = set()
    found = []
    for release in reversed(releases):
        series, final = _series(release.release_version), release.is_final
        if (series, True) in complete or (not final and (series, False) in complete):
            state = ReleaseState.SUPERSEDED
        else:
            state = ReleaseState.PARTIAL if release.missing_families else ReleaseState.COMPLETE
        if not release.missing_families:
            complete.add((series, final))
        found.append(replace(release, state=state))
    return found[::-1]


def next_change(releases: Iterable[PythonRelease], now: datetime) -> datetime | None:
    """When time alone next changes what is told of these releases; None if never.

    A partial one becomes complete; of one whose date lies ahead, the date can be believed.

    Args:
        releases: as `release_history` gave them.
        now: the time that it was asked for, UTC.
    """
    times = []
    for release in releases:
        if release.missing_families and release.expected_complete_by is not None:
            times.append(release.expected_complete_by)
        if release.released is not None and release.released > now + CLOCK_SKEW:
            times.append(release.released - CLOCK_SKEW)
    return min(times, default=None)


def _before(
    version: NormalizedPythonVersion, kinds: dict[tuple[tuple[int, int], bool], _Kind]
) -> _Kind:
    series, final = _series(version), version.is_final
    nearest = max((known for known, _ in kinds if known < series), default=series)
    for key in ((series, final), (series, not final), (nearest, final), (nearest, not final)):
        if key in kinds:
            return kinds[key]
    return _Kind()


def _release(
    version: NormalizedPythonVersion,
    files: Sequence[ReleaseFile],
    current: Sequence[ReleaseFile],
    before: _Kind,
    now: datetime,
) -> PythonRelease:
    """A release, its state left open."""
    dates = _dates(current)
    sources = [file for file in current if file.artifact_type == "source-release"]
    released = min(_dates(sources) or dates, default=None)
    forms = _forms(current)
    lacking: frozenset[_Form] = frozenset()
    expected = None
    # Without a date that can be believed, a release could be partial for ever.
    if released is not None and released <= now + CLOCK_SKEW:
        expected = released + before.habit
        if now < expected:
            lacking = (before.newest | before.before) - forms
    return PythonRelease(
        release_version=version,
        state=ReleaseState.COMPLETE,
        released=released,
        first_modified=min(dates, default=None),
        last_modified=max(dates, default=None),
        families=_families(forms),
        artifacts=len(files),
        bytes=sum(file.size or 0 for file in files),
        signed_share=sum(file.signed for file in files) / len(files),
        missing_families=_families(lacking),
        expected_complete_by=expected,
        source_path=_best_source(sources),
    )


def _forms(files: Iterable[ReleaseFile]) -> frozenset[_Form]:
    return frozenset(
        (FAMILIES[file.artifact_type], file.format, file.arch)
        for file in files
        if file.artifact_type in FAMILIES
    )


def _families(forms: frozenset[_Form]) -> tuple[str, ...]:
    found = {family for family, _, _ in forms}
    return tuple(family for family in FAMILIES.values() if family in found)


def _upload_time(released: datetime | None, files: Sequence[ReleaseFile]) -> timedelta:
    if released is None:
        return SHORTEST_HABIT
    times = [date - released for date in _dates(files)]
    return max(time for time in times if time <= LONGEST_HABIT)


def _dates(files: Iterable[ReleaseFile]) -> list[datetime]:
    return [file.last_modified for file in files if file.last_modified is not None]


def _best_source(sources: Iterable[ReleaseFile]) -> str | None:
    ranked: list[tuple[Any, str]] = [
        (rank, file.path)
        for file in sources
        if not file.debug and (rank := source_rank(file.directory, file.format)) is not None
    ]
    return min(ranked)[1] if ranked else None


def _series(version: NormalizedPythonVersion) -> tuple[int, int]:
    return version[0], version[1]
