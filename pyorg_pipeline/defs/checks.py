"""The asset checks: the functions of refresh.checks as Dagster runs them. None of them blocks."""

# No `from __future__ import annotations`: Dagster reads the annotations of checks at run time.

from collections.abc import Callable, Iterator
from functools import partial
from typing import Final

import dagster as dg

from pyorg_pipeline.catalog.store import CATALOG_FILE, LATEST_FILE
from pyorg_pipeline.defs.published import artifact_catalog, latest_version
from pyorg_pipeline.defs.resources import CatalogResource
from pyorg_pipeline.refresh import checks
from pyorg_pipeline.refresh.checks import CheckResult

#: The severity and the reason of each check.
_CATALOG_CHECKS: Final = {
    "unrecognised_share_did_not_jump": (
        dg.AssetCheckSeverity.WARN,
        (
            "Compared with the previous snapshot: python.org changes its names now and then, and "
            "files under new names are kept, but queries do not find them."
        ),
    ),
    "every_final_has_a_source_tarball": (
        dg.AssetCheckSeverity.WARN,
        (
            "Every final release has one. One without is being uploaded, or has it under an "
            "unknown name."
        ),
    ),
    "paths_are_unique": (
        dg.AssetCheckSeverity.ERROR,
        "Downloads, digests and reports are identified by the path.",
    ),
    "sizes_are_plausible": (
        dg.AssetCheckSeverity.WARN,
        (
            "A file that is empty, or a source tarball of an unusual size, was cut or is being "
            "uploaded."
        ),
    ),
    "companions_have_their_artifact": (
        dg.AssetCheckSeverity.WARN,
        (
            "A signature, bundle or bill of materials without its artifact: it is being uploaded, "
            "or was removed."
        ),
    ),
}


@dg.multi_asset_check(
    name="check_artifact_catalog",
    specs=[
        dg.AssetCheckSpec(name, asset=artifact_catalog, description=description)
        for name, (_, description) in _CATALOG_CHECKS.items()
    ],
    description="Whether the published snapshot is plausible.",
    # The UI can run a single one.
    can_subset=True,
)
def check_artifact_catalog(
    context: dg.AssetCheckExecutionContext, catalog: CatalogResource
) -> Iterator[dg.AssetCheckResult]:
    """All checks of the snapshot."""
    table, metadata = catalog.store().read(CATALOG_FILE, checks.CHECKED_COLUMNS)
    rows = table.to_pylist()
    found: dict[str, Callable[[], CheckResult]] = {
        "unrecognised_share_did_not_jump": partial(
            checks.unrecognised_share_did_not_jump, metadata
        ),
        "every_final_has_a_source_tarball": partial(checks.every_final_has_a_source_tarball, rows),
        "paths_are_unique": partial(checks.paths_are_unique, rows),
        "sizes_are_plausible": partial(checks.sizes_are_plausible, rows),
        "companions_have_their_artifact": partial(checks.companions_have_their_artifact, rows),
    }
    for key in sorted(context.selected_asset_check_keys):
        severity, _ = _CATALOG_CHECKS[key.name]
        yield _result(key, severity, found[key.name]())


@dg.asset_check(
    asset=latest_version,
    description="Compared with the highest that was published within a week, over all and for each "
    "series: a lower latest version comes from a listing that lost something. A withdrawn release "
    "fails the check for that week.",
)
def latest_never_goes_back(catalog: CatalogResource) -> dg.AssetCheckResult:
    """Whether no latest version is lower than it was within the last week, or gone."""
    table, metadata = catalog.store().read(LATEST_FILE)
    key = dg.AssetCheckKey(latest_version.key, "latest_never_goes_back")
    found = checks.latest_never_goes_back(table.to_pylist(), metadata)
    return _result(key, dg.AssetCheckSeverity.ERROR, found)


def _result(
    key: dg.AssetCheckKey, severity: dg.AssetCheckSeverity, found: CheckResult
) -> dg.AssetCheckResult:
    samples = {"samples": list(found.samples)} if found.samples else {}
    return dg.AssetCheckResult(
        passed=found.passed,
        asset_key=key.asset_key,
        check_name=key.name,
        severity=severity,
        description=found.description,
        metadata={**found.numbers, **samples},
    )
