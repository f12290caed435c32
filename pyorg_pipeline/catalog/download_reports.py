"""The reports of downloads: one table a run, a row an artifact, under `downloads/`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

import pyarrow as pa

from pyorg_pipeline.catalog.schemas import TIME
from pyorg_pipeline.catalog.store import CatalogStore
from pyorg_pipeline.errors import CatalogError
from pyorg_pipeline.model.downloads import Download, DownloadFailure

FOLDER: Final = "downloads"

FETCHED: Final = "fetched"
SKIPPED: Final = "skipped"
FAILED: Final = "failed"


def _field(name: str, kind: Any, description: str, *, nullable: bool = True) -> Any:
    return pa.field(name, kind, nullable=nullable, metadata={"description": description})


DOWNLOAD_REPORT: Final = pa.schema(
    [
        _field("path", pa.string(), "the artifact's, below the site's root", nullable=False),
        _field("outcome", pa.string(), "fetched, skipped (it existed) or failed", nullable=False),
        _field("destination", pa.string(), "the file's path or URL; null where it failed"),
        _field("bytes", pa.int64(), "size of the file; null where it failed"),
        _field("seconds", pa.float64(), "duration, with pauses and verification"),
        _field(
            "verification",
            pa.string(),
            "signature, digest, archive, size or none; null if skipped",
        ),
        _field("sha256", pa.string(), "of the bytes that were fetched, in hexadecimal"),
        _field("sources", pa.list_(pa.string()), "where the expected digest was found"),
        _field("signed_by", pa.string(), "whose signature covers its digest"),
        _field("note", pa.string(), "what was not verified and why, or an unexpected size"),
        _field("error", pa.string(), "why it failed"),
        _field("transient", pa.bool_(), "whether a later attempt may succeed", nullable=False),
        _field("run_id", pa.string(), "the Dagster run that made this row", nullable=False),
        _field("reported_at", TIME, "when this table was written", nullable=False),
    ]
)


def report_row(result: Download | DownloadFailure) -> dict[str, Any]:
    """The row of one artifact, without its run and time."""
    row: dict[str, Any] = {"path": result.artifact.path, "sources": [], "transient": False}
    if isinstance(result, DownloadFailure):
        return row | {
            "outcome": FAILED,
            "error": str(result.error),
            "transient": result.transient,
        }
    row |= {
        "outcome": FETCHED if result.fetched else SKIPPED,
        "destination": result.destination,
        "bytes": result.size,
        "seconds": round(result.seconds, 3),
        "sha256": result.sha256,
        "note": result.note or None,
    }
    if result.verification is not None:
        row |= {
            "verification": result.verification.method,
            "sources": list(result.verification.sources),
            "signed_by": result.verification.signed_by,
        }
    return row


def report_file(run_id: str) -> str:
    """The name of a run's report, below the catalog's location."""
    return f"{FOLDER}/{run_id}.parquet"


def write_report(store: CatalogStore, run_id: str, rows: Iterable[Mapping[str, Any]]) -> int:
    """Write the report of a run; returns its bytes. It is a file of its own and needs no lock.

    Raises:
        CatalogError: It cannot be written.
    """
    metadata = {"run_id": run_id, "reported_at": datetime.now(UTC)}
    complete = [{**row, **metadata} for row in rows]
    name = report_file(run_id)
    try:
        return store.write(name, DOWNLOAD_REPORT, complete, metadata)
    except CatalogError:
        # A refresh that starts removes temporary files, ours among them; once only.
        return store.write(name, DOWNLOAD_REPORT, complete, metadata)


def read_report(store: CatalogStore, run_id: str) -> list[dict[str, Any]]:
    """The rows of the report of a run; none where it has none.

    Raises:
        CatalogUnreadableError: The table is not one of ours.
    """
    return store.rows(report_file(run_id))
