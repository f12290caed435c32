"""What macOS packages run on, by their names and releases."""

from __future__ import annotations

from collections import Counter

import pytest

from pyorg_pipeline.demo.replica.tree import read_record
from pyorg_pipeline.model.names import classify_name
from pyorg_pipeline_tests.support.artifacts import artifact


@pytest.mark.parametrize(
    ("path", "arch", "oldest"),
    [
        ("2.2.1/MacPython221full.hqx", "ppc", None),
        ("2.3/MacPython-OSX-2.3-1.dmg", "ppc", None),
        ("2.4.3/Universal-MacPython-2.4.3-2006-04-07.dmg", "fat", "10.3"),
        ("2.4.4/python-2.4.4-macosx2006-10-18.dmg", "fat", "10.3"),
        ("2.5/python-2.5-macosx.dmg", "fat", "10.3"),
        ("2.6.5/python-2.6.5-macosx10.3-2010-03-24.dmg", "fat", "10.3"),
        ("3.1/python-3.1.dmg", "fat", "10.3"),
        ("2.7/python-2.7-macosx10.5.dmg", "fat3", "10.5"),
        ("2.7.9/python-2.7.9-macosx10.5.pkg", "fat", "10.5"),
        ("3.2/python-3.2-macosx10.6.dmg", "intel", "10.6"),
        ("2.7.18/python-2.7.18-macosx10.9.pkg", "x86_64", "10.9"),
        ("3.8.10/python-3.8.10-macos11.pkg", "universal2", "11"),
        ("3.9.1/python-3.9.1rc1-macosx11.0.pkg", "universal2", "10.9"),
        ("3.9.13/python-3.9.13-macos11.pkg", "universal2", "10.9"),
        ("3.10.0/python-3.10.0-macos11.pkg_superceded", "universal2", "10.9"),
        ("3.12.5/python-3.12.5-macos11.pkg", "universal2", "10.9"),
        ("3.12.6/python-3.12.6-macos11.pkg", "universal2", "10.13"),
        ("3.13.0/python-3.13.0b1-macos11.pkg", "universal2", "10.9"),
        ("3.13.0/python-3.13.0b2-macos11.pkg", "universal2", "10.13"),
        ("3.14.0/python-3.14.0a7-macos11.pkg", "universal2", "10.13"),
        ("3.14.0/python-3.14.0b1-macos11.pkg", "universal2", "11"),
        ("3.14.0/python-3.14.0rc1-macos11.pkg", "universal2", "11"),
        ("3.14.0/python-3.14.0rc2-macos11.pkg", "universal2", "10.15"),
        ("3.15.0/python-3.15.0-macos11.pkg", "universal2", "10.15"),
        # What nothing says: later systems, and names without one.
        ("3.16.0/python-3.16.0a1-macos13.pkg", "universal2", None),
        ("3.4.0/python-3.4.0-macosx10.7.pkg", None, "10.7"),
        ("3.4.0/python-3.4.0-macos11.pkg", None, None),
        ("3.4.0/python-3.4.0-macosx9.pkg", None, None),
        ("3.4.0/python-3.4.0.pkg", None, None),
    ],
)
def test_a_package_has_the_architecture_and_the_oldest_system_of_its_build(
    path: str, arch: str | None, oldest: str | None
) -> None:
    found = artifact(path)
    assert (found.artifact_type, found.arch, found.oldest_macos) == ("macos-release", arch, oldest)
    # As python-org-downloads has it.
    assert found.release_format.keys() & {"arch", "oldest_macos"} == set()
    assert found.release_format.get("min_macos") == found.min_macos


def test_every_recorded_package_is_for_a_known_architecture_and_system() -> None:
    """By their names, 144 of these would be for macOS 11."""
    counts: Counter[object] = Counter()
    for entry in read_record():
        directory, _, name = entry.path.partition("/")
        _, artifact_type, attributes = classify_name(name, directory)
        if artifact_type == "macos-release":
            assert attributes["arch"]
            if attributes["arch"] == "universal2":
                counts[attributes["oldest_macos"]] += 1
    assert counts == {"10.9": 82, "10.13": 33, "11": 6, "10.15": 24}
