"""Properties that hold for any text as a file name."""

from __future__ import annotations

import re
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from pyorg_pipeline.model.artifacts import ATTRIBUTES, UNRECOGNISED
from pyorg_pipeline.model.companions import Entry, companion_name, group_listing
from pyorg_pipeline.model.names import RULES, parse_name
from pyorg_pipeline.model.versions import parse_release_directory

NAMES_FILE = Path(__file__).parent / "data" / "names.tsv"
#: Machines may be busy: how long an example takes proves nothing.
properties = settings(deadline=None)

NAMES: list[str] = re.findall(
    r"^[^#\t]*\t([^\t]+)", NAMES_FILE.read_text(encoding="utf-8"), re.MULTILINE
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
)


@st.composite
def mutated_names(draw: st.DrawFn) -> str:
    """Real names with parts inserted, left out, replaced and swapped."""
    name = draw(st.sampled_from(NAMES))
    for _ in range(draw(st.integers(0, 4))):
        begin, end = sorted(draw(st.tuples(*[st.integers(0, len(name))] * 2)))
        piece = draw(PIECES) if draw(st.booleans()) else draw(st.sampled_from(NAMES))[begin:end]
        name = name[:begin] + piece + name[draw(st.sampled_from([begin, end])) :]
    return name


ANY_NAME = st.text() | mutated_names()


@properties
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


@properties
@given(mutated_names(), DIRECTORIES)
def test_case_does_not_matter(name: str, directory: str) -> None:
    if name.isascii():
        assert parse_name(name.upper(), directory) == parse_name(name.lower(), directory)


@properties
@given(ANY_NAME)
def test_the_superseded_mark_adds_one_attribute(name: str) -> None:
    plain = parse_name(name, "3.10.11")
    marked = parse_name(f"{name}_superseded", "3.10.11")

    if marked.artifact_type != UNRECOGNISED and "superseded" not in plain.attributes:
        assert marked == plain._replace(attributes={**plain.attributes, "superseded": True})


@properties
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
