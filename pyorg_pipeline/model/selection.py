"""Selecting artifacts: all that meet some criteria, or one of a release."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final, NamedTuple

from pyorg_pipeline.errors import ArtifactChoiceError, InvalidArgumentError
from pyorg_pipeline.model.arguments import DEFAULT_FORMAT, SOURCE, ArtifactFormat, parse_attributes
from pyorg_pipeline.model.artifacts import (
    SET_ASIDE,
    UNRECOGNISED,
    PythonOrgArtifact,
    attribute_texts,
    best_source,
)
from pyorg_pipeline.model.text import shortened
from pyorg_pipeline.model.versions import RELEASE_LEVELS, NormalizedPythonVersion, parse_series

#: How many choices an error message shows.
_MOST_SHOWN: Final = 8


@dataclass(frozen=True, slots=True)
class Selection:
    """Criteria that an artifact has to meet.

    Raises:
        InvalidArgumentError: a criterion is invalid.
    """

    #: Such as `3.13`.
    series: Sequence[str] = ()
    #: Such as `3.13.9`, which is that version with any release level, or `3.15.0rc1`.
    versions: Sequence[str] = ()
    #: alpha, beta, candidate, final; pre-releases named in `versions` need not meet it.
    releaselevels: Sequence[str] = ()
    #: Such as `source-release`; only the type `unrecognised` selects unrecognised files.
    artifact_types: Sequence[str] = ()
    #: Such as `{"format": "tarball_lzma"}`; an artifact may have further ones. Only `superseded`
    #: selects superseded files and `misplaced` misplaced ones; None selects both kinds.
    attributes: Mapping[str, Any] = field(default_factory=dict)
    #: Only the newest release of each series that has a match; ignored with `versions`.
    newest_only: bool = False
    #: The greatest number of artifacts, of which the newest are selected; None for all.
    limit: int | None = None

    def __post_init__(self) -> None:
        if unknown := sorted(set(self.releaselevels) - RELEASE_LEVELS.keys()):
            raise InvalidArgumentError(
                f"releaselevel {unknown[0]!r} is not one of {', '.join(RELEASE_LEVELS)}"
            )
        if self.limit is not None and self.limit < 1:
            raise InvalidArgumentError(f"limit has to be 1 or more, not {self.limit}")
        self._criteria()

    def of(self, artifacts: Iterable[PythonOrgArtifact]) -> list[PythonOrgArtifact]:
        """Return the artifacts that meet the criteria, sorted by version, then path.

        Raises:
            ArtifactChoiceError: no artifact meets them; the message names the nearest choices.
        """
        every, criteria = sorted(artifacts), self._criteria()
        found = [one for one in every if all(each.met(one) for each in criteria)]
        if not found:
            raise ArtifactChoiceError(_nothing_found(criteria, every))
        if self.newest_only and not self.versions:
            newest = {_series(one)[0]: one.release_version for one in found}
            found = [one for one in found if one.release_version == newest[_series(one)[0]]]
        return found[-(self.limit or 0) :]

    def _criteria(self) -> list[_Criterion]:
        series = {"{}.{}".format(*parse_series(text)) for text in self.series}
        versions = {NormalizedPythonVersion.parse(text) for text in self.versions}
        levels = {*self.releaselevels, *(one.text for one in versions if len(one) == 5)}
        types = self.artifact_types or _ANY_TYPES
        criteria = [
            _Criterion("series", self.series, series, _series),
            _Criterion("version", self.versions, {one.text for one in versions}, _versions),
            _Criterion("releaselevel", self.releaselevels, levels, _levels),
            _Criterion("artifact_type", types, set(types), _types),
        ]
        attributes = dict(self.attributes)
        if self.newest_only and not self.versions:
            # A misplaced file does not make its version the newest.
            attributes["misplaced"] = False
        return [one for one in criteria if one.wanted] + _attributes(attributes)


class _Criterion(NamedTuple):
    name: str
    #: As the user gave them.
    wanted: Sequence[str]
    accepted: Set[str]
    #: The values of an artifact; messages show the first.
    values: Callable[[PythonOrgArtifact], Sequence[str]]

    def met(self, artifact: PythonOrgArtifact) -> bool:
        return not self.accepted.isdisjoint(self.values(artifact))

    def shown(self, artifact: PythonOrgArtifact) -> str:
        return f"{self.name} {self.values(artifact)[0]}"

    def distance(self, artifact: PythonOrgArtifact) -> float:
        """Of an artifact that does not meet it; a format called like its extension is nearer."""
        is_called_so = artifact.name.endswith(tuple(f".{text}" for text in self.wanted))
        return 0.5 if self.name == "format" and is_called_so else 1


_ANY_TYPE: Final = "any that is recognised"
_ANY_TYPES: Final = (_ANY_TYPE,)
#: The levels if a user gave none; messages only show those that a user gave.
FINAL_BY_DEFAULT: Final = ("final",)


def _series(artifact: PythonOrgArtifact) -> Sequence[str]:
    return [artifact.release_version.series if artifact.release_version else ""]


def _versions(artifact: PythonOrgArtifact) -> Sequence[str]:
    version = artifact.release_version
    return [version.text, version.numbers.text] if version else [""]


def _levels(artifact: PythonOrgArtifact) -> Sequence[str]:
    version = artifact.release_version
    return [version.releaselevel, version.text] if version and len(version) == 5 else [""]


def _types(artifact: PythonOrgArtifact) -> Sequence[str]:
    kind = artifact.artifact_type
    return [kind] if kind == UNRECOGNISED else [kind, _ANY_TYPE]


def _attributes(wanted: Mapping[str, Any]) -> list[_Criterion]:
    """Return a criterion for each attribute; files that are set aside only match that flag."""

    def values(name: str, artifact: PythonOrgArtifact) -> Sequence[str]:
        return attribute_texts(name, getattr(artifact, name))

    criteria = []
    attributes = {**dict.fromkeys(SET_ASIDE, False), **parse_attributes(wanted)}
    for name, value in attributes.items():
        if value is None:
            continue
        several = value if isinstance(value, list) else [value]
        accepted = [attribute_texts(name, one)[0] for one in several]
        criteria.append(_Criterion(name, accepted, set(accepted), partial(values, name)))
    return criteria


def _nothing_found(criteria: Sequence[_Criterion], artifacts: list[PythonOrgArtifact]) -> str:
    """Return a message with the choices that differ in the fewest criteria."""
    wanted = ", ".join(
        f"{one.name} {', '.join(one.wanted)}"
        for one in criteria
        if one.name not in SET_ASIDE and one.wanted not in (_ANY_TYPES, FINAL_BY_DEFAULT)
    )
    if not artifacts:
        return f"no artifact matches {wanted}: the catalog is empty"
    # By distance: the artifacts' values for the criteria that they do not meet; the newest first.
    choices: dict[float, dict[tuple[str, ...], dict[str, None]]] = {}
    for artifact in reversed(artifacts):
        unmet = [one for one in criteria if not one.met(artifact)]
        if all(one.values(artifact)[0] for one in unmet):
            text = " with ".join(one.shown(artifact) for one in unmet)
            near = choices.setdefault(sum(one.distance(artifact) for one in unmet), {})
            near.setdefault(tuple(one.name for one in unmet), {})[text] = None
    if not choices:
        return f"no artifact matches {wanted}"
    nearest = choices[min(choices)].values()
    shown = "; or ".join(shortened(texts, _MOST_SHOWN) for texts in nearest)
    return f"no artifact matches {wanted}; the nearest choices are: {shown}"


def check_names(artifacts: Iterable[PythonOrgArtifact]) -> None:
    """Raise ArtifactChoiceError if several artifacts have the same name."""
    paths: dict[str, list[str]] = {}
    for artifact in artifacts:
        # Some file systems do not distinguish upper and lower case.
        paths.setdefault(artifact.name.casefold(), []).append(artifact.path)
    several = [", ".join(found) for found in paths.values() if len(found) > 1]
    if several:
        raise ArtifactChoiceError(
            f"these artifacts have the same file name: {'; '.join(several)}. "
            "Download them one at a time, each to its own folder"
        )


def best_sources(artifacts: Iterable[PythonOrgArtifact]) -> list[PythonOrgArtifact]:
    """Of each release its source archive in the best packing, without those of a debug build."""
    plain: dict[Any, dict[str, PythonOrgArtifact]] = {}
    for one in artifacts:
        if one.artifact_type == SOURCE and one.attributes.keys() == {"format"}:
            plain.setdefault(one.release_version, {})[one.path] = one
    best = (
        best_source((path, one.attributes["format"]) for path, one in found.items())
        for found in plain.values()
    )
    return [found[path] for found, path in zip(plain.values(), best, strict=True) if path]


def choose(
    artifacts: Iterable[PythonOrgArtifact],
    version: NormalizedPythonVersion,
    artifact_type: str,
    artifact_format: ArtifactFormat,
) -> PythonOrgArtifact:
    """Return the one artifact of a version with that type and these attributes.

    It has exactly these attributes, or is the only one that has them all. With `DEFAULT_FORMAT` it
    is the best source archive, and for other types the only artifact. Only `superseded` and
    `misplaced` choose such files.

    Raises:
        ArtifactChoiceError: no artifact or several match; the message lists choices.
        InvalidArgumentError: an attribute is invalid.
    """
    is_default = artifact_format is DEFAULT_FORMAT
    wanted = {} if is_default else parse_attributes(artifact_format)
    selection = Selection(
        versions=[version.text], artifact_types=[str(artifact_type)], attributes=wanted
    )
    matching = selection.of(artifacts)
    if is_default and (best := best_sources(matching)):
        return best[0]
    exactly = (one for one in matching if wanted in (one.attributes, one.release_format))
    found = list(exactly) or matching
    if len(found) == 1:
        return found[0]
    listed = (f"{one.name} ({_joined(one.attributes)})" for one in found)
    having = f" with {_joined(wanted)}" if wanted else ""
    raise ArtifactChoiceError(
        f"{version.text} has {len(found)} artifacts of the type {artifact_type}{having}; "
        f"choose one by its attributes: {shortened(listed, _MOST_SHOWN, '; ')}"
    )


def _joined(attributes: Mapping[str, Any]) -> str:
    return ",".join(f"{name}={value}" for name, value in attributes.items())
