"""The asset checks: the functions of refresh.checks as Dagster runs them. None of them blocks."""

# No `from __future__ import annotations`: Dagster reads the annotations of checks at run time.

from collections.abc import Iterator
from typing import Final

import dagster as dg

from pyorg_pipeline.catalog.store import CATALOG_FILE, LATEST_FILE
from pyorg_pipeline.defs.published import artifact_catalog, latest_version
from pyorg_pipeline.defs.resources import CatalogResource
from pyorg_pipeline.refresh import checks
from pyorg_pipeline.refresh.checks import CheckResult

#: The checks of the snapshot by the name of their function, and their reasons.
_CATALOG_CHECKS: Final = {
    "unrecognised_share_did_not_jump": "Compared with the previous snapshot: python.org changes "
    "its names now and then, and files under new names are kept, but queries do not find them.",
    "every_final_has_a_source_tarball": "Every final release has one. One without is being "
    "uploaded, or has it under an unknown name.",
    "paths_are_unique": "Downloads, digests and reports are identified by the path.",
    "sizes_are_plausible": "A file that is empty, or a source tarball of an unusual size, was cut "
    "or is being uploaded.",
    "companions_have_their_artifact": "A signature, bundle or bill of materials without its "
    "artifact: it is being uploaded, or was removed.",
}
#: The others are warnings.
_ERRORS: Final = {"paths_are_unique", "latest_never_goes_back"}


@dg.multi_asset_check(
    name="check_artifact_catalog",
    specs=[
        dg.AssetCheckSpec(name, asset=artifact_catalog, description=description)
        for name, description in _CATALOG_CHECKS.items()
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
    for key in sorted(context.selected_asset_check_keys):
        subject = metadata if key.name == "unrecognised_share_did_not_jump" else rows
        yield _result(key, getattr(checks, key.name)(subject))


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
    return _result(key, checks.latest_never_goes_back(table.to_pylist(), metadata))


def _result(key: dg.AssetCheckKey, found: CheckResult) -> dg.AssetCheckResult:
    severity = dg.AssetCheckSeverity.ERROR if key.name in _ERRORS else dg.AssetCheckSeverity.WARN
    samples = {"samples": list(found.samples)} if found.samples else {}
    return dg.AssetCheckResult(
        passed=found.passed,
        asset_key=key.asset_key,
        check_name=key.name,
        severity=severity,
        description=found.description,
        metadata={**found.numbers, **samples},
    )
