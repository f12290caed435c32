"""The IO manager of the unpartitioned tables: one Parquet file of the catalog an asset."""

# No `from __future__ import annotations`: Dagster reads a resource's fields at run time.

from collections.abc import Iterator
from contextlib import nullcontext
from typing import Any, Final

import dagster as dg

from pyorg_pipeline.catalog import schemas
from pyorg_pipeline.catalog.store import StoredTable
from pyorg_pipeline.defs.resources import CatalogResource

#: The columns of each table.
SCHEMAS: Final[dict[str, Any]] = {
    "artifact_catalog": schemas.ARTIFACT_CATALOG,
    "latest_version": schemas.LATEST_VERSION,
    "releases": schemas.RELEASES,
}


class ParquetIOManager(dg.IOManager):
    """Stores an asset's StoredTable as `<asset>.parquet`, atomically, and checks its columns.

    An input's metadata `columns` limits what is read of it.
    """

    def __init__(self, catalog: CatalogResource) -> None:
        self._store = catalog.store()

    def handle_output(self, context: dg.OutputContext, obj: StoredTable) -> None:
        """Replace the asset's file, and report its rows and bytes."""
        name = context.asset_key.path[-1]
        schema = SCHEMAS[name]
        if not obj.table.schema.equals(schema):
            raise TypeError(f"{name} needs the columns {schema}, not {obj.table.schema}")
        size = self._store.write(f"{name}.parquet", schema, obj.table, obj.metadata)
        context.add_output_metadata(
            {
                "dagster/row_count": len(obj.table),
                "dagster/uri": f"{self._store.location.text}/{name}.parquet",
                "bytes": size,
            }
        )

    def load_input(self, context: dg.InputContext) -> StoredTable:
        """Read the asset's file."""
        columns = (context.definition_metadata or {}).get("columns")
        return self._store.read(f"{context.asset_key.path[-1]}.parquet", columns)


@dg.io_manager(  # type: ignore[arg-type]  # like a resource's, it may be a generator
    required_resource_keys={"catalog"},
    description="The catalog's tables. During a run the catalog's lock is held, so that no other "
    "writer comes between a table and those that are made from it.",
)
def parquet_io_manager(context: dg.InitResourceContext) -> Iterator[ParquetIOManager]:
    """The IO manager of the catalog, with its lock held for the steps of a run in this process."""
    catalog: CatalogResource = context.resources.catalog
    # Outside of a run tables are only read.
    with nullcontext() if context.run is None else catalog.writing():
        yield ParquetIOManager(catalog)
