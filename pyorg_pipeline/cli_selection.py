"""Which artifacts and versions the arguments and options of `pyorg` ask for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

from pyorg_pipeline.errors import ArtifactChoiceError, InvalidArgumentError
from pyorg_pipeline.facade import PythonOrgDownloads
from pyorg_pipeline.model.arguments import SOURCE, merge_attributes
from pyorg_pipeline.model.artifacts import SET_ASIDE, UNRECOGNISED, PythonOrgArtifact
from pyorg_pipeline.model.versions import (
    SERIES,
    VERSION,
    NormalizedPythonVersion,
    parse_series,
)


def newest_versions(
    series: Sequence[str], *, supported_only: bool, **criteria: Any
) -> list[NormalizedPythonVersion]:
    """The newest version of each series, or the newest of all, with a matching artifact."""
    of_releases = {name: criteria[name] for name in ("final_only", "complete_only")}
    if not any(v not in ([], (), None) for name, v in criteria.items() if name not in of_releases):
        latest = partial(PythonOrgDownloads.latest_version, **of_releases)
        asked = dict.fromkeys(series) or (None,)
        return [latest(series=one, supported_only=supported_only) for one in asked]
    found = selected([], series=series, newest_only=True, **criteria)
    newest = sorted({one.release_version for one in found if one.release_version})
    if supported_only:
        numbers = map(parse_series, series) if series else [None]
        supported = set().union(*map(PythonOrgDownloads._supported_series, numbers))
        newest = [version for version in newest if version[:2] in supported]
        if not newest:
            raise ArtifactChoiceError("no artifact of a supported series matches")
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
    newest_only: bool | None = None,
    limit: int = 0,
    sources_by_default: bool = False,
    set_aside: bool = False,
    companions: bool = False,
) -> list[PythonOrgArtifact]:
    """The artifacts that are wanted, sorted by version, then path.

    `wanted` has versions, series, and names and paths, which need not meet the criteria. Without
    it, everything that meets them is selected, or of each series with `newest_only` its newest
    version. Of a series in `wanted` it is the newest version unless `newest_only` is False. `limit`
    takes the newest artifacts, 0 means all. With `sources_by_default` and neither type nor
    attributes, it is the best packed source archive of each release. With `set_aside`, superseded
    and misplaced files are selected, too, and with `companions` those of each artifact.

    Raises:
        InvalidArgumentError: criteria contradict each other.
        VersionNotFoundError: the catalog has no such version.
        ArtifactChoiceError: no artifact matches, or several have the same name.
    """
    # `pyorg latest` alone does without it.
    from pyorg_pipeline.model.selection import (  # noqa: PLC0415
        FINAL_BY_DEFAULT,
        Selection,
        best_sources,
    )

    snapshot, site_url = PythonOrgDownloads._snapshot()
    if wanted and series:
        raise InvalidArgumentError("give versions, names and paths, or --series, not both")
    kinds = merge_attributes(attribute, arch=arch, format=format, free_threaded=free_threaded)
    if only_sources := sources_by_default and not artifact_type and not kinds:
        artifact_type = [SOURCE]
    if set_aside:
        kinds = {**dict.fromkeys(SET_ASIDE, None), **kinds}
    levels = releaselevel
    if not levels and final_only and UNRECOGNISED not in artifact_type:
        levels = FINAL_BY_DEFAULT
    every = snapshot.everything(site_url)
    if complete_only:
        releases = snapshot.releases(datetime.now(UTC))
        complete = {one.release_version for one in releases if not one.missing_families}
        every = [one for one in every if one.release_version in complete]

    criteria = Selection(releaselevels=levels, artifact_types=artifact_type, attributes=kinds)

    def matching(*, newest: bool = False, **of: Any) -> list[PythonOrgArtifact]:
        for text in of.get("series", ()):
            snapshot.unlisted.warn(parse_series(text))
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
            found += matching(series=[text], newest=newest_only is not False)
        else:
            version = NormalizedPythonVersion.parse(text)
            # The error of an unknown version names the nearest ones.
            snapshot.artifacts(site_url, version.numbers)
            of_level = levels
            if len(version) == 5:
                of_level = []
                if releaselevel and version.releaselevel not in releaselevel:
                    raise ArtifactChoiceError(f"{text} is of level {version.releaselevel}")
            found += matching(versions=[text], releaselevels=of_level)
    if not wanted:
        each = [{"series": [text]} for text in series] or [{}]
        found = [one for of in each for one in matching(newest=bool(newest_only), **of)]
    found = sorted({one.path: one for one in found}.values())[-limit:]
    return snapshot.with_companions(site_url, found) if companions else found
