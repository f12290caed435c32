"""Which files of a listing are artifacts, and which are about them."""

from __future__ import annotations

import random
from datetime import UTC, datetime

import pytest

from pyorg_pipeline.demo.replica.tree import read_record
from pyorg_pipeline.model.artifacts import UNRECOGNISED
from pyorg_pipeline.model.companions import (
    Entry,
    companion_name,
    group_listing,
    is_signature,
    looks_like_companion,
)


def file(name: str) -> Entry:
    return Entry(name, is_directory=False, last_modified=None, size=None)


def grouped(directory: str, *names: str) -> dict[str, tuple[str, ...]]:
    """Each artifact's and unrecognised file's companions."""
    found = group_listing(directory, map(file, names))
    return {artifact.entry.name: artifact.companions for artifact in found}


@pytest.mark.parametrize(
    ("directory", "groups"),
    [
        # A file named after an artifact is its companion, whatever its suffix.
        (
            "3.13.9",
            {
                "python-3.13.9-amd64.exe": (".asc", ".sigstore", ".spdx.json"),
                "python-3.13.9.exe": (".", ".asc.sigstore", ".never seen", ".tar"),
                "windows-3.13.9.json": (".sigstore",),
            },
        ),
        # An artifact is not a companion, and the longest name counts.
        ("3.9.0", {"Python-3.9.0.tar": (".asc",), "Python-3.9.0.tar.xz": (".asc",)}),
        # After the artifact's name, a companion's has a dot.
        ("3.9.0", {"Python-3.9.0.tgz": (), "Python-3.9.0.tgz-asc": (), "Python-3.9.0.tgz~": ()}),
        # An unrecognised file has companions of known kinds only.
        (
            "2.0",
            {
                "expat-1.1-1.i386.rpm": (".SHA256", ".asc", ".asc.sigstore", ".spdx.json"),
                "expat-1.1-1.i386.rpm.json": (),
                "README": (),
                "README.ftp": (".md5",),
            },
        ),
        # Companions of a superseded artifact carry the same mark.
        (
            "3.10.0",
            {
                "python-3.10.0-macos11.pkg": (".asc",),
                "python-3.10.0-macos11.pkg_superceded": (".asc_superceded", ".sigstore"),
                "python-3.10.0.exe_superseded": (".spdx.json_superseded",),
                # Not those of another spelling, nor those of the artifact that replaced it.
                "python-3.10.0-amd64.exe": (),
                "python-3.10.0-amd64.exe.asc_superceded": (),
                "python-3.10.0-amd64.exe_superseded": (),
            },
        ),
        # A name longer than a file system allows is not parsed.
        ("3.9.0", {"Python-3.9.0.tgz": (), "Python-3.9.0.tgz" + ".asc" * 100_000: ()}),
    ],
)
def test_files_are_grouped_by_name_in_any_order(
    directory: str, groups: dict[str, tuple[str, ...]]
) -> None:
    companions = [companion_name(name, suffix) for name in groups for suffix in groups[name]]
    names = [*groups, *companions]
    assert grouped(directory, *random.sample(names, len(names))) == groups


def test_all_recorded_companions_are_found_by_their_suffixes() -> None:
    listings: dict[str, list[Entry]] = {}
    for recorded in read_record():
        directory, _, name = recorded.path.partition("/")
        if name and "/" not in name:
            listings.setdefault(directory, []).append(file(name))
    companions = 0
    for directory, entries in listings.items():
        for artifact in group_listing(directory, entries):
            names = [companion_name(artifact.entry.name, end) for end in artifact.companions]
            assert names == [entry.name for entry in artifact.companion_entries]
            companions += len(names)
    assert companions > 6000


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
    # A companion without its artifact is an unrecognised file.
    assert group_listing("3.14.0", [bundle]) == [(bundle, (3, 14, 0), UNRECOGNISED, {}, (), ())]


def test_artifacts_are_sorted_by_version_then_name() -> None:
    ordered = [
        *("README", "Python-3.10.0a1.tgz", "python-3.10.0a1.exe", "Python-3.10.0a2.tgz"),
        *("Python-3.10.0a10.tgz", "Python-3.10.0b1.tgz", "Python-3.10.0rc1.tgz"),
        *("Python-3.10.0.tgz", "python-3.10.0.exe"),
    ]
    shuffled = ordered + [f"{name}.asc" for name in ordered]
    for seed in range(20):
        random.Random(seed).shuffle(shuffled)

        assert list(grouped("3.10.0", *shuffled).items()) == [(name, (".asc",)) for name in ordered]


@pytest.mark.parametrize(
    ("name", "looks", "signs"),
    [
        ("Python-3.14.0.tgz.asc", True, True),
        ("Python-3.14.0.tgz.SIGSTORE", True, True),
        ("python-2.2.sig", True, True),
        ("python-3.10.0-macos11.pkg.asc_superceded", True, True),
        ("Python-3.14.0.tgz.spdx.json", True, False),
        ("Python-3.14.0.tgz.crt", True, False),
        ("Python-3.14.0.tgz.rekor", True, False),
        ("Python-3.14.0.tgz.sha256", True, False),
        ("windows-3.14.0.json", False, False),
        ("asc", False, False),
        ("x.asc.txt", False, False),
    ],
)
def test_companions_and_signatures_are_known_by_their_suffix(
    name: str, looks: bool, signs: bool
) -> None:
    assert looks_like_companion(name) is looks
    assert is_signature(name) is signs
    assert not looks_like_companion(".asc")
