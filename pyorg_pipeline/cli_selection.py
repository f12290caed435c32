"""Which artifacts and versions the arguments and options of `pyorg` ask for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

from pyorg_pipeline.facade import PythonOrgDownloads
from pyorg_pipeline.model.arguments import SOURCE, parse_attributes
from pyorg_pipeline.model.artifacts import UNRECOGNISED, PythonOrgArtifact
from pyorg_pipeline.model.versions import SERIES, VERSION, NormalizedPythonVersion


def newest_versions(series: Sequence[str], **criteria: Any) -> list[NormalizedPythonVersion]:
    """The newest version of each series, or the newest of all, with a matching artifact."""
    of_releases = {name: criteria[name] for name in ("final_only", "complete_only")}
    if not any(v not in ([], (), None) for name, v in criteria.items() if name not in of_releases):
        latest = partial(PythonOrgDownloads.latest_version, **of_releases)
        return [latest(series=one) for one in series or (None,)]
    found = selected([], series=series, newest_only=True, **criteria)
    newest = sorted({one.release_version for one in found if one.release_version})
    versions = [one.numbers if one.is_final else one for one in newest]
    return versions if series else versions[-1:]


def selected(
    wanted: Sequence[str],
    *,
    series: Sequence[str],
    final_only: bool,
    complete_only: bool,
    releaselevel: Sequence[str],
    artifact_type: Sequence[str],
    arch: Sequence[str],
    format: Sequence[str],
    free_threaded: bool | None,
    attribute: Sequence[str],
    newest_only: bool = False,
    limit: int = 0,
    sources_by_default: bool = False,
) -> list[PythonOrgArtifact]:
    """The artifacts that are wanted, sorted by version, then path.

    `wanted` has versions, series for the newest version of each, and names and paths, which need
    not meet the criteria. Without it, everything that meets them is selected, or of each series
    with `newest_only` its newest version; `limit` takes the newest artifacts, 0 means all. With
    `sources_by_default` and neither type nor attributes, it is the best packed source archive of
    each release.

    Raises:
        VersionNotFoundError: the catalog has no such version.
        ArtifactChoiceError: no artifact matches, or several have the same name.
    """
    # `pyorg latest` alone does without it.
    from pyorg_pipeline.model.selection import Selection, best_sources  # noqa: PLC0415

    snapshot, site_url = PythonOrgDownloads._snapshot()
    values = {"arch": arch, "format": format, "free_threaded": free_threaded}
    kinds = parse_attributes(",".join(attribute))
    kinds |= {name: value for name, value in values.items() if value not in ([], None)}
    if only_sources := sources_by_default and not artifact_type and not kinds:
        artifact_type = [SOURCE]
    if not releaselevel and final_only and UNRECOGNISED not in artifact_type:
        releaselevel = ["final"]
    every = snapshot.everything(site_url)
    if complete_only:
        releases = snapshot.releases(datetime.now(UTC))
        complete = {one.release_version for one in releases if not one.missing_families}
        every = [one for one in every if one.release_version in complete]

    criteria = Selection(releaselevels=releaselevel, artifact_types=artifact_type, attributes=kinds)

    def matching(*, newest: bool = False, **of: Any) -> list[PythonOrgArtifact]:
        listed = replace(criteria, newest_only=newest, **of).of(every)
        if not only_sources:
            return listed
        best = best_sources(listed)
        packed = {one.release_version for one in best}
        return [*best, *(one for one in listed if one.release_version not in packed)]

    found: list[PythonOrgArtifact] = []
    # One after the other, so that one without a match is an error.
    for text in wanted:
        if not VERSION.fullmatch(text):
            found.append(snapshot.artifact(site_url, text.removeprefix(site_url)))
        elif SERIES.fullmatch(text):
            found += matching(series=[text], newest=True)
        else:
            # The error of an unknown version names the nearest ones.
            snapshot.artifacts(site_url, NormalizedPythonVersion.parse(text).numbers)
            found += matching(versions=[text])
    for text in series:
        found += matching(series=[text], newest=newest_only)
    if not wanted and not series:
        found += matching(newest=newest_only)
    return sorted({one.path: one for one in found}.values())[-limit:]
