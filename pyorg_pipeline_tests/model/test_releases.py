"""When a release is complete, partial or superseded: on recorded histories and in edge cases."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from itertools import chain

import pytest

from pyorg_pipeline.model.releases import (
    LONGEST_HABIT,
    PythonRelease,
    ReleaseFile,
    ReleaseState,
    next_change,
    release_history,
)
from pyorg_pipeline.model.versions import NormalizedPythonVersion
from pyorg_pipeline_tests.support.release_stages import (
    STAGES,
    Stage,
    files_of,
    release_files,
    series_directories,
)

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
NOON = datetime(2025, 10, 7, 12, tzinfo=UTC)

#: Of 3.14.0 in the record.
RELEASED = datetime(2025, 10, 7, 14, 16, tzinfo=UTC)

TYPES = {
    "source": ("source-release", "tarball_lzma"),
    "windows": ("windows-release", "executable"),
    "macos": ("macos-release", "installer_package"),
    "android": ("android-release", "tarball_deflate"),
    "documentation": ("documentation", "html_help"),
    "symbols": ("windows-support", "zip"),
}


def version(text: str) -> NormalizedPythonVersion:
    """A version from text such as `3.14.0` or `3.14.0 candidate 2`."""
    numbers, _, level = text.partition(" ")
    name, _, serial = level.partition(" ")
    major, minor, micro = numbers.split(".")
    return NormalizedPythonVersion(major, minor, micro, name or "final", serial or 0)


def files(
    text: str, *kinds: str, date: datetime | None = NOON - 100 * DAY, **changes: object
) -> list[ReleaseFile]:
    """One file of each kind for a version; a kind may have an architecture: `windows/arm64`."""
    found = []
    for kind in kinds:
        family, _, arch = kind.partition("/")
        artifact_type, packing = TYPES[family]
        one = ReleaseFile(
            release_version=version(text),
            path=f"x/{kind}-{text}",
            artifact_type=artifact_type,
            format=packing,
            arch=arch or None,
            debug=False,
            superseded=False,
            size=10,
            last_modified=date,
            signed=False,
        )
        found.append(one._replace(**changes))  # type: ignore[arg-type]
    return found


def history(*given: Iterable[ReleaseFile], now: datetime = NOON) -> dict[str, PythonRelease]:
    return {one.version: one for one in release_history(chain(*given), now=now)}


def states(*given: Iterable[ReleaseFile], now: datetime = NOON) -> dict[str, str]:
    return {text: str(one) for text, one in history(*given, now=now).items()}


class Test3140:
    """3.14.0's directory in its stages, with the dates of the record."""

    @pytest.fixture
    def before(self) -> list[ReleaseFile]:
        recorded = release_files("3.13.8", "3.13.9", "3.14.0")
        return [
            one
            for one in recorded
            if one.release_version.series == "3.13" or not one.release_version.is_final
        ]

    def upto(self, stage: Stage) -> list[ReleaseFile]:
        there = {entry.name for one in STAGES[: STAGES.index(stage) + 1] for entry in files_of(one)}
        return [one for one in release_files("3.14.0") if one.path.rpartition("/")[2] in there]

    def test_with_the_candidates_alone_the_last_of_them_is_complete(
        self, before: list[ReleaseFile]
    ) -> None:
        found = history(before, now=RELEASED)
        assert list(found)[-3:] == ["3.14.0rc1", "3.14.0rc2", "3.14.0rc3"]
        assert found["3.14.0rc3"].state == "complete"
        assert found["3.14.0rc2"].state == "superseded"
        assert found["3.14.0rc3"].families == ("source", "windows", "macos", "android")

    @pytest.mark.parametrize("stage", STAGES, ids=[stage.name for stage in STAGES])
    def test_the_final_is_partial_until_it_has_what_the_last_candidate_had(
        self, before: list[ReleaseFile], stage: Stage
    ) -> None:
        found = history(before, self.upto(stage), now=RELEASED + 2 * HOUR)
        final, candidate = found["3.14.0"], found["3.14.0rc3"]
        assert final.missing_families == stage.lacks
        assert final.released == RELEASED
        assert final.expected_complete_by == RELEASED + DAY
        if stage.lacks:
            assert (final.state, candidate.state) == ("partial", "complete")
        else:
            assert (final.state, candidate.state) == ("complete", "superseded")

    def test_what_never_comes_is_waited_for_one_day(self, before: list[ReleaseFile]) -> None:
        sources = self.upto(STAGES[0])
        last = history(before, sources, now=RELEASED + DAY - timedelta(milliseconds=1))
        assert last["3.14.0"].state == "partial"
        then = history(before, sources, now=RELEASED + DAY)
        assert then["3.14.0"].state == "complete"
        assert then["3.14.0"].missing_families == ()
        assert then["3.14.0rc3"].state == "superseded"


class TestSecurityOnlySeries:
    """3.12 had installers up to 3.12.10, and sources alone from 3.12.11 on."""

    @staticmethod
    def at(release: str, time: timedelta) -> PythonRelease:
        directories = series_directories("3.12")
        known = release_files(*directories[: directories.index(release) + 1])
        released = min(
            one.last_modified
            for one in known
            if one.last_modified and one.path.startswith(f"{release}/")
        )
        return history(known, now=released + time)[release]

    def test_a_tarball_alone_is_complete_after_two_like_it(self) -> None:
        release = self.at("3.12.13", timedelta(0))
        assert release.families == ("source",)
        assert str(release) == "3.12.13 complete"

    @pytest.mark.parametrize("version", ["3.12.11", "3.12.12"])
    def test_the_first_two_look_half_uploaded_for_a_day(self, version: str) -> None:
        assert str(self.at(version, HOUR)) == f"{version} partial, lacks windows, macos"
        assert str(self.at(version, DAY)) == f"{version} complete"


class TestWhatWasBefore:
    def test_finals_are_measured_by_finals_and_pre_releases_by_pre_releases(self) -> None:
        known = [
            *files("3.14.0", "source", "windows"),
            *files("3.14.1 candidate 1", "source"),
            *files("3.14.1 candidate 2", "source"),
        ]
        young = files("3.14.1", "source", date=NOON)
        assert states(known, young)["3.14.1"] == "3.14.1 partial, lacks windows"
        young = files("3.14.1 candidate 3", "source", date=NOON)
        assert states(known, young)["3.14.1rc3"] == "3.14.1rc3 complete"

    def test_one_unfinished_release_is_no_habit_and_two_in_a_row_are(self) -> None:
        known = files("3.13.9", "source", "windows")
        left = files("3.13.10", "source", date=NOON - 3 * DAY)
        young = files("3.13.11", "source", date=NOON)
        assert states(known, left, young) == {
            "3.13.9": "3.13.9 superseded",
            "3.13.10": "3.13.10 complete",
            "3.13.11": "3.13.11 partial, lacks windows",
        }
        again = files("3.13.12", "source", date=NOON)
        assert states(known, left, young, again)["3.13.12"] == "3.13.12 complete"

    def test_a_first_final_that_was_left_unfinished_is_no_habit(self) -> None:
        known = files("3.14.0 candidate 3", "source", "windows")
        left = files("3.14.0", "source", date=NOON - 3 * DAY)
        young = files("3.14.1", "source", date=NOON)
        assert states(known, left, young)["3.14.1"] == "3.14.1 partial, lacks windows"

    def test_3_7_0rc2_has_no_installers_and_the_next_candidate_needs_them(
        self,
    ) -> None:
        recorded = release_files("3.7.0", "3.7.1")
        candidate = version("3.7.1 candidate 1")
        before = [one for one in recorded if one.release_version < candidate]
        of_it = [one for one in recorded if one.release_version == candidate]
        sources = [one for one in of_it if one.artifact_type == "source-release"]
        released = min(one.last_modified for one in sources if one.last_modified)
        found = history(before, sources, now=released + HOUR)
        assert found["3.7.0rc2"].families == ("source",)
        assert str(found["3.7.1rc1"]) == "3.7.1rc1 partial, lacks windows, macos, documentation"

    def test_the_first_final_of_a_series_is_measured_by_its_last_pre_releases(self) -> None:
        known = [
            *files("3.14.0", "source"),
            *files("3.15.0 beta 1", "source", "macos"),
            *files("3.15.0 candidate 1", "source", "windows"),
            *files("3.15.0 candidate 2", "source"),
        ]
        young = files("3.15.0", "source", date=NOON)
        assert states(known, young)["3.15.0"] == "3.15.0 partial, lacks windows"

    def test_the_first_of_a_series_is_measured_by_earlier_pre_releases(
        self,
    ) -> None:
        known = [
            *files("3.13.0 candidate 1", "source", "macos"),
            *files("3.14.0 candidate 1", "source", "windows"),
            *files("3.14.0 candidate 2", "source", "windows"),
            *files("3.14.5", "source"),
        ]
        young = files("3.15.0 alpha 1", "source", date=NOON)
        assert states(known, young)["3.15.0a1"] == "3.15.0a1 partial, lacks windows"

    def test_the_first_release_of_all_is_complete(self) -> None:
        assert states(files("3.14.0", "source", date=NOON)) == {"3.14.0": "3.14.0 complete"}

    def test_a_family_is_lacking_while_one_of_its_architectures_is(self) -> None:
        known = files("3.14.0", "source", "windows/amd64", "windows/arm64")
        young = files("3.14.1", "source", "windows/amd64", date=NOON)
        release = history(known, young)["3.14.1"]
        assert release.families == ("source", "windows")
        assert release.missing_families == ("windows",)

    def test_installers_that_come_before_the_sources_are_partial(self) -> None:
        known = files("3.14.0", "source", "windows")
        young = files("3.14.1", "windows", date=NOON)
        release = history(known, young)["3.14.1"]
        assert str(release) == "3.14.1 partial, lacks source"
        assert release.released == NOON

    def test_more_than_before_is_complete_at_once(self) -> None:
        known = files("3.14.0 candidate 1", "source")
        young = files("3.14.0 candidate 2", "source", "android", date=NOON)
        assert states(known, young)["3.14.0rc2"] == "3.14.0rc2 complete"

    def test_an_incomplete_one_that_was_superseded_lowers_nothing(self) -> None:
        known = files("3.14.0", "source", "windows", "macos")
        hasty = files("3.14.1", "source", "windows", date=NOON - 2 * HOUR)
        young = files("3.14.2", "source", date=NOON - HOUR)
        assert states(known, hasty, young) == {
            "3.14.0": "3.14.0 complete",
            "3.14.1": "3.14.1 partial, lacks macos",
            "3.14.2": "3.14.2 partial, lacks windows, macos",
        }

    def test_symbols_and_superseded_files_are_not_waited_for(self) -> None:
        known = [
            *files("3.14.0", "source", "symbols"),
            *files("3.14.0", "macos", superseded=True),
        ]
        young = files("3.14.1", "source", date=NOON)
        assert states(known, young)["3.14.1"] == "3.14.1 complete"
        assert history(known)["3.14.0"].artifacts == 3

    def test_documentation_alone_is_no_release(self) -> None:
        assert history(files("3.14.0", "documentation", "symbols")) == {}


class TestHabit:
    @staticmethod
    def expected(*took: timedelta) -> timedelta:
        """How long a release may take after others that took so long for their installers."""
        start = NOON - 100 * DAY
        known = []
        for micro, time in enumerate(took):
            known += files(f"3.14.{micro}", "source", date=start)
            known += files(f"3.14.{micro}", "macos", date=start + time)
        release = history(known, files("3.14.9", "source", date=NOON))["3.14.9"]
        assert release.expected_complete_by is not None
        return release.expected_complete_by - NOON

    def test_the_longest_of_those_before_counts(self) -> None:
        assert self.expected(HOUR, 50 * HOUR, 2 * HOUR) == 50 * HOUR

    def test_it_is_at_least_a_day(self) -> None:
        assert self.expected(HOUR) == DAY

    def test_files_that_were_added_months_later_or_dated_before_do_not_count(self) -> None:
        assert self.expected(LONGEST_HABIT + HOUR, -30 * DAY) == DAY
        assert self.expected(LONGEST_HABIT) == LONGEST_HABIT

    def test_a_new_series_has_the_habit_of_the_one_before(self) -> None:
        known = [
            *files("3.14.0 candidate 1", "source"),
            *files("3.14.0 candidate 1", "macos", date=NOON - 100 * DAY + 30 * HOUR),
        ]
        release = history(known, files("3.15.0 alpha 1", "source", date=NOON))["3.15.0a1"]
        assert release.expected_complete_by == NOON + 30 * HOUR


class TestDates:
    def test_the_release_date_is_that_of_the_first_source_tarball(self) -> None:
        release = history(
            files("3.14.0", "windows", date=NOON - 200 * DAY),
            files("3.14.0", "source", date=NOON - 100 * DAY),
            files("3.14.0", "macos", date=NOON - 99 * DAY),
        )["3.14.0"]
        assert release.released == NOON - 100 * DAY
        assert release.first_modified == NOON - 200 * DAY
        assert release.last_modified == NOON - 99 * DAY

    @pytest.mark.parametrize("date", [None, NOON + 100 * DAY])
    def test_without_a_plausible_date_nothing_is_partial_for_ever(
        self, date: datetime | None
    ) -> None:
        known = files("3.14.0", "source", "windows")
        release = history(known, files("3.14.1", "source", date=date))["3.14.1"]
        assert str(release) == "3.14.1 complete"
        assert release.expected_complete_by is None
        assert release.released == date

    def test_a_clock_that_is_slow_makes_nothing_complete(self) -> None:
        known = files("3.14.0", "source", "windows")
        young = files("3.14.1", "source", date=NOON + HOUR)
        assert states(known, young)["3.14.1"] == "3.14.1 partial, lacks windows"


class TestSuperseded:
    def test_a_complete_final_supersedes_all_before_it_in_its_series_alone(self) -> None:
        found = history(
            files("3.13.9", "source"),
            files("3.14.0 candidate 1", "source"),
            files("3.14.0", "source"),
            files("3.14.1 candidate 1", "source"),
            files("3.14.1", "source"),
        )
        assert {text: one.state for text, one in found.items()} == {
            "3.13.9": "complete",
            "3.14.0rc1": "superseded",
            "3.14.0": "superseded",
            "3.14.1rc1": "superseded",
            "3.14.1": "complete",
        }

    def test_a_pre_release_supersedes_pre_releases_and_no_final(self) -> None:
        found = history(
            files("3.14.0 candidate 1", "source"),
            files("3.14.4", "source"),
            files("3.14.5 candidate 1", "source"),
            files("3.14.5 candidate 2", "source"),
        )
        assert [one.state for one in found.values()] == [
            "superseded",
            "complete",
            "superseded",
            "complete",
        ]

    def test_a_partial_one_is_superseded_and_still_incomplete(self) -> None:
        known = files("3.14.0", "source", "windows")
        hasty = files("3.14.1", "source", date=NOON - 2 * HOUR)
        whole = files("3.14.2", "source", "windows", date=NOON - HOUR)
        release = history(known, hasty, whole)["3.14.1"]
        assert release.state is ReleaseState.SUPERSEDED
        assert release.missing_families == ("windows",)


class TestTimePassing:
    def test_a_partial_release_becomes_complete_and_supersedes(self) -> None:
        known = [*files("3.14.0", "source", "windows"), *files("3.14.1", "source", date=NOON)]
        found = release_history(known, now=NOON)
        assert [str(one) for one in found] == ["3.14.0 complete", "3.14.1 partial, lacks windows"]
        assert next_change(found, NOON) == NOON + DAY
        later = release_history(known, now=NOON + DAY)
        assert [str(one) for one in later] == ["3.14.0 superseded", "3.14.1 complete"]
        assert next_change(later, NOON + DAY) is None

    def test_a_date_ahead_of_the_clock_counts_from_a_day_before_it(self) -> None:
        ahead = NOON + 100 * DAY
        known = [*files("3.14.0", "source", "windows"), *files("3.14.1", "source", date=ahead)]
        found = release_history(known, now=NOON)
        assert [one.state for one in found] == ["superseded", "complete"]
        assert next_change(found, NOON) == ahead - DAY
        found = release_history(known, now=ahead - DAY)
        assert [one.state for one in found] == ["complete", "partial"]
        assert next_change(found, ahead - DAY) == ahead + DAY

    @pytest.mark.parametrize("start", range(0, 60, 7))
    def test_until_the_next_change_the_files_tell_the_same(self, start: int) -> None:
        known = [
            *files("3.13.9", "source", "windows"),
            *files("3.13.10", "source", date=NOON),
            *files("3.13.11", "source", date=NOON + 12 * HOUR),
            *files("3.13.12", "source", "windows", date=NOON + 50 * HOUR),
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


def test_the_same_files_in_another_order_give_the_same_releases() -> None:
    known = release_files(*series_directories("3.14"))
    then = datetime(2025, 10, 7, 15, tzinfo=UTC)
    assert release_history(known, now=then) == release_history(known[::-1], now=then)


def test_the_source_of_a_release_is_its_best_packing_without_debug_builds() -> None:
    [release] = release_history(
        [
            *files("3.14.0", "source", path="x/b", format="tarball_deflate"),
            *files("3.14.0", "source", path="x/c", format="tarball_lzma", signed=True),
            *files("3.14.0", "source", path="x/a", format="tarball_lzma", debug=True),
            *files("3.14.0", "windows", path="x/d", size=None),
        ],
        now=NOON,
    )
    assert release.source_path == "x/c"
    assert (release.artifacts, release.bytes, release.signed_share) == (4, 30, 0.25)
