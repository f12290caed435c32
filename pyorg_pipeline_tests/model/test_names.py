"""File names by the grammar: real ones, future ones, and names that are no artifacts."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pyorg_pipeline.model.arguments import parse_attributes
from pyorg_pipeline.model.artifacts import ATTRIBUTES, UNRECOGNISED
from pyorg_pipeline.model.names import LONGEST_NAME, RULES, parse_name
from pyorg_pipeline.model.versions import parse_release_directory

NAMES = Path(__file__).parent / "data" / "names.tsv"


def parsed_names() -> list[list[str]]:
    lines = NAMES.read_text(encoding="utf-8").splitlines()
    return [line.split("\t") for line in lines if not line.startswith("#")]


@pytest.mark.parametrize(
    ("directory", "name", "version", "artifact_type", "attributes"), parsed_names()
)
def test_a_name_is_parsed_into_version_type_and_attributes(
    directory: str, name: str, version: str, artifact_type: str, attributes: str
) -> None:
    parsed = parse_name(name, directory)

    assert parsed.release_version is not None
    assert (parsed.release_version.text, parsed.artifact_type) == (version, artifact_type)
    assert len(parsed.release_version) == 5
    assert parsed.attributes == parse_attributes(attributes)


@pytest.mark.parametrize(
    "name",
    [
        # files of other projects, and of other kinds
        *("Tkinter-2.0-8.0.tar.gz", "Tkinter-2.0-8.0-3.i386.rpm", "expat-1.1-1.i386.rpm"),
        *("python-ldap-2.0-1.i386.rpm", "X-extension.tar.gz", "lib1.5.tar.gz", "subset1.2.tar.gz"),
        *("IPython-3.9.0.tgz", "python-manager-25.0.msi", "python-manager-25.0.msix"),
        *("UNWISE.EXE", "README", "README.ftp", "index.html", "_tkinter.c", "pymanager.exe"),
        # what may mean anything
        *("python-3.14.0-macos11-intel.pkg", "python-3.14.0-amd64-symbols.zip", "python-3.tgz"),
        *("python-3.9.0-x64.exe", "python-3.9.0-1.pkg", "python-3.9.0-lto-macos11.pkg"),
        *("Python-3.9.0.0.tgz", "Python-3.9.0x1.tgz", "Python-3.9.0t1.exe", "Python-3.9.0-rc1.tgz"),
        *("Python-3.9.0a.tgz", "Python-3.9.0rc.exe", "Python-3.9.0.tgz ", " Python-3.9.0.tgz"),
        # companions
        *("Python-3.9.0.tgz.asc", "Python-3.9.0.tgz.sigstore", "python-3.9.0.exe.spdx.json"),
        "python-3.10.0-macos11.pkg.asc_superceded",
        # digits that do not fit the directory
        *("python310.chm", "python3139.chm", "python381.chm", "py2711.tgz"),
        # careless patterns take these
        *("Python-3.9.0.tgz\n", "Python-3.9.0.tgz\x00", "Python-\u0663.9.0.tgz", "pytho\ufb01-3.9"),
        *("\u212apython-3.9.0.tgz", "python-3.9.0.\u017fit", "Python-3.9.0.tgz/", "", ".", ".tgz"),
    ],
)
def test_a_name_that_no_rule_matches_is_unrecognised(name: str) -> None:
    parsed = parse_name(name, "3.8.2")

    assert parsed == ((3, 8, 2), UNRECOGNISED, {})


@pytest.mark.parametrize("number", ["1" * 10, "0" * 40 + "1", "9" * 5000])
@pytest.mark.parametrize(
    "form",
    [
        *("Python-{}.9.0.tgz", "Python-3.{}.0.tgz", "Python-3.9.{}.tgz", "Python-3.9.0a{}.tgz"),
        *("python-3.9.{}.exe", "python-3.{}.exe", "python-3.9.0rc{}.exe", "python{}.chm"),
        *("py{}.tgz", "MacPython{}full.bin", "windows-3.9.{}.json"),
    ],
)
def test_a_number_too_long_for_the_tables_is_not_a_version(form: str, number: str) -> None:
    parsed = parse_name(form.format(number), "3.8.2")

    assert parsed == ((3, 8, 2), UNRECOGNISED, {})


@pytest.mark.parametrize("directory", ["src", ""])
def test_an_unrecognised_file_outside_a_release_directory_has_no_version(directory: str) -> None:
    assert parse_name("README", directory) == (None, UNRECOGNISED, {})


@pytest.mark.parametrize(
    ("name", "directory", "version"),
    [
        ("python3111.chm", "3.11.1", (3, 11, 1, "final", 0)),
        ("python3111.chm", "3.1.11", (3, 1, 11, "final", 0)),
        ("MacPython2310.sit", "2.3.10", (2, 3, 10, "final", 0)),
        # Only names of 8.3 characters have one digit for each number.
        ("py152.tgz", "src", (1, 5, 2, "final", 0)),
        ("python152.chm", "src", None),
    ],
)
def test_the_directory_decides_what_digits_mean(
    name: str, directory: str, version: tuple[object, ...] | None
) -> None:
    assert parse_name(name, directory).release_version == version


def test_only_names_that_a_file_system_can_hold_are_parsed() -> None:
    longest = "python-3.9.0-macos{}.pkg".format("1" * (LONGEST_NAME - 22))
    assert len(longest) == LONGEST_NAME

    assert parse_name(longest).artifact_type == "macos-release"
    assert parse_name(longest.replace("macos", "macosx")).artifact_type == UNRECOGNISED


def test_each_result_has_its_own_attributes() -> None:
    first = parse_name("python-3.9.0.exe")
    first.attributes["arch"] = "changed"

    assert parse_name("python-3.9.0.exe").attributes == {"format": "executable", "arch": "win32"}


@pytest.mark.parametrize(
    ("name", "version"),
    [
        *(("3.13.9", (3, 13, 9)), ("2.7", (2, 7, 0)), ("3.10.20", (3, 10, 20))),
        *((name, None) for name in ("src", "doc", "3", "3.x", "3.13.9rc1", "3.13.9.1", "v3.13.9")),
        *((name, None) for name in ("", "3.13.9/", "3.13\n", " 3.13", "3.\u0661", "-3.1", "3..1")),
        *((name, None) for name in ("3." + "9" * 10, "9" * 5000 + ".1")),
    ],
)
def test_release_directories_are_named_by_two_or_three_numbers(
    name: str, version: tuple[int, int, int] | None
) -> None:
    assert parse_release_directory(name) == version


def test_the_patterns_name_attributes_and_parts_of_versions_in_lower_case() -> None:
    version_parts = {"major", "minor", "micro", "level", "serial", "digits", "short"}
    for rule in RULES:
        groups = re.compile(rule.head + rule.rest).groupindex
        assert groups.keys() | rule.defaults.keys() <= version_parts | ATTRIBUTES.keys()
        words = re.sub(r"\(\?P<\w+>|\\.", "", rule.head + rule.rest)
        assert words == words.lower()
        assert all(extension == extension.lower() for extension in rule.formats)
