"""The record of directories that could not be read, which the next refresh goes by."""

from __future__ import annotations

from pyorg_pipeline.catalog import schemas
from pyorg_pipeline.catalog.store import FAILURES_FILE, CatalogStore
from pyorg_pipeline.errors import CatalogUnreadableError
from pyorg_pipeline.model.due import Failure


def read_failures(store: CatalogStore) -> dict[str, Failure]:
    """The failures on record, by directory."""
    try:
        rows = store.rows(FAILURES_FILE)
    except CatalogUnreadableError:
        # Losing it means that hidden directories are asked again sooner.
        return {}
    return {row.pop("directory"): Failure(**row) for row in rows}


def write_failures(store: CatalogStore, failures: dict[str, Failure]) -> None:
    """Replace the record; none is begun while there is nothing to record."""
    rows = [{"directory": name, **failures[name]._asdict()} for name in sorted(failures)]
    if rows or store.location.stamp(FAILURES_FILE) is not None:
        store.write(FAILURES_FILE, schemas.CRAWL_FAILURES, rows, {})
