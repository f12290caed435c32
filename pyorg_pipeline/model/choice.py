"""Which of a release's artifacts is meant by a type and some attributes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from pyorg_pipeline.errors import ArtifactChoiceError, InvalidArgumentError
from pyorg_pipeline.model.artifacts import ATTRIBUTES, SOURCE_PREFERENCE, PythonOrgArtifact
from pyorg_pipeline.model.flags import parse_flag

SOURCE: Final = "source-release"

#: The default of `download_release`; told from the same dict given by hand by its identity.
DEFAULT_FORMAT: Final[dict[str, Any]] = {"format": "tarball_lzma"}


def parse_format(value: object) -> dict[str, Any]:
    """Attributes from a dict, or from text such as `format=tarball_deflate,arch=amd64`.

    Raises:
        InvalidArgumentError: no such attribute, or a value that it cannot have.
    """
    if isinstance(value, Mapping):
        pairs = [(str(name), given) for name, given in value.items()]
    elif isinstance(value, str):
        parts = [part.partition("=") for part in value.split(",") if part.strip()]
        if not all(equals for _, equals, _ in parts):
            raise InvalidArgumentError(
                f"{value!r} is not of the form 'format=tarball_deflate,arch=amd64'"
            )
        pairs = [(name.strip(), given.strip()) for name, _, given in parts]
    else:
        raise InvalidArgumentError(f"{value!r} is neither a dict of attributes nor their text")
    wanted: dict[str, Any] = {}
    for name, given in pairs:
        if name not in ATTRIBUTES:
            raise InvalidArgumentError(
                f"there is no attribute {name!r}; there are {', '.join(ATTRIBUTES)}"
            )
        wanted[name] = parse_flag(name, given) if ATTRIBUTES[name] is bool else given
    return wanted


if TYPE_CHECKING:
    ArtifactFormat = Mapping[str, Any] | str
else:

    class ArtifactFormat:
        """The annotation of attributes that can be given on the command line as text."""

        def __new__(cls, value: object) -> dict[str, Any]:
            """The attributes themselves, no instance of this class."""
            return parse_format(value)

    # What the command line's own error message calls it.
    ArtifactFormat.__name__ = "attribute=value,..."


def choose(
    artifacts: Sequence[PythonOrgArtifact],
    artifact_type: str,
    artifact_format: ArtifactFormat,
    what: str,
) -> PythonOrgArtifact:
    """The one artifact that is meant.

    One whose attributes equal the given ones wins, else the only one that has them all. A format
    that was left to its default means the best packing that a source release has, and nothing in
    particular for any other type. Superseded files are chosen only if they are asked for.

    Args:
        artifacts: those of one release.
        artifact_type: such as `source-release`.
        artifact_format: attributes, or their text.
        what: the release, for messages.

    Raises:
        ArtifactChoiceError: none, or several; names the nearest, or all of them.
        InvalidArgumentError: attributes that cannot be read.
    """
    of_type = [artifact for artifact in artifacts if artifact.release_type == artifact_type]
    if not of_type:
        types = sorted({artifact.release_type for artifact in artifacts})
        raise ArtifactChoiceError(
            f"{what} has no {artifact_type}; it has {', '.join(types) or 'nothing at all'}"
        )
    if artifact_format is DEFAULT_FORMAT:
        wanted: dict[str, Any] = {}
        if artifact_type == SOURCE and (best := _best_source(of_type)) is not None:
            return best
    else:
        wanted = parse_format(artifact_format)
    fitting = [artifact for artifact in of_type if _has(artifact, wanted)]
    equal = [artifact for artifact in fitting if artifact.release_format == wanted]
    found = equal or fitting
    if len(found) == 1:
        return found[0]
    shown = ",".join(f"{name}={value}" for name, value in wanted.items()) or "anything"
    if found:
        raise ArtifactChoiceError(
            f"{what} has {len(found)} of {artifact_type} with {shown}; say which by its attributes:"
            f" {_listed(found)}"
        )
    nearest = _listed(_nearest(of_type, wanted))
    raise ArtifactChoiceError(f"{what} has no {artifact_type} with {shown}; the nearest: {nearest}")


def has_attribute(artifact: PythonOrgArtifact, name: str, value: object) -> bool:
    """Whether an artifact's name tells this; one that says nothing of a flag tells that it is not.

    Args:
        artifact: of any release.
        name: an attribute, such as `arch`.
        value: as `parse_format` gives it.
    """
    return bool(artifact.release_format.get(name, ATTRIBUTES[name]()) == value)


def _has(artifact: PythonOrgArtifact, wanted: Mapping[str, Any]) -> bool:
    held = artifact.release_format
    if held.get("superseded") and "superseded" not in wanted:
        return False
    return all(has_attribute(artifact, name, value) for name, value in wanted.items())


def _best_source(artifacts: Sequence[PythonOrgArtifact]) -> PythonOrgArtifact | None:
    plain = [
        artifact
        for artifact in artifacts
        if artifact.release_format.keys() == {"format"}
        and artifact.release_format["format"] in SOURCE_PREFERENCE
    ]
    return min(
        plain,
        key=lambda artifact: (
            SOURCE_PREFERENCE.index(artifact.release_format["format"]),
            # 2.0 lies in its own directory and in src/, and some names in src/ differ by case.
            artifact.path.startswith("src/"),
            artifact.path,
        ),
        default=None,
    )


def _nearest(
    artifacts: Sequence[PythonOrgArtifact], wanted: Mapping[str, Any]
) -> list[PythonOrgArtifact]:
    def agreeing(artifact: PythonOrgArtifact) -> int:
        return sum(artifact.release_format.get(name) == wanted[name] for name in wanted)

    most = max(agreeing(artifact) for artifact in artifacts)
    return [artifact for artifact in artifacts if agreeing(artifact) == most]


def _listed(artifacts: Sequence[PythonOrgArtifact], most: int = 8) -> str:
    shown = [
        f"{artifact.name} ({','.join(f'{k}={v}' for k, v in artifact.release_format.items())})"
        for artifact in artifacts[:most]
    ]
    more = [f"and {len(artifacts) - most} more"] if len(artifacts) > most else []
    return "; ".join(shown + more)
