"""Parsing a file name by the grammar: version, artifact type and attributes."""

from __future__ import annotations

from typing import Final, NamedTuple

from pyorg_pipeline.model.artifacts import ATTRIBUTES, UNRECOGNISED
from pyorg_pipeline.model.grammar import RULES, Rule
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


#: The rules and their names for the format, by extension.
_BY_EXTENSION: Final[dict[str, list[tuple[Rule, str]]]] = {}
for _rule in RULES:
    for _extension, _format in _rule.formats.items():
        _BY_EXTENSION.setdefault(_extension, []).append((_rule, _format))

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
    for rule, file_format in _BY_EXTENSION.get(extension, ()):
        begin = rule.head.pattern.match(stem)
        rest = begin and rule.rest.fullmatch(stem, begin.end())
        version = begin and rest and rule.head.version(begin, directory)
        if begin and rest and version:
            attributes: dict[str, str | bool] = {**rule.defaults, "format": file_format}
            for name, value in {**begin.groupdict(), **rest.groupdict()}.items():
                if value is not None and name in ATTRIBUTES:
                    is_flag = ATTRIBUTES[name] is bool
                    attributes[name] = is_flag or rule.words.get(value, value)
            return ParsedName(version, rule.artifact_type, attributes)
    return None
