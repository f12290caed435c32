"""The asset checks: what ought to hold of the published tables, as Dagster shows it.

What is checked, and why, stands in pyorg_pipeline.refresh.checks. No check blocks: what does not
hold is told, and the catalog is published all the same.
"""

# No `from __future__ import annotations`: Dagster reads the annotations of checks at run time.

from collections.abc import Callable, Iterator
from functools import partial
from typing import Final

import dagster as dg

from pyorg_pipeline.catalog.store import CATALOG_FILE, LATEST_FILE
from pyorg_pipeline.defs.assets import artifact_catalog, latest_version
from pyorg_pipeline.defs.resources import CatalogResource
from pyorg_pipeline.refresh import checks
from pyorg_pipeline.refresh.checks import CheckResult

#: By the check's name: how bad it is where it fails, and why it is there.
_CATALOG_CHECKS: Final = {
    "unrecognised_share_did_not_jump": (
        dg.AssetCheckSeverity.WARN,
        (
            "Against the snapshot before: python.org changed its names with every decade, and "
            "files under new ones are kept, but no query finds them."
        ),
    ),
    "every_final_has_a_source_tarball": (
        dg.AssetCheckSeverity.WARN,
        (
            "Every final on record has one. A release without is half uploaded, or has one under a "
            "name that no rule knows."
        ),
    ),
    "paths_are_unique": (
        dg.AssetCheckSeverity.ERROR,
        "Downloads, digests and reports go by the path.",
    ),
    "sizes_are_plausible": (
        dg.AssetCheckSeverity.WARN,
        (
            "A file that is empty, or a source tarball far from all on record, was cut or is being "
            "uploaded."
        ),
    ),
    "companions_have_their_artifact": (
        dg.AssetCheckSeverity.WARN,
        (
            "A signature, bundle or bill of materials without its artifact: an upload is under "
            "way, or an artifact was removed."
        ),
    ),
}


@dg.multi_asset_check(
    name="check_artifact_catalog",
    specs=[
        dg.AssetCheckSpec(name, asset=artifact_catalog, description=description)
        for name, (_, description) in _CATALOG_CHECKS.items()
    ],
    description="Whether the published snapshot looks as one of python.org's ought to.",
    # The UI runs a single one, too.
    can_subset=True,
)
def check_artifact_catalog(
    context: dg.AssetCheckExecutionContext, catalog: CatalogResource
) -> Iterator[dg.AssetCheckResult]:
    """All checks of the snapshot, which is read once."""
    table, facts = catalog.store().read(CATALOG_FILE, checks.CHECKED_COLUMNS)
    rows = table.to_pylist()
    found: dict[str, Callable[[], CheckResult]] = {
        "unrecognised_share_did_not_jump": partial(checks.unrecognised_share_did_not_jump, facts),
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
    description="Against the highest that was published within a week, over all and for each "
    "series: a release does not disappear, so that a latest version that is lower than before "
    "comes from a listing that lost something. One that was really withdrawn fails for that week.",
)
def latest_never_goes_back(catalog: CatalogResource) -> dg.AssetCheckResult:
    """Whether no latest version is lower than it was within the last week, or gone."""
    table, facts = catalog.store().read(LATEST_FILE)
    key = dg.AssetCheckKey(latest_version.key, "latest_never_goes_back")
    found = checks.latest_never_goes_back(table.to_pylist(), facts)
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
