"""The newest release that has what is asked for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from pyorg_pipeline.catalog.queries import Snapshot
from pyorg_pipeline.catalog.store import VERSION_COLUMNS
from pyorg_pipeline.errors import VersionNotFoundError
from pyorg_pipeline.model.releases import PythonRelease
from pyorg_pipeline.model.versions import NormalizedPythonVersion


def latest_release(
    rows: Iterable[Mapping[str, Any]], series: tuple[int, int] | None, final: bool
) -> NormalizedPythonVersion:
    """The highest release, as latest_version has it.

    Raises:
        VersionNotFoundError: there is none.
    """
    text = None if series is None else f"{series[0]}.{series[1]}"
    for row in rows:
        if row["series"] == text and row["final_only"] == final:
            return NormalizedPythonVersion(*(row[name] for name in VERSION_COLUMNS))
    raise VersionNotFoundError(no_release(series, final))


def newest_release(
    snapshot: Snapshot,
    series: tuple[int, int] | None,
    final: bool,
    complete: bool,
    artifact_type: str | None,
    attributes: dict[str, str],
) -> NormalizedPythonVersion:
    """The highest release that meets all of it.

    Args:
        snapshot: the published catalog.
        series: of this one only.
        final: finals only.
        complete: without those that are partial at this moment.
        artifact_type: with an artifact of this type that was not superseded.
        attributes: ... and these attributes.

    Raises:
        VersionNotFoundError: there is none; of a partial one, what it lacks.
    """
    releases: dict[tuple[Any, ...], PythonRelease] = {}
    if complete or (artifact_type is None and not attributes):
        now = datetime.now(UTC)
        releases = {one.release_version: one for one in snapshot.releases(now)}
    having: Iterable[tuple[Any, ...]] = releases
    if artifact_type is not None or attributes:
        having = snapshot.versions_with(artifact_type, attributes)
    versions = [
        version
        for version in having
        if series in {None, version[:2]}
        and (version[3] == "final" or not final)
        # What has documentation alone is no release, and cannot be a complete one.
        and (version in releases or not complete)
    ]
    whole = [
        version for version in versions if not complete or not releases[version].missing_families
    ]
    if whole:
        return NormalizedPythonVersion(*max(whole))
    asked = {"artifact_type": artifact_type, **attributes}
    wanted = ", ".join(f"{name} {value!r}" for name, value in asked.items() if value is not None)
    partial = releases[max(versions)] if versions else None
    raise VersionNotFoundError(no_release(series, final, wanted, partial))


def no_release(
    series: tuple[int, int] | None,
    final: bool,
    having: str = "",
    partial: PythonRelease | None = None,
) -> str:
    """That there is no such release, and what to ask instead; of a partial one, what it lacks."""
    text = f"the catalog has no {'complete ' if partial else ''}{'final ' if final else ''}release"
    if series is not None:
        text += f" of {series[0]}.{series[1]}"
    if having:
        text += f" that has {having}"
    if partial is not None:
        lacks, until = ", ".join(partial.missing_families), partial.expected_complete_by
        return (
            f"{text}: {partial.version} is there, but lacks {lacks}, which may come until "
            f"{until:%Y-%m-%d %H:%M} UTC; ask again later, or without complete_only"
        )
    return text + (": ask with final_only=False for pre-releases" if final else "")
