"""When a release is complete, partial or superseded: on recorded histories and in edge cases."""

from __future__ import annotations

import random
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from itertools import chain

import pytest

from pyorg_pipeline.model.releases import (
    LONGEST_HABIT,
    PythonRelease,
    ReleaseFile,
    next_change,
    release_history,
)
from pyorg_pipeline.model.versions import NormalizedPythonVersion
from pyorg_pipeline_tests.support.release_stages import release_files, series_directories

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
NOON = datetime(2025, 10, 7, 12, tzinfo=UTC)

TYPES = {
    "source": ("source-release", "tarball_lzma"),
    "windows": ("windows-release", "executable"),
    "zip": ("windows-release", "archive_deflate"),
    "embed": ("windows-release", "archive_deflate"),
    "manifest": ("windows-manifest", "json"),
    "macos": ("macos-release", "installer_package"),
    "android": ("android-release", "tarball_deflate"),
    "documentation": ("documentation", "html_help"),
    "symbols": ("windows-support", "zip"),
}


def files(
    release: str, date: datetime | None = NOON - 100 * DAY, **changes: object
) -> list[ReleaseFile]:
    """The files of a release, such as `3.14.0rc1 source windows/arm64`, one of each kind."""
    text, *kinds = release.split()
    parsed = NormalizedPythonVersion.parse(text)
    level = parsed[3:] or ("final", 0)
    version = NormalizedPythonVersion(*parsed[:3], *level)
    found = []
    for kind in kinds:
        family, _, arch = kind.partition("/")
        suffix = ".zip" if family in {"zip", "embed"} else ""
        names = (f"x/{text}-{kind}-{suffix}", *TYPES[family], arch or None)
        one = ReleaseFile(version, *names, False, False, size=10, last_modified=date, signed=False)
        found.append(one._replace(**changes))  # type: ignore[arg-type]
    return found


def history(*given: Iterable[ReleaseFile], now: datetime = NOON) -> dict[str, PythonRelease]:
    return {one.version: one for one in release_history(chain(*given), now=now)}


def states(*given: Iterable[ReleaseFile], now: datetime = NOON) -> list[str]:
    return [str(one) for one in history(*given, now=now).values()]


@pytest.mark.parametrize("release", ["3.12.11", "3.12.12"])
def test_security_releases_are_complete_without_installers(release: str) -> None:
    # 3.12 had installers up to 3.12.10.
    directories = series_directories("3.12")
    known = release_files(*directories[: directories.index(release) + 1])
    random.shuffle(known)
    dates = [one.last_modified for one in known if one.path.startswith(f"{release}/")]
    released = min(date for date in dates if date)
    assert str(history(known, now=released)[release]) == f"{release} complete"


@pytest.mark.parametrize(
    ("known", "young", "state"),
    [
        # Finals are compared with finals, pre-releases with pre-releases.
        (
            "3.14.0 source windows, 3.14.1rc1 source, 3.14.1rc2 source",
            *("3.14.1 source", "partial, lacks windows"),
        ),
        (
            "3.14.0 source windows, 3.14.1rc1 source, 3.14.1rc2 source",
            *("3.14.1rc3 source", "complete"),
        ),
        # The first final of a series is compared with its last two pre-releases.
        (
            "3.14.0 source, 3.15.0b1 source macos, 3.15.0rc1 source windows, 3.15.0rc2 source",
            *("3.15.0 source", "partial, lacks windows"),
        ),
        # The first of a series is compared with the pre-releases of the series before.
        (
            "3.13.0rc1 macos, 3.14.0rc1 windows, 3.14.0rc2 windows, 3.14.5 source",
            *("3.15.0a1 source", "partial, lacks windows"),
        ),
        # A family is missing while one of its architectures is.
        (
            "3.14.0 source windows/amd64 windows/arm64",
            *("3.14.1 source windows/amd64", "partial, lacks windows"),
        ),
        # Universal packages came instead of the ones before.
        ("3.9.8 source macos/x86_64", "3.9.9 source macos/universal2", "complete"),
        ("3.14.0 source windows", "3.14.1 windows", "partial, lacks source"),
        ("3.14.0rc1 source", "3.14.0rc2 source android", "complete"),
        # The install manager's zips and manifest are a family.
        ("3.14.0 source embed", *("3.14.1 source", "partial, lacks windows")),
        ("3.14.0 source zip", *("3.14.1 source", "partial, lacks install_manager")),
        ("3.14.0 source zip manifest", *("3.14.1 source zip", "partial, lacks install_manager")),
        ("3.14.0 source zip manifest", *("3.14.1 source zip manifest", "complete")),
        # There are no installers from 3.16 on.
        (
            "3.15.0rc1 source windows zip, 3.15.0rc2 source windows zip",
            *("3.16.0a1 source", "partial, lacks install_manager"),
        ),
        (
            "3.15.0rc1 source windows zip, 3.15.0rc2 source windows zip",
            *("3.16.0a1 source zip", "complete"),
        ),
        # Debug symbols are not expected.
        ("3.14.0 source symbols", "3.14.1 source", "complete"),
        # The first release of all.
        ("", "3.14.0 source", "complete"),
    ],
)
def test_a_young_release_lacks_what_the_two_before_it_had(
    known: str, young: str, state: str
) -> None:
    before = [files(release) for release in known.split(", ") if release]
    expected = f"{young.partition(' ')[0]} {state}"
    assert states(*before, files(young, NOON))[-1] == expected
    # A clock that is slow makes no difference.
    assert states(*before, files(young, NOON + HOUR))[-1] == expected


def test_two_unfinished_releases_in_a_row_lower_what_is_expected_and_one_does_not() -> None:
    known = files("3.13.9 source windows")
    left = files("3.13.10 source", NOON - 3 * DAY)
    young = files("3.13.11 source", NOON)
    assert states(known, left, young) == [
        "3.13.9 superseded",
        "3.13.10 complete",
        "3.13.11 partial, lacks windows",
    ]
    assert states(known, left, young, files("3.13.12 source", NOON))[-1] == "3.13.12 complete"
    # The same after a first final.
    known = files("3.14.0rc3 source windows")
    left = files("3.14.0 source", NOON - 3 * DAY)
    assert states(known, left, files("3.14.1 source", NOON))[-1] == "3.14.1 partial, lacks windows"


def test_an_incomplete_release_does_not_lower_what_is_expected() -> None:
    known = files("3.14.0 source windows macos")
    hasty = files("3.14.1 source windows", NOON - 2 * HOUR)
    assert states(known, hasty, files("3.14.2 source", NOON - HOUR)) == [
        "3.14.0 complete",
        "3.14.1 partial, lacks macos",
        "3.14.2 partial, lacks windows, macos",
    ]
    whole = files("3.14.2 source windows macos", NOON - HOUR)
    assert states(known, hasty, whole)[1] == "3.14.1 superseded, lacks macos"


def test_superseded_files_are_counted_but_not_expected() -> None:
    known = [*files("3.14.0 source"), *files("3.14.0 macos", superseded=True)]
    assert states(known, files("3.14.1 source", NOON))[-1] == "3.14.1 complete"
    assert history(known)["3.14.0"].artifacts == 2


def test_documentation_alone_is_not_a_release() -> None:
    assert history(files("3.14.0 documentation symbols")) == {}


@pytest.mark.parametrize(
    ("took", "expected"),
    [
        # The longest before counts, but no less than a day.
        ([HOUR, 50 * HOUR, 2 * HOUR], 50 * HOUR),
        ([HOUR], DAY),
        # Files that were added months later, or dated before, do not count.
        ([LONGEST_HABIT], LONGEST_HABIT),
        ([LONGEST_HABIT + HOUR, -30 * DAY], DAY),
    ],
)
def test_a_release_is_partial_as_long_as_those_before_took(
    took: list[timedelta], expected: timedelta
) -> None:
    start = NOON - 100 * DAY
    known = []
    for micro, time in enumerate(took):
        known += files(f"3.14.{micro} source", start)
        known += files(f"3.14.{micro} macos", start + time)
    for young in ("3.14.9", "3.15.0a1"):
        release = history(known, files(f"{young} source", NOON))[young]
        assert release.expected_complete_by == NOON + expected


def test_the_release_date_is_that_of_the_first_source_tarball() -> None:
    release = history(
        files("3.14.0 windows", NOON - 200 * DAY),
        files("3.14.0 source", NOON - 100 * DAY),
        files("3.14.0 macos", NOON - 99 * DAY),
    )["3.14.0"]
    assert release.released == NOON - 100 * DAY
    assert release.first_modified == NOON - 200 * DAY
    assert release.last_modified == NOON - 99 * DAY


@pytest.mark.parametrize("date", [None, NOON + 100 * DAY])
def test_a_release_without_a_plausible_date_is_complete(date: datetime | None) -> None:
    release = history(files("3.14.0 source windows"), files("3.14.1 source", date))["3.14.1"]
    assert str(release) == "3.14.1 complete"
    assert release.expected_complete_by is None
    assert release.released == date


@pytest.mark.parametrize(
    ("releases", "expected"),
    [
        # A complete final supersedes all before it in its series.
        (
            ["3.13.9", "3.14.0rc1", "3.14.0", "3.14.1rc1", "3.14.1"],
            ["complete", "superseded", "superseded", "superseded", "complete"],
        ),
        # A pre-release supersedes pre-releases and no final.
        (
            ["3.14.0rc1", "3.14.4", "3.14.5rc1", "3.14.5rc2"],
            ["superseded", "complete", "superseded", "complete"],
        ),
    ],
)
def test_a_complete_release_supersedes_those_before_it_in_its_series(
    releases: list[str], expected: list[str]
) -> None:
    found = history(*(files(f"{text} source") for text in releases))
    assert [one.state for one in found.values()] == expected


def test_a_partial_release_becomes_complete_and_supersedes() -> None:
    known = [*files("3.14.0 source windows"), *files("3.14.1 source", NOON)]
    found = release_history(known, now=NOON)
    assert [str(one) for one in found] == ["3.14.0 complete", "3.14.1 partial, lacks windows"]
    assert next_change(found, NOON) == NOON + DAY
    later = release_history(known, now=NOON + DAY)
    assert [str(one) for one in later] == ["3.14.0 superseded", "3.14.1 complete"]
    assert next_change(later, NOON + DAY) is None


def test_a_date_ahead_of_the_clock_counts_from_a_day_before_it() -> None:
    ahead = NOON + 100 * DAY
    known = [*files("3.14.0 source windows"), *files("3.14.1 source", ahead)]
    found = release_history(known, now=NOON)
    assert [one.state for one in found] == ["superseded", "complete"]
    assert next_change(found, NOON) == ahead - DAY
    found = release_history(known, now=ahead - DAY)
    assert [one.state for one in found] == ["complete", "partial"]
    assert next_change(found, ahead - DAY) == ahead + DAY


@pytest.mark.parametrize("start", range(0, 60, 7))
def test_releases_stay_the_same_until_the_next_change(start: int) -> None:
    known = [
        *files("3.13.9 source windows"),
        *files("3.13.10 source", NOON),
        *files("3.13.11 source", NOON + 12 * HOUR),
        *files("3.13.12 source windows", NOON + 50 * HOUR),
    ]
    now = NOON + start * HOUR
    found = release_history(known, now=now)
    until = next_change(found, now)
    for hour in range(start, 90):
        time = NOON + hour * HOUR
        if until is None or time < until:
            assert release_history(known, now=time) == found
    if until is not None:
        assert release_history(known, now=until) != found


def test_the_source_of_a_release_is_its_best_packing_without_debug_builds() -> None:
    release = history(
        files("3.14.0 source", path="x/b", format="tarball_deflate"),
        files("3.14.0 source", path="x/c", format="tarball_lzma", signed=True),
        files("3.14.0 source", path="x/a", format="tarball_lzma", debug=True),
        files("3.14.0 windows", path="x/d", size=None),
    )["3.14.0"]
    assert release.source_path == "x/c"
    assert (release.artifacts, release.bytes, release.signed_share) == (4, 30, 0.25)
