"""Parsing a file name by the grammar: version, artifact type and attributes."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from pyorg_pipeline.model.artifacts import ATTRIBUTES, UNRECOGNISED
from pyorg_pipeline.model.grammar import RULES, Head, Rule
from pyorg_pipeline.model.versions import NormalizedPythonVersion, parse_release_directory


class ParsedName(NamedTuple):
    """What a file's name says."""

    #: Five items. For unrecognised files the three of their directory; None where it has none.
    release_version: NormalizedPythonVersion | None
    #: The type of the row that matches the name, or `unrecognised`.
    artifact_type: str
    #: Keys of ATTRIBUTES, only those that apply; empty for unrecognised files.
    attributes: dict[str, str | bool]


#: The longest name that a file system allows (NAME_MAX of Linux). It bounds the time of the rows,
#: which may backtrack.
LONGEST_NAME: Final = 255


class _Row(NamedTuple):
    """A rule for one extension."""

    rule: Rule
    head_groups: tuple[tuple[int, str, bool], ...]
    rest_groups: tuple[tuple[int, str, bool], ...]
    #: The attributes of every name that this row matches.
    constants: dict[str, str | bool]


def _attribute_groups(pattern: re.Pattern[str]) -> tuple[tuple[int, str, bool], ...]:
    """Number and name of a pattern's groups that are attributes, and whether presence counts."""
    return tuple(
        (number, name, ATTRIBUTES[name] is bool)
        for name, number in pattern.groupindex.items()
        if name in ATTRIBUTES
    )


def _index_by_extension() -> dict[str, list[tuple[Head, list[_Row]]]]:
    """The table's rows by extension, then by head, so that a head is matched once for all its rows.

    The order among rows with one head stays; no name matches rows with different heads.
    """
    index: dict[str, list[tuple[Head, list[_Row]]]] = {}
    for rule in RULES:
        for extension, file_format in rule.formats.items():
            row = _Row(
                rule,
                _attribute_groups(rule.head.pattern),
                _attribute_groups(rule.rest),
                {**rule.defaults, "format": file_format},
            )
            heads = index.setdefault(extension, [])
            rows = next((rows for head, rows in heads if head is rule.head), None)
            if rows is None:
                heads.append((rule.head, [row]))
            else:
                rows.append(row)
    return index


_BY_EXTENSION: Final = _index_by_extension()

#: 3.10.0 has the correct installer under the plain name and the replaced one under this, in the
#: uploader's spelling; the dictionary's is taken as well.
_SUPERSEDED_MARKS: Final = ("_superceded", "_superseded")


def parse_name(name: str, directory: str = "") -> ParsedName:
    """Parse a file's name; any text is accepted.

    Args:
        name: a file's own name.
        directory: the release directory's name, such as `3.13.9` or `src`. It decides where
            digits are ambiguous, and gives the version of unrecognised files.
    """
    # Beyond ASCII, lower() may change a text's length, and digits are not those of versions.
    if len(name) <= LONGEST_NAME and name.isascii():
        text = name.lower()
        plain = without_superseded_mark(text)
        parsed = _recognise(plain or text, directory)
        if parsed is not None:
            if plain is not None:
                parsed.attributes["superseded"] = True
            return parsed
    return ParsedName(parse_release_directory(directory), UNRECOGNISED, {})


def without_superseded_mark(name: str) -> str | None:
    """The name that a superseded file had before; None if the name has no such mark."""
    for mark in _SUPERSEDED_MARKS:
        if name.endswith(mark):
            return name[: -len(mark)]
    return None


def _recognise(text: str, directory: str) -> ParsedName | None:
    """Parse a lower-case name by the first row that matches it."""
    stem, _, extension = text.rpartition(".")
    if stem.endswith(".tar"):
        stem, extension = stem[:-4], f"tar.{extension}"
    for head, rows in _BY_EXTENSION.get(extension, ()):
        begin = head.pattern.match(stem)
        if begin is None:
            continue
        for row in rows:
            rest = row.rule.rest.fullmatch(stem, begin.end())
            if rest is None:
                continue
            version = head.version(begin, directory)
            if version is None:
                continue
            attributes = row.constants.copy()
            words = row.rule.words
            for match, groups in ((begin, row.head_groups), (rest, row.rest_groups)):
                for number, attribute, presence_counts in groups:
                    value = match[number]
                    if value is not None:
                        attributes[attribute] = presence_counts or words.get(value, value)
            return ParsedName(version, row.rule.artifact_type, attributes)
    return None
