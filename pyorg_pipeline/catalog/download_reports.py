"""The reports of downloads: one table a run, a row an artifact, under `downloads/`.

Here: their columns, and the files. Not here: how the rows come about (`transfers`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import pyarrow as pa

from pyorg_pipeline.catalog.schemas import TIME
from pyorg_pipeline.catalog.store import CatalogStore
from pyorg_pipeline.errors import CatalogError

FOLDER: Final = "downloads"


def _field(name: str, kind: Any, description: str, *, nullable: bool = True) -> Any:
    return pa.field(name, kind, nullable=nullable, metadata={"description": description})


DOWNLOAD_REPORT: Final = pa.schema(
    [
        _field("path", pa.string(), "the artifact's, below the site's root", nullable=False),
        _field("outcome", pa.string(), "fetched, skipped (it was there) or failed", nullable=False),
        _field("destination", pa.string(), "the file's path or URL; null where it failed"),
        _field("bytes", pa.int64(), "of the file that lies there; null where it failed"),
        _field("seconds", pa.float64(), "how long it took, pauses and proof included"),
        _field("proof", pa.string(), "signature, digest, archive, size or none; null if skipped"),
        _field("sha256", pa.string(), "of the bytes that were fetched, in hexadecimal"),
        _field("sources", pa.list_(pa.string()), "where the digests came from that it equals"),
        _field("signed_by", pa.string(), "whose signature covers its digest"),
        _field("note", pa.string(), "what was not proven and why, or what is odd about the file"),
        _field("error", pa.string(), "why it failed"),
        _field("transient", pa.bool_(), "whether it may have failed in passing", nullable=False),
        _field("run_id", pa.string(), "the Dagster run that made this row", nullable=False),
        _field("reported_at", TIME, "when this table was written", nullable=False),
    ]
)


def report_file(run_id: str) -> str:
    """The name of a run's report, below the catalog's location."""
    return f"{FOLDER}/{run_id}.parquet"


def write_report(
    store: CatalogStore, run_id: str, rows: Sequence[Mapping[str, Any]], facts: Mapping[str, Any]
) -> int:
    """Write a run's report; returns its bytes. A report is a file of its own and needs no lock.

    Raises:
        CatalogError: it cannot be written.
    """
    name = report_file(run_id)
    try:
        return store.write(name, DOWNLOAD_REPORT, rows, facts)
    except CatalogError:
        # A refresh that starts sweeps temporary files away, ours among them; once only.
        return store.write(name, DOWNLOAD_REPORT, rows, facts)


def read_report(store: CatalogStore, run_id: str) -> list[dict[str, Any]]:
    """The rows of a run's report; none where it has none.

    Raises:
        CatalogUnreadableError: what lies there is none of ours.
    """
    return store.rows(report_file(run_id))
