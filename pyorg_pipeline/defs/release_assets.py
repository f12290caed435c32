"""The asset of the releases: which there are, and whether all of each is there."""

# No `from __future__ import annotations`: Dagster reads the annotations of assets at run time.

from typing import Final

import dagster as dg

from pyorg_pipeline.catalog import schemas
from pyorg_pipeline.catalog.store import RELEASES_FILE
from pyorg_pipeline.defs.assets import GROUP, artifact_catalog
from pyorg_pipeline.defs.metadata import (
    OWNERS,
    PREVIEW_ROWS,
    column_lineage,
    column_schema,
    names,
    preview,
)
from pyorg_pipeline.defs.resources import CatalogResource
from pyorg_pipeline.model.releases import FAMILIES
from pyorg_pipeline.refresh.releases import publish_releases

_PREVIEW = [
    *("version", "state", "missing_families", "expected_complete_by", "released"),
    *(*FAMILIES.values(), "artifacts", "bytes"),
]

#: Where columns come from; the UI takes it from what was materialised last.
_RELEASES_LINEAGE: Final = column_lineage(
    schemas.RELEASES,
    {"artifact_catalog": schemas.ARTIFACT_CATALOG},
    series=[("artifact_catalog", "major"), ("artifact_catalog", "minor")],
    released=[("artifact_catalog", "last_modified")],
    artifacts=[("artifact_catalog", "path")],
    bytes=[("artifact_catalog", "size")],
    signed_share=[("artifact_catalog", "companions")],
    source_path=[("artifact_catalog", "path")],
)


@dg.asset(
    deps=[artifact_catalog],
    group_name=GROUP,
    kinds={"python", "parquet"},
    owners=OWNERS,
    metadata={"dagster/column_schema": column_schema(schemas.RELEASES)},
)
def releases(catalog: CatalogResource) -> dg.MaterializeResult[None]:
    """Each release, such as 3.15.0rc1: what it has, its state, and when it was complete.

    A partial one lacks what one of the two before it had, and is young enough to get it yet.
    """
    with catalog.writing() as store:
        done = publish_releases(store)
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": len(done.rows),
            "dagster/uri": f"{store.location.text}/{RELEASES_FILE}",
            "dagster/column_lineage": _RELEASES_LINEAGE,
            **done.states,
            "partial_releases": names(done.partial),
            "newly_complete": names(done.completed),
            "bytes": done.bytes,
            "preview": preview(reversed(done.rows[-PREVIEW_ROWS:]), _PREVIEW),
        }
    )
