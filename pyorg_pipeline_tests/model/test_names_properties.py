"""No text is too strange to be a name."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from pyorg_pipeline.model.artifacts import ATTRIBUTES, UNRECOGNISED
from pyorg_pipeline.model.companions import Entry, group_listing
from pyorg_pipeline.model.names import RULES, parse_name
from pyorg_pipeline.model.versions import parse_release_directory

#: Machines may be busy: how long an example takes proves nothing.
properties = settings(deadline=None)

NAMES = (
    "Python-3.13.9.tar.xz",
    "Python-2.6c1.tgz",
    "Python-2.0.1-Debug.zip",
    "Python-2.3.2-1.exe",
    "python-3.0a2.x86.msi",
    "python-3.13.0b1t-test-amd64.zip",
    "python-3.8.0a1-amd64-webinstall.exe",
    "python-2.7.amd64-pdb.zip",
    "python-2.6.5-macosx10.3-2010-03-24.dmg",
    "python-3.13.0rc1-no-lto-macos11.pkg",
    "python-3.10.0-macos11.pkg.asc_superceded",
    "python-3.10.0-macos11.pkg_superceded",
    "python-3.14.0-aarch64-linux-android.tar.gz",
    "python-3.15.0b1-iOS-XCframework.tar.gz",
    "windows-3.15.0b1.json",
    "MacPython221MacOS81patch.hqx",
    "MacPython-OSX-2.3-1.dmg",
    "BeOpen-Python-2.0-1.i386.rpm",
    "python2.3-devel-2.3.2-2pydotorg.i386.rpm",
    "python31011.chm",
    "python-3.9.0-docs-pdf-a4.tar.bz2",
    "pyth151.tgz",
    "Tkinter-2.0-8.0.tar.gz",
)
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
    st.sampled_from(NAMES).flatmap(
        lambda name: st.tuples(st.integers(0, len(name)), st.integers(0, len(name))).map(
            lambda ends: name[min(ends) : max(ends)]
        )
    ),
)


@st.composite
def mutated_names(draw: st.DrawFn) -> str:
    """Real names with parts inserted, left out, replaced and swapped."""
    name = draw(st.sampled_from(NAMES))
    for _ in range(draw(st.integers(0, 4))):
        begin, end = sorted(draw(st.tuples(*[st.integers(0, len(name))] * 2)))
        if draw(st.booleans()):
            name = name[:begin] + draw(PIECES) + name[draw(st.sampled_from([begin, end])) :]
        else:
            name = name[end:] + name[begin:end] + name[:begin]
    return name


ANY_NAME = st.text() | mutated_names()


@properties
@given(ANY_NAME, DIRECTORIES)
def test_every_text_gets_a_whole_answer(name: str, directory: str) -> None:
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


@properties
@given(mutated_names(), DIRECTORIES)
def test_case_does_not_matter(name: str, directory: str) -> None:
    if name.isascii():
        assert parse_name(name.upper(), directory) == parse_name(name.lower(), directory)


@properties
@given(ANY_NAME)
def test_a_replaced_file_is_what_it_was(name: str) -> None:
    plain = parse_name(name, "3.10.11")
    marked = parse_name(f"{name}_superseded", "3.10.11")

    if marked.artifact_type != UNRECOGNISED and "superseded" not in plain.attributes:
        assert marked == plain._replace(attributes={**plain.attributes, "superseded": True})


@properties
@given(st.text())
def test_every_text_is_a_release_directory_or_none(name: str) -> None:
    version = parse_release_directory(name)

    if version is not None:
        assert [int(number) for number in name.split(".")] == list(version)[: name.count(".") + 1]


@properties
@given(
    st.integers(0, 10**9 - 1),
    st.integers(0, 10**9 - 1),
    st.integers(0, 10**9 - 1),
    st.sampled_from([("", "final"), ("a", "alpha"), ("b", "beta"), ("c", "candidate")]),
    st.integers(0, 10**9 - 1),
)
def test_every_version_is_read_as_it_was_written(
    major: int, minor: int, micro: int, level: tuple[str, str], serial: int
) -> None:
    letter, releaselevel = level
    suffix = f"{letter}{serial}" if letter else ""

    parsed = parse_name(f"Python-{major}.{minor}.{micro}{suffix}.tgz")

    assert parsed.release_version == (major, minor, micro, releaselevel, serial if letter else 0)


@properties
@given(st.lists(st.tuples(ANY_NAME, st.booleans(), st.sampled_from(["", ".asc", ".x", "."]))))
def test_grouping_loses_no_file_and_invents_none(rows: list[tuple[str, bool, str]]) -> None:
    names = {name + suffix: is_directory for name, is_directory, suffix in rows}
    entries = [Entry(name, flag, None, None) for name, flag in names.items()]

    artifacts = group_listing("3.10.11", entries)

    shown = [artifact.entry.name for artifact in artifacts]
    companions = [
        artifact.entry.name.removesuffix("_superceded") + suffix
        if suffix.endswith("_superceded") and artifact.entry.name.endswith("_superceded")
        else artifact.entry.name + suffix
        for artifact in artifacts
        for suffix in artifact.companions
    ]
    assert sorted(shown + companions) == sorted(
        name for name, is_directory in names.items() if not is_directory
    )
