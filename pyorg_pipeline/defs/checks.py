"""The asset checks: the functions of refresh.checks as Dagster runs them. None of them blocks."""

# No `from __future__ import annotations`: Dagster reads the annotations of checks at run time.

from collections.abc import Iterator
from typing import Final

import dagster as dg

from pyorg_pipeline.catalog.store import CATALOG_FILE, LATEST_FILE
from pyorg_pipeline.defs.resources import CatalogResource
from pyorg_pipeline.refresh import checks

#: The checks of each table by the name of their function, and their reasons.
_CHECKS: Final = {
    "artifact_catalog": {
        "unrecognised_share_did_not_jump": "Compared with the previous snapshot: python.org "
        "changes its names now and then, and files under new names are kept, but queries do not "
        "find them.",
        "every_final_has_a_source_tarball": "Every final release has one. One without is being "
        "uploaded, or has it under an unknown name.",
        "files_are_in_their_directory": "A file of another version was uploaded to the wrong "
        "directory. It does not count as released, and is never the latest version.",
        "paths_are_unique": "Downloads, digests and reports are identified by the path.",
        "sizes_are_plausible": "A file that is empty, or a source tarball of an unusual size, was "
        "cut or is being uploaded.",
        "replaced_files_are_confirmed": "The site replaced a file whose digest was recorded: "
        "downloads of it fail until a person confirms the new one.",
        "companions_have_their_artifact": "A signature, bundle or bill of materials without its "
        "artifact: it is being uploaded, or was removed.",
    },
    "latest_version": {
        "latest_never_goes_back": "Compared with the highest that was published within a week, "
        "over all and for each series: a lower latest version comes from a listing that lost "
        "something. A withdrawn release fails the check for that week.",
    },
}
#: The others are warnings.
_ERRORS: Final = {"paths_are_unique", "latest_never_goes_back"}


@dg.multi_asset_check(
    specs=[
        dg.AssetCheckSpec(name, asset=asset, description=description)
        for asset, descriptions in _CHECKS.items()
        for name, description in descriptions.items()
    ],
    description="Whether the published tables are plausible.",
    # The UI can run a single one.
    can_subset=True,
)
def check_published_tables(
    context: dg.AssetCheckExecutionContext, catalog: CatalogResource
) -> Iterator[dg.AssetCheckResult]:
    """All checks of the snapshot and of the latest versions."""
    store = catalog.store()
    snapshot, latest = store.read(CATALOG_FILE, checks.CHECKED_COLUMNS), store.read(LATEST_FILE)
    rows = snapshot.table.to_pylist()
    arguments = {
        "unrecognised_share_did_not_jump": (snapshot.metadata,),
        "latest_never_goes_back": (latest.table.to_pylist(), latest.metadata),
    }
    for key in sorted(context.selected_asset_check_keys):
        found = getattr(checks, key.name)(*arguments.get(key.name, (rows,)))
        yield dg.AssetCheckResult(
            passed=found.passed,
            asset_key=key.asset_key,
            check_name=key.name,
            severity=dg.AssetCheckSeverity.ERROR
            if key.name in _ERRORS
            else dg.AssetCheckSeverity.WARN,
            description=found.description,
            metadata={
                **found.numbers,
                **({"samples": list(found.samples)} if found.samples else {}),
            },
        )
