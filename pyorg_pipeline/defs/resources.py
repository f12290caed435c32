"""The resources: the site, the catalog, the downloads' folder, the webhook, and progress."""

# No `from __future__ import annotations`: Dagster reads a resource's fields at run time.

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dagster as dg
from pydantic import Field

from pyorg_pipeline.catalog.location import open_location
from pyorg_pipeline.catalog.lock import exclusive
from pyorg_pipeline.catalog.schemas import TABLES
from pyorg_pipeline.catalog.store import CatalogStore, StoredTable
from pyorg_pipeline.defs.maintenance import fail_killed_refreshes
from pyorg_pipeline.defs.metadata import stored
from pyorg_pipeline.model.arguments import DEFAULT_CONCURRENCY, LARGEST_CONCURRENCY
from pyorg_pipeline.refresh.artifacts import DirectoryCrawl
from pyorg_pipeline.refresh.digests import DirectoryDigests
from pyorg_pipeline.refresh.directories import DirectoriesUpdate
from pyorg_pipeline.site.client import SiteClient
from pyorg_pipeline.site.webhook import post_event

#: Seconds that a step waits for a `pyorg refresh` of the same catalog.
LOCK_WAIT = 600


class SiteResource(dg.ConfigurableResource[SiteClient]):
    """The site that is crawled."""

    url: str = Field(description="the folder that holds the release directories")
    concurrency: int = Field(
        default=DEFAULT_CONCURRENCY,
        ge=1,
        le=LARGEST_CONCURRENCY,
        description="directories read at the same time",
    )

    def client(self) -> SiteClient:
        """A client of the site, to be closed."""
        return SiteClient(self.url, concurrency=self.concurrency)


class CatalogResource(dg.ConfigurableResource[CatalogStore]):
    """The catalog's tables, and the lock that keeps writers apart."""

    url: str = Field(description="a folder, or a URL that fsspec can serve")
    lock_folder: str = Field(description="the folder of the lock, if the catalog is at a URL")

    def store(self) -> CatalogStore:
        """The tables, for reading."""
        return CatalogStore(open_location(self.url))

    @contextmanager
    def writing(self) -> Iterator[CatalogStore]:
        """The tables for a step that writes them, with the catalog's lock.

        The steps of a `pyorg refresh` run in the thread that holds the lock already.
        """
        store = self.store()
        with exclusive(store.location, Path(self.lock_folder), wait=LOCK_WAIT):
            context = self.get_resource_context()
            if context.instance is not None:
                run_id = None if context.run is None else context.run.run_id
                fail_killed_refreshes(context.instance, store.location, current_run=run_id)
            yield store


class ParquetIOManager(dg.IOManager):
    """Stores an asset's StoredTable as `<asset>.parquet`, atomically, and checks its columns.

    An input's metadata `columns` limits what is read of it.
    """

    def __init__(self, store: CatalogStore) -> None:
        self._store = store

    def handle_output(self, context: dg.OutputContext, obj: StoredTable) -> None:
        """Replace the asset's file, and report its rows and bytes."""
        name = context.asset_key.path[-1]
        schema = TABLES[name]
        if not obj.table.schema.equals(schema):
            raise TypeError(f"{name} needs the columns {schema}, not {obj.table.schema}")
        size = self._store.write(f"{name}.parquet", obj.table, obj.metadata)
        context.add_output_metadata(
            {**stored(self._store, f"{name}.parquet", len(obj.table)), "bytes": size}
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
    """The IO manager of the unpartitioned tables."""
    catalog: CatalogResource = context.resources.catalog
    # Outside of a run tables are only read.
    with nullcontext(catalog.store()) if context.run is None else catalog.writing() as store:
        yield ParquetIOManager(store)


class DownloadsResource(dg.ConfigurableResource["DownloadsResource"]):
    """Where downloads go that name no destination."""

    folder: str = Field(description="where downloads go that name no destination")


class WebhookResource(dg.ConfigurableResource["WebhookResource"]):
    """The receiver of notifications."""

    url: str = Field(description="a secret: the UI shows the name of its variable only")

    def post(self, event: Mapping[str, Any]) -> None:
        """Post an event; returns when the receiver has accepted it."""
        post_event(self.url, event)


@dataclass(slots=True)
class RefreshProgress:
    """What the steps of a refresh have done, for a program that executes them in its process.

    Runs that Dagster launches have this resource too, but nothing reads it there.
    """

    requests: int = 0
    directories: DirectoriesUpdate | None = None
    crawls: list[DirectoryCrawl] = field(default_factory=list)
    digests: list[DirectoryDigests] = field(default_factory=list)
    #: The number of its files, if they were listed.
    install_manager: int | None = None
    on_crawl: Callable[[DirectoryCrawl], None] = lambda _: None
