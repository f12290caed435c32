"""Releases: everything with one full version, and whether it is complete.

python/release-tools' run_release.py uploads a release in several steps: the sources and the Android
and iOS archives, the Windows files from a build of their own, the macOS installer from its release
manager. The site does not say what a release will have; the releases before it show.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final, NamedTuple

from pyorg_pipeline.model.artifacts import best_source, is_install_manager_zip, is_release_type
from pyorg_pipeline.model.series import is_security_release
from pyorg_pipeline.model.values import Value, fields_as_json
from pyorg_pipeline.model.versions import NormalizedPythonVersion, full_version

#: The families of artifacts by artifact type. Other types (debug symbols, the RPMs of 2.0) do not
#: make a release incomplete.
FAMILIES: Final = {
    "source-release": "source",
    "windows-release": "windows",
    "windows-manifest": "install_manager",
    "macos-release": "macos",
    "android-release": "android",
    "ios-release": "ios",
    "documentation": "documentation",
}
#: From this series on, the install manager's zips replace the installers for Windows (PEP 773).
_NO_INSTALLERS_SINCE: Final = (3, 16)

#: The installers are built by people in several time zones, within a day at least.
_SHORTEST_HABIT: Final = timedelta(days=1)
#: Files that come later were added to a release and are not part of its upload; also, one changed
#: date must not make releases partial for months.
LONGEST_HABIT: Final = timedelta(days=7)
#: A date further ahead of the clock was set by hand, and is not a date of release.
_CLOCK_SKEW: Final = timedelta(days=1)


class ReleaseState(StrEnum):
    """Whether a release is complete, and whether a newer one replaced it."""

    COMPLETE = "complete"
    #: It lacks something that one of the two before it had, and may still get it.
    PARTIAL = "partial"
    #: Its series has a newer complete release.
    SUPERSEDED = "superseded"


class ReleaseFile(NamedTuple):
    """The values of an artifact that its release is made from."""

    #: Five items.
    release_version: NormalizedPythonVersion
    path: str
    artifact_type: str
    format: str | None
    arch: str | None
    debug: bool
    superseded: bool
    size: int | None
    last_modified: datetime | None
    #: Whether it has a signature.
    signed: bool


@dataclass(frozen=True, slots=True, repr=False)
class PythonRelease(Value):
    """Everything with one full version, such as 3.15.0rc1."""

    #: In PEP 440's spelling.
    version: str
    #: Major and minor, such as `3.13`.
    series: str
    #: At the time for which it was determined.
    state: ReleaseState
    #: The earliest date of its source tarballs, else of any of its artifacts, as the site lists
    #: them, UTC; None if it lists none.
    released: datetime | None
    #: The earliest and the latest date of its artifacts, UTC.
    first_modified: datetime | None
    last_modified: datetime | None
    #: The families that it has artifacts of, in the order of FAMILIES.
    families: tuple[str, ...]
    #: How many, companions not counted.
    artifacts: int
    #: Of the artifacts whose size the site lists.
    bytes: int
    #: Artifacts with a signature beside them, from 0 to 1.
    signed_share: float
    #: Families of which one of the two releases before it has something that this one lacks, and
    #: that is still expected.
    missing_families: tuple[str, ...]
    #: When nothing more is expected, UTC; None without a date.
    expected_complete_by: datetime | None
    #: The path of its best source tarball; None if it has none.
    source_path: str | None

    @property
    def release_version(self) -> NormalizedPythonVersion:
        """The version as five items."""
        return full_version(self.version)

    @property
    def is_final(self) -> bool:
        """Whether it is a final release."""
        return self.release_version.is_final

    def to_dict(self) -> dict[str, Any]:
        """The fields and `is_final` in types that JSON has; times are ISO 8601 in UTC."""
        return {**fields_as_json(self), "is_final": self.is_final}

    def __lt__(self, other: object) -> bool:
        if not isinstance(other, PythonRelease):
            return NotImplemented
        return self.release_version < other.release_version

    def __str__(self) -> str:
        lacks = f", lacks {', '.join(self.missing_families)}" if self.missing_families else ""
        return f"{self.version} {self.state}{lacks}"


#: What a release may lack: family, format, architecture.
_Form = tuple[str, str | None, str | None]
#: The series of a release, and whether it is final.
_Key = tuple[tuple[int, int], bool]


class _Kind(NamedTuple):
    """The finals, or the pre-releases, of a series so far."""

    #: What the newest of them has, and the release before that one.
    newest: frozenset[_Form] = frozenset()
    before: frozenset[_Form] = frozenset()
    #: How long any of them took from its release to its last file.
    habit: timedelta = _SHORTEST_HABIT


def release_history(files: Iterable[ReleaseFile], *, now: datetime) -> list[PythonRelease]:
    """The releases that these files make up, sorted by version, with their states at `now`.

    A version that has only documentation, symbols or manifests is not a release.

    A release lacks a family if either of the two before it had a format or an architecture of it
    that this one does not have: one may have been left unfinished, two in a row were not. "Before
    it" is, in this order: in the same series the final before a final and the pre-release before a
    pre-release, then any other; in the series before, the newest one of its kind, then any other.
    It is partial as long as it is younger than the longest time that those before it took to
    upload, between a day and LONGEST_HABIT. Of a security release, only the source is expected.

    Time alone makes a partial release complete: see `next_change`. A complete one supersedes those
    before it: a final all of its series, a pre-release the pre-releases. A partial one supersedes
    nothing.
    """
    by_version: dict[NormalizedPythonVersion, list[ReleaseFile]] = {}
    for file in files:
        by_version.setdefault(file.release_version, []).append(file)
    kinds: dict[_Key, _Kind] = {}
    releases = []
    for version in sorted(by_version):
        current = [file for file in by_version[version] if not file.superseded]
        if not any(is_release_type(file.artifact_type) for file in current):
            continue
        key = version[:2], version.is_final
        before = _before(key, kinds)
        release = _release(by_version[version], current, before, now)
        releases.append(release)
        took = [date - release.released for date in _dates(current) if release.released]
        habits = [kinds.get(key, _Kind()).habit, *(time for time in took if time <= LONGEST_HABIT)]
        kinds[key] = _Kind(_forms(current), before.newest, max(habits))
    return _with_states(releases)


def next_change(releases: Iterable[PythonRelease], now: datetime) -> datetime | None:
    """When time alone next changes the state of one of these releases; None if never.

    A partial one becomes complete; a date ahead of the clock becomes a date of release.
    """
    times = []
    for release in releases:
        if release.missing_families and release.expected_complete_by is not None:
            times.append(release.expected_complete_by)
        if release.released is not None and release.released > now + _CLOCK_SKEW:
            times.append(release.released - _CLOCK_SKEW)
    return min(times, default=None)


def _before(key: _Key, kinds: Mapping[_Key, _Kind]) -> _Kind:
    series, final = key
    nearest = max((known for known, _ in kinds if known < series), default=series)
    for before in ((series, final), (series, not final), (nearest, final), (nearest, not final)):
        if before in kinds:
            return kinds[before]
    return _Kind()


def _release(
    files: Sequence[ReleaseFile], current: Sequence[ReleaseFile], before: _Kind, now: datetime
) -> PythonRelease:
    """A release, without its state."""
    dates = _dates(current)
    sources = [file for file in current if file.artifact_type == "source-release"]
    released = min(_dates(sources) or dates, default=None)
    forms = _forms(current)
    lacking: frozenset[_Form] = frozenset()
    expected = None
    # Without a plausible date a release could be partial for ever.
    if released is not None and released <= now + _CLOCK_SKEW:
        expected = released + before.habit
        if now < expected:
            lacking = (before.newest | before.before) - forms
        expected_families = _expected_families(files[0].release_version, released)
        lacking = frozenset(form for form in lacking if form[0] in expected_families)
    return PythonRelease(
        version=files[0].release_version.text,
        series=files[0].release_version.series,
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
        source_path=best_source((one.path, one.format) for one in sources if not one.debug),
    )


def _expected_families(version: NormalizedPythonVersion, released: datetime) -> set[str]:
    """The families that a release gets if those before it had them."""
    if is_security_release(version, released):
        return {"source"}
    found = set(FAMILIES.values())
    return found - {"windows"} if version[:2] >= _NO_INSTALLERS_SINCE else found


def _with_states(releases: Sequence[PythonRelease]) -> list[PythonRelease]:
    complete: set[_Key] = set()
    found = []
    for release in reversed(releases):
        series, final = release.release_version[:2], release.is_final
        if (series, True) in complete or (not final and (series, False) in complete):
            state = ReleaseState.SUPERSEDED
        else:
            state = ReleaseState.PARTIAL if release.missing_families else ReleaseState.COMPLETE
        if not release.missing_families:
            complete.add((series, final))
        found.append(replace(release, state=state))
    return found[::-1]


def _forms(files: Iterable[ReleaseFile]) -> frozenset[_Form]:
    return frozenset(
        # A macOS package for further architectures comes instead of the one before.
        (family, file.format, None if family == "macos" else file.arch)
        for file in files
        if (family := family_of(file))
    )


def family_of(file: ReleaseFile) -> str | None:
    """The family that an artifact belongs to; None if a release may lack it."""
    is_zip = is_install_manager_zip(file.artifact_type, file.path)
    return FAMILIES.get("windows-manifest" if is_zip else file.artifact_type)


def _families(forms: frozenset[_Form]) -> tuple[str, ...]:
    found = {family for family, _, _ in forms}
    return tuple(family for family in FAMILIES.values() if family in found)


def _dates(files: Iterable[ReleaseFile]) -> list[datetime]:
    return [file.last_modified for file in files if file.last_modified is not None]
