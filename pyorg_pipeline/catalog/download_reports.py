"""The reports of downloads: one table a run, a row an artifact, under `downloads/`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from pyorg_pipeline.catalog.store import CatalogStore
from pyorg_pipeline.errors import CatalogError, DownloadsFailedError
from pyorg_pipeline.model.downloads import Download, DownloadFailure

REPORTS_FOLDER: Final = "downloads"

FETCHED: Final = "fetched"
SKIPPED: Final = "skipped"
FAILED: Final = "failed"


def report_row(result: Download | DownloadFailure) -> dict[str, Any]:
    """The row of one artifact, without its run and time."""
    row: dict[str, Any] = {"path": result.artifact.path, "sources": [], "transient": False}
    if isinstance(result, DownloadFailure):
        return row | {
            "outcome": FAILED,
            "error": result.problem,
            "advice": result.advice,
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


def failures_error(rows: Sequence[Mapping[str, Any]]) -> DownloadsFailedError | None:
    """The error to raise after a report with these rows, with the next steps; None without one."""
    failed = [row for row in rows if row["outcome"] == FAILED]
    if not failed:
        return None
    advice = ""
    for step, count in Counter(row["advice"] for row in failed if row["advice"]).items():
        part = f" ({count:,} of them)" if count < len(failed) else ""
        advice += f". {step[0].upper()}{step[1:]}{part}"
    return DownloadsFailedError({row["path"]: row["error"] for row in failed}, len(rows), advice)


def report_file(run_id: str) -> str:
    """The name of a run's report, below the catalog's location."""
    return f"{REPORTS_FOLDER}/{run_id}.parquet"


def write_report(store: CatalogStore, run_id: str, rows: Iterable[Mapping[str, Any]]) -> int:
    """Write the report of a run, a file of its own that needs no lock; returns its bytes."""
    metadata = {"run_id": run_id, "reported_at": datetime.now(UTC)}
    complete = [{**row, **metadata} for row in rows]
    name = report_file(run_id)
    try:
        return store.write(name, complete, metadata)
    except CatalogError:
        # A refresh that starts removes temporary files, ours among them; once only.
        return store.write(name, complete, metadata)


def delivered_files(store: CatalogStore) -> dict[str, str]:
    """The paths of artifacts by the files or URLs that the reports of all runs list."""
    found: dict[str, str] = {}
    for name in store.location.stamps(REPORTS_FOLDER):
        columns = ("path", "destination")
        if (stored := store.read_or_none(f"{REPORTS_FOLDER}/{name}", columns)) is not None:
            rows = zip(*(stored.table[column].to_pylist() for column in columns), strict=True)
            found |= {destination: path for path, destination in rows if destination is not None}
    return found


def read_report(store: CatalogStore, run_id: str) -> list[dict[str, Any]]:
    """The rows of a run's report; empty if the run wrote no report."""
    return store.rows(report_file(run_id))
