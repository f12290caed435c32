"""File names by the grammar: real ones, future ones, and names that are no artifacts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyorg_pipeline.model.arguments import parse_attributes
from pyorg_pipeline.model.artifacts import ATTRIBUTES, UNRECOGNISED
from pyorg_pipeline.model.companions import Entry, companion_name, group_listing
from pyorg_pipeline.model.names import LONGEST_NAME, RULES, parse_name
from pyorg_pipeline.model.versions import parse_release_directory
from pyorg_pipeline_tests.support.reference_answers import read_answers

LINES = (Path(__file__).parent / "data" / "names.tsv").read_text(encoding="utf-8").splitlines()
#: Directory, name, version, type and attributes.
PARSED = [line.split("\t") for line in LINES if not line.startswith("#")]


@pytest.mark.parametrize(("directory", "name", "version", "artifact_type", "attributes"), PARSED)
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
        *("python310.chm", "python3139.chm", "python384.chm", "python3801.chm", "py2711.tgz"),
        # careless patterns take these
        *("Python-3.9.0.tgz\n", "Python-3.9.0.tgz\x00", "Python-\u0663.9.0.tgz", "pytho\ufb01-3.9"),
        *("\u212apython-3.9.0.tgz", "python-3.9.0.\u017fit", "Python-3.9.0.tgz/", "", ".", ".tgz"),
    ],
)
def test_a_name_that_no_rule_matches_is_unrecognised(name: str) -> None:
    parsed = parse_name(name, "3.8.2")

    assert parsed == ((3, 8, 2), UNRECOGNISED, {})


@pytest.mark.parametrize(
    "form",
    [
        *("Python-{}.9.0.tgz", "Python-3.{}.0.tgz", "Python-3.9.{}.tgz", "Python-3.9.0a{}.tgz"),
        *("python-3.9.{}.exe", "python-3.{}.exe", "python-3.9.0rc{}.exe", "python{}.chm"),
        *("py{}.tgz", "MacPython{}full.bin", "windows-3.9.{}.json"),
    ],
)
def test_a_number_too_long_for_the_tables_is_not_a_version(form: str) -> None:
    for number in ("1" * 10, "0" * 40 + "1", "9" * 5000):
        parsed = parse_name(form.format(number), "3.8.2")
        assert parsed == ((3, 8, 2), UNRECOGNISED, {})


@pytest.mark.parametrize(
    ("name", "directory", "version"),
    [
        ("python3111.chm", "3.11.1", (3, 11, 1, "final", 0)),
        ("python3111.chm", "3.1.11", (3, 1, 11, "final", 0)),
        ("MacPython2310.sit", "2.3.10", (2, 3, 10, "final", 0)),
        # Help files may have those of a neighbour.
        ("python3104.chm", "3.10.5", (3, 10, 5, "final", 0)),
        ("python3106.chm", "3.10.5", (3, 10, 5, "final", 0)),
        ("python3101rc1.chm", "3.10.0", (3, 10, 0, "candidate", 1)),
        ("py381.tgz", "3.8.2", (3, 8, 1, "final", 0)),
        # Only names of 8.3 characters have one digit for each number.
        ("py152.tgz", "src", (1, 5, 2, "final", 0)),
        ("python152.chm", "src", None),
        ("README", "src", None),
        ("README", "", None),
    ],
)
def test_the_directory_decides_what_digits_mean(
    name: str, directory: str, version: tuple[object, ...] | None
) -> None:
    assert parse_name(name, directory).release_version == version


def test_only_names_that_a_file_system_can_hold_are_parsed() -> None:
    longest = "python-3.9.0-macos{}.pkg".format("1" * (LONGEST_NAME - 22))
    assert parse_name(longest).artifact_type == "macos-release"
    assert parse_name(longest.replace("macos", "macosx")).artifact_type == UNRECOGNISED


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


DIRECTORIES = st.sampled_from(["3.10.11", "2.7", "src", "", "doc"]) | st.text(max_size=10)
TYPES = {UNRECOGNISED} | {rule.artifact_type for rule in RULES}

# Parts that rules look for, and what looks like them and is not: other scripts' digits, letters
# that lower() makes ASCII or longer, line ends, and more digits than int() reads.
PIECES = st.one_of(
    st.text(max_size=3),
    st.sampled_from(
        ["-", ".", "_", "t", "rc", "0", "17", "macosx", "-amd64", ".tar", "_superceded"]
    ),
    st.sampled_from(["\u0663", "\uff11", "\u00b2", "\u0130", "\u212a", "\ufb01", "\n", "\r", "\0"]),
    st.integers(1, 6000).map("9".__mul__),
)


@st.composite
def mutated_names(draw: st.DrawFn) -> str:
    """Real names with parts inserted, left out, replaced and swapped."""
    name = draw(st.sampled_from(PARSED))[1]
    for _ in range(draw(st.integers(0, 4))):
        begin, end = sorted(draw(st.tuples(*[st.integers(0, len(name))] * 2)))
        piece = draw(PIECES) if draw(st.booleans()) else draw(st.sampled_from(PARSED))[1][begin:end]
        name = name[:begin] + piece + name[draw(st.sampled_from([begin, end])) :]
    return name


ANY_NAME = st.text() | mutated_names()


# Machines may be busy: how long an example takes proves nothing.
@settings(deadline=None)
@given(ANY_NAME, DIRECTORIES)
def test_every_text_is_recognised_with_all_values_or_unrecognised(
    name: str, directory: str
) -> None:
    version, artifact_type, attributes = parse_name(name, directory)

    assert artifact_type in TYPES
    if artifact_type == UNRECOGNISED:
        assert version == parse_release_directory(directory)
        assert attributes == {}
    else:
        assert version is not None
        assert len(version) == 5
        assert all(0 <= number < 10**9 for number in (*version[:3], version[4]))
        assert "format" in attributes
        assert {key: type(value) for key, value in attributes.items()} == {
            key: ATTRIBUTES[key] for key in attributes
        }
        assert False not in attributes.values()


@settings(deadline=None)
@given(st.lists(st.tuples(ANY_NAME, st.booleans(), st.sampled_from(["", ".asc", ".x", "."]))))
def test_grouping_keeps_every_file_once(rows: list[tuple[str, bool, str]]) -> None:
    names = {name + suffix: is_directory for name, is_directory, suffix in rows}
    entries = [Entry(name, flag, None, None) for name, flag in names.items()]

    artifacts = group_listing("3.10.11", entries)

    shown = [artifact.entry.name for artifact in artifacts]
    companions = [
        companion_name(artifact.entry.name, suffix)
        for artifact in artifacts
        for suffix in artifact.companions
    ]
    assert sorted(shown + companions) == sorted(
        name for name, is_directory in names.items() if not is_directory
    )


def test_names_that_the_reference_classifies_are_classified_alike() -> None:
    """As by python-org-downloads 1.0.0, in its recorded answers."""
    answers = read_answers()
    differences = []
    for answer in answers:
        if answer.refused:
            continue
        parsed = parse_name(answer.name, answer.directory)
        ours = (
            " ".join(map(str, parsed.release_version or ())),
            parsed.artifact_type,
            # The text tells True from 1 and "True".
            json.dumps(parsed.attributes, sort_keys=True),
        )
        if ours != (answer.version, answer.artifact_type, answer.format):
            differences.append((answer, ours))

    assert len(answers) > 11_000
    assert differences == []
