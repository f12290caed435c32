"""Selecting artifacts: all that meet some criteria, or the one of a release that is meant."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from pyorg_pipeline.errors import ArtifactChoiceError, InvalidArgumentError
from pyorg_pipeline.model.arguments import DEFAULT_FORMAT, SOURCE, ArtifactFormat, parse_attributes
from pyorg_pipeline.model.artifacts import (
    ATTRIBUTES,
    UNRECOGNISED,
    PythonOrgArtifact,
    best_source,
)
from pyorg_pipeline.model.text import shortened
from pyorg_pipeline.model.versions import RELEASE_LEVELS, NormalizedPythonVersion, parse_series

#: How many choices an error message shows.
_MOST_SHOWN: Final = 8


@dataclass(frozen=True, slots=True)
class Selection:
    """Criteria that an artifact has to meet, all of them.

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
    #: Such as `{"format": "tarball_lzma"}`; an artifact may have more. Superseded files are
    #: selected only by `superseded`.
    attributes: Mapping[str, Any] = field(default_factory=dict)
    #: Of each series only the newest release with a matching artifact; ignored with `versions`.
    newest_only: bool = False
    #: The newest so many.
    limit: int | None = None

    def __post_init__(self) -> None:
        if unknown := sorted(set(self.releaselevels) - RELEASE_LEVELS.keys()):
            raise InvalidArgumentError(
                f"releaselevel {unknown[0]!r} is none of {', '.join(RELEASE_LEVELS)}"
            )
        if self.limit is not None and self.limit < 1:
            raise InvalidArgumentError(f"limit has to be 1 or more, not {self.limit}")
        self._criteria()

    def of(self, artifacts: Iterable[PythonOrgArtifact]) -> list[PythonOrgArtifact]:
        """The artifacts that meet the criteria, sorted by version, then path.

        Raises:
            ArtifactChoiceError: there are none; the message names the nearest choices.
        """
        everything = list(artifacts)
        criteria = self._criteria()
        found = [one for one in everything if all(criterion.met(one) for criterion in criteria)]
        if not found:
            raise ArtifactChoiceError(_nothing_found(criteria, everything))
        if self.newest_only and not self.versions:
            found = _newest(found)
        return sorted(found)[-(self.limit or 0) :]

    def _criteria(self) -> list[_Criterion]:
        series = {parse_series(text) for text in self.series}
        versions = {NormalizedPythonVersion.parse(text) for text in self.versions}
        pre_releases = {version for version in versions if len(version) == 5}
        types = set(self.artifact_types)

        def in_series(artifact: PythonOrgArtifact) -> bool:
            version = artifact.release_version
            return version is not None and version[:2] in series

        def is_version(artifact: PythonOrgArtifact) -> bool:
            version = artifact.release_version
            return version is not None and (version in versions or version[:3] in versions)

        def has_level(artifact: PythonOrgArtifact) -> bool:
            level = _level(artifact)
            return level in self.releaselevels or artifact.release_version in pre_releases

        def has_type(artifact: PythonOrgArtifact) -> bool:
            kind = artifact.release_type
            return kind in types if types else kind != UNRECOGNISED

        criteria = []
        if series:
            criteria.append(_Criterion("series", ", ".join(self.series), in_series, _series))
        if versions:
            criteria.append(_Criterion("version", ", ".join(self.versions), is_version, _version))
        if self.releaselevels:
            levels = ", ".join(self.releaselevels)
            criteria.append(_Criterion("releaselevel", levels, has_level, _level))
        names = ", ".join(self.artifact_types) or "any that is recognised"
        criteria.append(_Criterion("artifact_type", names, has_type, lambda one: one.release_type))
        attributes = {"superseded": False, **parse_attributes(dict(self.attributes))}
        return criteria + [_attribute(name, value) for name, value in attributes.items()]


class _Criterion(NamedTuple):
    name: str
    #: The text of what is wanted.
    wanted: str
    met: Callable[[PythonOrgArtifact], bool]
    #: The text of what an artifact has.
    text: Callable[[PythonOrgArtifact], str]


def _attribute(name: str, value: Any) -> _Criterion:
    def as_text(value: object) -> str:
        return str(value).lower() if isinstance(value, bool) else str(value)

    def text(artifact: PythonOrgArtifact) -> str:
        return as_text(artifact.release_format.get(name, "none"))

    return _Criterion(name, as_text(value), lambda one: _has(one, name, value), text)


def _has(artifact: PythonOrgArtifact, name: str, value: object) -> bool:
    """Whether an artifact has this attribute; a flag that its name does not have is false."""
    return bool(artifact.release_format.get(name, ATTRIBUTES[name]()) == value)


def _series(artifact: PythonOrgArtifact) -> str:
    return "none" if artifact.release_version is None else artifact.release_version.series


def _version(artifact: PythonOrgArtifact) -> str:
    return "none" if artifact.release_version is None else artifact.release_version.text


def _level(artifact: PythonOrgArtifact) -> str:
    version = artifact.release_version
    return "none" if version is None or len(version) < 5 else version.releaselevel


def _newest(artifacts: list[PythonOrgArtifact]) -> list[PythonOrgArtifact]:
    newest = {_series(one): one.release_version for one in sorted(artifacts) if one.release_version}
    return [one for one in artifacts if one.release_version == newest.get(_series(one))]


def _nothing_found(criteria: Sequence[_Criterion], artifacts: list[PythonOrgArtifact]) -> str:
    """What to change so that something is found: as few criteria as possible."""
    asked = ", ".join(f"{one.name} {one.wanted}" for one in criteria if one.name != "superseded")
    if not artifacts:
        return f"nothing fits {asked}: the catalog is empty"
    # The criteria that each artifact does not meet, the newest artifact first.
    unmet = [
        ([one for one in criteria if not one.met(artifact)], artifact)
        for artifact in sorted(artifacts, reverse=True)
    ]
    fewest = min(len(missed) for missed, _ in unmet)
    nearest: dict[tuple[str, ...], dict[str, None]] = {}
    for missed, artifact in unmet:
        if len(missed) == fewest:
            text = " with ".join(f"{one.name} {one.text(artifact)}" for one in missed)
            nearest.setdefault(tuple(one.name for one in missed), {})[text] = None
    choices = "; or ".join(shortened(texts, _MOST_SHOWN) for texts in nearest.values())
    return f"nothing fits {asked}; nearest to it, the rest being as asked: {choices}"


def check_names(artifacts: Iterable[PythonOrgArtifact]) -> None:
    """Check that the artifacts can be in one folder, each under its own name.

    Raises:
        ArtifactChoiceError: several have the same name.
    """
    paths: dict[str, list[str]] = {}
    for artifact in artifacts:
        # Some file systems do not distinguish upper and lower case.
        paths.setdefault(artifact.name.casefold(), []).append(artifact.path)
    several = [", ".join(found) for found in paths.values() if len(found) > 1]
    if several:
        raise ArtifactChoiceError(
            f"these have the same name, and would be one file in one folder: {'; '.join(several)}. "
            "Select them one after the other, each into a folder of its own"
        )


def choose(
    artifacts: Sequence[PythonOrgArtifact],
    artifact_type: str,
    artifact_format: ArtifactFormat,
    release: str,
) -> PythonOrgArtifact:
    """The one artifact of a release that a type and attributes mean.

    One whose attributes equal the given ones wins, else the only one that has them all. With
    `DEFAULT_FORMAT` it is the best source archive, and for other types the only artifact.
    Superseded files are chosen only by `superseded`.

    Args:
        artifacts: Those of the release.
        artifact_type: Such as `source-release`.
        artifact_format: Attributes, or their text.
        release: Its text, for messages.

    Raises:
        ArtifactChoiceError: There is none, or there are several; the message lists choices.
        InvalidArgumentError: An attribute is invalid.
    """
    of_type = [artifact for artifact in artifacts if artifact.release_type == artifact_type]
    if not of_type:
        types = sorted({artifact.release_type for artifact in artifacts})
        raise ArtifactChoiceError(
            f"{release} has no {artifact_type}; it has {', '.join(types) or 'nothing at all'}"
        )
    if artifact_format is DEFAULT_FORMAT:
        wanted: dict[str, Any] = {}
        if artifact_type == SOURCE:
            plain = {one.path: one for one in of_type if one.release_format.keys() == {"format"}}
            best = best_source((path, one.release_format["format"]) for path, one in plain.items())
            if best is not None:
                return plain[best]
    else:
        wanted = parse_attributes(artifact_format)
    required = {"superseded": False, **wanted}
    matching = [
        one for one in of_type if all(_has(one, name, value) for name, value in required.items())
    ]
    found = [one for one in matching if one.release_format == wanted] or matching
    if len(found) == 1:
        return found[0]
    asked = f"{artifact_type} with {_joined(wanted) or 'anything'}"
    if found:
        raise ArtifactChoiceError(
            f"{release} has {len(found)} of {asked}; say which by its attributes: {_listed(found)}"
        )
    agreeing = [sum(_has(one, name, wanted[name]) for name in wanted) for one in of_type]
    nearest = [
        one for one, agrees in zip(of_type, agreeing, strict=True) if agrees == max(agreeing)
    ]
    raise ArtifactChoiceError(f"{release} has no {asked}; the nearest: {_listed(nearest)}")


def _listed(artifacts: Sequence[PythonOrgArtifact]) -> str:
    texts = (f"{artifact.name} ({_joined(artifact.release_format)})" for artifact in artifacts)
    return shortened(texts, _MOST_SHOWN, "; ")


def _joined(attributes: Mapping[str, Any]) -> str:
    return ",".join(f"{name}={value}" for name, value in attributes.items())
