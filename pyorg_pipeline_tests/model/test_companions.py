"""Which files of a listing belong together."""

from __future__ import annotations

import random
from datetime import UTC, datetime

import pytest

from pyorg_pipeline.demo.replica.record import read_record
from pyorg_pipeline.model.artifacts import UNRECOGNISED
from pyorg_pipeline.model.companions import (
    Entry,
    ListedArtifact,
    companion_name,
    group_listing,
    looks_like_companion,
)
from pyorg_pipeline.model.versions import NormalizedPythonVersion


def grouped(directory: str, *names: str) -> dict[str, tuple[str, ...]]:
    """Each artifact's and unrecognised file's companions."""
    entries = [Entry(name, is_directory=False, last_modified=None, size=None) for name in names]
    return {
        artifact.entry.name: artifact.companions for artifact in group_listing(directory, entries)
    }


def test_a_file_named_after_an_artifact_is_its_companion() -> None:
    assert grouped(
        "3.13.9",
        "python-3.13.9-amd64.exe",
        "python-3.13.9-amd64.exe.spdx.json",
        "python-3.13.9-amd64.exe.sigstore",
        "python-3.13.9-amd64.exe.asc",
        "python-3.13.9.exe",
        "python-3.13.9.exe.asc",
        "windows-3.13.9.json",
        "windows-3.13.9.json.sigstore",
    ) == {
        "python-3.13.9-amd64.exe": (".asc", ".sigstore", ".spdx.json"),
        "python-3.13.9.exe": (".asc",),
        "windows-3.13.9.json": (".sigstore",),
    }


def test_an_artifact_s_companions_may_end_in_anything() -> None:
    assert grouped(
        "3.9.0",
        "Python-3.9.0.tgz",
        "Python-3.9.0.tgz.tar",
        "Python-3.9.0.tgz.asc.sigstore",
        "Python-3.9.0.tgz.never seen",
        "Python-3.9.0.tgz.",
    ) == {"Python-3.9.0.tgz": (".", ".asc.sigstore", ".never seen", ".tar")}


def test_an_artifact_is_nobody_s_companion_and_the_longest_owner_counts() -> None:
    assert grouped(
        "3.9.0",
        "Python-3.9.0.tar",
        "Python-3.9.0.tar.asc",
        "Python-3.9.0.tar.xz",
        "Python-3.9.0.tar.xz.asc",
    ) == {"Python-3.9.0.tar": (".asc",), "Python-3.9.0.tar.xz": (".asc",)}


def test_without_a_dot_between_a_name_is_not_about_another() -> None:
    assert grouped("3.9.0", "Python-3.9.0.tgz", "Python-3.9.0.tgz-asc", "Python-3.9.0.tgz~") == {
        "Python-3.9.0.tgz": (),
        "Python-3.9.0.tgz-asc": (),
        "Python-3.9.0.tgz~": (),
    }


def test_a_companion_s_name_is_found_by_its_suffix() -> None:
    names = {
        "python-3.10.0-macos11.pkg",
        "python-3.10.0-macos11.pkg.asc",
        "python-3.10.0-macos11.pkg.asc_superceded",
        "python-3.10.0-macos11.pkg_superceded",
        "python-3.10.0-macos11.pkg_superceded.sigstore",
        "python-3.10.0.exe.spdx.json_superseded",
        "python-3.10.0.exe_superseded",
    }
    groups = grouped("3.10.0", *names)
    assert groups["python-3.10.0-macos11.pkg_superceded"] == (".asc_superceded", ".sigstore")
    assert groups["python-3.10.0.exe_superseded"] == (".spdx.json_superseded",)
    found = [companion_name(owner, suffix) for owner in groups for suffix in groups[owner]]
    assert sorted([*groups, *found]) == sorted(names)


def test_all_recorded_companions_are_found_by_their_suffixes() -> None:
    listings: dict[str, list[Entry]] = {}
    for recorded in read_record():
        directory, _, name = recorded.path.partition("/")
        if name and "/" not in name:
            entry = Entry(name, is_directory=False, last_modified=None, size=None)
            listings.setdefault(directory, []).append(entry)
    companions = 0
    for directory, entries in listings.items():
        for artifact in group_listing(directory, entries):
            names = [companion_name(artifact.entry.name, end) for end in artifact.companions]
            assert names == [entry.name for entry in artifact.companion_entries]
            companions += len(names)
    assert companions > 6000


def test_a_marked_companion_does_not_go_to_the_artifact_that_replaced_its_own() -> None:
    assert grouped(
        "3.10.0",
        "python-3.10.0-macos11.pkg",
        "python-3.10.0-macos11.pkg.asc_superceded",
        "python-3.10.0-macos11.pkg_superseded",
    ) == {
        "python-3.10.0-macos11.pkg": (),
        "python-3.10.0-macos11.pkg.asc_superceded": (),
        "python-3.10.0-macos11.pkg_superseded": (),
    }


def test_an_unrecognised_file_has_companions_of_known_kinds_only() -> None:
    assert grouped(
        "2.0",
        "expat-1.1-1.i386.rpm",
        "expat-1.1-1.i386.rpm.asc",
        "expat-1.1-1.i386.rpm.SHA256",
        "expat-1.1-1.i386.rpm.asc.sigstore",
        "expat-1.1-1.i386.rpm.spdx.json",
        "expat-1.1-1.i386.rpm.json",
        "README",
        "README.ftp",
        "README.ftp.md5",
    ) == {
        "expat-1.1-1.i386.rpm": (".SHA256", ".asc", ".asc.sigstore", ".spdx.json"),
        "expat-1.1-1.i386.rpm.json": (),
        "README": (),
        "README.ftp": (".md5",),
    }


def test_a_companion_without_its_artifact_is_kept_as_unrecognised() -> None:
    entry = Entry("Python-3.9.0.tgz.asc", is_directory=False, last_modified=None, size=833)

    assert group_listing("3.9.0", [entry]) == [
        ListedArtifact(entry, NormalizedPythonVersion(3, 9, 0), UNRECOGNISED, {}, (), ())
    ]


def test_an_artifact_has_its_parsed_name_and_the_entries_of_its_companions() -> None:
    modified = datetime(2025, 10, 7, 9, 30, tzinfo=UTC)
    tarball = Entry("Python-3.14.0.tgz", is_directory=False, last_modified=modified, size=30)
    bundle = Entry("Python-3.14.0.tgz.sigstore", is_directory=False, last_modified=None, size=5)
    sbom = Entry("Python-3.14.0.tgz.spdx.json", is_directory=False, last_modified=modified, size=7)
    assert group_listing("3.14.0", [sbom, tarball, bundle]) == [
        (
            *(tarball, (3, 14, 0, "final", 0), "source-release", {"format": "tarball_deflate"}),
            *((".sigstore", ".spdx.json"), (bundle, sbom)),
        )
    ]


def test_sub_directories_are_left_out_and_own_nothing() -> None:
    entries = [
        Entry("Python-3.9.0.tgz", is_directory=True, last_modified=None, size=None),
        Entry("amd64", is_directory=True, last_modified=None, size=None),
        Entry("Python-3.9.0.tgz.asc", is_directory=False, last_modified=None, size=None),
    ]

    assert [artifact.entry for artifact in group_listing("3.9.0", entries)] == [entries[2]]


def test_artifacts_come_by_version_and_then_by_name_whatever_the_listing_s_order() -> None:
    ordered = [
        "README",
        "Python-3.10.0a1.tgz",
        "python-3.10.0a1.exe",
        "Python-3.10.0a2.tgz",
        "Python-3.10.0a10.tgz",
        "Python-3.10.0b1.tgz",
        "Python-3.10.0rc1.tgz",
        "Python-3.10.0.tgz",
        "python-3.10.0.exe",
    ]
    shuffled = ordered + [f"{name}.asc" for name in ordered]
    for seed in range(20):
        random.Random(seed).shuffle(shuffled)

        assert list(grouped("3.10.0", *shuffled).items()) == [(name, (".asc",)) for name in ordered]


def test_a_name_longer_than_any_file_s_is_nobody_s_companion() -> None:
    long = "Python-3.9.0.tgz" + ".asc" * 100_000

    assert grouped("3.9.0", "Python-3.9.0.tgz", long) == {"Python-3.9.0.tgz": (), long: ()}


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("Python-3.14.0.tgz.asc", True),
        ("Python-3.14.0.tgz.SIGSTORE", True),
        ("Python-3.14.0.tgz.spdx.json", True),
        ("python-3.10.0-macos11.pkg.asc_superceded", True),
        ("windows-3.14.0.json", False),
        (".asc", False),
        ("asc", False),
        ("x.asc.txt", False),
    ],
)
def test_only_signatures_and_the_like_look_like_companions(name: str, answer: bool) -> None:
    assert looks_like_companion(name) is answer
