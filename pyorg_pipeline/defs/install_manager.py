"""Python's install manager for Windows: an asset that is materialized on request."""

# No `from __future__ import annotations`: Dagster reads the annotations of assets at run time.

import dagster as dg

from pyorg_pipeline.catalog import schemas
from pyorg_pipeline.catalog.store import StoredTable
from pyorg_pipeline.defs.instance import REFRESH_JOB_TAGS
from pyorg_pipeline.defs.metadata import newest, table_asset
from pyorg_pipeline.defs.resources import RefreshProgress, SiteResource
from pyorg_pipeline.refresh.install_manager import install_manager_table


@table_asset(schemas.INSTALL_MANAGER, io_manager_key="tables")
def install_manager(
    site: SiteResource, progress: dg.ResourceParam[RefreshProgress]
) -> dg.MaterializeResult[StoredTable]:
    """The packages of Python's install manager for Windows, and the indexes that it reads.

    Optional, two requests: refreshes leave it out, but for `pyorg refresh --install-manager`. It is
    not a release, and has versions of its own.
    """
    with site.client() as client:
        found = install_manager_table(client)
        progress.requests += client.requests_sent
    progress.install_manager = len(found.table)
    preview = newest(found.table, ["path", "version", "size", "last_modified"])
    return dg.MaterializeResult(value=found, metadata={"preview": preview})


list_install_manager = dg.define_asset_job(
    "list_install_manager",
    selection=dg.AssetSelection.assets(install_manager),
    tags=REFRESH_JOB_TAGS,
    description="List the files of Python's install manager for Windows, which is not a release.",
)
