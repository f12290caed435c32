"""The reports of downloads: one table a run, a row an artifact, under `downloads/`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final
from uuid import uuid4

from pyorg_pipeline.catalog.store import CATALOG_FILE, CatalogStore
from pyorg_pipeline.errors import CatalogError, DownloadsFailedError, VerificationError
from pyorg_pipeline.model.artifacts import PythonOrgArtifact
from pyorg_pipeline.model.catalog import is_same_file
from pyorg_pipeline.model.digests import DOWNLOAD_SOURCE, ITSELF
from pyorg_pipeline.model.downloads import Download, DownloadFailure

REPORTS_FOLDER: Final = "downloads"

FETCHED: Final = "fetched"
SKIPPED: Final = "skipped"
FAILED: Final = "failed"

#: Instead of a run's id in the names of reports from Python, which are about one digest.
FROM_PYTHON: Final = "python-"


def report_row(result: Download | DownloadFailure) -> dict[str, Any]:
    """The row of one artifact, without its run and time."""
    artifact = result.artifact
    row: dict[str, Any] = {"path": artifact.path, "sources": [], "transient": False}
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
        "last_modified": artifact.last_modified,
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


def write_report(
    store: CatalogStore, run_id: str, rows: Iterable[Mapping[str, Any]], *, site_url: str
) -> int:
    """Write the report of a run, a file of its own that needs no lock; returns its bytes."""
    stamp = {"run_id": run_id, "reported_at": datetime.now(UTC)}
    complete = [{**row, **stamp} for row in rows]
    metadata = {**stamp, "site_url": site_url, "digests": sum(map(_has_digest, complete))}
    name = report_file(run_id)
    try:
        return store.write(name, complete, metadata)
    except CatalogError:
        # A refresh that starts removes temporary files, ours among them; once only.
        return store.write(name, complete, metadata)


def report_digest(store: CatalogStore, download: Download, site_url: str) -> None:
    """Report a download from Python if it proved a digest that the catalog does not have.

    Without a catalog, or without access to write it, nothing is reported.
    """
    # `delivered_files` are those of the job.
    row = {**report_row(download), "destination": None}
    is_filled = store.location.stamp(CATALOG_FILE) is not None
    if _has_digest(row) and download.artifact.sha256 is None and is_filled:
        with suppress(CatalogError):
            write_report(store, f"{FROM_PYTHON}{uuid4().hex}", [row], site_url=site_url)


def _has_digest(row: Mapping[str, Any]) -> bool:
    """Whether the download was verified by a published digest; archives prove nothing."""
    return row.get("verification") in {"digest", "signature"}


def reports_with_digests(store: CatalogStore, site_url: str) -> dict[str, datetime]:
    """The runs whose downloads from a site were verified by digests, and when they reported."""
    return {
        run_id: metadata["reported_at"]
        for run_id, metadata in store.directory_metadata(REPORTS_FOLDER).items()
        # Reports of earlier versions have neither.
        if metadata.get("digests") and metadata.get("site_url") == site_url
    }


def downloaded_digests(store: CatalogStore, site_url: str) -> dict[str, list[dict[str, Any]]]:
    """Rows like those of artifact_digests, by path and the oldest first: what downloads proved."""
    found: dict[str, list[dict[str, Any]]] = {}
    reports = reports_with_digests(store, site_url)
    for run_id in sorted(reports, key=reports.__getitem__):
        stored = store.read_or_none(report_file(run_id))
        for row in filter(_has_digest, stored.table.to_pylist() if stored else ()):
            digest = {name: row[name] for name in ("path", "sha256", "signed_by", "last_modified")}
            digest |= {"companion": ITSELF, "digest_source": DOWNLOAD_SOURCE, "size": row["bytes"]}
            found.setdefault(row["path"], []).append(digest)
    return found


def with_downloaded_digests(
    store: CatalogStore, site_url: str, artifacts: Iterable[PythonOrgArtifact]
) -> list[PythonOrgArtifact]:
    """The artifacts, those without a digest with the one that downloads proved.

    Raises:
        VerificationError: downloads of the same file proved different digests.
    """
    artifacts = list(artifacts)
    lacking = {one.path for one in artifacts if one.sha256 is None and one.sha256_before is None}
    # Every report is read.
    recorded = downloaded_digests(store, site_url) if lacking else {}
    return [
        _with_digest(one, recorded.get(one.path, ())) if one.path in lacking else one
        for one in artifacts
    ]


def _with_digest(
    artifact: PythonOrgArtifact, recorded: Iterable[Mapping[str, Any]]
) -> PythonOrgArtifact:
    listed = {"size": artifact.size, "last_modified": artifact.last_modified}
    found = [row for row in recorded if is_same_file(row, listed)]
    for row in found[1:]:
        if row["sha256"] != found[0]["sha256"]:
            digests = (found[0]["sha256"], row["sha256"])
            sources = ("the report of an earlier download", "that of a later one")
            raise VerificationError(artifact.path, "SHA-256", *digests, *sources)
    if not found:
        return artifact
    names = ("sha256", "digest_source", "signed_by")
    return replace(artifact, **{name: found[0][name] for name in names})


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
