"""The digests of artifacts, read out of their companions and recorded.

A bundle is read where there is one; a bill of materials, about a hundred times as large, only where
there is none or it is missing. The digest that was recorded first for a path stays in force: one
that differs later is recorded beside it, reported and read again each time, until it is accepted or
the site takes it back.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Generator, Iterable, Mapping, Sequence
from concurrent.futures import Future, as_completed
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from pyorg_pipeline.catalog import schemas
from pyorg_pipeline.catalog.store import (
    DIRECTORIES_FILE,
    CatalogStore,
    digests_file,
    directory_file,
)
from pyorg_pipeline.downloads.sigstore import can_verify, require_extra, verify_bundle
from pyorg_pipeline.errors import (
    CatalogMissingError,
    CatalogSiteError,
    PyorgError,
    SiteStatusError,
    VerificationError,
)
from pyorg_pipeline.model.digests import (
    BUNDLE_SUFFIX,
    CHANGED,
    DIGEST_SOURCES,
    MISSING,
    OK,
    REJECTED,
    SIGNERS,
    UNREADABLE,
    ArtifactDigests,
    CompanionError,
    DigestCompanion,
    DigestConflict,
    Row,
    companion_digest,
    digests_in_force,
)
from pyorg_pipeline.refresh.artifacts import data_version
from pyorg_pipeline.refresh.changes import companions
from pyorg_pipeline.refresh.directories import current_crawls
from pyorg_pipeline.site.client import SiteClient

_logger = logging.getLogger(__name__)

_LISTED: Final = (
    *("path", "major", "minor", "companions", "companion_sizes", "companion_dates", "removed_at"),
)


@dataclass(frozen=True, slots=True)
class DirectoryDigests:
    """The result of reading the companions of one directory's artifacts."""

    directory: str
    #: Recorded rows: one a companion that was ever read.
    rows: int = 0
    #: Artifacts with companions that were due.
    due: int = 0
    #: Read now: digests, those with a verified signature, missing companions.
    recorded: int = 0
    verified: int = 0
    missing: int = 0
    conflicts: tuple[DigestConflict, ...] = ()
    #: Artifacts with companions that are no bundle or bill of materials, and why, by path.
    unreadable: dict[str, str] = field(default_factory=dict)
    #: Artifacts whose signatures did not verify, and why, by path; they are due again.
    rejected: dict[str, str] = field(default_factory=dict)
    #: Artifacts whose companions could not be fetched, by path; they are due again.
    failures: dict[str, str] = field(default_factory=dict)
    #: Why nothing could be recorded.
    error: Exception | None = None
    #: Of the table; 0 if it was not written.
    bytes: int = 0
    #: Changes when a row does, whenever it was checked.
    data_version: str = ""
    #: The first rows, for a preview.
    head: list[Row] = field(default_factory=list)


class _Outcome(NamedTuple):
    """The new rows of one artifact, or the error that prevented them."""

    rows: list[Row]
    error: PyorgError | OSError | None


def digests_due(store: CatalogStore, *, verify_signatures: bool | None = None) -> dict[str, int]:
    """How many artifacts of each directory have companions to be read; no request is made.

    Args:
        store: the catalog's.
        verify_signatures: whether bundles would be verified; None: if the extra is installed.
    """
    verify = _verify(verify_signatures)
    site_url = store.metadata(DIRECTORIES_FILE)["site_url"]
    counts = {
        directory: len(_due(_artifacts(store, site_url, directory, verify=verify)))
        for directory in current_crawls(store)
    }
    return {directory: count for directory, count in counts.items() if count}


def record_digests(
    store: CatalogStore,
    client: SiteClient,
    directories: Sequence[str] | None = None,
    *,
    verify_signatures: bool | None = None,
    accept: Collection[str] = (),
) -> Generator[DirectoryDigests, None, None]:
    """Read the companions that are due; record and yield the result of each directory.

    One request a companion. An artifact whose companion cannot be fetched keeps its digest and is
    due again. Closing the iterator cancels the requests in flight; what was not yielded is not
    recorded.

    Args:
        store: the catalog's.
        client: the site's.
        directories: their names, also if nothing is due there; None for all with something due.
        verify_signatures: None: if the extra `sigstore` is installed.
        accept: paths of artifacts whose digest may change: their recorded rows are replaced.

    Raises:
        ExtraMissingError: verify_signatures without the extra.
        CatalogSiteError: the catalog was filled from another site.
    """
    verify = _verify(verify_signatures)
    site_url = store.metadata(DIRECTORIES_FILE)["site_url"]
    if site_url != client.base_url:
        raise CatalogSiteError(store.location.text, site_url, client.base_url)
    return _record(
        store,
        client,
        list(current_crawls(store) if directories is None else dict.fromkeys(directories)),
        only_due=directories is None,
        verify=verify,
        accept=frozenset(accept),
    )


def _record(
    store: CatalogStore,
    client: SiteClient,
    directories: list[str],
    *,
    only_due: bool,
    verify: bool,
    accept: frozenset[str],
) -> Generator[DirectoryDigests, None, None]:
    futures: dict[Future[_Outcome], tuple[str, str]] = {}
    outcomes: dict[str, dict[str, _Outcome]] = {}
    remaining: dict[str, int] = {}
    with client.thread_pool() as executor:
        for directory in directories:
            try:
                artifacts = _artifacts(store, client.base_url, directory, accept, verify=verify)
            except PyorgError as error:
                yield DirectoryDigests(directory, error=error)
                continue
            due = _due(artifacts)
            outcomes[directory], remaining[directory] = {}, len(due)
            if not due and not only_due:
                yield _write(store, client.base_url, directory, {}, accept)
            for artifact in due:
                future = executor.submit(_read, client, artifact)
                futures[future] = (directory, artifact.path)
        for future in as_completed(futures):
            directory, path = futures[future]
            outcomes[directory][path] = future.result()
            remaining[directory] -= 1
            if not remaining[directory]:
                yield _write(store, client.base_url, directory, outcomes.pop(directory), accept)


def _verify(wanted: bool | None) -> bool:
    if wanted:
        require_extra("verifying signatures")
    return can_verify() if wanted is None else wanted


def _artifacts(
    store: CatalogStore,
    site_url: str,
    directory: str,
    accept: Collection[str] = (),
    *,
    verify: bool,
) -> list[ArtifactDigests]:
    """A directory's artifacts that have companions with a digest, and what is recorded of them."""
    try:
        table = store.read(directory_file(directory), _LISTED).table
    except CatalogMissingError:
        return []
    rows: dict[str, dict[str, Row]] = {}
    for row in _read_rows(store, site_url, directory):
        if row["path"] not in accept:
            rows.setdefault(row["path"], {})[row["companion"]] = row
    found = []
    for listed in table.to_pylist():
        with_digest = _companions(listed)
        if with_digest and listed["removed_at"] is None:
            signer = SIGNERS.get((listed["major"], listed["minor"])) if verify else None
            path = listed["path"]
            found.append(ArtifactDigests(path, signer, with_digest, rows.get(path, {})))
    return found


def _companions(listed: Mapping[str, Any]) -> tuple[DigestCompanion, ...]:
    shown = {each[0]: DigestCompanion(*each) for each in companions(listed)}
    return tuple(shown[suffix] for suffix in DIGEST_SOURCES if suffix in shown)


def _due(artifacts: Iterable[ArtifactDigests]) -> list[ArtifactDigests]:
    return [artifact for artifact in artifacts if artifact.next_due(artifact.rows) is not None]


def _read(client: SiteClient, artifact: ArtifactDigests) -> _Outcome:
    rows, new = dict(artifact.rows), {}
    try:
        # A companion that is still not final once it was read is left to the next refresh.
        while (due := artifact.next_due(rows)) and due.suffix not in new:
            rows[due.suffix] = new[due.suffix] = _read_companion(client, artifact, due)
    except (PyorgError, OSError) as error:
        _logger.debug("%s: %s", artifact.path, error)
        return _Outcome([], error)
    return _Outcome(list(new.values()), None)


def _read_companion(
    client: SiteClient, artifact: ArtifactDigests, companion: DigestCompanion
) -> Row:
    suffix, size, last_modified = companion
    before = artifact.rows.get(suffix, {})
    row: Row = {
        "path": artifact.path,
        "companion": suffix,
        "sha256": before.get("sha256"),
        "digest_source": DIGEST_SOURCES[suffix],
        "signed_by": before.get("signed_by"),
        "conflicting_sha256": None,
        "error": None,
        "companion_size": size,
        "companion_last_modified": last_modified,
        "checked_at": datetime.now(UTC),
    }
    source = artifact.path + suffix
    content = b""
    try:
        content = client.read_file(source)
        sha256 = companion_digest(suffix, content, source, artifact.path.rpartition("/")[2])
        signed_by = None
        if suffix == BUNDLE_SUFFIX and artifact.signer is not None:
            signed_by, issuer = artifact.signer
            verify_bundle(content, sha256, identity=signed_by, issuer=issuer, name=source)
    except SiteStatusError as error:
        if not error.is_absent:
            raise
        return {**row, "state": MISSING}
    except CompanionError as error:
        # The size of what was received: an error page of a proxy has another one than the listed
        # companion, which is then due again.
        return {
            **row,
            "state": UNREADABLE,
            "error": error.reason,
            "companion_size": len(content),
        }
    except VerificationError as error:
        return {**row, "state": REJECTED, "error": f"{error.what} {error.actual}"}
    if artifact.sha256 not in (None, sha256):
        how = f"signed by {signed_by}" if signed_by else "unsigned"
        error_text = f"it has another SHA-256, {how}"
        return {**row, "state": CHANGED, "conflicting_sha256": sha256, "error": error_text}
    if row["sha256"] == sha256:
        # It was verified before, even if it was not now.
        signed_by = signed_by or row["signed_by"]
    return {**row, "sha256": sha256, "signed_by": signed_by, "state": OK}


def _read_rows(store: CatalogStore, site_url: str, directory: str) -> list[Row]:
    """A directory's recorded rows.

    An unreadable table is an error, never an empty one: later digests are compared with it.
    """
    try:
        table, metadata = store.read(digests_file(directory))
    except CatalogMissingError:
        return []
    return list(table.to_pylist()) if metadata["site_url"] == site_url else []


def _write(
    store: CatalogStore,
    site_url: str,
    directory: str,
    outcomes: Mapping[str, _Outcome],
    accept: Collection[str],
) -> DirectoryDigests:
    """Add a directory's new rows to its table, and report what it has."""
    new = [row for outcome in outcomes.values() for row in outcome.rows]
    size = 0
    try:
        before = _read_rows(store, site_url, directory)
        replaced = {row["path"] for row in new} & set(accept)
        kept = [row for row in before if row["path"] not in replaced]
        by_key = {(row["path"], row["companion"]): row for row in (*kept, *new)}
        rows = [by_key[key] for key in sorted(by_key)]
        if new:
            metadata = {"site_url": site_url, "recorded_at": datetime.now(UTC)}
            size = store.write(digests_file(directory), schemas.ARTIFACT_DIGESTS, rows, metadata)
    except PyorgError as error:
        return DirectoryDigests(directory, due=len(outcomes), error=error)
    read = [row for row in new if row["state"] == OK]
    in_force = digests_in_force(rows)
    conflicts = tuple(
        DigestConflict(
            row["path"],
            row["companion"],
            in_force[row["path"]]["sha256"],
            row["conflicting_sha256"],
        )
        for row in rows
        if row["state"] == CHANGED
    )
    for conflict in conflicts:
        _logger.error("%s", conflict)
    return DirectoryDigests(
        directory=directory,
        rows=len(rows),
        due=len(outcomes),
        recorded=len(read),
        verified=sum(row["signed_by"] is not None for row in read),
        missing=sum(row["state"] == MISSING for row in new),
        conflicts=conflicts,
        unreadable=_errors(rows, UNREADABLE),
        rejected=_errors(rows, REJECTED),
        failures={path: str(outcome.error) for path, outcome in outcomes.items() if outcome.error},
        bytes=size,
        data_version=data_version(rows, {"checked_at"}),
        head=rows[:5],
    )


def _errors(rows: Iterable[Row], state: str) -> dict[str, str]:
    found = {}
    for row in rows:
        if row["state"] == state:
            found[row["path"]] = f"{row['companion']}: {row['error']}"
            _logger.debug("%s%s", row["path"], found[row["path"]])
    return found
