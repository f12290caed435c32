"""The asset of what changed on the site."""

# No `from __future__ import annotations`: Dagster reads the annotations of assets at run time.

from typing import Final

import dagster as dg

from pyorg_pipeline.catalog import schemas
from pyorg_pipeline.catalog.changes import FOLDER
from pyorg_pipeline.defs.metadata import (
    OWNERS,
    PREVIEW_ROWS,
    column_lineage,
    column_schema,
    preview,
)
from pyorg_pipeline.defs.resources import CatalogResource
from pyorg_pipeline.refresh.changes import record_changes

CATALOG_KEY = dg.AssetKey("artifact_catalog")

#: Where columns come from; the UI takes it from what was materialised last.
_CATALOG_CHANGES_LINEAGE: Final = column_lineage(
    schemas.CATALOG_CHANGES, {"artifact_catalog": schemas.ARTIFACT_CATALOG}
)


@dg.asset(
    deps=[CATALOG_KEY],
    group_name="catalog",
    kinds={"python", "parquet"},
    owners=OWNERS,
    metadata={"dagster/column_schema": column_schema(schemas.CATALOG_CHANGES)},
)
def catalog_changes(
    context: dg.AssetExecutionContext, catalog: CatalogResource
) -> dg.MaterializeResult[None]:
    """What appeared, vanished or was replaced since the last publication, companions included.

    One file a refresh that saw changes, with the states before and after; many are merged. The
    first publication tells nothing: all that was there is what later ones are compared with.
    """
    with catalog.writing() as store:
        done = record_changes(store)
    if done.is_first:
        context.log.info(f"{done.files} files are what changes are told against from now on")
    newest = done.table.slice(max(0, len(done.table) - PREVIEW_ROWS)).to_pylist()
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": len(done.table),
            "dagster/uri": f"{store.location.text}/{done.file or FOLDER}",
            "sequence": "none" if done.sequence is None else done.sequence,
            "dagster/column_lineage": _CATALOG_CHANGES_LINEAGE,
            "appeared": done.appeared,
            "vanished": done.vanished,
            "replaced": done.replaced,
            "files": done.files,
            "bytes": done.bytes,
            "preview": preview(
                reversed(newest),
                ["change", "path", "size_before", "size", "last_modified_before", "last_modified"],
            ),
        }
    )
