"""Which artifacts a selection means: a filter over those of a snapshot.

Here: the criteria, the newest of each series, a limit, and the nearest choices where nothing fits.
Not here: which one artifact of one release is meant (`model.choice`), and how attributes are
written and compared (`model.choice`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from pyorg_pipeline.errors import ArtifactChoiceError, InvalidArgumentError
from pyorg_pipeline.model.artifacts import UNRECOGNISED, PythonOrgArtifact
from pyorg_pipeline.model.choice import has_attribute, parse_format
from pyorg_pipeline.model.versions import (
    LONGEST_NUMBER,
    RELEASE_LEVELS,
    NormalizedPythonVersion,
    parse_series,
)

_VERSION: Final = re.compile(
    rf"(\d{{1,{LONGEST_NUMBER}}})\.(\d{{1,{LONGEST_NUMBER}}})(?:\.(\d{{1,{LONGEST_NUMBER}}}))?"
    rf"(?:(a|b|rc)(\d{{1,{LONGEST_NUMBER}}}))?",
    re.ASCII,
)
_LEVELS: Final = {letters: level for level, letters in RELEASE_LEVELS.items() if letters}
#: More choices than these are counted only.
_MOST_SHOWN: Final = 8


class _Criterion(NamedTuple):
    name: str
    #: What was asked for, as text.
    wanted: str
    fits: Callable[[PythonOrgArtifact], bool]
    #: What an artifact has there.
    text: Callable[[PythonOrgArtifact], str]


@dataclass(frozen=True, slots=True)
class Selection:
    """Criteria that an artifact has to meet, all of them; an empty one is met by all.

    Raises:
        InvalidArgumentError: a criterion that no artifact can ever meet.
    """

    #: Such as `3.13`.
    series: Sequence[str] = ()
    #: Such as `3.13.9`, which is that version with any release level, or `3.15.0rc1`.
    versions: Sequence[str] = ()
    #: alpha, beta, candidate, final; not asked of a pre-release that `versions` names.
    releaselevels: Sequence[str] = ()
    #: Such as `source-release`; unrecognised files are selected by their type alone.
    artifact_types: Sequence[str] = ()
    #: What the name has to tell, such as `{"format": "tarball_lzma"}`; it may tell more. Files
    #: that were superseded are selected only if they are asked for.
    attributes: Mapping[str, Any] = field(default_factory=dict)
    #: Of each series only the newest release that has something that fits; means nothing to
    #: versions that are named.
    newest_only: bool = False
    #: At most so many, the newest.
    limit: int | None = None

    def __post_init__(self) -> None:
        for series in self.series:
            parse_series(series)
        for version in self.versions:
            _parse_version(version)
        if unknown := sorted(set(self.releaselevels) - RELEASE_LEVELS.keys()):
            raise InvalidArgumentError(
                f"releaselevel {unknown[0]!r} is none of {', '.join(RELEASE_LEVELS)}"
            )
        if self.limit is not None and self.limit < 1:
            raise InvalidArgumentError(f"limit {self.limit} selects nothing: take at least 1")
        parse_format(dict(self.attributes))

    def of(self, artifacts: Iterable[PythonOrgArtifact]) -> list[PythonOrgArtifact]:
        """The artifacts that fit, sorted by version, then path.

        Raises:
            ArtifactChoiceError: there are none; names the nearest choices.
        """
        everything = list(artifacts)
        criteria = self._criteria()
        found = [
            artifact
            for artifact in everything
            if all(criterion.fits(artifact) for criterion in criteria)
        ]
        if not found:
            raise ArtifactChoiceError(_nothing_fits(criteria, everything))
        if self.newest_only and not self.versions:
            found = _newest(found)
        return sorted(found)[-(self.limit or 0) :]

    def _criteria(self) -> list[_Criterion]:
        series = {parse_series(text) for text in self.series}
        versions = {_parse_version(text) for text in self.versions}
        pre_releases = {version for version in versions if len(version) == 5}
        levels, types = set(self.releaselevels), set(self.artifact_types)

        def is_version(artifact: PythonOrgArtifact) -> bool:
            version = artifact.release_version
            return version is not None and (version in versions or version[:3] in versions)

        def has_level(artifact: PythonOrgArtifact) -> bool:
            version = artifact.release_version
            return version is not None and (_level(artifact) in levels or version in pre_releases)

        def has_type(artifact: PythonOrgArtifact) -> bool:
            return artifact.release_type in types if types else _is_recognised(artifact)

        found = []
        if series:
            fits = _series_in(series)
            found.append(_Criterion("series", ", ".join(self.series), fits, _series))
        if versions:
            found.append(_Criterion("version", ", ".join(self.versions), is_version, _version))
        if levels:
            names = ", ".join(self.releaselevels)
            found.append(_Criterion("releaselevel", names, has_level, _level))
        names = ", ".join(self.artifact_types) or "any that is recognised"
        found.append(_Criterion("artifact_type", names, has_type, lambda one: one.release_type))
        wanted = {"superseded": False, **parse_format(dict(self.attributes))}
        found += [_attribute(name, value) for name, value in wanted.items()]
        return found


def check_names(artifacts: Iterable[PythonOrgArtifact]) -> None:
    """Make sure that the artifacts can lie in one folder, each under its own name.

    Raises:
        ArtifactChoiceError: several have one name; names them.
    """
    paths: dict[str, list[str]] = {}
    for artifact in artifacts:
        # On some file systems, upper and lower case are the same.
        paths.setdefault(artifact.name.casefold(), []).append(artifact.path)
    several = [", ".join(found) for found in paths.values() if len(found) > 1]
    if several:
        raise ArtifactChoiceError(
            f"these have the same name, and would be one file in one folder: {'; '.join(several)}. "
            "Select them one after the other, each into a folder of its own"
        )


def _parse_version(text: str) -> NormalizedPythonVersion:
    match = _VERSION.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise InvalidArgumentError(f"version {text!r} is not of the form '3.13.9' or '3.15.0rc1'")
    major, minor, micro, letters, serial = match.groups()
    level = None if letters is None else _LEVELS[letters]
    return NormalizedPythonVersion(major, minor, micro or 0, level, serial)


def _series_in(series: set[tuple[int, int]]) -> Callable[[PythonOrgArtifact], bool]:
    return lambda one: one.release_version is not None and one.release_version[:2] in series


def _attribute(name: str, value: Any) -> _Criterion:
    def text(artifact: PythonOrgArtifact) -> str:
        held = artifact.release_format.get(name)
        return "none" if held is None else _text(held)

    return _Criterion(name, _text(value), lambda one: has_attribute(one, name, value), text)


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _is_recognised(artifact: PythonOrgArtifact) -> bool:
    return artifact.release_type != UNRECOGNISED


def _series(artifact: PythonOrgArtifact) -> str:
    return "none" if artifact.release_version is None else artifact.release_version.series


def _version(artifact: PythonOrgArtifact) -> str:
    return "none" if artifact.release_version is None else artifact.release_version.text


def _level(artifact: PythonOrgArtifact) -> str:
    version = artifact.release_version
    return "none" if version is None or len(version) < 5 else version.releaselevel


def _newest(artifacts: list[PythonOrgArtifact]) -> list[PythonOrgArtifact]:
    newest: dict[str, NormalizedPythonVersion] = {}
    for artifact in sorted(artifacts):
        if artifact.release_version is not None:
            newest[artifact.release_version.series] = artifact.release_version
    return [one for one in artifacts if one.release_version == newest.get(_series(one))]


def _nothing_fits(criteria: Sequence[_Criterion], artifacts: list[PythonOrgArtifact]) -> str:
    """What to change so that something fits: the fewest criteria, one at a time if that will do."""
    asked = ", ".join(f"{one.name} {one.wanted}" for one in criteria if one.name != "superseded")
    if not artifacts:
        return f"nothing fits {asked}: the catalog is empty"
    # What each artifact would have to be forgiven; the newest first, as people look for those.
    missed = [
        (tuple(place for place, one in enumerate(criteria) if not one.fits(artifact)), artifact)
        for artifact in sorted(artifacts, reverse=True)
    ]
    fewest = min(len(places) for places, _ in missed)
    nearest: dict[tuple[int, ...], dict[str, None]] = {}
    for places, artifact in missed:
        if len(places) == fewest:
            texts = [f"{criteria[place].name} {criteria[place].text(artifact)}" for place in places]
            nearest.setdefault(places, {})[" with ".join(texts)] = None
    choices = [_shown(list(texts)) for texts in nearest.values()]
    return f"nothing fits {asked}; nearest to it, the rest being as asked: {'; or '.join(choices)}"


def _shown(texts: list[str]) -> str:
    more = f" and {len(texts) - _MOST_SHOWN} more" if len(texts) > _MOST_SHOWN else ""
    return ", ".join(texts[:_MOST_SHOWN]) + more
